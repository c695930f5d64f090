"""What a checkpoint file says, and what it cannot say."""

from __future__ import annotations

from collections import Counter

from paddle_tsm.layouts.key_table import is_step_counter
from paddle_tsm.layouts.network_file import NetworkFile
from paddle_tsm.layouts.record import recorded_options, unbelieved
from paddle_tsm.networks.flops import count_flops

# options that no layout's keys hold
NEVER_IN_KEYS = {
    "num_segments": "the weights are the same for any number of frames",
    "shift_div": "the weights are the same for any fold",
    "shift_order": "the weights have the same names in either direction",
}


def describe(found: NetworkFile, given: dict) -> dict:
    """Everything that `inspect` prints, as plain values. `given`: the options that the caller named.

    "read": options that the keys say; "assumed": {option: {"value", "why"}} for those that they cannot say; "input":
    the same of how clips become input, and of the classes' names; "not believed": a record that lies beside the file,
    or None.
    """
    network, checkpoint = found.network, found.checkpoint
    recorded = recorded_options(checkpoint)
    dtypes = Counter(array.dtype.name for name, array in found.tensors.items() if not is_step_counter(name))
    parameters = sum(
        array.size for name, array in found.tensors.items() if ".running_" not in name and not is_step_counter(name)
    )
    read, assumed, size = {}, {}, found.input.filled().size
    for name in ("is_shift", "shift_place", "shift_every", "temporal_pool", "num_segments", "shift_div", "shift_order"):
        value = network.every if name == "shift_every" else getattr(network, name)
        if not network.is_shift and name.startswith("shift_"):
            continue
        if name in given:
            assumed[name] = {"value": value, "why": "given"}
        elif name in recorded:
            assumed[name] = {"value": value, "why": "recorded when paddle-tsm wrote the file"}
        elif name not in NEVER_IN_KEYS and found.layout.keys_tell_shift:
            read[name] = value
        else:
            assumed[name] = {"value": value, "why": why_assumed(found, name)}
    if network.non_local:
        read["non_local"] = {"blocks": network.non_local.blocks, "sub_sample": network.non_local.sub_sample}
        if network.non_local.mode in ("gaussian", "concatenation"):
            read["non_local"]["mode"] = network.non_local.mode
        else:
            why = (
                "given"
                if "non_local" in given
                else "recorded when paddle-tsm wrote the file"
                if "non_local" in recorded
                else "embedded_gaussian and dot_product have the same keys"
            )
            assumed["non_local mode"] = {"value": network.non_local.mode, "why": why}
    return {
        "file": checkpoint.path,
        "format": checkpoint.format,
        "network at": ".".join(checkpoint.wrapper) or "the file itself",
        "beside it": sorted(map(str, checkpoint.aside)),
        "keys": found.named.notes(),
        "layout": found.layout.name,
        "architecture": network.arch,
        "classes": network.num_classes,
        "dtype": ", ".join(f"{name} ({count})" if len(dtypes) > 1 else name for name, count in dtypes.most_common()),
        "tensors": len(found.tensors),
        "parameters": parameters,
        "flops": count_flops(network, size),
        "flops of": f"one clip of {network.num_segments}x{size}x{size}, multiply-adds",
        "read": read,
        "assumed": assumed,
        "input": describe_input(found),
        "not believed": unbelieved(checkpoint.path),
    }


def describe_input(found: NetworkFile) -> dict:
    """{"preset", "size", ...: {"value", "why"}}: what was recorded, and what is taken for the rest."""
    recorded, taken = found.recorded_input.known(), found.input.filled().known()
    why = dict.fromkeys(recorded, "recorded when paddle-tsm wrote the file")
    if "preset" not in recorded:
        why["preset"] = (
            f"the pixels of {found.layout.name}'s system" if found.input.preset else "not recorded; the default"
        )
    return {name: {"value": value, "why": why.get(name, "not recorded; the default")} for name, value in taken.items()}


def why_assumed(found: NetworkFile, name: str) -> str:
    """Why the keys cannot say an option, and where the value that was taken comes from."""
    if name in found.layout.assumed:
        if name == "shift_div":
            return f"{found.layout.name} shifts 1 / num_segments of the channels"
        return f"what {found.layout.name} runs"
    if name == "shift_order" and found.layout.shift_order:
        return f"what {found.layout.name} runs"
    if name in NEVER_IN_KEYS:
        return f"{NEVER_IN_KEYS[name]}; the default"
    same = (
        " (torchvision's plain ResNet has the same keys: --no-shift)"
        if name == "is_shift" and found.layout.tables is None
        else ""
    )
    return f"{found.layout.name} keys do not wrap what is shifted; the default{same}"
