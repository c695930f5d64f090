"""What mixup and CutMix draw for one batch, recorded and given out again in the order in which they ask."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from paddle_tsm.training.recipe import Recipe


@dataclass(frozen=True)
class PlannedBlend:
    """A generator for `blending.mixup` and `blending.cutmix` that gives what was drawn before.

    lam: the share. order: the clip that each clip is mixed with. centre: (column, row) of CutMix's box; None for mixup.
    """

    lam: float
    order: tuple[int, ...]
    centre: tuple[int, int] | None = None

    @classmethod
    def of(cls, record: dict) -> PlannedBlend:
        """From what `dataclasses.asdict` made of it."""
        centre = record["centre"]
        return cls(float(record["lam"]), tuple(record["order"]), None if centre is None else (centre[0], centre[1]))

    def beta(self, a: float, b: float) -> float:
        return self.lam

    def permutation(self, count: int) -> np.ndarray:
        if count != len(self.order):
            raise ValueError(f"the plan mixes {len(self.order)} clips, the batch has {count}")
        return np.array(self.order)

    def places(self, width: int, height: int) -> tuple[int, int]:
        """(column, row) of a box's centre."""
        assert self.centre is not None
        return self.centre


def draw_blends(recipe: Recipe, clips: int, first: tuple[int, int]) -> Iterator[PlannedBlend]:
    """What an update of so many clips draws for each of its parts; nothing where the recipe blends nothing.

    first: (epoch, index) of the update's first clip.
    """
    if not (recipe.mixup or recipe.cutmix):
        return
    rng = blend_generator(recipe.seed, first)
    for part in parts_of(clips, recipe.accumulate):
        if recipe.mixup:
            lam = rng.beta(recipe.mixup, recipe.mixup)
            yield PlannedBlend(float(lam), tuple(map(int, rng.permutation(len(part)))))
        else:
            order = tuple(map(int, rng.permutation(len(part))))
            lam = rng.beta(recipe.cutmix, recipe.cutmix)
            column, row = int(rng.integers(recipe.size)), int(rng.integers(recipe.size))
            yield PlannedBlend(float(lam), order, (column, row))


def blend_generator(seed: int, first: tuple[int, int]) -> np.random.Generator:
    """What an update draws from, whose first clip is `first`, an (epoch, index)."""
    return np.random.default_rng([seed, *first, 0xB1E])


def parts_of(clips: int, accumulate: int) -> list[np.ndarray]:
    """The positions of an update's clips, in the parts whose gradients are accumulated."""
    return [part for part in np.array_split(np.arange(clips), min(accumulate, clips) or 1) if len(part)]
