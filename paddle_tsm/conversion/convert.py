"""A checkpoint from one layout and file format to another."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from paddle_tsm.checkpoint import CheckpointError, write_checkpoint
from paddle_tsm.checkpoint.write import format_of_name
from paddle_tsm.conversion.plan import ConversionPlan, plan_conversion
from paddle_tsm.files.atomic import atomic_path
from paddle_tsm.files.digest import sha256_of
from paddle_tsm.files.kept_inputs import keep_inputs
from paddle_tsm.layouts.key_table import expand, is_step_counter
from paddle_tsm.layouts.network_file import NetworkFile, read_network
from paddle_tsm.layouts.record import METADATA_KEY
from paddle_tsm.layouts.registry import layout_named


@dataclass(frozen=True)
class Conversion:
    """What was read and what was written.

    difference: the largest difference between the two networks' logits, over the largest logit. None where they were
    not compared, or where NaN or infinity in the source made a comparison worthless.
    """

    source: NetworkFile
    destination: str
    plan: ConversionPlan
    difference: float | None


def convert(
    source: str | os.PathLike,
    destination: str | os.PathLike,
    from_layout: str = "auto",
    to_layout: str = "canonical",
    allow_nan: bool = False,
    verify: bool = True,
    network: str | None = None,
    strip_prefix: str | None = None,
    rename: Mapping[str, str] | None = None,
    ignore: str | Iterable[str] = (),
    fuse: bool = False,
    **options: Any,
) -> Conversion:
    """Write the network in the file `source` to the file `destination` in another layout.

    from_layout, to_layout: names of layouts; "auto" finds the source's. The suffix of `destination` chooses the format:
    .safetensors, .pdparams, or .pth (also .pt and .pth.tar). No tensor's dtype changes. allow_nan: go on where the
    source holds NaN or infinity. verify: run both networks on a random clip in float64, each as its own system runs it,
    before the new file takes its name. network: the key of one of several networks in the source. strip_prefix, rename,
    ignore: changes to the source's keys, as for `load_model`; the record names them. fuse: write the fused form of a
    network that has re-parameterised convolutions (see `networks.branch_fusion`). options: as for `create_model`, where
    the source cannot say them. The new file records them, with what the source records of the network's input and
    classes (`layouts.record`).

    Raises CheckpointError for a source that is not exactly a known network, a network that the target's system cannot
    run, a destination that cannot be written, and a written network that differs.
    """
    target, file_format = layout_named(to_layout), format_of_name(destination)
    try:
        keep_inputs({"destination": destination}, (source,))
    except ValueError as error:
        raise CheckpointError(error) from None
    edits: dict[str, Any] = {"strip_prefix": strip_prefix, "rename": rename, "ignore": ignore}
    found = read_network(source, layout=from_layout, allow_nan=allow_nan, network=network, **edits, **options)
    try:
        plan = plan_conversion(found.network, found.tensors, target, found.layout, options.get("shift_order"), fuse)
    except ValueError as error:
        raise CheckpointError(f"{source}: cannot become {target.name}: {error}") from error
    origin = provenance(found, plan)
    record = json.dumps(origin)
    with atomic_path(destination) as temporary:
        try:
            write_network(temporary, plan, file_format, record)
        except CheckpointError as error:  # it names the temporary file
            raise CheckpointError(str(error).replace(temporary, str(destination))) from None
        difference = None
        if verify:
            from paddle_tsm.conversion.verify import verify_written  # here: only the proof needs Paddle

            counters = origin.get("step_counters")
            difference = verify_written(found, temporary, plan, str(destination), counters, allow_nan)
    return Conversion(found, str(destination), plan, difference)


def write_network(path: str, plan: ConversionPlan, file_format: str, record: str) -> None:
    """Write the plan's tensors under the target's keys, and Linear weights in the orientation of the target's files.

    record: what the file says of itself, as JSON.
    """
    entries = expand(plan.layout, plan.network, plan.layout.transposes_linear(file_format))
    tensors = {
        entry.key: plan.tensors[entry.canonical].T if entry.transposed else plan.tensors[entry.canonical]
        for entry in entries
        if entry.canonical in plan.tensors  # a source may lack BatchNorm's step counters
    }
    write_checkpoint(
        path,
        tensors,
        wrapper=plan.layout.wrapper if file_format == "torch-zip" else (),
        metadata={METADATA_KEY: record},
        format=file_format,
    )


def provenance(found: NetworkFile, plan: ConversionPlan) -> dict:
    """The record of a written file: its network's options and input, the source's name and digest, the two layouts, and
    the step counters that the layout cannot hold.
    """
    try:
        tool = version("paddle-tsm")
    except PackageNotFoundError:
        tool = "unknown"
    record: dict[str, Any] = {
        "network": asdict(plan.network),
        "input": found.input.known(),
        "source": os.path.basename(found.checkpoint.path),
        "sha256": sha256_of(found.checkpoint.path),
        "layouts": [found.layout.name, plan.layout.name],
        "conversion": plan.kind,
        "tool": f"paddle-tsm {tool}",
    }
    if found.named.edits.flags():
        record["keys"] = found.named.edits.as_record()
    if not plan.layout.step_counters:
        record["step_counters"] = {name: int(array) for name, array in plan.tensors.items() if is_step_counter(name)}
    return record
