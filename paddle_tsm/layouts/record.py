"""The record that paddle-tsm puts into every network file that it writes.

It says which options the network has, what it was trained on, and which file it was made from. The record is a part of
the file (`write_checkpoint(metadata=)`): it stays in a file that is moved, and no other file under the same name has
it. Earlier versions wrote it as FILE.json beside the file, without a digest of the file. Such a record is not believed,
because nothing shows that it belongs to the file.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field

from paddle_tsm.checkpoint import Checkpoint
from paddle_tsm.layouts.key_edits import KeyEdits, key_edits
from paddle_tsm.layouts.network_input import NetworkInput
from paddle_tsm.layouts.registry import LAYOUTS

METADATA_KEY = "paddle_tsm"
LARGEST_BESIDE = 1 << 20  # bytes of a FILE.json; a record has some thousands


@dataclass(frozen=True)
class Record:
    """What a file's record says; a file of another origin has the empty Record.

    options: the network's options. step_counters: canonical name -> value, for a layout whose files have none; None
    where the file holds its own. input: how clips become the network's input, and its classes. source: the name of the
    file that it was converted from, and edits, what was changed of that file's keys.
    """

    options: dict = field(default_factory=dict)
    step_counters: dict | None = None
    input: NetworkInput = NetworkInput()
    source: str | None = None
    edits: KeyEdits = KeyEdits()


def read_record(checkpoint: Checkpoint) -> Record:
    """The record in the file. Raises ValueError for a damaged one."""
    if METADATA_KEY not in checkpoint.metadata:
        return Record()
    try:
        content = json.loads(checkpoint.metadata[METADATA_KEY])
        options = {name: value for name, value in content["network"].items() if name != "arch"}
        counters = dict(content["step_counters"]) if "step_counters" in content else None
        source, edits = content.get("source"), key_edits(**content.get("keys", {}))
        return Record(options, counters, input_of(content), source, edits)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise ValueError(damaged_record(error)) from error


def input_of(content: dict) -> NetworkInput:
    """The network's input in a record. One by a version that did not write it at least names the source's layout."""
    if "input" in content:
        return NetworkInput(**content["input"])
    source = LAYOUTS.get(content.get("layouts", [None])[0])
    return NetworkInput(preset=source.preset if source else None)


def damaged_record(error: object) -> str:
    """The message for a record that cannot be understood. error: why it cannot be."""
    return f"the record that paddle-tsm put into the file is damaged ({error}); convert the original file again"


def remark_on_record_beside(path: str | os.PathLike) -> str | None:
    """A remark on the record that an earlier version wrote beside the file `path`; None where there is none."""
    beside = f"{os.fspath(path)}.json"
    try:
        if os.path.getsize(beside) > LARGEST_BESIDE:
            return None
        with open(beside, encoding="utf-8") as file:
            content = json.load(file)
        if not isinstance(content, dict) or not isinstance(content["network"], dict):
            return None
    except (OSError, ValueError, KeyError, RecursionError):
        return None
    return (
        f"{beside} is not believed: an earlier version wrote it, and nothing shows that it belongs to this file; if it "
        "does, give its options, such as --shift-div and --num-segments"
    )
