"""Write the safetensors format, each array's memory straight to the file.

Source: https://github.com/huggingface/safetensors README, section "Format". The header is padded with spaces to a
multiple of 8 bytes; the arrays keep the order in which they are given.
"""

import json
from typing import BinaryIO

import numpy as np

from paddle_tsm.checkpoint.error import CheckpointError
from paddle_tsm.checkpoint.pickle_emitter import little_endian, raw
from paddle_tsm.checkpoint.safetensors_file import SAFETENSORS_DTYPES

_NAMES = {dtype: name for name, dtype in SAFETENSORS_DTYPES.items()}


def write_safetensors(path: str, file: BinaryIO, tensors: dict[str, np.ndarray], metadata: dict[str, str]) -> None:
    """Write the tensors and the metadata to `file`. Raises CheckpointError for a dtype that the format lacks."""
    header: dict[str, dict] = {}
    if metadata:
        header["__metadata__"] = dict(metadata)
    position = 0
    for name, array in tensors.items():
        dtype = array.dtype.newbyteorder("=")
        if dtype not in _NAMES:
            raise CheckpointError(
                f"{path}: {name}: cannot write {array.dtype} as safetensors, "
                f"wanted one of {', '.join(map(str, _NAMES))}"
            )
        if name == "__metadata__":
            raise CheckpointError(f"{path}: a tensor cannot be called __metadata__ in a safetensors file; rename it")
        end = position + array.nbytes
        header[name] = {"dtype": _NAMES[dtype], "shape": list(array.shape), "data_offsets": [position, end]}
        position = end
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode("utf-8")
    text += b" " * (-len(text) % 8)
    file.write(len(text).to_bytes(8, "little") + text)
    for array in tensors.values():
        file.write(raw(little_endian(array)))
