"""Read a checkpoint of any known format."""

import os
from dataclasses import dataclass

import numpy as np

from paddle_tsm.checkpoint.error import CheckpointError
from paddle_tsm.checkpoint.mapped_file import MappedFile
from paddle_tsm.checkpoint.paddle_pickle import read_paddle_pickle
from paddle_tsm.checkpoint.safetensors_file import read_safetensors
from paddle_tsm.checkpoint.sharded import read_sharded
from paddle_tsm.checkpoint.sniff import sniff
from paddle_tsm.checkpoint.torch_legacy import read_torch_legacy
from paddle_tsm.checkpoint.torch_tar import read_torch_tar
from paddle_tsm.checkpoint.torch_zip import read_torch_zip
from paddle_tsm.checkpoint.trained_file import trained_file
from paddle_tsm.checkpoint.wrapper import locate_network

# format: the function MappedFile -> (tree, metadata)
_READERS = {
    "torch-zip": read_torch_zip,
    "torch-legacy": lambda file: (read_torch_legacy(file), {}),
    "torch-tar": lambda file: (read_torch_tar(file), {}),
    "pdparams": read_paddle_pickle,
    "safetensors": read_safetensors,
}


@dataclass(frozen=True)
class Checkpoint:
    """One network of one file.

    path:     the file, or the index of a sharded checkpoint
    format:   "torch-zip", "torch-legacy", "torch-tar", "safetensors" or "pdparams"; that of the shards where it is
    sharded tensors:  {name: read-only array} in the order of the file. Arrays share the memory of the mapped file
    where they can,
              and may be unaligned. 0-d tensors are 0-d arrays. bfloat16 is ml_dtypes.bfloat16.
    wrapper:  the keys that lead to the network, such as ("state_dict",); () where the whole file is the network
    aside:    everything else in the file, as its tree without the network's arrays; {} where there is nothing else
    metadata: the __metadata__ of safetensors; in PyTorch's zip and .pdparams what `write_checkpoint` put there
    """

    path: str
    format: str
    tensors: dict[str, np.ndarray]
    wrapper: tuple[str, ...]
    aside: dict
    metadata: dict[str, str]


def read_checkpoint(path: str | os.PathLike, network: str | None = None) -> Checkpoint:
    """Read the checkpoint `path` and find its network.

    The content tells the format, not the name. The index of a sharded checkpoint (a .index.json) leads to its shards,
    and a folder that `paddle-tsm train` wrote to its best network.
    network: the key of the wanted network where the file holds several, such as "model_ema".

    Nothing in the file is ever run or imported, the memory is limited by the size of the file, and neither PyTorch nor
    Paddle is needed. Raises CheckpointError, in one line, for a file that is missing, damaged, forged, unknown or
    ambiguous.
    """
    file = MappedFile(trained_file(path))
    kind, tree, metadata = _read(file)
    wrapper, tensors, aside = locate_network(file.path, tree, network)
    return Checkpoint(file.path, kind, tensors, wrapper, aside, metadata)


def read_tree(path: str | os.PathLike) -> object:
    """The whole content of a file as plain containers and arrays. As safe as `read_checkpoint`, and raises the same."""
    return _read(MappedFile(path))[1]


def _read(file):
    """The format, the tree and the metadata of a mapped file."""
    kind = sniff(file)
    try:
        if kind == "index":
            return *read_sharded(file, _read_shard), {}
        return kind, *_READERS[kind](file)
    except MemoryError:
        raise CheckpointError(f"{file.path}: does not fit into memory") from None
    except RecursionError:
        raise CheckpointError(f"{file.path}: is nested too deeply, wanted a few levels") from None


def _read_shard(path):
    """(format, tree) of one of several files that an index names."""
    file = MappedFile(path)
    if sniff(file) == "index":
        raise CheckpointError(f"{path}: is an index itself, wanted a shard")
    return _read(file)[:2]
