"""A timeline as a picture: a row for each class, a bar for each span."""

from __future__ import annotations

from collections.abc import Sequence

from paddle_tsm.drawing.figure import canvas, png, style

MOST_ROWS = 20  # classes with a row of their own; those that are seen for the longest time
COLOURS = ("#1d6fb8", "#c2410c", "#0f766e", "#7c3aed", "#a16207", "#be185d")  # of rows, in turn
PALEST = 0.25  # how opaque a bar of probability 0 is


def timeline_picture(title: str, seconds: float, bars: Sequence[tuple[float, float, str, float]]) -> bytes:
    """A PNG. seconds: the length of the video. bars: (start and end in seconds, the class's name, its probability) of
    each span. The bar of a less probable span is paler.
    """
    lengths: dict[str, float] = {}
    for start, end, name, _ in bars:
        lengths[name] = lengths.get(name, 0.0) + end - start
    kept = set(sorted(lengths, key=lambda name: -lengths[name])[:MOST_ROWS])
    rows = [name for name in lengths if name in kept]  # in the order in which they are first seen
    left_out = len(lengths) - len(rows)
    drawing = canvas(9.0, 1.3 + 0.28 * max(len(rows), 1))
    axes = drawing.add_subplot()
    style(axes, title, "time in seconds", "")
    for start, end, name, probability in bars:
        if name in kept:
            row = rows.index(name)
            colour, opacity = COLOURS[row % len(COLOURS)], PALEST + (1 - PALEST) * probability
            axes.barh(row, end - start, left=start, height=0.7, color=colour, alpha=opacity)
    axes.set_yticks(range(len(rows)), [short(name) for name in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.set_xlim(0, max(seconds, 1e-3))
    if left_out:
        axes.set_xlabel(f"time in seconds ({left_out} more classes, each seen for a shorter time, are left out)")
    return png(drawing)


def short(name: str) -> str:
    """The name, cut where it is long. matplotlib reads $ as the beginning of a formula."""
    name = name if len(name) <= 40 else f"{name[:39]}…"
    return name.replace("$", r"\$")
