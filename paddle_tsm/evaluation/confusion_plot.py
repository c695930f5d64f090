"""The confusion matrix as a picture. Needs matplotlib."""

from __future__ import annotations

import warnings

import numpy as np

from paddle_tsm.drawing.figure import png
from paddle_tsm.terminal.literal_text import literal

NAMED = 40  # classes, at most, that get a tick each
COUNTED = 15  # classes, at most, whose fields hold their counts


def confusion_plot(matrix: np.ndarray, class_names: list[str] | None = None) -> bytes:
    """A PNG of the matrix [K, K], a row a true class: each field the share of its row, white where it is 0. A class
    without a clip is a white row."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    classes, totals = len(matrix), matrix.sum(1, keepdims=True)
    shares = matrix / np.maximum(totals, 1)
    edge = min(9.0, max(4.8, 0.24 * classes + 2))
    drawing = Figure(figsize=(edge, edge), facecolor="white", layout="constrained")
    FigureCanvasAgg(drawing)
    axes = drawing.add_subplot()
    picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1, interpolation="nearest")
    axes.set_xlabel("predicted")
    axes.set_ylabel("true class")
    axes.set_title(f"{matrix.trace()} of {matrix.sum()} clips recognised", loc="left", fontsize=11)
    drawing.colorbar(picture, ax=axes, shrink=0.7, label="share of the true class")
    if classes <= NAMED:
        # a dollar sign would begin a formula
        names = [literal(name).replace("$", r"\$") for name in class_names or map(str, range(classes))]
        axes.set_xticks(range(classes), names, rotation=90 if class_names else 0, fontsize=8)
        axes.set_yticks(range(classes), names, fontsize=8)
    if classes <= COUNTED:
        for row, column in zip(*matrix.nonzero()):
            colour = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, str(matrix[row, column]), ha="center", va="center", fontsize=8, color=colour)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font")  # names in scripts that the font has not: boxes
        return png(drawing)
