"""Metadata behind the pickle of a .pdparams file. pickle.load and paddle.load stop at the pickle's end and never see
it.

It consists of MARK and, up to the end of the file, a JSON object of text to text.
"""

import json
from typing import BinaryIO

from paddle_tsm.checkpoint.error import CheckpointError
from paddle_tsm.checkpoint.mapped_file import MappedFile

MARK = b"\npaddle-tsm metadata\n"
MAX_METADATA = 1 << 20  # bytes; half of what a safetensors header may have


def write_trailer(file: BinaryIO, metadata: dict[str, str]) -> None:
    """Write the metadata to `file`, behind what is there. Empty metadata writes nothing."""
    if metadata:
        file.write(MARK + json.dumps(metadata, ensure_ascii=False).encode("utf-8"))


def read_trailer(file: MappedFile, position: int) -> dict[str, str]:
    """The metadata at `position` of the file; {} where the file ends there. Raises CheckpointError for anything
    else.
    """
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
