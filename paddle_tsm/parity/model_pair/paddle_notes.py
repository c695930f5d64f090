"""What Paddle warns of in every comparison, although the caller can do nothing about it."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator

NOTES = ("When training, we now always track global mean and variance",)  # each BatchNorm, in training mode


@contextlib.contextmanager
def without_paddles_notes() -> Iterator[None]:
    """While the block runs, these warnings are not shown; others are."""
    with warnings.catch_warnings():
        for note in NOTES:
            warnings.filterwarnings("ignore", note, UserWarning)
        yield
