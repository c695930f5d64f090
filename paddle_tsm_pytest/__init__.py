"""The fixture `parity` for pytest: two models compared in a test, which fails with what differs.

This package lies beside `paddle_tsm` and imports nothing of it before the fixture is used: pytest loads every plugin
that is installed, and `paddle_tsm` makes settings for Paddle that other people's tests have not asked for.
"""

from __future__ import annotations

import importlib.util
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from paddle_tsm.parity.report.report import Report

OPTION = "--parity-report"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --parity-report."""
    parser.getgroup("paddle-tsm").addoption(
        OPTION,
        metavar="DIR",
        help="Write a page and JSON of each comparison of the fixture `parity` into a folder of its test in DIR.",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Refuse --parity-report where the page's plots cannot be drawn."""
    if config.getoption(OPTION) and importlib.util.find_spec("matplotlib") is None:
        raise pytest.UsageError(f"{OPTION}: its page has plots, which need matplotlib; install it")


@pytest.fixture
def parity(request: pytest.FixtureRequest) -> Parity:
    """Compare a PyTorch module with a Paddle layer: parity(torch_model, paddle_layer, inputs, ...).

    It takes the arguments of `paddle_tsm.parity.compare_models`, fails the test where the two differ or cannot be
    compared, and returns the report.
    """
    folder = request.config.getoption(OPTION)
    where = Path(request.config.invocation_params.dir, folder) if folder else None
    return Parity(re.sub(r"[^\w.-]+", "_", request.node.nodeid), where)


class Parity:
    """Compares models for one test. name: the test's, as that of a folder. folder: of the reports, or None."""

    def __init__(self, name: str, folder: Path | None):
        self.name, self.folder, self.calls = name, folder, 0

    def __call__(self, torch_model: Any, paddle_layer: Any, inputs: Any, **options: Any) -> Report:
        __tracebackhide__ = True  # the failing line is the test's
        self.calls += 1
        with warnings.catch_warnings():
            warnings.simplefilter("default")  # what a framework warns of is no difference, also under -W error
            outcome = self.compare(torch_model, paddle_layer, inputs, options)
            page = self.write(outcome)
        failed = isinstance(outcome, ValueError) or not outcome.equal
        if failed:
            pytest.fail("\n".join([f"parity: {outcome}", *([f"report: {page}"] if page else [])]))
        return outcome

    def compare(self, torch_model: Any, paddle_layer: Any, inputs: Any, options: dict[str, Any]) -> Any:
        """The report, or the ValueError that says why there is none."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as that Paddle was imported first
            from paddle_tsm import runtime

            runtime.import_paddle()
            from paddle_tsm.parity import compare_models
            from paddle_tsm.parity.model_pair.paddle_notes import without_paddles_notes
        try:
            with without_paddles_notes():
                return compare_models(torch_model, paddle_layer, inputs, **options)
        except ValueError as error:
            return error

    def write(self, outcome: Any) -> Path | None:
        """Write what was found where it was asked for. Returns the page's path, or that of the JSON without a page."""
        from paddle_tsm.parity.report.report_files import write_json_error

        if self.folder is None:
            return None
        folder = self.folder / (self.name if self.calls == 1 else f"{self.name}-{self.calls}")
        folder.mkdir(parents=True, exist_ok=True)
        if isinstance(outcome, ValueError):
            write_json_error(" ".join(str(outcome).split()), folder / "parity.json")
            return folder / "parity.json"
        outcome.write(folder, json=folder / "parity.json")
        return folder / "index.html"
