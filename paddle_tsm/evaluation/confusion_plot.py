"""The confusion matrix as a picture, drawn by matplotlib."""

from __future__ import annotations

import warnings

import numpy as np

from paddle_tsm.drawing.figure import canvas, png
from paddle_tsm.terminal.literal_text import literal

MAX_TICKS = 40  # with more classes there are no ticks, which would overlap
MAX_COUNTS = 15  # with more classes there is no number in the fields


def confusion_plot(matrix: np.ndarray, class_names: list[str] | None = None) -> bytes:
    """A PNG of the confusion matrix int [K, K], whose rows are the true classes.

    The colour of a field is its share of its row, white for 0. A class without clips is a white row.
    """
    classes, totals = len(matrix), matrix.sum(1, keepdims=True)
    shares = matrix / np.maximum(totals, 1)
    edge = min(9.0, max(4.8, 0.24 * classes + 2))
    drawing = canvas(edge, edge)
    axes = drawing.add_subplot()
    picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
    axes.set_xlabel("predicted")
    axes.set_ylabel("true class")
    axes.set_title(f"{matrix.trace()} of {matrix.sum()} clips recognised", loc="left", fontsize=11)
    drawing.colorbar(picture, ax=axes, shrink=0.7, label="share of the true class")
    if classes <= MAX_TICKS:
        # matplotlib takes a dollar sign for the start of a formula
        names = [literal(name).replace("$", r"\$") for name in class_names or map(str, range(classes))]
        axes.set_xticks(range(classes), names, rotation=90 if class_names else 0, fontsize=8)
        axes.set_yticks(range(classes), names, fontsize=8)
    if classes <= MAX_COUNTS:
        for row, column in zip(*matrix.nonzero()):
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, str(matrix[row, column]), ha="center", va="center", fontsize=8, color=colour)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # letters that the font lacks become boxes
        return png(drawing)
