"""The HTML of the report's page: its style, sections, images and tables. Every text is escaped here."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable

from paddle_tsm.terminal.literal_text import literal

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --paper: #ffffff; --line: #d8dee4; --good: #1a7f37;
  --bad: #cf222e; --tint: #f6f8fa }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9aa4ae; --paper: #0d1117; --line: #30363d;
  --good: #3fb950; --bad: #ff7b72; --tint: #161b22 } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1rem; max-width: 60rem; color: var(--ink); background: var(--paper);
  font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
h1 { font-size: 1.4rem; margin: .2rem 0 } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem }
.verdict { border-left: .4rem solid var(--good); background: var(--tint); padding: .7rem 1rem; font-size: 1.05rem }
.verdict.bad { border-color: var(--bad) } .verdict b { color: var(--good) } .verdict.bad b { color: var(--bad) }
p, li { margin: .4rem 0 } .soft { color: var(--soft); font-size: .9rem }
img { display: block; width: 100%; max-width: 38rem; height: auto; margin: .5rem 0; border-radius: 4px }
.wide { overflow-x: auto; max-width: 100% }
table { border-collapse: collapse; font-size: .85rem; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .25rem .5rem .25rem 0; border-bottom: 1px solid var(--line) }
th { color: var(--soft); font-weight: 600 } td.number { white-space: nowrap; font-variant-numeric: tabular-nums }
.good { color: var(--good) } .bad { color: var(--bad); font-weight: 600 }
details > summary { cursor: pointer; padding: .3rem 0 }
@media (max-width: 34rem) { body { padding: .7rem } table { font-size: .78rem } .less { display: none } }
"""

Cell = str | tuple[str, str]  # a text, or (CSS classes, text)


def escape(text: object) -> str:
    """Text for HTML. Control characters, which HTML does not allow, are written as in the terminal."""
    return html.escape(literal(text))


def document(title: str, body: str) -> str:
    """A whole page that loads nothing from elsewhere. title: plain text. body: HTML."""
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport content='width=device-width, "
        "initial-scale=1'><link rel=icon href='data:,'>"
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>{body}</body></html>\n"
    )


def section(title: str, content: str) -> str:
    """A section with a heading; "" where there is no content."""
    return f"<section><h2>{escape(title)}</h2>{content}</section>" if content else ""


def paragraph(text: str) -> str:
    """A remark in small type."""
    return f"<p class=soft>{escape(text)}</p>"


def image(images: dict[str, bytes], name: str) -> str:
    """The PNG of this name as a part of the page; "" where there is none."""
    if name not in images:
        return ""
    data = base64.b64encode(images[name]).decode()
    return f"<img alt='{escape(name.replace('_', ' '))}, plotted' src='data:image/png;base64,{data}'>"


def table(head: tuple[str, ...], rows: Iterable[Iterable[Cell]]) -> str:
    """A table that scrolls by itself where it is too wide. It has no heading where every cell of `head` is empty."""
    heading = f"<tr>{''.join(f'<th>{escape(name)}</th>' for name in head)}</tr>" if any(head) else ""
    lines = [f"<tr>{''.join(map(table_cell, row))}</tr>" for row in rows]
    return f"<div class=wide><table>{heading}{''.join(lines)}</table></div>"


def table_cell(cell: Cell) -> str:
    """One cell of a table."""
    classes, text = cell if isinstance(cell, tuple) else ("", cell)
    return f"<td class='{classes}'>{escape(text)}</td>"
