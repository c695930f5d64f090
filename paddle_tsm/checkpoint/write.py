"""Write a checkpoint in any format that is still in use."""

import os
from collections.abc import Mapping, Sequence

import numpy as np

from paddle_tsm.checkpoint.error import CheckpointError
from paddle_tsm.checkpoint.paddle_pickle_writer import write_paddle_pickle
from paddle_tsm.checkpoint.safetensors_writer import write_safetensors
from paddle_tsm.checkpoint.torch_zip_writer import write_torch_zip
from paddle_tsm.checkpoint.trailer import MAX_METADATA, write_trailer
from paddle_tsm.files.atomic import atomic_file

SUFFIXES = {
    ".safetensors": "safetensors",
    ".pdparams": "pdparams",
    ".pth": "torch-zip",
    ".pth.tar": "torch-zip",
    ".pt": "torch-zip",
}


def format_of_name(path: str | os.PathLike) -> str:
    """The format that `write_checkpoint` gives a file of this name. Raises CheckpointError for an unknown suffix."""
    name = os.path.basename(os.fspath(path)).lower()
    for suffix, kind in SUFFIXES.items():
        if name.endswith(suffix):
            return kind
    raise CheckpointError(f"{os.fspath(path)}: unknown suffix, wanted one of {' '.join(SUFFIXES)}")


def write_checkpoint(
    path: str | os.PathLike,
    tensors: Mapping[str, np.ndarray],
    *,
    wrapper: Sequence[str] = (),
    metadata: Mapping[str, str] | None = None,
    aside: dict | None = None,
    format: str | None = None,
) -> None:
    """Write {name: array} as a file that PyTorch, Paddle or safetensors loads. It appears complete or not at all.

    format:   "safetensors", "pdparams" or "torch-zip"; None: the suffix of `path` decides
    wrapper:  the keys under which the network is put, see `Checkpoint.wrapper`
    aside:    what else is put into the file, see `Checkpoint.aside`: plain containers, numbers, text and arrays
    metadata: text that the frameworks ignore when they load the file: the header of safetensors, members
    extra/NAME.json of
              PyTorch's zip, and what follows the pickle in .pdparams

    Dtypes are kept, except that .pdparams stores bfloat16 as uint16, as Paddle does. Raises CheckpointError, in one
    line, for an unknown suffix, for what the format cannot hold, and where the file cannot be written.
    """
    path = os.fspath(path)
    kind = format_of_name(path) if format is None else format
    if kind not in SUFFIXES.values():
        raise CheckpointError(
            f"{path}: unknown format {kind!r}, wanted one of {', '.join(sorted(set(SUFFIXES.values())))}"
        )
    network = _checked_tensors(path, tensors)
    text = _checked_metadata(path, metadata or {})
    if kind == "safetensors" and (wrapper or aside):
        raise CheckpointError(
            f"{path}: safetensors holds one flat network; write it without wrapper and aside, or write .pth"
        )
    tree = _wrapped(path, network, tuple(wrapper), aside or {})
    try:
        with atomic_file(path) as file:
            if kind == "safetensors":
                write_safetensors(path, file, network, text)
            elif kind == "pdparams":
                write_paddle_pickle(path, file, tree)
                write_trailer(file, text)
            else:
                write_torch_zip(path, file, tree if not wrapper else _at(tree, wrapper), tree, text)
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be written: {error.strerror or error}") from None


def _checked_tensors(path, tensors):
    """A plain dict of the arrays. Raises CheckpointError for names that are not text and values that are not arrays."""
    for name, array in tensors.items():
        if not isinstance(name, str):
            raise CheckpointError(f"{path}: name {name!r:.60} is a {type(name).__name__}, wanted text")
        if any("\ud800" <= c <= "\udfff" for c in name):
            raise CheckpointError(f"{path}: name {name!r:.60} is no valid text; rename it")
        if not isinstance(array, np.ndarray):
            raise CheckpointError(f"{path}: {name}: is a {type(array).__name__}, wanted a NumPy array")
    if not tensors:
        raise CheckpointError(f"{path}: there is no tensor to write")
    return dict(tensors)


def _checked_metadata(path, metadata):
    """The metadata. Raises CheckpointError where it is not text to text, or too long for a reader."""
    if not all(isinstance(k, str) and isinstance(v, str) for k, v in metadata.items()):
        raise CheckpointError(f"{path}: metadata must be text to text, as safetensors wants it")
    size = sum(len(k.encode()) + len(v.encode()) for k, v in metadata.items())
    if size > MAX_METADATA:
        raise CheckpointError(f"{path}: has {size} bytes of metadata, wanted at most {MAX_METADATA}")
    return metadata


def _wrapped(path, network, wrapper, aside):
    """`aside` with the network under `wrapper`. Scalars that `aside` has there join the network."""
    if not wrapper:
        return _joined(path, network, aside)
    tree = {}
    if wrapper[0] not in aside:
        tree[wrapper[0]] = _wrapped(path, network, wrapper[1:], {})
    for key, value in aside.items():
        tree[key] = _wrapped(path, network, wrapper[1:], value) if key == wrapper[0] else value
    return tree


def _joined(path, network, rest):
    if not isinstance(rest, dict) or set(rest) & set(network):
        raise CheckpointError(f"{path}: `aside` has the place or a name of the network; rename it")
    return {**network, **rest}


def _at(tree, wrapper):
    for key in wrapper:
        tree = tree[key]
    return tree
