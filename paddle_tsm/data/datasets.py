"""The data sets that TSM's users train on: classes, frame names, and what mirroring a clip does to its label."""

from __future__ import annotations

from dataclasses import dataclass

from paddle_tsm.data.flip import FlipRule
from paddle_tsm.data.presets import pick


def exchanged_labels(*pairs: tuple[int, int]) -> dict[int, int]:
    """{a: b, b: a} for each pair."""
    return {here: there for a, b in pairs for here, there in ((a, b), (b, a))}


@dataclass(frozen=True)
class DataSet:
    """`template`: names of the frames in MIT's and mmaction2's folders. `sided`: its classes tell left from right, so a
    mirrored clip has another label; `label_map`: which. `note`: the order of the classes."""

    title: str
    num_classes: int
    template: str
    sided: bool = False
    label_map: tuple[tuple[int, int], ...] = ()
    note: str = "alphabetical"


DATA_SETS = {
    "ucf101": DataSet("UCF101", 101, "img_{:05d}.jpg", note="classInd.txt (from 1 there), alphabetical"),
    "hmdb51": DataSet("HMDB51", 51, "img_{:05d}.jpg"),
    "kinetics400": DataSet("Kinetics-400", 400, "img_{:05d}.jpg", note='alphabetical ("archery" is 5)'),
    "something-v1": DataSet(
        "Something-Something V1",
        174,
        "{:05d}.jpg",
        sided=True,
        # mmaction2 4d6c934, configs/recognition/tsm/*sthv1*: in the order of the csv
        label_map=((2, 4), (30, 41), (52, 66)),
        note='mmaction2: the order of something-something-v1-labels.csv ("Holding something" is 0); MIT: sorted. A '
        "checkpoint's classes are in its own system's order, and so must the list and the flip's label map be",
    ),
    "something-v2": DataSet(
        "Something-Something V2",
        174,
        "{:06d}.jpg",
        sided=True,
        # mmaction2 4d6c934, configs/recognition/tsm/tsm_imagenet-pretrained-r50_8xb16-1x1x8-50e_sthv2-rgb.py
        label_map=((86, 87), (93, 94), (166, 167)),
        note="the numbers of something-something-v2-labels.json",
    ),
    "jester": DataSet(
        "Jester",
        27,
        "{:05d}.jpg",
        sided=True,
        # mmaction2's jester_flip_label_map (its SlowOnly configuration for Jester): in the order of the csv
        label_map=((0, 1), (6, 7)),
        note="mmaction2: the order of jester-v1-labels.csv",
    ),
    "diving48": DataSet("Diving48", 48, "img_{:05d}.jpg", note="the numbers of Diving48_vocab.json"),
    "motion": DataSet(
        "Generated motions", 8, "img_{:05d}.jpg", sided=True, label_map=((0, 1), (6, 7)), note="motion_videos.CLASSES"
    ),
}


def data_set(name: str) -> DataSet:
    """The data set `name`. Raises ValueError that lists those that are known."""
    return pick(DATA_SETS, name, "data set")


def flip_rule(name: str, system: str) -> FlipRule:
    """How `system` (a preset's name) mirrors the training clips of the data set `name`.

    mmaction2 mirrors half of them and exchanges the labels of the sided data sets; MIT does not mirror those at all
    (main.py 1f6a834: no flip for names with "something" or "jester"), nor do we for PaddleVideo, which has no rule.
    The label maps hold for lists whose classes are in mmaction2's order.
    """
    found = data_set(name)
    if not found.sided:
        return FlipRule()
    if system == "mmaction2":
        return FlipRule(label_map=exchanged_labels(*found.label_map))
    return FlipRule(0.0)
