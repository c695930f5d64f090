"""The report's plots, drawn by matplotlib and returned as PNG."""

from __future__ import annotations

from paddle_tsm.drawing.figure import figure, png
from paddle_tsm.parity.tolerance import TOLERANCES

COLOURS = ("#c2410c", "#1d6fb8", "#2f855a", "#7c3aed")  # told apart also by those who do not see red from green
LEAST = 1e-18  # where a difference of exactly 0 is drawn on a log scale


def drawn(values) -> list[float]:
    """The values with a place on a log scale."""
    return [max(value, LEAST) for value in values]


def errors_plot(title: str, series: dict[str, dict[str, float]], limit: float | None, marks: dict[str, int]) -> bytes:
    """Relative error of each layer or parameter, in the order of the network. series: precision -> name -> error.
    limit: float64's. marks: stage -> where it begins."""
    drawing, axes = figure(title, "", "largest difference, relative")
    for colour, (name, errors) in zip(COLOURS, series.items()):
        axes.plot(drawn(errors.values()), ".-", color=colour, label=name, linewidth=0.8, markersize=4)
    if limit:
        axes.axhline(limit, color="#555555", linestyle="--", linewidth=1, label=f"float64 limit {limit:.0e}")
    axes.set_xticks(list(marks.values()), list(marks), rotation=40, ha="right", rotation_mode="anchor", fontsize=9)
    axes.legend(fontsize=8, ncols=2, loc="best")
    return png(drawing)


def losses_plot(losses: dict[str, list[float]], title: str = "Loss in float64") -> bytes:
    """Both loss curves in one plot: the first a wide line, the second a thin one over it."""
    drawing, axes = figure(title, "training step", "loss", log=False)
    for colour, width, (name, values) in zip(COLOURS, (5, 1.5), losses.items()):
        axes.plot(
            range(1, len(values) + 1),
            values,
            color=colour,
            linewidth=width,
            label=name,
            alpha=0.45 if width > 2 else 1,
            marker="o" if len(values) < 30 else "",
            markersize=width + 2,
        )
    axes.legend(fontsize=9)
    whole_steps(axes)
    return png(drawing)


def differences_plot(differences: dict[str, list[float]], limit: float, title: str = "Difference in float64") -> bytes:
    """Relative difference of each quantity after each step. differences: quantity -> values from step 1 on."""
    drawing, axes = figure(title, "training step", "largest difference, relative")
    for colour, (name, values) in zip(COLOURS, differences.items()):
        axes.plot(
            range(1, len(values) + 1),
            drawn(values),
            color=colour,
            linewidth=1.2,
            label=name,
            marker="." if len(values) < 30 else "",
        )
    axes.axhline(limit, color="#555555", linestyle="--", linewidth=1, label=f"limit {limit:.0e}")
    axes.legend(fontsize=9, ncols=2)
    whole_steps(axes)
    return png(drawing)


def gaps_plot(gaps: list) -> bytes:
    """Each quantity's float32 gap (a line) and noise (a band up to the limit). gaps: Gap."""
    factor = TOLERANCES["float32 steps"].limit
    drawing, _ = figure("", "", "", height=2.2 * len(gaps) + 0.6)
    drawing.clear()
    for row, gap in enumerate(gaps):
        axes = drawing.add_subplot(len(gaps), 1, row + 1)
        steps = range(1, len(gap.gap) + 1)
        axes.set_yscale("log")
        axes.plot(steps, drawn(gap.noise), color="#777777", linewidth=1.2, label="own noise")
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
            drawn(gap.gap),
            color=COLOURS[row % len(COLOURS)],
            linewidth=1.2,
            label="Paddle to PyTorch",
            marker="." if len(gap.gap) < 30 else "",
        )
        axes.set_title(f"float32: {gap.name}, relative", loc="left", fontsize=11)
        axes.grid(True, color="#d9d9d9", linewidth=0.6)
        axes.legend(fontsize=7, ncols=3)
        whole_steps(axes)
    axes.set_xlabel("training step")
    return png(drawing)


def whole_steps(axes) -> None:
    """No ticks between two steps."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
