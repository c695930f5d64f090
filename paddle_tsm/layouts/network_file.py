"""A checkpoint as a network: its description and its tensors under canonical names."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from paddle_tsm.checkpoint import Checkpoint, CheckpointError, read_checkpoint
from paddle_tsm.checkpoint.path_advice import shard_advice
from paddle_tsm.checkpoint.wrapper import DISTILLED
from paddle_tsm.layouts.key_edits import KeyEdits, key_edits
from paddle_tsm.layouts.key_prefixes import NamedKeys, name_keys
from paddle_tsm.layouts.key_table import KeyEntry
from paddle_tsm.layouts.layout import Layout
from paddle_tsm.layouts.network_input import NetworkInput
from paddle_tsm.layouts.recognise import check_keys, recognise_network
from paddle_tsm.layouts.record import METADATA_KEY, Record, damaged_record, read_record
from paddle_tsm.networks.network import Network
from paddle_tsm.networks.shift_order import in_order, network_in_order, usual_order


@dataclass(frozen=True)
class NetworkFile:
    """What a checkpoint file holds.

    network: as the file's own system runs it. tensors: canonical name -> array in PyTorch's orientation, mapped from
    the file, in the shift order of `network`. asked_order: the shift order that was asked for. named: the file's keys,
    and what stood in front of their names. entries: each tensor's name, shape and orientation in the file. record: what
    paddle-tsm wrote into the file.
    """

    checkpoint: Checkpoint
    layout: Layout
    network: Network
    tensors: dict[str, np.ndarray]
    asked_order: str
    named: NamedKeys
    entries: tuple[KeyEntry, ...]
    record: Record

    def asked_network(self) -> Network:
        """The network in the shift order that was asked for. Raises ValueError, with advice, where there is none."""
        own, asked = self.network.shift_order, self.asked_order
        try:
            return network_in_order(self.network, asked)
        except ValueError as error:
            if "causal" in (own, asked):
                raise
            raise ValueError(f"{error}; --shift-order {own} (shift_order={own!r}) keeps the file's own order") from None

    def as_asked(self) -> tuple[Network, dict[str, np.ndarray]]:
        """The network and its tensors in the shift order that was asked for.

        Where that is not the file's own order, two folds of channels of every residual stream are exchanged. Raises
        ValueError where there is no such network.
        """
        return in_order(self.network, self.tensors, self.asked_order)

    def notes(self) -> list[str]:
        """A sentence for each thing that was done to find the network and to name its keys, for the user."""
        *outer, own = self.checkpoint.wrapper or ("",)
        beside: Any = self.checkpoint.aside
        for key in outer:
            beside = beside.get(key, {})
        student, teacher = DISTILLED
        if own != student or teacher not in beside:
            return self.named.notes()
        return [f"the student of a distillation; --network {teacher} (network=) takes its teacher", *self.named.notes()]

    @property
    def input(self) -> NetworkInput:
        """The recorded input. Where no preset was recorded, it is that of the system whose layout the file has."""
        recorded, of_pictures = self.record.input, self.network.in_channels == Network.in_channels
        usual = self.layout.preset if of_pictures else self.layout.flow_preset
        return recorded if recorded.preset else replace(recorded, preset=usual)


def read_network(
    path: str | os.PathLike,
    layout: str = "auto",
    allow_nan: bool = False,
    network: str | None = None,
    strip_prefix: str | None = None,
    rename: Mapping[str, str] | None = None,
    ignore: str | Iterable[str] = (),
    **options: Any,
) -> NetworkFile:
    """Read a checkpoint of any layout and format, strictly: every tensor is accounted for, by key and by shape.

    layout: "auto", or the name of a layout. network: which network, by its key, where the file holds several.
    strip_prefix, rename, ignore: changes to the file's keys, which are made first (see `key_edits.KeyEdits`). options:
    those of `create_model`; None stands for not given. They come before the options that the file records, and may not
    contradict what the keys say.
    Raises CheckpointError for a file that cannot be read, for keys or shapes that are not those of a known network, for
    a change of keys that concerns none, for a shift order that the network cannot have, and, unless `allow_nan`, for
    NaN or infinite weights.
    """
    checkpoint = read_checkpoint(path, network)
    given = {name: value for name, value in options.items() if value is not None}
    try:
        edits = key_edits(strip_prefix, rename, ignore)
        found = interpret(checkpoint, layout, read_record(checkpoint), edits, **given)
        found.asked_network()  # raises where there is none, before anyone asks for its tensors
        check_class_names(found)
    except ValueError as error:
        shard = shard_advice(path)
        raise CheckpointError(f"{path}: {shard} (alone: {error})" if shard else f"{path}: {error}") from error
    except (TypeError, KeyError, AttributeError, OverflowError) as error:
        if METADATA_KEY not in checkpoint.metadata:
            raise  # no record can be the cause, so that the fault is in this program
        raise CheckpointError(f"{path}: {damaged_record(repr(error))}") from error
    if not allow_nan:
        refuse_nan(path, {key: checkpoint.tensors[key] for key in found.named.keys.values()})
    return found


def interpret(
    checkpoint: Checkpoint,
    layout: str = "auto",
    record: Record | None = None,
    edits: KeyEdits = KeyEdits(),
    **options: Any,
) -> NetworkFile:
    """The network that the tensors of a checkpoint are. Raises ValueError where they are not exactly a known one's.

    record: the checkpoint's record, where it is to be believed. edits: changes to the keys. options: as for
    `read_network`.
    """
    record = Record() if record is None else record
    named = name_keys(checkpoint.tensors, layout, edits)
    system = named.layout
    arrays = {name: checkpoint.tensors[key] for name, key in named.keys.items()}
    shapes = {name: array.shape for name, array in arrays.items()}
    said = record.options | options
    own_order = own_shift_order(system, record.options.get("shift_order"), options.get("shift_order"))
    network = recognise_network(system, shapes, **(said | ({"shift_order": own_order} if own_order else {})))
    named_after = network.with_options(**system.naming_options(shapes))  # a caller's dropout changes no key
    entries = check_keys(system, named_after, shapes, system.transposes_linear(checkpoint.format))
    tensors = {e.canonical: arrays[e.key].T if e.transposed else arrays[e.key] for e in entries}
    if record.step_counters is not None:
        tensors = with_step_counters(network, tensors, record.step_counters)
    asked = options.get("shift_order") or (record.options.get("shift_order") if system.shift_order is None else None)
    asked = asked or usual_order(network)
    return NetworkFile(checkpoint, system, network, tensors, asked, named, tuple(entries), record)


def own_shift_order(layout: Layout, recorded: str | None, asked: str | None) -> str | None:
    """The shift order of the file's own network: its system's. A layout of no system leaves it to the record, then to
    the caller; None where nobody says.

    A caller may ask for "causal" in the layout of a system with the offline shift: the weights were then trained
    online, under the names of that system.
    """
    if layout.shift_order == "future_first" and asked == "causal":
        return asked
    return layout.shift_order or recorded or asked


def with_step_counters(
    network: Network, tensors: dict[str, np.ndarray], counters: Mapping[str, int]
) -> dict[str, np.ndarray]:
    """The tensors, completed by the step counters of BatchNorm that were recorded for a layout that has none."""
    complete = {}
    for name in network.shapes():
        if name in tensors:
            complete[name] = tensors[name]
        elif name in counters:
            complete[name] = np.array(int(counters[name]), "int64")
    return complete


def check_class_names(found: NetworkFile) -> None:
    """Raise ValueError where the record does not name as many classes as the network has."""
    names, classes = found.record.input.class_names, found.network.num_classes
    if names and len(names) != classes:
        raise ValueError(
            f"the record in the file names {len(names)} classes, the network has {classes}; is the file damaged?"
        )


def refuse_nan(path: str | os.PathLike, tensors: Mapping[str, np.ndarray]) -> None:
    """Raise CheckpointError, which names the first tensors with NaN or infinite values, if there are any."""
    bad = [name for name, array in tensors.items() if array.dtype.kind in "fV" and not np.isfinite(array).all()]
    if bad:
        more = f" and {len(bad) - 3} more" if len(bad) > 3 else ""
        raise CheckpointError(
            f"{path}: NaN or infinite values in {', '.join(bad[:3])}{more}; wanted finite weights, such as those of an "
            "earlier checkpoint (`paddle-tsm convert --allow-nan` and `paddle-tsm parity --allow-nan` accept these)"
        )
