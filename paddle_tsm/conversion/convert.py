"""From one layout and file format to another: the same network under other names."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from paddle_tsm.checkpoint import CheckpointError, write_checkpoint
from paddle_tsm.checkpoint.write import format_of_name
from paddle_tsm.conversion.non_local_bias import absorb_out_bias, with_zero_bias
from paddle_tsm.files.atomic import atomic_path
from paddle_tsm.files.digest import sha256_of
from paddle_tsm.files.kept_inputs import keep_inputs
from paddle_tsm.layouts.key_table import expand, is_step_counter
from paddle_tsm.layouts.layout import Layout
from paddle_tsm.layouts.network_file import NetworkFile, read_network
from paddle_tsm.layouts.record import METADATA_KEY
from paddle_tsm.layouts.registry import layout_named
from paddle_tsm.networks.network import Network
from paddle_tsm.networks.shift_order import in_order


@dataclass(frozen=True)
class ConversionPlan:
    """How a network goes into a layout: the network as the target's system runs it and its canonical tensors there.

    kind: "exact" (renamed only), "permuted" (two folds of channels exchanged) or "absorbed" (a bias went into a
    BatchNorm, which rounds one statistic).
    """

    layout: Layout
    network: Network
    tensors: dict[str, np.ndarray]
    kind: str


@dataclass(frozen=True)
class Conversion:
    """What was read and what was written. difference: of the two networks' logits, relative; None where not verified,
    or where the source holds NaN or infinity, which proves nothing.
    """

    source: NetworkFile
    destination: str
    plan: ConversionPlan
    difference: float | None


def convert(
    source,
    destination,
    from_layout: str = "auto",
    to_layout: str = "canonical",
    allow_nan: bool = False,
    verify: bool = True,
    network: str | None = None,
    **options,
) -> Conversion:
    """Write the network in the file `source` to `destination` in another layout.

    The suffix of `destination` says the format: .safetensors, .pdparams, .pth (also .pt, .pth.tar). No tensor's dtype
    changes. verify: run both, the source as its system runs it and the written file as its own does, on a random clip
    in float64 before the new file takes its name. network: the key of one of several networks in the source. options:
    as for `create_model`, where the source cannot say them; they are recorded in the new file, and with them what the
    source says of the network's input and classes (`layouts.record`). Raises CheckpointError for a source that is not
    exactly a known network, a network that the target's system cannot run, a destination that cannot be written, or a
    written file that proves to differ.
    """
    target, file_format = layout_named(to_layout), format_of_name(destination)
    try:
        keep_inputs({"destination": destination}, (source,))
    except ValueError as error:
        raise CheckpointError(error) from None
    found = read_network(source, layout=from_layout, allow_nan=allow_nan, network=network, **options)
    try:
        plan = plan_conversion(found.network, found.tensors, target, found.layout, options.get("shift_order"))
    except ValueError as error:
        raise CheckpointError(f"{source}: cannot become {target.name}: {error}") from error
    origin = provenance(found, plan)
    record = json.dumps(origin)
    with atomic_path(destination) as temporary:
        write_network(temporary, plan, file_format, record)
        difference = None
        if verify:
            from paddle_tsm.conversion.verify import written_difference

            counters = origin.get("step_counters")
            difference = written_difference(found, temporary, plan, str(destination), counters, allow_nan)
    return Conversion(found, str(destination), plan, difference)


def plan_conversion(
    network: Network, tensors: dict[str, np.ndarray], target: Layout, source: Layout, asked_order: str | None = None
) -> ConversionPlan:
    """What becomes of the network in the target's layout. Raises ValueError, saying why, where its system cannot run
    it.

    A layout that says nothing of the shift keeps `asked_order`, or goes to upstream's (future_first).
    """
    order = network.shift_order
    if order != "causal":
        order = target.shift_order or asked_order or "future_first"
        order = network.shift_order if order == "causal" else order
    reason = target.why_not(network)
    if reason:
        raise ValueError(f"{target.name} {reason}" if not reason.startswith(target.name) else reason)
    kind = "exact"
    if network.is_shift and order != network.shift_order:
        kind = "permuted"
    network, tensors = in_order(network, tensors, order)
    if network.non_local is not None:
        has_bias = network.non_local.out_bias
        no_op = has_bias and not any(
            array.any() for name, array in tensors.items() if name.endswith(".non_local.out.bias")
        )
        if has_bias and (target.non_local_bias is False or target.non_local_bias is None and no_op):
            network, tensors = absorb_out_bias(network, tensors)
            kind = kind if no_op else "absorbed"
        elif target.non_local_bias and not has_bias:
            network, tensors = with_zero_bias(network, tensors)
    if target.step_counters and not source.step_counters:
        tensors = {
            name: tensors.get(name, np.zeros((), "int64"))
            for name in network.shapes()
            if name in tensors or is_step_counter(name)
        }
    return ConversionPlan(target, network, tensors, kind)


def write_network(path, plan: ConversionPlan, file_format: str, record: str) -> None:
    """Write the plan's tensors under the target's names, Linear weights in the orientation of the target's files."""
    entries = expand(plan.layout, plan.network, plan.layout.transposes_linear(file_format))
    tensors = {
        entry.key: plan.tensors[entry.canonical].T if entry.transposed else plan.tensors[entry.canonical]
        for entry in entries
        if entry.canonical in plan.tensors  # a file may come without BatchNorm's step counters
    }
    write_checkpoint(
        path,
        tensors,
        wrapper=plan.layout.wrapper if file_format == "torch-zip" else (),
        metadata={METADATA_KEY: record},
        format=file_format,
    )


def provenance(found: NetworkFile, plan: ConversionPlan) -> dict:
    """Where a written file comes from, its network's options and input, and the step counters that its layout cannot
    hold.
    """
    try:
        tool = version("paddle-tsm")
    except PackageNotFoundError:
        tool = "unknown"
    record = {
        "network": asdict(plan.network),
        "input": found.input.known(),
        "source": os.path.basename(found.checkpoint.path),
        "sha256": sha256_of(found.checkpoint.path),
        "layouts": [found.layout.name, plan.layout.name],
        "conversion": plan.kind,
        "tool": f"paddle-tsm {tool}",
    }
    if not plan.layout.step_counters:
        record["step_counters"] = {name: int(array) for name, array in plan.tensors.items() if is_step_counter(name)}
    return record
