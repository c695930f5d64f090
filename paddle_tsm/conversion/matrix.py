"""For every pair of layouts: whether a network can be converted from one to the other, and why not."""

from __future__ import annotations

from typing import Any

import numpy as np

from paddle_tsm.conversion.plan import plan_conversion
from paddle_tsm.layouts.layout import Layout
from paddle_tsm.layouts.registry import LAYOUTS
from paddle_tsm.networks.network import Network


def source_network(layout: Layout, arch: str | None = None, **options: Any) -> Network:
    """The network that the matrix converts from a layout: `arch` with `options`, and with what the layout assumes.

    arch: None stands for the layout's usual architecture. Raises ValueError where the layout's system has no such
    network.
    """
    network = Network(arch or layout.usual_architecture, num_segments=options.get("num_segments", 8))
    network = network.with_options(**(options | layout.assumed_options(network.num_segments)))
    reason = layout.why_not(network)
    if reason:
        raise ValueError(reason)
    return network


def conversion_kind(source: Layout, target: Layout, network: Network) -> str:
    """The `kind` of the ConversionPlan, or "cannot: " and the reason."""
    try:
        return plan_conversion(network, constant_tensors(network), target, source).kind
    except ValueError as error:
        return f"cannot: {error}"


def constant_tensors(network: Network) -> dict[str, np.ndarray]:
    """Canonical tensors that take no memory. All values are 1, so that a non-local bias counts as one that is not 0."""
    return {name: np.broadcast_to(np.float32(1), shape) for name, shape in network.shapes().items()}


def matrix(arch: str | None = None, options: dict[str, Any] | None = None) -> dict[tuple[str, str], str]:
    """(source, target) -> `conversion_kind`, for every pair of layouts. Sources without such a network are left out."""
    cells = {}
    for source in LAYOUTS.values():
        try:
            network = source_network(source, arch, **(options or {}))
        except ValueError:
            continue
        for target in LAYOUTS.values():
            cells[source.name, target.name] = conversion_kind(source, target, network)
    return cells
