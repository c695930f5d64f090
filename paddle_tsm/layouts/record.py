"""The record that paddle-tsm puts into every network file that it writes: the network's options, what it was trained
on, and where it comes from.

It is a part of the file (`write_checkpoint(metadata=)`), so another file under the same name has none, and a file that
is moved keeps it. Earlier versions wrote FILE.json beside the file, without its digest: that is not believed, whatever
it says.
"""

from __future__ import annotations

import json
import os

from paddle_tsm.checkpoint import Checkpoint
from paddle_tsm.layouts.network_input import NetworkInput
from paddle_tsm.layouts.registry import LAYOUTS

METADATA_KEY = "paddle_tsm"
LARGEST_BESIDE = 1 << 20  # bytes; a record has thousands


def read_record(checkpoint: Checkpoint) -> dict:
    """The record in the file; {} for a file of another origin. Raises ValueError where it cannot be understood."""
    if METADATA_KEY not in checkpoint.metadata:
        return {}
    try:
        record = json.loads(checkpoint.metadata[METADATA_KEY])
        record["network"].items()
        return record
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise damaged(error) from error


def recorded_options(checkpoint: Checkpoint) -> dict:
    """The network's options in the file's record, and `step_counters`; {} where there is no record. Raises ValueError."""
    record = read_record(checkpoint)
    try:
        options = {name: value for name, value in record.get("network", {}).items() if name != "arch"}
        return options | ({"step_counters": dict(record["step_counters"])} if "step_counters" in record else {})
    except (ValueError, TypeError) as error:
        raise damaged(error) from error


def recorded_input(checkpoint: Checkpoint) -> NetworkInput:
    """What the file's record says of the network's input. A file that a version without such records converted says at
    least which system it came from. Raises ValueError.
    """
    record = read_record(checkpoint)
    try:
        if "input" in record:
            return NetworkInput(**record["input"])
        source = LAYOUTS.get(record.get("layouts", [None])[0])
        return NetworkInput(preset=source and source.preset)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise damaged(error) from error


def damaged(error: Exception) -> ValueError:
    return ValueError(
        f"the record that paddle-tsm put into the file is damaged ({error}); convert the original file again"
    )


def unbelieved(path) -> str | None:
    """What to say of a record beside the file `path`, as earlier versions wrote; None where there is none."""
    beside = f"{os.fspath(path)}.json"
    try:
        if os.path.getsize(beside) > LARGEST_BESIDE:
            return None
        with open(beside, encoding="utf-8") as file:
            record = json.load(file)
        if not isinstance(record, dict) or not isinstance(record["network"], dict):
            return None
    except (OSError, ValueError, KeyError, RecursionError):
        return None
    return (
        f"{beside} is not believed: an earlier version wrote it, and nothing shows that it belongs to this file; where you "
        "know that it does, give its options, as --shift-div and --num-segments"
    )
