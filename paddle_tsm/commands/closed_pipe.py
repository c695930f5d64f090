"""Printing a result whose exit code stands even where nobody reads it to its end, as in `| head`."""

from __future__ import annotations

import sys


def print_until_closed(show, page) -> None:
    """Call show(console), and print where the page is. A reader that closed the pipe does not change the exit code."""
    from paddle_tsm.terminal.literal_text import literal, plain_console

    console = plain_console()
    try:
        show(console)
        if page:
            console.print(f"report: {literal(page)}", soft_wrap=True)
        sys.stdout.flush()
    except SystemExit as end:
        if end.code != 1:  # with 1 rich ends the process when the pipe is closed
            raise
