"""What a checkpoint file says of its network, and what it cannot say."""

from __future__ import annotations

import shlex
from collections import Counter
from typing import Any

from paddle_tsm.checkpoint.inert_objects import Skipped
from paddle_tsm.layouts.key_table import is_step_counter
from paddle_tsm.layouts.limits import NO_CAFFE_STYLE, NO_GROUPS
from paddle_tsm.layouts.network_file import NetworkFile
from paddle_tsm.layouts.recognise import options_of_tensors
from paddle_tsm.layouts.record import remark_on_record_beside
from paddle_tsm.networks.flops import count_flops
from paddle_tsm.networks.network import Network

OPTIONS = (
    "is_shift",
    "shift_place",
    "shift_every",
    "temporal_pool",
    "num_segments",
    "shift_div",
    "shift_segments",
    "shift_order",
    "caffe_style",
)
# The options that no layout's keys say, with the reason.
NEVER_IN_KEYS = {
    "num_segments": "the weights are the same for any number of frames",
    "shift_div": "the weights are the same for any fold",
    "shift_segments": "the weights are the same for groups of any length",
    "shift_order": "the weights have the same names in either direction",
    "caffe_style": "the weights have the same names and shapes in either style",
}
# Values of "why" that `describe` gives.
GIVEN = "given"
RECORDED = "recorded when paddle-tsm wrote the file"
NOT_RECORDED = "not recorded; the default"


def describe(found: NetworkFile, given: dict[str, Any]) -> dict[str, Any]:
    """Everything that `inspect` prints, as plain values. given: the options that the caller named.

    "read": the options that the keys say. "assumed": {option: {"value", "why"}}, those that they cannot say. "input":
    {"preset", ...: {"value", "why"}}, how clips become input, and the classes' names. "converted": what was changed of
    the keys when paddle-tsm wrote the file, or None. "not believed": a remark on a
    record beside the file, or None.
    """
    network, checkpoint = found.network, found.checkpoint
    weights = {name: array for name, array in found.tensors.items() if not is_step_counter(name)}
    dtypes = Counter(array.dtype.name for array in weights.values())
    size = found.input.filled().size
    assert size is not None
    read, assumed = describe_options(found, given)
    return {
        "file": checkpoint.path,
        "format": checkpoint.format,
        "network at": ".".join(checkpoint.wrapper) or "the file itself",
        "beside it": sorted(map(described_aside, checkpoint.aside, checkpoint.aside.values())),
        "keys": found.notes(),
        "converted": describe_conversion(found),
        "layout": found.layout.name,
        "architecture": network.arch,
        "classes": network.num_classes,
        "dtype": ", ".join(f"{name} ({count})" if len(dtypes) > 1 else name for name, count in dtypes.most_common()),
        "tensors": len(found.tensors),
        "parameters": sum(array.size for name, array in weights.items() if ".running_" not in name),
        "flops": count_flops(network, size),
        "flops of": f"one clip of {network.num_segments}x{size}x{size}, multiply-adds",
        "read": read,
        "assumed": assumed,
        "input": describe_input(found),
        "not believed": remark_on_record_beside(checkpoint.path),
    }


def described_aside(key: object, value: object) -> str:
    """The key of something beside the network; of an object that was not read, also what it is."""
    name = key.name if isinstance(key, Skipped) else str(key)
    return f"{name} (a {value.name}, skipped)" if isinstance(value, Skipped) else name


def describe_options(found: NetworkFile, given: dict[str, Any]) -> tuple[dict[str, Any], dict[str, dict]]:
    """("read", "assumed") of `describe`."""
    network, recorded = found.network, found.record.options
    read: dict[str, Any] = {}
    told = told_by_tensors(found)
    assumed: dict[str, dict] = {}
    for name in OPTIONS:
        if not network.is_shift and name.startswith("shift_"):
            continue
        if name == "shift_segments" and (network.temporal_pool or NO_GROUPS in found.layout.limits):
            continue
        if name == "caffe_style" and (not can_be_caffe(network) or NO_CAFFE_STYLE in found.layout.limits):
            continue
        value = effective_value(network, name)
        if name in told:
            read[name] = value
        elif name in given:
            assumed[name] = {"value": value, "why": GIVEN}
        elif name in recorded:
            assumed[name] = {"value": value, "why": RECORDED}
        elif name not in NEVER_IN_KEYS and found.layout.keys_tell_shift:
            read[name] = value
        else:
            assumed[name] = {"value": value, "why": why_assumed(found, name)}
    read |= told
    if network.in_channels != Network.in_channels:
        read["in_channels"] = network.in_channels
    if network.non_local:
        read["non_local"] = {"blocks": network.non_local.blocks, "sub_sample": network.non_local.sub_sample}
        mode = network.non_local.mode
        if mode in ("gaussian", "concatenation"):
            read["non_local"]["mode"] = mode
        elif "non_local" in given:
            assumed["non_local mode"] = {"value": mode, "why": GIVEN}
        elif "non_local" in recorded:
            assumed["non_local mode"] = {"value": mode, "why": RECORDED}
        else:
            why = "embedded_gaussian and dot_product have the same keys"
            assumed["non_local mode"] = {"value": mode, "why": why}
    return read, assumed


def told_by_tensors(found: NetworkFile) -> dict[str, Any]:
    """The options that names and shapes say in every layout: which variant of its family the network is, and the frames
    that it weighs.
    """
    names = {entry.key: entry.canonical for entry in found.entries}
    told = options_of_tensors(found.network, names, {entry.key: entry.shape for entry in found.entries})
    return {name: value for name, value in told.items() if name != "in_channels"}


def can_be_caffe(network: Network) -> bool:
    """Whether a network with these tensors may have the strides of Caffe's style."""
    return network.family.has_caffe_style and network.family.bottleneck(network.depth)


def effective_value(network: Network, option: str) -> Any:
    """The value of an option, or what its None means in this network."""
    if option == "shift_every":
        return network.every
    return network.shifted_segments(1) if option == "shift_segments" else getattr(network, option)


def describe_conversion(found: NetworkFile) -> str | None:
    """The changes to the source's keys that the record names, as the flags that asked for them; None without any."""
    flags = found.record.edits.flags()
    return f"from {found.record.source} with {shlex.join(flags)}" if flags else None


def describe_input(found: NetworkFile) -> dict[str, dict]:
    """{"preset", "size", ...: {"value", "why"}}: the recorded values, and those that are taken for the rest."""
    recorded, taken = found.record.input.known(), found.input.filled().known()
    why = dict.fromkeys(recorded, RECORDED)
    if "preset" not in recorded and found.input.preset:
        why["preset"] = f"the pixels of {found.layout.name}'s system"
    return {name: {"value": value, "why": why.get(name, NOT_RECORDED)} for name, value in taken.items()}


def why_assumed(found: NetworkFile, name: str) -> str:
    """Why the keys cannot say an option, and where the assumed value comes from."""
    layout = found.layout
    if name == "shift_div" and name in layout.assumed:
        return f"{layout.name} shifts 1 / num_segments of the channels"
    if name in layout.assumed or name == "shift_order" and layout.shift_order:
        return f"what {layout.name} runs"
    if name in NEVER_IN_KEYS:
        return f"{NEVER_IN_KEYS[name]}; the default"
    hint = ""
    if name == "is_shift" and layout.tables is None:
        hint = " (torchvision's plain ResNet has the same keys: --no-shift)"
    return f"{layout.name} keys do not wrap what is shifted; the default{hint}"
