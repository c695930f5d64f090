"""The SHA-256 of a file. A converted or exported network records that of the file that it was made from."""

from __future__ import annotations

import hashlib
import os

BLOCK = 1 << 20  # bytes read at a time


def sha256_of(path: str | os.PathLike) -> str:
    """The digest in hexadecimal. Raises OSError for a file that cannot be read."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
