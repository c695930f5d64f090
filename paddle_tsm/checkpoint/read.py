"""Read a checkpoint of any known format."""

from dataclasses import dataclass

from paddle_tsm.checkpoint.error import CheckpointError
from paddle_tsm.checkpoint.mapped_file import MappedFile
from paddle_tsm.checkpoint.paddle_pickle import read_paddle_pickle
from paddle_tsm.checkpoint.safetensors_file import read_safetensors
from paddle_tsm.checkpoint.sharded import read_sharded
from paddle_tsm.checkpoint.sniff import sniff
from paddle_tsm.checkpoint.torch_legacy import read_torch_legacy
from paddle_tsm.checkpoint.torch_tar import read_torch_tar
from paddle_tsm.checkpoint.torch_zip import read_torch_zip
from paddle_tsm.checkpoint.wrapper import find_network

# each: MappedFile -> (tree, metadata)
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

    path:     the file; of a sharded checkpoint its index
    format:   "torch-zip", "torch-legacy", "torch-tar", "safetensors" or "pdparams"; of a sharded one that of its shards
    tensors:  {name: read-only array} in the order of the file. Arrays show the file's own bytes where they can, and
              may be unaligned. 0-d tensors are 0-d arrays. bfloat16 is ml_dtypes.bfloat16.
    wrapper:  the keys that led to the network, such as ("state_dict",); () if the file is the network
    aside:    all else in the file: its tree without the network's arrays; {} if there is nothing else
    metadata: {str: str}: __metadata__ of safetensors; of PyTorch's zip and .pdparams what ``write_checkpoint`` put there
    """

    path: str
    format: str
    tensors: dict
    wrapper: tuple
    aside: dict
    metadata: dict


def read_checkpoint(path, network=None):
    """Read the checkpoint ``path`` and find its network; returns a Checkpoint.

    The format is found by content; the index of a sharded checkpoint (a .index.json) leads to its shards.
    ``network``: key of the wanted network where the file holds several ("model_ema").
    Nothing in the file is ever executed or imported, and memory is bounded by the file's size; neither PyTorch nor
    Paddle is needed. Raises CheckpointError (one line) for what is missing, damaged, forged, unknown or ambiguous.
    """
    file = MappedFile(path)
    kind, tree, metadata = _read(file)
    wrapper, tensors, aside = find_network(file.path, tree, network)
    return Checkpoint(file.path, kind, tensors, wrapper, aside, metadata)


def read_tree(path):
    """All that the file ``path`` holds, as plain containers and arrays; as safe as, and raises as, ``read_checkpoint``."""
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
