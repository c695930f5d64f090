"""`--report DIR`: the comparison as one self-contained page, with its plots beside it as PNG."""

from __future__ import annotations

import base64
import html
import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from paddle_tsm.files.atomic import atomic_file
from paddle_tsm.parity import plots
from paddle_tsm.parity.comparison import Report
from paddle_tsm.parity.console_report import about_networks, notes, verdict
from paddle_tsm.parity.differences import DIFFERENCES
from paddle_tsm.parity.layer_groups import SummaryRow, stages_of
from paddle_tsm.parity.tolerance import TOLERANCES, step_limit
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


PLOTS = ("forward_error", "gradient_error", "losses", "loss_difference", "float32_gap")


def escape(text) -> str:
    """Text for HTML. Control characters, which HTML does not allow, are shown as in the terminal."""
    return html.escape(literal(text))


def write_page(report: Report, a, b, folder) -> Path:
    """Write the page and its plots into `folder`, which is made; returns the page's path. a, b: the two NetworkFiles."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    images = draw(report, a.asked_network())
    for name, content in images.items():
        write(folder / f"{name}.png", content)
    write(folder / "index.html", page(report, a, b, images).encode())
    return folder / "index.html"


def write(path: Path, content: bytes) -> None:
    with atomic_file(path) as file:
        file.write(content)


def draw(report: Report, network) -> dict[str, bytes]:
    """Name -> PNG, of whatever the report holds."""
    images = {}
    if report.layers:
        names = list(report.layers["float64"])
        images["forward_error"] = plots.errors_plot(
            "Error of each layer, in forward order", report.layers, TOLERANCES["float64"].limit, marks(network, names)
        )
    if report.gradients:
        series = {"float64": report.gradients.errors}
        series |= {"float32": report.gradients.errors32} if report.gradients.errors32 else {}
        images["gradient_error"] = plots.errors_plot(
            "Error of each parameter's gradient, in forward order",
            series,
            TOLERANCES["gradients"].limit,
            marks(network, list(report.gradients.errors)),
        )
    if report.steps:
        images["losses"] = plots.losses_plot(report.steps.losses)
        count = len(report.steps.differences["loss"])
        images["loss_difference"] = plots.differences_plot(report.steps.differences, step_limit(count))
    if report.gaps:
        images["float32_gap"] = plots.gaps_plot(report.gaps)
    return images


def marks(network, names: list[str]) -> dict[str, int]:
    """Stage -> the index of its first member among the names of layers or tensors."""
    found = {}
    for stage, tensors in stages_of(network).items():
        layers = {tensor.rpartition(".")[0] for tensor in tensors}
        indices = [i for i, name in enumerate(names) if name in layers or name.rpartition(".")[0] in layers]
        if indices:
            found[stage] = min(indices)
    return found


def page(report: Report, a, b, images: dict[str, bytes]) -> str:
    """The HTML."""
    network = a.asked_network()
    names = [os.path.basename(str(found.checkpoint.path)) for found in (a, b)]
    title = f"{names[0]} in PyTorch, {names[1]} in Paddle"
    word, detail = "Equal" if report.equal else "They differ", verdict(report).partition(" ")[2]
    parts = [
        f"<h1>paddle-tsm parity</h1><p class=soft>{escape(title)}: {escape(network.arch)}, {network.num_segments} frames</p>",
        f"<p class='verdict{'' if report.equal else ' bad'}'><b>{word}.</b> {escape(detail[0].upper() + detail[1:])}</p>",
        "".join(f"<p class=soft>{escape(line)}</p>" for line in [*about_networks(report), *notes(report)]),
        section("Forward", image(images, "forward_error") + rows_table(report, summary=False)),
        section(
            "Gradients",
            image(images, "gradient_error")
            + without_verdict(report)
            + rows_table(report, True, lambda row: not is_step(row)),
        ),
        section(
            "Training",
            image(images, "losses")
            + image(images, "loss_difference")
            + rows_table(report, True, lambda row: is_step(row) and row.precision == "float64"),
        ),
        section(
            "float32 against its own noise",
            image(images, "float32_gap") + rows_table(report, True, lambda row: row.precision == "float32"),
        ),
        section(
            "Weights", "".join(weights_table(found, name) for found, name in zip((a, b) if a is not b else (a,), names))
        ),
        section("Known differences of the frameworks", differences_table()),
        section("Environment", table(("", ""), environment(report).items())),
    ]
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8><meta name=viewport content='width=device-width, "
        "initial-scale=1'><link rel=icon href='data:,'>"
        f"<title>{word}: {escape(title)}</title><style>{STYLE}</style></head><body>{''.join(parts)}</body></html>\n"
    )


def without_verdict(report: Report) -> str:
    """What must be said of the float32 gradients, where they are shown."""
    if not (report.gradients and report.gradients.errors32):
        return ""
    return (
        "<p class=soft>float32 is shown without a verdict: a value within rounding of 0 at a ReLU, or of another at a pool, "
        "may take the other branch, and the gradient jumps.</p>"
    )


def section(title: str, content: str) -> str:
    """A section with a heading; nothing where there is no content."""
    return f"<section><h2>{escape(title)}</h2>{content}</section>" if content else ""


def image(images: dict[str, bytes], name: str) -> str:
    """The plot inside the page; nothing where there is none."""
    if name not in images:
        return ""
    data = base64.b64encode(images[name]).decode()
    return f"<img alt='{escape(name.replace('_', ' '))}, plotted' src='data:image/png;base64,{data}'>"


def table(head: tuple, rows) -> str:
    """A table of cells that are text, or (class, text)."""

    def cell(value):
        kind, text = value if isinstance(value, tuple) else ("", value)
        return f"<td class='{kind}'>{escape(text)}</td>"

    top = f"<tr>{''.join(f'<th>{escape(name)}</th>' for name in head)}</tr>" if any(head) else ""
    lines = ["".join(map(cell, row)) for row in rows]
    return f"<div class=wide><table>{top}{''.join(f'<tr>{line}</tr>' for line in lines)}</table></div>"


def rows_table(report: Report, summary: bool, chosen=lambda row: True) -> str:
    """The report's rows of one kind; nothing where there are none."""
    rows = [
        (
            ("number", row.precision),
            f"{row.name} ({row.worst})" if summary and row.worst else row.name,
            ("number", f"{row.max_rel:.1e}"),
            ("number", f"{row.limit:.1e}"),
            ("number good", "equal") if row.passed else ("number bad", "differs"),
        )
        for row in report.rows
        if isinstance(row, SummaryRow) == summary and chosen(row)
    ]
    return table(("", "worst" if summary else "output", "relative", "limit", ""), rows) if rows else ""


def is_step(row) -> bool:
    """Whether the row is of the training steps ("5 steps: loss")."""
    return bool(re.match(r"\d+ steps?: ", row.name))


def weights_table(found, name: str) -> str:
    """The file's keys, where each goes, its shape there, and whether it is transposed; folded away."""
    rows = [
        (
            found.named.keys[entry.key],
            entry.canonical,
            ("number", "x".join(map(str, entry.shape)) or "scalar"),
            "transposed" if entry.transposed else "",
        )
        for entry in found.entries
    ]
    head = (f"key in the file ({found.layout.name})", "here", "shape", "")
    return f"<details><summary>{escape(name)}: {len(rows)} tensors</summary>{table(head, rows)}</details>"


def differences_table() -> str:
    """Every declared difference, a paragraph each, so that it reads on a phone."""
    return "".join(
        f"<details><summary>{escape(row.name)}: {escape(row.what)}</summary><p>Why: {escape(row.why)}. Measured: "
        f"{escape(row.measured)}. Here: {escape(row.here)}.</p></details>"
        for row in DIFFERENCES
    )


def environment(report: Report) -> dict[str, str]:
    """Versions, processor and threads; no host names, no paths."""
    from paddle_tsm import runtime

    found = {}
    for package in ("paddle-tsm", "paddlepaddle", "torch", "numpy"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    import torch

    found["Python"] = platform.python_version()
    found["processor"] = next(
        (
            line.partition(":")[2].strip()
            for line in runtime.read_proc("/proc/cpuinfo").splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    found["threads"] = f"Paddle {os.environ.get('OMP_NUM_THREADS', '?')}, PyTorch {torch.get_num_threads()}"
    found["settings"] = ", ".join(f"{state.name} {state.state}" for state in runtime.states())
    found["seconds"] = ", ".join(f"{part} {seconds:.1f}" for part, seconds in report.seconds.items())
    return found
