"""What becomes of a network in another layout: its options and its tensors there, before anything is written."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paddle_tsm.conversion.non_local_bias import absorb_out_bias, out_biases, with_zero_bias
from paddle_tsm.layouts.key_table import is_step_counter
from paddle_tsm.layouts.layout import Layout
from paddle_tsm.networks.branch_fusion import fuse_branches
from paddle_tsm.networks.network import Network
from paddle_tsm.networks.shift_order import in_order, usual_order


@dataclass(frozen=True)
class ConversionPlan:
    """A network as the system of `layout` runs it, and its canonical tensors there.

    kind: "exact" (the tensors only get other names), "permuted" (two folds of channels are exchanged), "absorbed" (a
    bias goes into the BatchNorm behind it, which rounds that BatchNorm's running mean once) or "fused" (parallel
    branches become one convolution, whose weights are computed in float64 and rounded once). unrounded: with "fused",
    the tensors before they were rounded.
    """

    layout: Layout
    network: Network
    tensors: dict[str, np.ndarray]
    kind: str
    unrounded: dict[str, np.ndarray] | None = None


def plan_conversion(
    network: Network,
    tensors: dict[str, np.ndarray],
    target: Layout,
    source: Layout,
    asked_order: str | None = None,
    fuse: bool = False,
) -> ConversionPlan:
    """The plan that brings `network` and its canonical tensors from the layout `source` to the layout `target`.

    asked_order: the shift order for a layout that does not say one; None: the network's usual one. fuse: make one
    convolution of the parallel branches of each re-parameterised convolution. Raises ValueError, giving the reason,
    where the target's system cannot run the network.
    """
    if fuse:
        stored = next(array.dtype for array in tensors.values() if array.ndim == 4)  # of the branches
        network, tensors = fuse_branches(network, tensors)
    reason = target.why_not(network)
    if reason:
        raise ValueError(reason if reason.startswith(target.name) else f"{target.name} {reason}")
    order = order_in_target(network, target, asked_order)
    kind = "permuted" if network.is_shift and order != network.shift_order else "exact"
    network, tensors = in_order(network, tensors, order)
    network, tensors, absorbed = fit_non_local_bias(network, tensors, target)
    if target.step_counters and not source.step_counters:
        tensors = with_all_step_counters(network, tensors)
    if not fuse:
        return ConversionPlan(target, network, tensors, "absorbed" if absorbed else kind)
    rounded = {name: array.astype(stored) if array.dtype == "float64" else array for name, array in tensors.items()}
    return ConversionPlan(target, network, rounded, "fused", tensors)


def order_in_target(network: Network, target: Layout, asked_order: str | None) -> str:
    """The shift order that the network gets in the target's layout. A causal network stays causal."""
    order = target.shift_order or asked_order or usual_order(network)
    return network.shift_order if "causal" in (network.shift_order, order) else order


def fit_non_local_bias(
    network: Network, tensors: dict[str, np.ndarray], target: Layout
) -> tuple[Network, dict[str, np.ndarray], bool]:
    """The network and its tensors with a bias in its non-local blocks where the target's system has one, and without it
    where the system has none. Returns also whether a bias other than 0 was absorbed.

    A layout that allows both keeps the bias, unless it is 0 everywhere.
    """
    if network.non_local is None:
        return network, tensors, False
    if not network.non_local.out_bias:
        return *(with_zero_bias(network, tensors) if target.non_local_bias else (network, tensors)), False
    is_zero = not any(array.any() for array in out_biases(tensors).values())
    if target.non_local_bias or target.non_local_bias is None and not is_zero:
        return network, tensors, False
    return *absorb_out_bias(network, tensors), not is_zero


def with_all_step_counters(network: Network, tensors: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors, in forward order, with a step counter of 0 for every BatchNorm that has none."""
    return {
        name: tensors.get(name, np.zeros((), "int64"))
        for name in network.shapes()
        if name in tensors or is_step_counter(name)
    }
