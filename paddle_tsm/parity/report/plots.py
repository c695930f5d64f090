"""The report's plots, drawn by matplotlib and returned as PNG."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from paddle_tsm.drawing.figure import figure, png, whole_steps
from paddle_tsm.parity.noise import Float32Gap
from paddle_tsm.parity.tolerance import TOLERANCES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#c2410c", "#1d6fb8", "#2f855a", "#7c3aed")  # who does not see red from green can tell them apart
LEAST = 1e-18  # a difference of exactly 0 has its place here on a logarithmic axis
TICKS = 24  # names that have room below a plot
FEW_STEPS = 30  # so many steps are not marked one by one any more


def on_log_axis(values: Iterable[float]) -> list[float]:
    """The values, each with a place on a logarithmic axis."""
    return [max(value, LEAST) for value in values]


def errors_plot(
    title: str, series: dict[str, dict[str, float]], limit: float | None, stage_starts: dict[str, int]
) -> bytes:
    """The relative error of each layer or parameter, in forward order.

    series: precision -> name -> error. limit: that for float64. stage_starts: stage -> the index of its first name.
    """
    drawing, axes = figure(title, "", "largest difference, relative")
    for colour, (name, errors) in zip(COLOURS, series.items()):
        axes.plot(on_log_axis(errors.values()), ".-", color=colour, label=name, linewidth=0.8, markersize=4)
    if limit:
        axes.axhline(limit, color="#555555", linestyle="--", linewidth=1, label=f"float64 limit {limit:.0e}")
    shown = readable(stage_starts, max(map(len, series.values())))
    axes.set_xticks(
        list(shown.values()),
        [name[-24:] for name in shown],
        rotation=40,
        ha="right",
        rotation_mode="anchor",
        fontsize=9,
    )
    axes.legend(fontsize=8, ncols=2, loc="best")
    return png(drawing)


def readable(starts: dict[str, int], count: int) -> dict[str, int]:
    """The starts whose names do not run into each other below a plot of so many values; the longest stages stay."""
    ends = [*sorted(starts.values())[1:], count]
    length = {name: end - start for (name, start), end in zip(sorted(starts.items(), key=lambda one: one[1]), ends)}
    shown: dict[str, int] = {}
    for name in sorted(starts, key=lambda name: -length[name]):
        if all(abs(starts[name] - other) >= count / TICKS for other in shown.values()):
            shown[name] = starts[name]
    return {name: start for name, start in starts.items() if name in shown}


def losses_plot(losses: dict[str, list[float]], title: str = "Loss in float64") -> bytes:
    """Both loss curves in one plot: the first is a wide line, the second a thin one over it."""
    drawing, axes = figure(title, "training step", "loss", log=False)
    for colour, width, (name, values) in zip(COLOURS, (5, 1.5), losses.items()):
        axes.plot(
            range(1, len(values) + 1),
            values,
            color=colour,
            linewidth=width,
            label=name,
            alpha=0.45 if width > 2 else 1,
            marker="o" if len(values) < FEW_STEPS else "",
            markersize=width + 2,
        )
    axes.legend(fontsize=9)
    whole_steps(axes)
    return png(drawing)


def differences_plot(differences: dict[str, list[float]], limit: float, title: str = "Difference in float64") -> bytes:
    """The relative difference of each quantity after each step. differences: quantity -> a value for each step."""
    drawing, axes = figure(title, "training step", "largest difference, relative")
    for colour, (name, values) in zip(COLOURS, differences.items()):
        axes.plot(
            range(1, len(values) + 1),
            on_log_axis(values),
            color=colour,
            linewidth=1.2,
            label=name,
            marker="." if len(values) < FEW_STEPS else "",
        )
    axes.axhline(limit, color="#555555", linestyle="--", linewidth=1, label=f"limit {limit:.0e}")
    axes.legend(fontsize=9, ncols=2)
    whole_steps(axes)
    return png(drawing)


def gaps_plot(gaps: list[Float32Gap]) -> bytes:
    """For each quantity the gap in float32, the frameworks' own noise, and the limit, which is a multiple of it."""
    drawing, _ = figure("", "", "", height=2.2 * len(gaps) + 0.6)
    drawing.clear()
    for row, gap in enumerate(gaps):
        axes = drawing.add_subplot(len(gaps), 1, row + 1)
        plot_gap(axes, gap, COLOURS[row % len(COLOURS)])
    axes.set_xlabel("training step")
    return png(drawing)


def plot_gap(axes: Axes, gap: Float32Gap, colour: str) -> None:
    """Draw one quantity's gap and noise."""
    factor, steps = TOLERANCES["float32 steps"].limit, range(1, len(gap.gap) + 1)
    axes.set_yscale("log")
    axes.plot(steps, on_log_axis(gap.noise), color="#777777", linewidth=1.2, label="own noise")
    axes.plot(
        steps,
        [factor * value for value in gap.noise],
        color="#777777",
        linestyle="--",
        linewidth=1,
        label=f"{factor:g} times the noise",
    )
    axes.plot(
        steps,
        on_log_axis(gap.gap),
        color=colour,
        linewidth=1.2,
        label="Paddle to PyTorch",
        marker="." if len(gap.gap) < FEW_STEPS else "",
    )
    axes.set_title(f"float32: {gap.name}, relative", loc="left", fontsize=11)
    axes.grid(True, color="#d9d9d9", linewidth=0.6)
    axes.legend(fontsize=7, ncols=3)
    whole_steps(axes)
