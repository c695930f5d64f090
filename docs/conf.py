"""Sphinx's settings. `make docs` builds the pages and fails on any warning."""

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
