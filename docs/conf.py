"""Sphinx's settings. `make docs` builds the pages and fails on any warning."""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

project = "paddle-tsm"
author = "the paddle-tsm authors"
copyright = "the paddle-tsm authors, Apache-2.0"
extensions = ["sphinx.ext.autodoc", "sphinx.ext.viewcode", "myst_parser"]
exclude_patterns = ["_build"]
default_role = "code"
html_theme = "furo"
html_title = "paddle-tsm"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 3

# `code` is left as it is; elsewhere `*`, `|` and a name's last `_` would be markup
MARKUP = re.compile(r"(`[^`]*`)|([*|]|(?<=\w)_(?!\w))")


def as_plain_text(app, what, name, obj, options, lines: list[str]) -> None:
    """Escape, in place, what reStructuredText would take for markup: docstrings are plain paragraphs with `code`.

    Examples are left alone: from a line that begins with >>> to the next empty line.
    """
    paragraphs = re.split(r"(\n\s*\n)", "\n".join(lines))
    escaped = [
        text if text.lstrip().startswith(">>>") else MARKUP.sub(lambda found: found[1] or "\\" + found[2], text)
        for text in paragraphs
    ]
    lines[:] = "".join(escaped).split("\n")


def setup(app) -> None:
    app.connect("autodoc-process-docstring", as_plain_text)
