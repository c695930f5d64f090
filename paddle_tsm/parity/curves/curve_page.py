"""`parity --curves A B --report DIR`: both curves, their difference and what rounding explains, on one page."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from paddle_tsm.drawing.figure import figure, png, whole_steps
from paddle_tsm.parity.curves.curve_comparison import CurveComparison
from paddle_tsm.parity.curves.curve_report import sentences, table_rows, verdict
from paddle_tsm.parity.report.page_html import document, escape, image, paragraph, section, table
from paddle_tsm.parity.report.plots import COLOURS, losses_plot, on_log_axis
from paddle_tsm.parity.report.report_folder import HEADING, PAGE
from paddle_tsm.parity.report.report_page import write_file

PLOTS = ("losses", "loss_difference")


def write_curve_page(found: CurveComparison, folder) -> Path:
    """Write index.html and its plots into the folder. Returns the page's path."""
    folder = Path(folder)
    images = draw(found)
    for name, content in images.items():
        write_file(folder / f"{name}.png", content)
    write_file(folder / PAGE, page(found, images).encode())
    return folder / PAGE


def draw(found: CurveComparison) -> dict[str, bytes]:
    """Name -> PNG."""
    losses = {"A": found.a.train["loss"].tolist(), "B": found.b.train["loss"].tolist()}
    return {
        "losses": losses_plot(losses, f"Loss, {found.dtype}"),
        "loss_difference": difference_plot(found),
    }


def difference_plot(found: CurveComparison) -> bytes:
    """The losses' and gradient norms' difference at every update, over what rounding explains."""
    drawing, axes = figure("Difference of the curves", "update", "relative difference")
    updates = np.arange(1, found.rows + 1)
    for colour, name in zip(COLOURS, ("loss", "grad_norm")):
        if name in found.differences:
            values = np.minimum(found.differences[name], 1e6)
            label = "loss" if name == "loss" else "gradient norm"
            axes.plot(updates, on_log_axis(values), color=colour, linewidth=1, label=label)
    limit = np.minimum(found.limits["loss"], 1e6)
    measured = "loss" in found.noise
    axes.plot(
        updates,
        on_log_axis(limit),
        color="#555555",
        linestyle="--",
        linewidth=1,
        label="3 times the loss's own noise" if measured else "what rounding explains of the loss",
    )
    if found.parting is not None and found.parting.table == "train":
        axes.axvline(found.parting.row + 1, color="#b91c1c", linewidth=1, label="where they part")
    axes.legend(fontsize=8)
    whole_steps(axes)
    return png(drawing)


def page(found: CurveComparison, images: dict[str, bytes]) -> str:
    """The HTML."""
    word, detail = "Equal" if found.equal else "They differ", verdict(found).partition(" ")[2]
    title = f"A: {found.a.path}, B: {found.b.path}"
    parts = [
        HEADING,
        paragraph(title),
        f"<p class='verdict{'' if found.equal else ' bad'}'>"
        f"<b>{word}.</b> {escape(detail[0].upper() + detail[1:])}</p>",
        "".join(f"<p>{escape(line)}</p>" for line in sentences(found)),
        section("Losses", image(images, "losses")),
        section(
            "Differences",
            image(images, "loss_difference")
            + table(("update", "loss A", "loss B", "difference", "rounding explains"), table_rows(found)),
        ),
        section("Validations", validations(found)),
    ]
    return document(f"{word}: two trainings", "".join(parts))


def validations(found: CurveComparison) -> str:
    """A table of both trainings' validations; nothing where one has none."""
    names = [name for name in found.a.validation if name in found.b.validation]
    if not names:
        return ""
    pairs = [(found.a.validation[name], found.b.validation[name]) for name in names]
    rows = min(len(values) for pair in pairs for values in pair)
    head = ("validation", *(f"{name} {side}" for name in names for side in "AB"))
    return table(head, [(str(k + 1), *(f"{v[k]:.6f}" for pair in pairs for v in pair)) for k in range(rows)])
