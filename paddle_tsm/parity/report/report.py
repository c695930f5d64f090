"""The report of a comparison: what it found, and every form in which that is told."""

from __future__ import annotations

import os

from paddle_tsm.parity.report.findings import Findings
from paddle_tsm.parity.report.report_files import write_json, write_junit
from paddle_tsm.parity.report.report_page import write_page
from paddle_tsm.parity.report.report_text import summary, verdict

AnyPath = str | os.PathLike[str]


class Report(Findings):
    """What a comparison found. `equal`, `first_layer`, `rows`, `known` and `causes` say it in Python; `print` shows the
    verdict, the rows that do not pass, and what would explain them.
    """

    def __str__(self) -> str:
        return summary(self)

    def __repr__(self) -> str:
        return f"<Report: {verdict(self)}>"

    def write(self, folder: AnyPath | None = None, junit: AnyPath | None = None, json: AnyPath | None = None) -> None:
        """Write what is asked for: a page with its plots into `folder`, which is made; JUnit XML; JSON.

        Nothing is computed again: the plots show what the comparison measured. The page needs matplotlib, which the
        extra `report` has. Raises ValueError where it is missing, and for a folder whose index.html is another page.
        """
        if folder is not None:
            write_page(self, folder)
        if junit is not None:
            write_junit(self, junit)
        if json is not None:
            write_json(self, json)
