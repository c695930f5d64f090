"""An empty figure in the style of every plot here, and a figure as a PNG. matplotlib is imported only when they are
called.
"""

from __future__ import annotations

import io

import numpy as np

from paddle_tsm.terminal.extras import how_to_install


def need_matplotlib() -> None:
    """Raise ValueError where matplotlib is not installed."""
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise ValueError(f"the plots need matplotlib ({error}); install it with: {how_to_install('report')}") from error


def figure(title: str, x_label: str, y_label: str, log: bool = True, height: float = 3.1):
    """(figure, axes), 4.8 inches wide, so that its text can be read on a phone, and white, so that it can on dark
    pages.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawing = Figure(figsize=(4.8, height), facecolor="white", layout="constrained")
    FigureCanvasAgg(drawing)
    axes = drawing.add_subplot()
    axes.set_title(title, loc="left", fontsize=11)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    if log:
        axes.set_yscale("log")
    axes.grid(True, which="major", color="#d9d9d9", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return drawing, axes


def png(drawing) -> bytes:
    """The figure as a PNG of 64 colours, 130 dots an inch."""
    from PIL import Image  # matplotlib brings it

    drawing.set_dpi(130)
    drawing.canvas.draw()
    picture = Image.fromarray(np.asarray(drawing.canvas.buffer_rgba())).convert("RGB")
    file = io.BytesIO()
    picture.quantize(64).save(file, format="png", optimize=True)
    return file.getvalue()
