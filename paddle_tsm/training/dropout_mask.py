"""The dropout mask of each clip. It follows from the seed and the clip's key (epoch, index) alone, so that it is the
same for any number of processes and for a training that was stopped.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from paddle_tsm.training.order import Key


def dropout_mask(
    keys: Sequence[Key], seed: int, shape: tuple[int, int], p: float, scales_at_inference: bool = False
) -> np.ndarray:
    """The masks of the clips with these keys, float32 [len(keys) * T, C]: 0 with probability p, else 1 / (1 - p).

    shape: (T, C). scales_at_inference: whether the network multiplies by 1 - p in evaluation; then 1 takes the place of
    1 / (1 - p).
    """
    kept = [np.random.default_rng([seed, epoch, index, 0xD209]).random(shape, "float32") >= p for epoch, index in keys]
    masks = np.concatenate(kept).astype("float32")
    return masks if scales_at_inference else masks / np.float32(1 - p)
