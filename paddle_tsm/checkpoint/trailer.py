"""Metadata behind the pickle of a .pdparams, where pickle.load and paddle.load, which stop at the pickle's end, never
look.

The bytes are MARK and, to the end of the file, a JSON object of text to text.
"""

import json

from paddle_tsm.checkpoint.error import CheckpointError

MARK = b"\npaddle-tsm metadata\n"
MAX_METADATA = 1 << 20  # bytes; half of what a safetensors header may have


def write_trailer(file, metadata):
    """Write {str: str} to the binary ``file``, behind what is there; nothing where it is empty."""
    if metadata:
        file.write(MARK + json.dumps(metadata, ensure_ascii=False).encode("utf-8"))


def read_trailer(file, position):
    """The {str: str} at ``position`` of a MappedFile, {} at its end. Raises CheckpointError for anything else there."""
    size = file.size - position
    if size == 0:
        return {}
    if bytes(file.view[position : position + len(MARK)]) != MARK:
        raise CheckpointError(
            f"{file.path}: {size} bytes follow the pickle, wanted none; the file is damaged or no .pdparams"
        )
    if size > 2 * MAX_METADATA:  # JSON escapes what is quoted in it
        raise CheckpointError(f"{file.path}: {size} bytes of metadata follow the pickle, wanted at most {MAX_METADATA}")
    try:
        metadata = json.loads(bytes(file.view[position + len(MARK) :]).decode("utf-8"))
    except (ValueError, RecursionError):
        metadata = None
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise CheckpointError(
            f"{file.path}: the metadata behind the pickle is cut short or damaged; copy the file again"
        )
    return metadata
