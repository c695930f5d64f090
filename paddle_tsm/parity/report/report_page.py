"""`--report DIR`: the comparison as one self-contained page, with its plots beside it as PNG."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from paddle_tsm.drawing.figure import need_matplotlib
from paddle_tsm.files.atomic import atomic_file
from paddle_tsm.parity.compare import ComparisonRow
from paddle_tsm.parity.differences import DIFFERENCES
from paddle_tsm.parity.report.findings import Findings
from paddle_tsm.parity.report.page_html import Cell, document, escape, image, paragraph, section, table
from paddle_tsm.parity.report.report_environment import environment
from paddle_tsm.parity.report.report_folder import HEADING, PAGE, remove_page
from paddle_tsm.parity.report.report_plots import draw_plots
from paddle_tsm.parity.report.report_text import about_networks, notes, verdict
from paddle_tsm.parity.report.tensor_table import TensorTable
from paddle_tsm.parity.summary_row import LayersRow, SummaryRow
from paddle_tsm.parity.tolerance import TOLERANCES


def write_page(report: Findings, folder: str | os.PathLike) -> Path:
    """Write the page and its plots into `folder`, which is made; returns the page's path. An older page is removed."""
    need_matplotlib()
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    remove_page(folder)
    images = draw_plots(report)
    for name, content in images.items():
        write_file(folder / f"{name}.png", content)
    write_file(folder / PAGE, page(report, images).encode())
    return folder / PAGE


def write_file(path: Path, content: bytes) -> None:
    """Write a file that appears whole or not at all."""
    with atomic_file(path) as file:
        file.write(content)


def page(report: Findings, images: dict[str, bytes]) -> str:
    """The HTML of the page. images: name -> PNG."""
    word, detail = "Equal" if report.equal else "They differ", verdict(report).partition(" ")[2]
    content = [
        HEADING,
        paragraph(": ".join(filter(None, (report.title, report.about)))),
        f"<p class='verdict{'' if report.equal else ' bad'}'><b>{word}.</b> "
        f"{escape(detail[0].upper() + detail[1:])}</p>",
        *(f"<p>{escape(line)}</p>" for line in report.causes),
        *(paragraph(line) for line in [*about_networks(report), *notes(report)]),
        section("Forward", image(images, "forward_error") + rows_table(report, summary=False) + layers_table(report)),
        section("Gradients", gradients_section(report, images)),
        section("Training", training_section(report, images)),
        section("float32 against its own noise", noise_section(report, images)),
        section("Weights", "".join(map(weights_table, report.tables))),
        section("Known differences of the frameworks", differences_table()),
        section("Environment", environment_table(report)),
    ]
    return document(": ".join(filter(None, (word, report.title))), "".join(content))


def gradients_section(report: Findings, images: dict[str, bytes]) -> str:
    """The plot and the rows of the gradients."""
    remark = ""
    if report.gradients and report.gradients.errors32:
        remark = paragraph(
            "float32 has no verdict here: a value within rounding of 0 at a ReLU, or of another value at a pool, may "
            "take the other branch, and then the gradient jumps."
        )
    return image(images, "gradient_error") + remark + rows_table(report, True, lambda row: not is_step(row))


def training_section(report: Findings, images: dict[str, bytes]) -> str:
    """The plots and the rows of the training steps in float64."""
    rows = rows_table(report, True, lambda row: is_step(row) and row.precision == "float64")
    return image(images, "losses") + image(images, "loss_difference") + rows


def noise_section(report: Findings, images: dict[str, bytes]) -> str:
    """The plot and the rows of the training steps in float32."""
    return image(images, "float32_gap") + rows_table(report, True, lambda row: row.precision == "float32")


def rows_table(report: Findings, summary: bool, chosen: Callable[[ComparisonRow], bool] = lambda row: True) -> str:
    """A table of the report's chosen rows, which are summaries or are not; "" where there are none."""
    rows: list[tuple[Cell, ...]] = [
        (
            ("number", row.precision),
            label(row),
            ("number", f"{row.max_rel:.1e}"),
            ("number", f"{row.limit:.1e}"),
            ("number good", "equal") if row.passed else ("number bad", "differs"),
        )
        for row in report.rows
        if isinstance(row, SummaryRow) == summary and chosen(row)
    ]
    return table(("", "worst" if summary else "output", "relative", "limit", ""), rows) if rows else ""


def layers_table(report: Findings) -> str:
    """What every layer took and gave, closed until a reader opens it; "" where layers were not compared."""
    errors = report.layers.get("float64", {})
    limit = TOLERANCES["float64"].limit
    rows: list[tuple[Cell, ...]] = [
        (name, ("number" if error <= limit else "number bad", f"{error:.1e}")) for name, error in errors.items()
    ]
    what = "<summary>Every layer in float64, in forward order</summary>"
    return f"<details>{what}{table(('layer', 'relative'), rows)}</details>" if rows else ""


def label(row: ComparisonRow) -> str:
    """The row's name, with the worst of what it stands for."""
    if isinstance(row, LayersRow):
        return row.label
    return f"{row.name} ({row.worst})" if isinstance(row, SummaryRow) and row.worst else row.name


def is_step(row: ComparisonRow) -> bool:
    """Whether the row is one of the training steps' ("5 steps: loss")."""
    return bool(re.match(r"\d+ steps?: ", row.name))


def weights_table(found: TensorTable) -> str:
    """The tensors, each under both names. The table is closed until a reader opens it."""
    rows: list[tuple[Cell, ...]] = [
        (row.name, row.other, ("number", shape_text(row.shape)), row.remark) for row in found.rows
    ]
    title = f"<summary>{escape(found.title)}: {len(rows)} tensors</summary>"
    return f"<details>{title}{table((*found.head, 'shape', ''), rows)}</details>"


def shape_text(shape: tuple[int, ...] | None) -> str:
    """A shape as 2x3; "" for one that is not known."""
    return "" if shape is None else "x".join(map(str, shape)) or "scalar"


def differences_table() -> str:
    """Every declared difference of the frameworks, a paragraph each, so that it can be read on a phone."""
    return "".join(
        f"<details><summary>{escape(row.name)}: {escape(row.what)}</summary><p>Why: {escape(row.why)}. Measured: "
        f"{escape(row.measured)}. Here: {escape(row.here)}.</p></details>"
        for row in DIFFERENCES
    )


def environment_table(report: Findings) -> str:
    """The environment, and the seconds of each part of the comparison."""
    seconds = ", ".join(f"{part} {seconds:.1f}" for part, seconds in report.seconds.items())
    return table(("", ""), (environment() | {"seconds": seconds}).items())
