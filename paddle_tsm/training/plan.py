"""Every draw of a training, made before it begins: a plan that another program can replay."""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from paddle_tsm.data.annotations import Entry
from paddle_tsm.data.bad_clips import bad_clip
from paddle_tsm.data.clip_reader import ClipReader
from paddle_tsm.data.frame_source import FrameSource
from paddle_tsm.data.train_draw import Augmentation, PlannedDraw, RandomDraw
from paddle_tsm.files.atomic import atomic_file
from paddle_tsm.training.blend_draws import draw_blends, parts_of
from paddle_tsm.training.blending import Blend
from paddle_tsm.training.order import batches_of, steps_of
from paddle_tsm.training.recipe import Recipe
from paddle_tsm.training.run_folder import digest_of

VERSION = 1
DROPOUT_RULE = (
    "the mask of a clip, [T, C]: numpy.random.default_rng([seed, epoch, index, 53769]).random([T, C], 'float32') >= p, "
    "divided by 1 - p, times the pooled features"
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
    draws: dict[tuple[int, int], PlannedDraw]

    @property
    def seed(self) -> int:
        """Of the dropout masks and, unless a training starts from other weights, of the initial weights."""
        return self.recipe["seed"]

    def batches(self, epoch: int) -> list[list[tuple[int, int]]]:
        """The epoch's batches as keys of a `ClipReader`."""
        return [[(epoch, index) for index in one.clips] for one in self.updates if one.epoch == epoch]

    def blends(self, epoch: int, step: int) -> tuple[Blend | None, ...]:
        """The blend of each part of an update; None for each where the recipe blends nothing."""
        return self._by_place[epoch, step].blends

    def __post_init__(self) -> None:
        by_place = {(one.epoch, one.step): one for one in self.updates}
        object.__setattr__(self, "_by_place", by_place)

    def check(self, path: str, recipe: Recipe, entries: list[Entry]) -> None:
        """Raise ValueError where the plan is not for this list, or for other updates, frames or blends than a training
        of this recipe has.
        """
        if self.digest != digest_of(entries):
            raise ValueError(f"{path}: is the plan of another training list; make one for this list with --plan")
        own = json.loads(json.dumps(dataclasses.asdict(recipe)))
        changed = [name for name in DECIDED if own[name] != self.recipe.get(name)]
        if changed:
            what = "; ".join(f"{name} was {self.recipe.get(name)!r}, now {own[name]!r}" for name in changed[:3])
            raise ValueError(f"{path}: was made for another recipe: {what}; make one for this recipe with --plan")
        steps = steps_of(len(entries), recipe.batch)
        rates, wanted = recipe.rates(steps), recipe.epochs * steps
        if len(self.updates) != wanted:
            raise ValueError(f"{path}: holds {len(self.updates)} updates, wanted {wanted}; the plan was edited")
        for one in self.updates:
            if abs(one.lr - rates[one.epoch, one.step]) > 1e-12 * one.lr:
                raise ValueError(
                    f"{path}: lr is {one.lr:g} at epoch {one.epoch + 1}, update {one.step + 1}, where this recipe's is "
                    f"{rates[one.epoch, one.step]:g}; make a plan for this recipe with --plan"
                )


# options of a recipe that decide which draws there are, or what they mean
DECIDED = (
    *("num_classes", "num_segments", "epochs", "batch", "accumulate", "seed", "mixup", "cutmix", "dropout"),
    *("preset", "sampling", "train_crop", "size", "multi_label"),
)


def make_plan(
    recipe: Recipe, entries: list[Entry], source: FrameSource, done: Callable[[int], None] = lambda count: None
) -> Plan:
    """Draw everything that a training of `recipe` on `entries` draws, in the same way.

    source: where the clips' frames are. done: called with the number of clips that were measured. Each video is opened once, for its last frame, because the draws depend on how many frames it has and
    how large they are. Raises BadClip for a clip that cannot be read.
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
    return Plan(json.loads(json.dumps(dataclasses.asdict(recipe))), digest_of(entries), updates, draws)


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


def write_plan(plan: Plan, path: str | os.PathLike, entries: list[Entry]) -> None:
    """Write the plan as JSON, a line an update, complete or not at all."""
    head = {
        "paddle_tsm_plan": VERSION,
        "recipe": plan.recipe,
        "list": plan.digest,
        "clips": [{"path": entry.path, "labels": list(entry.labels)} for entry in entries],
        "dropout": {"seed": plan.seed, "p": plan.recipe["dropout"], "rule": DROPOUT_RULE},
    }
    with atomic_file(path) as file:
        file.write((json.dumps(head, indent=1)[:-2] + ',\n "updates": [\n').encode())
        for number, one in enumerate(plan.updates):
            file.write((",\n" * (number > 0) + json.dumps(update_record(plan, one, entries))).encode())
        file.write(b"\n ]\n}\n")


def update_record(plan: Plan, one: PlannedUpdate, entries: list[Entry]) -> dict:
    """One update as JSON has it; the labels are those of the mirrored clip where it is mirrored."""
    record: dict[str, Any] = {"epoch": one.epoch, "step": one.step, "lr": one.lr, "clips": []}
    for index in one.clips:
        draw = plan.draws[one.epoch, index]
        record["clips"].append(
            {
                "index": index,
                "count": draw.count,
                "frames": list(draw.indices),
                "size": [draw.width, draw.height],
                "box": list(draw.chosen.box),
                "offset": list(draw.chosen.offset),
                "mirrored": draw.chosen.mirrored,
            }
        )
    if any(one.blends):
        record["blends"] = [blend and dataclasses.asdict(blend) for blend in one.blends]
    return record


def read_plan(path: str | os.PathLike) -> Plan:
    """What `write_plan` wrote. Raises ValueError for a file that holds no plan."""
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        if found["paddle_tsm_plan"] != VERSION:
            raise ValueError(f"{path}: is a plan of version {found['paddle_tsm_plan']}, wanted {VERSION}")
        updates, draws = [], {}
        for record in found["updates"]:
            clips = record["clips"]
            for clip in clips:
                draws[record["epoch"], clip["index"]] = read_draw(clip)
            indices = tuple(clip["index"] for clip in clips)
            parts = parts_of(len(indices), found["recipe"]["accumulate"])
            blends = tuple(map(read_blend, record["blends"])) if "blends" in record else (None,) * len(parts)
            updates.append(PlannedUpdate(record["epoch"], record["step"], float(record["lr"]), indices, blends))
        return Plan(found["recipe"], found["list"], updates, draws)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path}: holds no plan ({error}); wanted a file that `train --plan` wrote") from None


def read_draw(clip: dict) -> PlannedDraw:
    """The draw of one clip from its record."""
    width, height = clip["size"]
    left, top, right, bottom = clip["box"]
    x, y = clip["offset"]
    chosen = Augmentation((left, top, right, bottom), (x, y), bool(clip["mirrored"]))
    return PlannedDraw(clip["count"], height, width, tuple(clip["frames"]), chosen)


def read_blend(record: dict) -> Blend:
    """The blend of one part of an update from its record."""
    centre = record["centre"]
    return Blend(float(record["lam"]), tuple(record["order"]), None if centre is None else (centre[0], centre[1]))
