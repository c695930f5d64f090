"""The plot of a study: accuracy and the share of the shift in latency, over the proportion of shifted channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from paddle_tsm.ablation.study import Findings
from paddle_tsm.ablation.variants import IN_PLACE, NONE, ONLINE, RESIDUAL
from paddle_tsm.drawing.figure import canvas, png, style

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# colour and marker of each kind; who does not see red from green can tell them apart
LOOKS = {NONE: ("#555555", "s"), IN_PLACE: ("#c2410c", "o"), RESIDUAL: ("#1d6fb8", "^"), ONLINE: ("#7c3aed", "*")}


def ablation_plot(found: list[Findings], chance: float) -> bytes:
    """A PNG with the accuracies and their intervals and, where there are latencies, the share of the shift below.
    chance: the accuracy of guessing.
    """
    timed = [one for one in found if one.latency is not None]
    drawing = canvas(6.4, 6.4 if timed else 3.6)
    panels = drawing.subplots(2 if timed else 1, 1, squeeze=False)[:, 0]
    accuracy = [one.accuracy() for one in found]
    seeds = "one seed" if accuracy[0].seeds == 1 else f"{accuracy[0].seeds} seeds"
    title = f"Accuracy: {accuracy[0].clips} held-out clips, {seeds}, 95 % interval"
    style(panels[0], title, "shifted channels", "top-1, %")
    lowest = min(own.low for own in accuracy)
    if lowest < 0.5:  # else the axis does not begin at 0, so that small differences can be seen
        panels[0].axhline(100 * chance, color="#999999", linestyle=":", label="guessing")
        panels[0].set_ylim(0, 103)
    points(panels[0], found, [(100 * a.mean, 100 * a.low, 100 * a.high) for a in accuracy])
    if timed:
        style(panels[1], "Latency: share of the shift, quartiles", "shifted channels", "share, %")
        shares = [(one.latency.share(), *one.latency.spread()) for one in timed if one.latency is not None]
        points(panels[1], timed, [(100 * a, 100 * b, 100 * c) for a, b, c in shares])
    for axes in panels:
        places = sorted({one.variant.proportion for one in found})
        axes.set_xticks([float(place) for place in places], [str(place) for place in places])
    panels[0].legend(fontsize=9, loc="lower right")
    return png(drawing)


def points(axes: Axes, found: list[Findings], values: list[tuple[float, float, float]]) -> None:
    """One line a kind, through (value, low, high) of each of its variants."""
    for kind, (colour, marker) in LOOKS.items():
        own = [(float(one.variant.proportion), *value) for one, value in zip(found, values) if one.variant.kind == kind]
        if own:
            x, y, low, high = zip(*own)
            # the mean of the seeds lies in its interval; a median's quartiles may both lie on one side of it
            errors = [[max(a - b, 0) for a, b in zip(y, low)], [max(b - a, 0) for a, b in zip(y, high)]]
            axes.errorbar(x, y, errors, color=colour, marker=marker, capsize=3, linewidth=1.4, label=kind)
