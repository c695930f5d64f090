"""Which plots a report has, and of what."""

from __future__ import annotations

from paddle_tsm.networks.network import Network
from paddle_tsm.parity import plots
from paddle_tsm.parity.network_stages import tensors_by_stage
from paddle_tsm.parity.report import Report
from paddle_tsm.parity.tolerance import TOLERANCES, step_limit


def draw_plots(report: Report, network: Network) -> dict[str, bytes]:
    """Name (see `report_folder.PLOTS`) -> PNG, for everything that the report holds."""
    images = {}
    if report.layers:
        images["forward_error"] = plots.errors_plot(
            "Error of each layer, in forward order",
            report.layers,
            TOLERANCES["float64"].limit,
            stage_starts(network, list(report.layers["float64"])),
        )
    if report.gradients:
        series = {"float64": report.gradients.errors}
        if report.gradients.errors32:
            series["float32"] = report.gradients.errors32
        images["gradient_error"] = plots.errors_plot(
            "Error of each parameter's gradient, in forward order",
            series,
            TOLERANCES["gradients"].limit,
            stage_starts(network, list(report.gradients.errors)),
        )
    if report.steps:
        images["losses"] = plots.losses_plot(report.steps.losses)
        limit = step_limit(len(report.steps.differences["loss"]))
        images["loss_difference"] = plots.differences_plot(report.steps.differences, limit)
    if report.gaps:
        images["float32_gap"] = plots.gaps_plot(report.gaps)
    return images


def stage_starts(network: Network, names: list[str]) -> dict[str, int]:
    """Stage -> the index of its first member. names: those of layers or of tensors, in forward order."""
    starts = {}
    for stage, tensors in tensors_by_stage(network).items():
        layers = {tensor.rpartition(".")[0] for tensor in tensors}
        indices = [i for i, name in enumerate(names) if name in layers or name.rpartition(".")[0] in layers]
        if indices:
            starts[stage] = min(indices)
    return starts
