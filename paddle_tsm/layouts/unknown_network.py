"""What `inspect` says of a file whose keys are not exactly a known network's."""

from __future__ import annotations

import os
import shlex
from typing import Any

from paddle_tsm.checkpoint import CheckpointError, read_checkpoint
from paddle_tsm.checkpoint.path_advice import shard_advice
from paddle_tsm.layouts.key_edits import key_edits
from paddle_tsm.layouts.nearest_network import NearestNetwork, nearest_network
from paddle_tsm.layouts.suggested_edits import suggested_edits


def describe_unknown(
    path: str | os.PathLike, layout: str = "auto", network: str | None = None, **changes: Any
) -> dict[str, Any] | None:
    """Everything that `inspect` prints of a file that `read_network` refused, as plain values.

    None where another reason than its keys and shapes must have kept the file from being read. layout, network, changes
    (strip_prefix, rename, ignore): as for `read_network`.

    "tensors": (key, shape, dtype) of each. "nearest": the nearest known network, with "missing", "unexpected" and
    "misshapen", as keys of its layout; None where none is near. "loads with": the command that converts the file; None
    where no change of names makes it load, for the reason in "why not".
    """
    try:
        checkpoint = read_checkpoint(path, network)
        edits = key_edits(**changes)
        nearest = nearest_network(checkpoint, layout, edits)
    except (CheckpointError, ValueError):
        return None
    if shard_advice(path) or nearest is not None and not nearest.differs():
        return None
    description: dict[str, Any] = {
        "file": checkpoint.path,
        "format": checkpoint.format,
        "network at": ".".join(checkpoint.wrapper) or "the file itself",
        "tensors": [(key, array.shape, array.dtype.name) for key, array in checkpoint.tensors.items()],
        "nearest": None if nearest is None else describe_nearest(nearest),
        "loads with": None,
        "why not": None,
        "remarks": [],
    }
    if nearest is None:
        return description
    suggested = suggested_edits(checkpoint, nearest, edits)
    if suggested.error is None:
        words = ["paddle-tsm", "convert", checkpoint.path, "DST", *(["--network", network] if network else [])]
        description["loads with"] = shlex.join([*words, *suggested.flags()])
    else:
        description["why not"] = suggested.error
    description["remarks"] = remarks(nearest, suggested.ignored)
    return description


def describe_nearest(nearest: NearestNetwork) -> dict[str, Any]:
    """The nearest network and the file's differences from it."""
    return {
        "layout": nearest.layout.name,
        "architecture": nearest.network.arch,
        "prefix": nearest.prefix,
        "fits": nearest.fits,
        "missing": nearest.missing,
        "unexpected": nearest.unexpected,
        "misshapen": {key: {"found": found, "wanted": wanted} for key, (found, wanted) in nearest.misshapen.items()},
    }


def remarks(nearest: NearestNetwork, ignored: int) -> list[str]:
    """What a user has to know before doing as is suggested."""
    lines = []
    if len(nearest.heads) > 1:
        lines.append(f"{', '.join(nearest.heads)} could each be the classifier; {nearest.heads[0]} is taken")
    if ignored:
        lines.append(
            f"without the ignored tensors ({ignored}) it is another network, unless only the training used them"
        )
    return lines
