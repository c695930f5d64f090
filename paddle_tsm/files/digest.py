"""The SHA-256 of a file, by which a converted or exported network says what it was made of."""

import hashlib

BLOCK = 1 << 20  # bytes read at a time


def sha256_of(path) -> str:
    """The digest in hexadecimal; raises OSError for a file that cannot be read."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()
