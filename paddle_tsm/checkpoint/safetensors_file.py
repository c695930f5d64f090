"""The safetensors format: 8 bytes of header length, a JSON header, the arrays one after another.

Source: https://github.com/huggingface/safetensors README, section "Format".
"""

import json

import numpy as np

from paddle_tsm.checkpoint.error import CheckpointError
from paddle_tsm.checkpoint.mapped_file import MappedFile
from paddle_tsm.checkpoint.shape import element_count
from paddle_tsm.checkpoint.torch_globals import BFLOAT16

# The library allows 100 MB. Parsed JSON takes many times its size, and this describes 20 000 tensors.
_MAX_HEADER = 2 << 20
SAFETENSORS_DTYPES = {
    "BOOL": np.dtype(np.bool_),
    "U8": np.dtype(np.uint8),
    "I8": np.dtype(np.int8),
    "I16": np.dtype(np.int16),
    "U16": np.dtype(np.uint16),
    "F16": np.dtype(np.float16),
    "BF16": BFLOAT16,
    "I32": np.dtype(np.int32),
    "U32": np.dtype(np.uint32),
    "F32": np.dtype(np.float32),
    "F64": np.dtype(np.float64),
    "I64": np.dtype(np.int64),
    "U64": np.dtype(np.uint64),
    "C64": np.dtype(np.complex64),
}


def read_safetensors(file: MappedFile) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """({name: read-only mapped array} in the order of the data, metadata). Raises CheckpointError."""
    header, data = _header(file)
    metadata = header.pop("__metadata__", {})
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise CheckpointError(f"{file.path}: __metadata__ is not text to text; the file is damaged")
    spans = {}
    for name, entry in header.items():
        spans[name] = _checked_entry(file, name, entry, file.size - data)
    position = 0
    tensors = {}
    for name, (begin, end, dtype, shape) in sorted(spans.items(), key=lambda item: item[1][:2]):
        if begin != position:
            raise CheckpointError(
                f"{file.path}: {name}: begins at byte {begin}, wanted {position}; the file is damaged"
            )
        position = end
        array = (
            np.ndarray(shape, dtype, buffer=file.view[data + begin : data + end])
            if end > begin
            else np.empty(shape, dtype)
        )
        array.flags.writeable = False
        tensors[name] = array
    if data + position != file.size:
        raise CheckpointError(
            f"{file.path}: holds {file.size - data} bytes of data, the header describes {position}; the file is damaged"
        )
    return tensors, metadata


def _header(file):
    if file.size < 8:
        raise CheckpointError(f"{file.path}: has {file.size} bytes, a safetensors file has at least 10")
    length = int.from_bytes(file.view[:8], "little")
    if file.size - 8 >= length > _MAX_HEADER:
        raise CheckpointError(f"{file.path}: has a header of {length} bytes, wanted at most {_MAX_HEADER}")
    if length > file.size - 8:
        raise CheckpointError(
            f"{file.path}: header claims {length} bytes, the file has {file.size}; it is cut short or damaged"
        )

    def unique(pairs):
        found = dict(pairs)
        if len(found) != len(pairs):
            raise CheckpointError(f"{file.path}: header names one key twice; the file is damaged or forged")
        return found

    try:
        header = json.loads(str(file.view[8 : 8 + length], "utf-8"), object_pairs_hook=unique)
    except CheckpointError:
        raise
    except (ValueError, RecursionError):
        raise CheckpointError(f"{file.path}: header is not JSON; the file is damaged or no safetensors file") from None
    if not isinstance(header, dict):
        raise CheckpointError(f"{file.path}: header is not a JSON object; the file is damaged")
    return header, 8 + length


def _checked_entry(file, name, entry, available):
    """(begin, end, dtype, shape) of one tensor, relative to the data."""

    def wrong(what):
        return CheckpointError(f"{file.path}: {name}: {what}; the file is damaged")

    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise wrong("is not described by dtype, shape and data_offsets")
    dtype = SAFETENSORS_DTYPES.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
    if dtype is None:
        raise CheckpointError(
            f"{file.path}: {name}: has dtype {entry['dtype']!r:.40}, "
            f"wanted one of {' '.join(SAFETENSORS_DTYPES)}; convert it first"
        )
    shape, offsets = entry["shape"], entry["data_offsets"]
    count = element_count(shape) if type(shape) is list else None
    if count is None or type(offsets) is not list or len(offsets) != 2 or any(type(n) is not int for n in offsets):
        raise wrong("has a shape or offsets that are no list of sizes")
    if not 0 <= offsets[0] <= offsets[1] <= available:
        raise wrong(f"claims bytes {offsets!r:.60} of {available}")
    if count * dtype.itemsize != offsets[1] - offsets[0]:
        raise wrong(f"claims shape {shape!r:.60} of {entry['dtype']} in {offsets[1] - offsets[0]} bytes")
    return offsets[0], offsets[1], dtype, tuple(shape)
