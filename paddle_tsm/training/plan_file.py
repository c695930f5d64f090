"""The file of a plan: JSON with a line for each update, which other programs can read (docs/guide_curves.md)."""

from __future__ import annotations

import dataclasses
import json
import os
from typing import Any

from paddle_tsm.data.train_draw import Augmentation, PlannedDraw
from paddle_tsm.files.atomic import atomic_file
from paddle_tsm.lists.annotations import Entry
from paddle_tsm.training.blend_draws import parts_of
from paddle_tsm.training.blending import Blend
from paddle_tsm.training.plan import Plan, PlannedUpdate

VERSION = 1
DROPOUT_RULE = (
    "the mask of a clip, [T, C]: numpy.random.default_rng([seed, epoch, index, 53769]).random([T, C], 'float32') >= p, "
    "divided by 1 - p, times the pooled features"
)


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
    """One update as JSON has it."""
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
