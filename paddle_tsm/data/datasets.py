"""The data sets that TSM's users train on: their classes, the names of their frames, and their labels under mirroring.

A new data set is one entry of DATA_SETS; commands, recipes and messages take everything from it.
"""

from __future__ import annotations

from dataclasses import dataclass

from paddle_tsm.data.flip import FlipRule
from paddle_tsm.data.presets import SYSTEMS, pick


def exchanged_labels(*pairs: tuple[int, int]) -> dict[int, int]:
    """The label map {a: b, b: a, ...} of pairs (a, b) of labels that are exchanged when a clip is mirrored."""
    return {here: there for a, b in pairs for here, there in ((a, b), (b, a))}


@dataclass(frozen=True)
class DataSet:
    """What is known of a data set.

    title: its name in messages. template: the names of the frames in MIT's and mmaction2's folders. sided: whether some
    classes tell left from right, so that a mirrored clip has another label. label_map: the pairs of labels that are
    then exchanged. note: how the classes are ordered. seconds: the usual length of a clip.
    """

    title: str
    num_classes: int
    template: str
    sided: bool = False
    label_map: tuple[tuple[int, int], ...] = ()
    note: str = "alphabetical"
    seconds: float = 4.0


DATA_SETS = {
    "ucf101": DataSet("UCF101", 101, "img_{:05d}.jpg", note="classInd.txt (from 1 there), alphabetical", seconds=7.0),
    "hmdb51": DataSet("HMDB51", 51, "img_{:05d}.jpg", seconds=3.0),
    "kinetics400": DataSet("Kinetics-400", 400, "img_{:05d}.jpg", note='alphabetical ("archery" is 5)', seconds=10.0),
    "something-v1": DataSet(
        "Something-Something V1",
        174,
        "{:05d}.jpg",
        sided=True,
        # mmaction2 4d6c934, configs/recognition/tsm/*sthv1*: the order of the csv
        label_map=((2, 4), (30, 41), (52, 66)),
        note='mmaction2: the order of something-something-v1-labels.csv ("Holding something" is 0); MIT: sorted. The '
        "list and the label map must have the order of the checkpoint's own system",
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
        seconds=3.0,
    ),
    "diving48": DataSet("Diving48", 48, "img_{:05d}.jpg", note="the numbers of Diving48_vocab.json"),
    "motion": DataSet(
        "Generated motions",
        8,
        "img_{:05d}.jpg",
        sided=True,
        label_map=((0, 1), (6, 7)),
        note="motion_videos.CLASSES",
        seconds=2.0,
    ),
}


def data_set(name: str) -> DataSet:
    """The data set called `name`. Raises ValueError that lists the known names."""
    return pick(DATA_SETS, name, "data set")


def flip_rule(name: str, system: str) -> FlipRule:
    """How `system` (a preset's name) mirrors the training clips of the data set `name`.

    Half of the clips are mirrored. Of the sided data sets mmaction2 mirrors half, too, and exchanges their labels. MIT
    does not mirror these at all (main.py 1f6a834: no flip for names with "something" or "jester"). PaddleVideo has no
    rule for them, and they are not mirrored here, either. The label maps hold for lists whose classes are in
    mmaction2's order. Raises ValueError for an unknown data set or system.
    """
    found = data_set(name)
    if not found.sided:
        return FlipRule()
    if pick(SYSTEMS, system, "preset").mirrors_sided:
        return FlipRule(label_map=exchanged_labels(*found.label_map))
    return FlipRule(0.0)
