"""A checkpoint as a network: its description and its tensors under canonical names."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from paddle_tsm.checkpoint import Checkpoint, CheckpointError, read_checkpoint
from paddle_tsm.checkpoint.path_advice import shard_advice
from paddle_tsm.layouts.key_table import KeyEntry
from paddle_tsm.layouts.layout import Layout
from paddle_tsm.layouts.network_input import NetworkInput
from paddle_tsm.layouts.recognise import check_keys, recognise_network
from paddle_tsm.layouts.record import recorded_input, recorded_options
from paddle_tsm.layouts.wrapper_names import NamedKeys, name_keys
from paddle_tsm.networks.network import Network
from paddle_tsm.networks.shift_order import in_order


@dataclass(frozen=True)
class NetworkFile:
    """What a file holds. `tensors`: canonical name -> array in PyTorch's orientation, mapped from the file.

    network, tensors: as the file's own system runs them. asked_order: the shift order that was asked for. named: the
    file's keys and what stood around them. entries: each tensor's name, shape and orientation in the file.
    """

    checkpoint: Checkpoint
    layout: Layout
    network: Network
    tensors: dict[str, np.ndarray]
    asked_order: str
    named: NamedKeys
    entries: tuple[KeyEntry, ...]

    def as_asked(self) -> tuple[Network, dict[str, np.ndarray]]:
        """The same network and its tensors in the shift order that was asked for: where that is not the file's own, two
        folds of channels of every residual stream are exchanged. Raises ValueError where there is no such network."""
        return in_order(self.network, self.tensors, self.asked_order)

    @property
    def recorded_input(self) -> NetworkInput:
        """What the file's record says of how clips become the network's input, and of its classes."""
        return recorded_input(self.checkpoint)

    @property
    def input(self) -> NetworkInput:
        """The same; where no preset was recorded, that of the system whose layout the file has."""
        recorded = self.recorded_input
        return recorded if recorded.preset else replace(recorded, preset=self.layout.preset)


def read_network(
    path, layout: str = "auto", allow_nan: bool = False, network: str | None = None, **options
) -> NetworkFile:
    """Read a checkpoint of any layout and format, strictly: every tensor is accounted for, by key and by shape.

    layout: "auto" or a layout's name. network: the key of one of several networks in the file. options: those of
    `create_model`; None is as good as not given. They come before what paddle-tsm recorded in the file, and may not
    contradict what the keys say.
    Raises CheckpointError for a file that cannot be read, whose keys or shapes are not those of a known network, or,
    unless `allow_nan`, that holds NaN or infinite weights.
    """
    checkpoint = read_checkpoint(path, network)
    given = {name: value for name, value in options.items() if value is not None}
    try:
        recorded = recorded_options(checkpoint)
        found = interpret(checkpoint, layout, recorded, **given)
        found.as_asked()
        check_input(found)
    except ValueError as error:
        shard = shard_advice(path)
        raise CheckpointError(f"{path}: {shard} (alone: {error})" if shard else f"{path}: {error}") from error
    except (TypeError, KeyError, AttributeError, OverflowError) as error:
        if not recorded:
            raise  # a fault of ours, not of the record
        raise CheckpointError(
            f"{path}: the record that paddle-tsm put into the file is damaged ({error!r}); convert the original file again"
        ) from error
    if not allow_nan:
        refuse_nan(path, checkpoint.tensors)
    return found


def interpret(checkpoint: Checkpoint, layout: str = "auto", recorded: dict | None = None, **options) -> NetworkFile:
    """What network a checkpoint's tensors are. Raises ValueError where they are not exactly a known one's.

    recorded: the options of its record; `options` come before them.
    """
    recorded = dict(recorded or {})
    named = name_keys(checkpoint.tensors, layout)
    found = named.layout
    arrays = {name: checkpoint.tensors[key] for name, key in named.keys.items()}
    shapes = {name: array.shape for name, array in arrays.items()}
    counters = recorded.pop("step_counters", None)
    own_order = own_shift_order(found, recorded, options)
    network = recognise_network(
        found, shapes, **(recorded | options | ({"shift_order": own_order} if own_order else {}))
    )
    in_file = network.with_options(**found.naming_options(shapes))  # a caller's dropout changes no key
    entries = check_keys(found, in_file, shapes, found.transposes_linear(checkpoint.format))
    tensors = {e.canonical: arrays[e.key].T if e.transposed else arrays[e.key] for e in entries}
    if counters is not None:
        tensors = with_step_counters(network, tensors, counters)
    asked = options.get("shift_order") or (recorded.get("shift_order") if found.shift_order is None else None)
    default = "causal" if network.shift_order == "causal" else "future_first"
    return NetworkFile(checkpoint, found, network, tensors, asked or default, named, tuple(entries))


def own_shift_order(layout: Layout, recorded: dict, options: dict) -> str | None:
    """The shift order that the file's network has: its system's own; where that says nothing, the recorded one, then
    the one that was asked for. "causal" for a system of the offline shift is the caller's statement that the weights in
    its layout were trained online.
    """
    asked = options.get("shift_order")
    if layout.shift_order == "future_first" and asked == "causal":
        return asked
    return layout.shift_order or recorded.get("shift_order") or asked


def with_step_counters(network: Network, tensors: dict[str, np.ndarray], counters: dict) -> dict[str, np.ndarray]:
    """The tensors with BatchNorm's step counters, from the record of a conversion to a layout that has none."""
    complete = {}
    for name in network.shapes():
        if name in tensors:
            complete[name] = tensors[name]
        elif name in counters:
            complete[name] = np.array(int(counters[name]), "int64")
    return complete


def check_input(found: NetworkFile) -> None:
    """Raise ValueError where the record of the network's input is damaged, or is not of this network."""
    names, classes = found.input.class_names, found.network.num_classes
    if names and len(names) != classes:
        raise ValueError(
            f"the record in the file names {len(names)} classes, the network has {classes}; is the file damaged?"
        )


def refuse_nan(path, tensors: dict[str, np.ndarray]) -> None:
    """Raise CheckpointError naming the first tensors with values that are NaN or infinite."""
    bad = [name for name, array in tensors.items() if array.dtype.kind in "fV" and not np.isfinite(array).all()]
    if bad:
        more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
        raise CheckpointError(
            f"{path}: NaN or infinite values in {', '.join(bad[:3])}{more}; wanted finite weights, such as those of an earlier "
            "checkpoint (`paddle-tsm convert --allow-nan` and `paddle-tsm parity --allow-nan` go on with these)"
        )
