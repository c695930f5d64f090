"""A network in several files, which an index names: {"weight_map": {tensor's name: file beside the index}}.

Source: huggingface_hub serialization/_base.py (`model.safetensors.index.json`, `pytorch_model.bin.index.json`, shards
called NAME-00001-of-00003.safetensors).
"""

import json
import os
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from paddle_tsm.checkpoint.error import CheckpointError
from paddle_tsm.checkpoint.mapped_file import MappedFile

_MAX_INDEX = 16 << 20
_MAX_SHARDS = 1000


def read_sharded(file: MappedFile, read_shard: Callable[[str], tuple[str, object]]) -> tuple[str, dict]:
    """(format of the shards, {name: array} of all of them, in the index's order). `file`: MappedFile of the index;
    `read_shard`: path -> (format, tree).

    Raises CheckpointError where the index is no index, names a file outside of its folder or one that is not there, or
    does not agree with what the shards hold.
    """
    places = _weight_map(file)
    formats: set[str] = set()
    shards: dict[str, Any] = {}
    for shard in dict.fromkeys(places.values()):
        path = os.path.join(os.path.dirname(file.path), shard)
        if not os.path.exists(path):
            raise CheckpointError(f"{file.path}: names {shard}, which is not beside it; download all shards")
        kind, shards[shard] = read_shard(path)
        _check_shard(file, path, shards[shard], {name for name, place in places.items() if place == shard})
        formats.add(kind)
    if len(formats) > 1:
        raise CheckpointError(f"{file.path}: its shards are {' and '.join(sorted(formats))}, wanted one format")
    return formats.pop(), {name: shards[shard][name] for name, shard in places.items()}


def _weight_map(file):
    """{tensor's name: shard's file name} of the index."""

    def unique(pairs):
        found = dict(pairs)
        if len(found) != len(pairs):
            raise CheckpointError(f"{file.path}: names one key twice; the index is damaged or forged")
        return found

    if file.size > _MAX_INDEX:
        raise CheckpointError(f"{file.path}: is JSON of {file.size} bytes, wanted an index of at most {_MAX_INDEX}")
    try:
        index = json.loads(str(file.view, "utf-8"), object_pairs_hook=unique)
    except CheckpointError:
        raise
    except (ValueError, RecursionError):
        raise CheckpointError(f"{file.path}: begins like JSON and is none, wanted a checkpoint or its index") from None
    places = index.get("weight_map") if isinstance(index, dict) else None
    if not isinstance(places, dict) or not places:
        raise CheckpointError(
            f"{file.path}: is JSON without a weight_map, wanted a checkpoint, or the index of a sharded one "
            "(model.safetensors.index.json)"
        )
    for shard in places.values():
        if not isinstance(shard, str) or not shard or shard in (".", "..") or re.search(r"[/\\\0]", shard):
            raise CheckpointError(f"{file.path}: names the shard {shard!r:.60}, wanted a file beside the index")
    if len(set(places.values())) > _MAX_SHARDS:
        raise CheckpointError(f"{file.path}: names {len(set(places.values()))} shards, wanted at most {_MAX_SHARDS}")
    return places


def _check_shard(file, path, tree, wanted):
    """Raise CheckpointError unless the shard holds exactly the arrays that the index says."""
    held = set(tree) if isinstance(tree, dict) else set()
    odd = sorted(map(str, held ^ wanted))
    if odd:
        raise CheckpointError(
            f"{path}: holds {len(held)} tensors, the index {os.path.basename(file.path)} says {len(wanted)}; {odd[0]} "
            f"is {'missing' if odd[0] in wanted else 'not in the index'}; do they belong together?"
        )
    other = next((name for name, value in tree.items() if not isinstance(value, np.ndarray)), None)
    if other is not None:
        raise CheckpointError(f"{path}: {other}: is no array, wanted a shard of a network")
