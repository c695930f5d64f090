"""What an update draws for mixup and CutMix: from the seed and its first clip alone, so that a resumed training
agrees.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from paddle_tsm.training.blending import Blend, draw_cutmix, draw_mixup
from paddle_tsm.training.order import Key
from paddle_tsm.training.recipe import Recipe


def draw_blends(recipe: Recipe, clips: int, first: Key) -> Iterator[Blend | None]:
    """The blend of each part of an update of so many clips; None for each where the recipe blends nothing.

    first: the key of the update's first clip.
    """
    rng = np.random.default_rng([recipe.seed, *first, 0xB1E])
    for part in parts_of(clips, recipe.accumulate):
        if recipe.mixup:
            yield draw_mixup(len(part), rng, recipe.mixup)
        elif recipe.cutmix:
            yield draw_cutmix(len(part), recipe.size, recipe.size, rng, recipe.cutmix)
        else:
            yield None


def parts_of(clips: int, accumulate: int) -> list[np.ndarray]:
    """The positions of an update's clips, in the parts whose gradients are accumulated."""
    return [part for part in np.array_split(np.arange(clips), min(accumulate, clips) or 1) if len(part)]
