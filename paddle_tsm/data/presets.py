"""How each system turns a video into network input, by name: `preset("mmaction2", sampling="twice", crops="three")`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from paddle_tsm.data import crops, normalise, resize, sampling
from paddle_tsm.data.flip import FlipRule


@dataclass(frozen=True)
class Preset:
    """One system's pixels. Sizes are in pixels; the rules are functions of `sampling`, `resize`, `crops`, `normalise`.

    Test: `test_sampling` frames, short edge to `short`, each crop of `test_crops` at `test_size`, `normalise`.
    Training: `train_sampling` frames, short edge to `short` where `train_resize`, a box of `train_box` scaled to
    `train_scale`, a random crop of `size` where that is less, `flip`, `normalise`.
    """

    name: str
    source: str
    reader: str  # what decodes JPEG frames: "opencv" or "pillow"
    average: str  # of the views' scores: see `scores.average_views`
    clips: int  # of a test video
    views: int  # clips x crops
    test_sampling: Callable
    train_sampling: Callable
    resize_short: Callable
    resize_to: Callable
    test_crops: Callable
    train_box: Callable
    normalise: Callable
    train_resize: bool
    size: int
    short: int
    test_size: int
    train_scale: int
    flip: FlipRule = FlipRule()


@dataclass(frozen=True)
class System:
    """What a system offers; the first entry of each table is its usual one."""

    source: str
    reader: str
    average: str
    test_sampling: dict[str, Callable]
    train_sampling: dict[str, Callable]
    resize_short: Callable
    resize_to: Callable
    test_crops: dict[str, Callable]
    train_box: dict[str, Callable]
    normalise: Callable
    train_resize: bool = False
    full_three: bool = True  # three crops as large as the short edge, not as the network's training input
    random_crop: bool = False  # multi-scale boxes go to the short edge's size and are cropped at random


CLIPS = {"uniform": 1, "twice": 2, "dense": sampling.DENSE_POSITIONS}
CROPS = {"centre": 1, "three": 3, "ten": 10}
SYSTEMS = {
    "mmaction2": System(
        "open-mmlab/mmaction2 4d6c934, configs/recognition/tsm/tsm_imagenet-pretrained-r50_8xb16-1x1x8-50e_*.py",
        reader="opencv",
        average="probabilities",
        test_sampling={"uniform": sampling.uniform, "twice": sampling.twice, "dense": sampling.dense},
        train_sampling={"uniform": sampling.train_mmaction2, "dense": sampling.train_dense},
        resize_short=resize.opencv_short,
        resize_to=resize.opencv_to,
        test_crops={"centre": crops.centre_floor, "three": crops.three_halves, "ten": crops.ten},
        train_box={"multi_scale": crops.multi_scale, "random_resized": crops.random_resized},
        normalise=normalise.normalise_255,
        train_resize=True,
    ),
    "mit": System(
        "mit-han-lab/temporal-shift-module 1f6a834, main.py, test_models.py, ops/dataset.py, ops/transforms.py",
        reader="pillow",
        average="logits",
        test_sampling={"uniform": sampling.uniform, "twice": sampling.twice, "dense": sampling.dense},
        train_sampling={"uniform": sampling.train_or_first, "dense": sampling.train_dense},
        resize_short=resize.pillow_short,
        resize_to=resize.pillow_to,
        test_crops={"centre": crops.centre_round, "three": crops.three_quarters, "ten": crops.ten},
        train_box={"multi_scale": crops.multi_scale},
        normalise=normalise.normalise_1,
    ),
    "paddlevideo": System(
        "PaddlePaddle/PaddleVideo ed245e9, configs/recognition/tsm/tsm_k400_frames.yaml",
        reader="pillow",
        average="logits",
        test_sampling={"uniform": sampling.uniform_or_first},
        train_sampling={"uniform": sampling.train_or_first},
        resize_short=resize.pillow_short,
        resize_to=resize.pillow_to,
        test_crops={"centre": crops.centre_round},
        train_box={"multi_scale": crops.multi_scale_fractional},
        normalise=normalise.normalise_1,
    ),
    "pptsm": System(
        "PaddlePaddle/PaddleVideo ed245e9, configs/recognition/pptsm/pptsm_k400_frames_{uniform,dense}.yaml",
        reader="pillow",
        average="logits",
        test_sampling={"uniform": sampling.pptsm, "dense": sampling.dense},
        train_sampling={"uniform": sampling.train_pptsm, "dense": sampling.train_dense},
        resize_short=resize.pillow_four_thirds,
        resize_to=resize.pillow_to,
        test_crops={"centre": crops.centre_round, "three": crops.three_quarters},
        train_box={"multi_scale": crops.multi_scale_fractional},
        normalise=normalise.normalise_1,
        train_resize=True,
        full_three=False,
        random_crop=True,
    ),
}


def preset(
    name: str,
    *,
    sampling: str = "uniform",
    crops: str = "centre",
    train_crop: str = "multi_scale",
    size: int = 224,
    flip: FlipRule | None = None,
) -> Preset:
    """The preset of the system `name`: "mmaction2", "mit", "paddlevideo" or "pptsm".

    `sampling` is how the network was trained ("uniform" or "dense"; "twice" is uniform with two test clips), `crops`
    the test crops ("centre", "three", "ten"), `size` the training input. The short edge is `size * 256 // 224`; three
    crops are as large as it (PP-TSM: as `size`). `flip` is the data set's rule (`datasets.flip_rule`).
    Raises ValueError for a name that is unknown or that the system does not have, listing those it has.
    """
    system = pick(SYSTEMS, name, "preset")
    if size < 1:
        raise ValueError(f"size: got {size}, wanted at least 1")
    short = size * 256 // 224
    test_sampling = pick(system.test_sampling, sampling, f"{name}: sampling")
    test_crops = pick(system.test_crops, crops, f"{name}: crops")
    found = Preset(
        name, system.source, system.reader, system.average,
        clips=CLIPS[sampling],
        views=CLIPS[sampling] * CROPS[crops],
        test_sampling=test_sampling,
        train_sampling=system.train_sampling["uniform" if sampling == "twice" else sampling],
        resize_short=system.resize_short,
        resize_to=system.resize_to,
        test_crops=test_crops,
        train_box=pick(system.train_box, train_crop, f"{name}: train_crop"),
        normalise=system.normalise,
        train_resize=system.train_resize,
        size=size,
        short=short,
        test_size=short if crops == "three" and system.full_three else size,
        train_scale=short if system.random_crop else size,
    )
    return replace(found, flip=flip) if flip else found


def pick(table: dict, name: str, what: str):
    """table[name], or a ValueError that lists the names there are."""
    if name not in table:
        raise ValueError(f"{what}: got {name!r}, wanted one of {', '.join(table)}")
    return table[name]
