"""Every draw of a training, made before it begins: a plan that another program can replay."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from paddle_tsm.data.clip_reader import ClipReader
from paddle_tsm.data.train_draw import PlannedDraw, RandomDraw
from paddle_tsm.lists.annotations import Entry
from paddle_tsm.lists.bad_clips import bad_clip
from paddle_tsm.lists.frame_source import FrameSource
from paddle_tsm.training.blend_draws import draw_blends
from paddle_tsm.training.blending import Blend
from paddle_tsm.training.order import Key, batches_of, steps_of
from paddle_tsm.training.recipe import Recipe
from paddle_tsm.training.run_folder import digest_of

# options of a recipe that decide which draws there are, or what they mean
DECIDED = (
    *("num_classes", "num_segments", "epochs", "batch", "accumulate", "seed", "mixup", "cutmix", "dropout"),
    *("preset", "sampling", "train_crop", "size", "multi_label", "flip", "data_set"),
)


@dataclass(frozen=True)
class PlannedUpdate:
    """One update: its place, both numbers from 0; the rate; its clips, as indices of the list; how they are blended."""

    epoch: int
    step: int
    lr: float
    clips: tuple[int, ...]
    blends: tuple[Blend | None, ...]


@dataclass(frozen=True)
class Plan:
    """What chance decides of a training, and the list that it is for.

    recipe: the options of the training that it was made for. digest: of the list (`run_folder.digest_of`). updates: in
    order. draws: (epoch, index) -> the draw of that clip. The dropout masks come from the recipe's seed.
    """

    recipe: dict[str, Any]
    digest: str
    updates: list[PlannedUpdate]
    draws: dict[Key, PlannedDraw]

    @property
    def seed(self) -> int:
        """Of the dropout masks and, unless a training starts from other weights, of the initial weights."""
        return self.recipe["seed"]

    @cached_property
    def epochs(self) -> dict[int, list[PlannedUpdate]]:
        """Epoch -> its updates, in order."""
        found: dict[int, list[PlannedUpdate]] = {}
        for one in self.updates:
            found.setdefault(one.epoch, []).append(one)
        return found

    def batches(self, epoch: int) -> list[list[Key]]:
        """The keys of each batch of the epoch."""
        return [[(epoch, index) for index in one.clips] for one in self.epochs[epoch]]

    def blends(self, epoch: int, step: int) -> tuple[Blend | None, ...]:
        """The blend of each part of an update; None for each where the recipe blends nothing."""
        return self.epochs[epoch][step].blends

    def check(self, path: str, recipe: Recipe, entries: list[Entry]) -> None:
        """Raise ValueError where the plan is not for this list, or for other updates, frames or blends than a training
        of this recipe has.
        """
        if self.digest != digest_of(entries):
            raise ValueError(f"{path}: is the plan of another training list; make one for this list with --plan")
        own = plain_values(recipe)
        changed = [name for name in DECIDED if own[name] != self.recipe.get(name)]
        if changed:
            what = "; ".join(f"{name} was {self.recipe.get(name)!r}, now {own[name]!r}" for name in changed[:3])
            raise ValueError(f"{path}: was made for another recipe: {what}; make one for this recipe with --plan")
        steps = steps_of(len(entries), recipe.batch)
        rates, wanted = recipe.rates(steps), [(epoch, step) for epoch in range(recipe.epochs) for step in range(steps)]
        if [(one.epoch, one.step) for one in self.updates] != wanted:
            raise ValueError(
                f"{path}: holds {len(self.updates)} updates, wanted {len(wanted)}, in order; the plan was edited"
            )
        beyond = [index for _, index in self.draws if not 0 <= index < len(entries)]
        if beyond:
            raise ValueError(f"{path}: names clip {beyond[0]}, wanted 0 to {len(entries) - 1}; the plan was edited")
        for one in self.updates:
            if abs(one.lr - rates[one.epoch, one.step]) > 1e-12 * one.lr:
                raise ValueError(
                    f"{path}: lr is {one.lr:g} at epoch {one.epoch + 1}, update {one.step + 1}, where this recipe's is "
                    f"{rates[one.epoch, one.step]:g}; make a plan for this recipe with --plan"
                )


def plain_values(recipe: Recipe) -> dict[str, Any]:
    """The options of a recipe as JSON holds them, with the dropout of its network where the recipe names none."""
    return json.loads(json.dumps(dataclasses.asdict(recipe) | {"dropout": recipe.network().dropout}))


def make_plan(
    recipe: Recipe, entries: list[Entry], source: FrameSource, done: Callable[[int], None] = lambda count: None
) -> Plan:
    """Draw everything that a training of `recipe` on `entries` draws, in the same way.

    source: where the clips' frames are. done: called with the number of clips that were measured. Each video is opened
    once, for its last frame, because the draws depend on how many frames it has and how large they are. Raises BadClip
    for a clip that cannot be read.
    """
    reader = ClipReader(entries, recipe.pixels(), recipe.num_segments, train=True, source=source, seed=recipe.seed)
    rates = recipe.rates(steps_of(len(entries), recipe.batch))
    measured: dict[int, tuple[int, int, int]] = {}
    updates, draws = [], {}
    for epoch in range(recipe.epochs):
        for step, batch in enumerate(batches_of(len(entries), recipe.batch, recipe.seed, epoch)):
            indices = tuple(index for _, index in batch)
            for index in indices:
                if index not in measured:
                    measured[index] = measure(reader, entries[index])
                    done(len(measured))
                draws[epoch, index] = planned_draw(reader, epoch, index, *measured[index])
            blends = tuple(draw_blends(recipe, len(batch), batch[0]))
            updates.append(PlannedUpdate(epoch, step, float(rates[epoch, step]), indices, blends))
    return Plan(plain_values(recipe), digest_of(entries), updates, draws)


def measure(reader: ClipReader, entry: Entry) -> tuple[int, int, int]:
    """(number of frames, height, width) of a clip, the size as its augmentation sees it."""
    counts = []

    def last(count: int) -> np.ndarray:
        counts.append(count)
        return np.array([count - 1])

    (frame,) = reader.source.read(entry, last, reader.preset.reader)
    try:
        resized = reader.preset.resize_short(frame, reader.preset.short) if reader.preset.train_resize else frame
    except ValueError as error:
        raise bad_clip(entry, error) from error
    return counts[-1], *resized.shape[:2]


def planned_draw(reader: ClipReader, epoch: int, index: int, count: int, height: int, width: int) -> PlannedDraw:
    """What `ClipReader.draw` decides for that clip."""
    draw = RandomDraw(reader.preset, reader.num_segments, np.random.default_rng([reader.seed, epoch, index]))
    indices = tuple(int(i) for i in draw.frames(count))
    return PlannedDraw(count, height, width, indices, draw.augmentation(height, width))
