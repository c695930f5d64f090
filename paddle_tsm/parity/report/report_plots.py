"""Which plots a report has, and of what."""

from __future__ import annotations

import re

from paddle_tsm.parity.report import plots
from paddle_tsm.parity.report.findings import Findings
from paddle_tsm.parity.tolerance import TOLERANCES, step_limit

SHOWN = re.compile(r"(#\d+)?(: input)?(\[\d+\])?$")  # behind a layer's name: which call, input or member of a tuple


def draw_plots(report: Findings) -> dict[str, bytes]:
    """Name (see `report_folder.PLOTS`) -> PNG, for everything that the report holds."""
    images = {}
    if report.layers:
        images["forward_error"] = plots.errors_plot(
            "Error of each layer, in forward order",
            report.layers,
            TOLERANCES["float64"].limit,
            group_starts(report.groups, list(report.layers["float64"])),
        )
    if report.gradients:
        series = {"float64": report.gradients.errors}
        if report.gradients.errors32:
            series["float32"] = report.gradients.errors32
        images["gradient_error"] = plots.errors_plot(
            "Error of each parameter's gradient, in forward order",
            series,
            TOLERANCES["gradients"].limit,
            group_starts(report.groups, list(report.gradients.errors)),
        )
    if report.steps:
        images["losses"] = plots.losses_plot(report.steps.losses)
        limit = step_limit(len(report.steps.differences["loss"]))
        images["loss_difference"] = plots.differences_plot(report.steps.differences, limit)
    if report.gaps:
        images["float32_gap"] = plots.gaps_plot(report.gaps)
    return images


def group_starts(groups: dict[str, list[str]], names: list[str]) -> dict[str, int]:
    """Group -> the index of its first member. groups: group -> its tensors. names: those of tensors, or of what layers
    took and gave, in forward order.
    """
    starts = {}
    for group, tensors in groups.items():
        inside = {path for tensor in tensors for path in paths_to(tensor)}
        indices = [i for i, name in enumerate(names) if SHOWN.sub("", name) in inside]
        if indices:
            starts[group] = min(indices)
    return starts


def paths_to(tensor: str) -> list[str]:
    """The tensor's name and those of the layers that hold it: "a.b.weight", "a.b", "a"."""
    words = tensor.split(".")
    return [".".join(words[:count]) for count in range(len(words), 0, -1)]
