"""`--report DIR`: the comparison as one self-contained page, with its plots beside it as PNG."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

from paddle_tsm.files.atomic import atomic_file
from paddle_tsm.layouts.network_file import NetworkFile
from paddle_tsm.parity.compare import ComparisonRow
from paddle_tsm.parity.differences import DIFFERENCES
from paddle_tsm.parity.page_html import Cell, document, escape, image, paragraph, section, table
from paddle_tsm.parity.report import Report
from paddle_tsm.parity.report_environment import environment
from paddle_tsm.parity.report_folder import HEADING, PAGE
from paddle_tsm.parity.report_plots import draw_plots
from paddle_tsm.parity.report_text import about_networks, notes, verdict
from paddle_tsm.parity.summary_row import SummaryRow


def write_page(report: Report, a: NetworkFile, b: NetworkFile, folder: str | os.PathLike) -> Path:
    """Write the page and its plots into `folder`, which is made; returns the page's path. a, b: the two checkpoints."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    images = draw_plots(report, a.asked_network())
    for name, content in images.items():
        write_file(folder / f"{name}.png", content)
    write_file(folder / PAGE, page(report, a, b, images).encode())
    return folder / PAGE


def write_file(path: Path, content: bytes) -> None:
    """Write a file that appears whole or not at all."""
    with atomic_file(path) as file:
        file.write(content)


def page(report: Report, a: NetworkFile, b: NetworkFile, images: dict[str, bytes]) -> str:
    """The HTML of the page. images: name -> PNG."""
    network = a.asked_network()
    names = [os.path.basename(str(found.checkpoint.path)) for found in (a, b)]
    title = f"{names[0]} in PyTorch, {names[1]} in Paddle"
    word, detail = "Equal" if report.equal else "They differ", verdict(report).partition(" ")[2]
    files = [a] if a is b else [a, b]
    content = [
        HEADING,
        paragraph(f"{title}: {network.arch}, {network.num_segments} frames"),
        f"<p class='verdict{'' if report.equal else ' bad'}'><b>{word}.</b> "
        f"{escape(detail[0].upper() + detail[1:])}</p>",
        *(paragraph(line) for line in [*about_networks(report), *notes(report)]),
        section("Forward", image(images, "forward_error") + rows_table(report, summary=False)),
        section("Gradients", gradients_section(report, images)),
        section("Training", training_section(report, images)),
        section("float32 against its own noise", noise_section(report, images)),
        section("Weights", "".join(weights_table(found, name) for found, name in zip(files, names))),
        section("Known differences of the frameworks", differences_table()),
        section("Environment", environment_table(report)),
    ]
    return document(f"{word}: {title}", "".join(content))


def gradients_section(report: Report, images: dict[str, bytes]) -> str:
    """The plot and the rows of the gradients."""
    remark = ""
    if report.gradients and report.gradients.errors32:
        remark = paragraph(
            "float32 has no verdict here: a value within rounding of 0 at a ReLU, or of another value at a pool, may "
            "take the other branch, and then the gradient jumps."
        )
    return image(images, "gradient_error") + remark + rows_table(report, True, lambda row: not is_step(row))


def training_section(report: Report, images: dict[str, bytes]) -> str:
    """The plots and the rows of the training steps in float64."""
    rows = rows_table(report, True, lambda row: is_step(row) and row.precision == "float64")
    return image(images, "losses") + image(images, "loss_difference") + rows


def noise_section(report: Report, images: dict[str, bytes]) -> str:
    """The plot and the rows of the training steps in float32."""
    return image(images, "float32_gap") + rows_table(report, True, lambda row: row.precision == "float32")


def rows_table(report: Report, summary: bool, chosen: Callable[[ComparisonRow], bool] = lambda row: True) -> str:
    """A table of the report's chosen rows, which are summaries or are not; "" where there are none."""
    rows: list[tuple[Cell, ...]] = [
        (
            ("number", row.precision),
            f"{row.name} ({row.worst})" if isinstance(row, SummaryRow) and row.worst else row.name,
            ("number", f"{row.max_rel:.1e}"),
            ("number", f"{row.limit:.1e}"),
            ("number good", "equal") if row.passed else ("number bad", "differs"),
        )
        for row in report.rows
        if isinstance(row, SummaryRow) == summary and chosen(row)
    ]
    return table(("", "worst" if summary else "output", "relative", "limit", ""), rows) if rows else ""


def is_step(row: ComparisonRow) -> bool:
    """Whether the row is one of the training steps' ("5 steps: loss")."""
    return bool(re.match(r"\d+ steps?: ", row.name))


def weights_table(found: NetworkFile, name: str) -> str:
    """The file's keys, each with its canonical name, its shape in the file, and whether it is transposed. The table is
    closed until a reader opens it.
    """
    rows: list[tuple[Cell, ...]] = [
        (
            found.named.keys[entry.key],
            entry.canonical,
            ("number", "x".join(map(str, entry.shape)) or "scalar"),
            "transposed" if entry.transposed else "",
        )
        for entry in found.entries
    ]
    head = (f"key in the file ({found.layout.name})", "canonical name", "shape", "")
    return f"<details><summary>{escape(name)}: {len(rows)} tensors</summary>{table(head, rows)}</details>"


def differences_table() -> str:
    """Every declared difference of the frameworks, a paragraph each, so that it can be read on a phone."""
    return "".join(
        f"<details><summary>{escape(row.name)}: {escape(row.what)}</summary><p>Why: {escape(row.why)}. Measured: "
        f"{escape(row.measured)}. Here: {escape(row.here)}.</p></details>"
        for row in DIFFERENCES
    )


def environment_table(report: Report) -> str:
    """The environment, and the seconds of each part of the comparison."""
    seconds = ", ".join(f"{part} {seconds:.1f}" for part, seconds in report.seconds.items())
    return table(("", ""), (environment() | {"seconds": seconds}).items())
