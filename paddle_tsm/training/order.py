"""Which clips make up which batch. It follows from the seed and the epoch alone, whatever the number of processes."""

from __future__ import annotations

import numpy as np

Key = tuple[int, int]  # (epoch, index): a clip of the list, as a ClipReader draws it in that epoch


def epoch_order(clips: int, seed: int, epoch: int) -> np.ndarray:
    """The indices of the clips in the order of the epoch, each once: int64 [clips]."""
    return np.random.default_rng([seed, epoch, 0x0DE2]).permutation(clips)


def batches_of(clips: int, batch: int, seed: int, epoch: int) -> list[list[Key]]:
    """The keys of each batch of the epoch. Every clip is in one batch, so that the last batch may be smaller."""
    order = epoch_order(clips, seed, epoch).tolist()
    return [[(epoch, index) for index in order[i : i + batch]] for i in range(0, clips, batch)]


def steps_of(clips: int, batch: int) -> int:
    """The number of updates in an epoch."""
    return -(-clips // batch)
