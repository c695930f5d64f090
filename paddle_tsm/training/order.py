"""Which clips make up which batch: from the seed and the epoch alone, whatever the number of processes."""

from __future__ import annotations

import numpy as np


def epoch_order(clips: int, seed: int, epoch: int) -> np.ndarray:
    """The indices of the clips in the epoch's order, every one once: int64 [clips]."""
    return np.random.default_rng([seed, epoch, 0x0DE2]).permutation(clips)


def batches_of(clips: int, batch: int, seed: int, epoch: int) -> list[list[tuple[int, int]]]:
    """The epoch's batches as keys (epoch, index) of a `ClipReader`; the last one may be smaller. No clip is repeated to
    fill it, and none is left out."""
    order = epoch_order(clips, seed, epoch).tolist()
    return [[(epoch, index) for index in order[i : i + batch]] for i in range(0, clips, batch)]


def steps_of(clips: int, batch: int) -> int:
    """The updates of an epoch."""
    return -(-clips // batch)
