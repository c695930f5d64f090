"""The plot of `tools/benchmark.py growth`."""

from __future__ import annotations

from typing import Any

from paddle_tsm.drawing.figure import canvas, png, style
from paddle_tsm.parity.report.plots import COLOURS

# field of a curve -> (what grows, the exponent of the work)
FIELDS = {
    "frames": ("frames of a clip", 1),
    "batch": ("clips in a batch", 1),
    "size": ("height and width of the frames", 2),
    "clips": ("clips in a list", 1),
}
LEGENDS = ("frames", "clips")  # the first row of each kind of curves


def growth_plot(curves: list[dict[str, Any]], arch: str, threads: int) -> bytes:
    """A row for each thing that grows, with the time on the left and the memory on the right, on logarithmic axes.

    curves: the fields of each `Curve`. A grey line through the first point of the largest curve grows as the work does.
    """
    drawing = canvas(7.2, 11.5)
    drawing.suptitle(f"{arch}, {threads} threads; grey: as the work grows", fontsize=11)
    axes = drawing.subplots(len(FIELDS), 2)
    for (field, (label, exponent)), row in zip(FIELDS.items(), axes):
        shown = [curve for curve in curves if curve["field"] == field]
        for axis, key, unit, scale in ((row[0], "seconds", "seconds", 1), (row[1], "bytes", "MB", 1e-6)):
            style(axis, "\n", label, unit)  # the line above is the legend's
            axis.loglog()
            for colour, curve in zip(COLOURS, shown):
                name = curve["contender"] + " (disturbed)" * bool(curve["disturbed"])
                amounts = [scale * amount for amount in curve[key]]
                axis.plot(curve["values"], amounts, ".-", color=colour, label=name, linewidth=1)
            if shown:
                largest = max(shown, key=lambda curve: (len(curve["values"]), curve[key][-1]))
                values, first = largest["values"], scale * largest[key][0]
                guide = [first * (value / values[0]) ** exponent for value in values]
                axis.plot(values, guide, "--", color="#999999", linewidth=1)
            if field != "clips" and shown:
                axis.set_xticks(shown[0]["values"], list(map(str, shown[0]["values"])))
                axis.set_xticks([], minor=True)
        if shown and field in LEGENDS:
            legend = row[0].legend(fontsize=7, loc="lower left", bbox_to_anchor=(0, 1.02), ncols=2)
            legend.set_in_layout(False)  # it is wider than its axes, which would move the right ones away
    return png(drawing)
