"""Empty figures in the style of every plot here, and figures as PNG.

matplotlib is optional, so it is imported only when a figure is made.
"""

from __future__ import annotations

import importlib
import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from paddle_tsm.terminal.extras import how_to_install

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def need_matplotlib() -> None:
    """Raise ValueError where matplotlib is not installed."""
    try:
        importlib.import_module("matplotlib")
    except ImportError as error:
        raise ValueError(f"the plots need matplotlib ({error}); install it with: {how_to_install('report')}") from error


def canvas(width: float, height: float) -> Figure:
    """An empty figure of this size in inches, white so that its text can be read on dark pages, too."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawing = Figure(figsize=(width, height), facecolor="white", layout="constrained")
    FigureCanvasAgg(drawing)
    return drawing


def figure(title: str, x_label: str, y_label: str, log: bool = True, height: float = 3.1) -> tuple[Figure, Axes]:
    """(figure, its empty axes). It is `height` inches high, and narrow, so that its text can be read on a phone.

    log: whether the y axis is logarithmic.
    """
    drawing = canvas(4.8, height)
    axes = drawing.add_subplot()
    style(axes, title, x_label, y_label)
    if log:
        axes.set_yscale("log")
    return drawing, axes


def style(axes: Axes, title: str, x_label: str, y_label: str) -> None:
    """Give empty axes their title, their labels and a grid."""
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.grid(True, which="major", color="#d9d9d9", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def whole_steps(axes: Axes) -> None:
    """Put no ticks between two steps of the x axis."""
    from matplotlib.ticker import MaxNLocator  # optional

    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1, steps=[1, 2, 5, 10]))


def png(drawing: Figure) -> bytes:
    """The figure as a PNG with 64 colours and 130 dots per inch."""
    drawing.set_dpi(130)
    drawing.canvas.draw()
    picture = Image.fromarray(np.asarray(drawing.canvas.buffer_rgba())).convert("RGB")
    file = io.BytesIO()
    picture.quantize(64).save(file, format="png", optimize=True)
    return file.getvalue()
