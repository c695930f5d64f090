"""How each system turns a video into network input, by name: `preset("mmaction2", sampling="twice", crops="three")`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from paddle_tsm.data import crops, normalise, resize, sampling
from paddle_tsm.data.flip import FlipRule
from paddle_tsm.layouts.network_input import NetworkInput


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
    crops: str = "centre"  # the name of `test_crops`

    @property
    def crops_in_words(self) -> str:
        """What is cut out of every frame of a test: "three crops of 224 out of 256"."""
        number, _, _ = self.crops.partition("-")
        words = "one crop" if number == "centre" else f"{number} crops"
        mirrored = ", every second one mirrored" if number == "ten" else ""
        return f"{words} of {self.test_size} out of {self.short}{mirrored}"


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
    no_other_crops: str = ""  # why crops that another system has are not on offer


CLIPS = {"uniform": 1, "twice": 2, "dense": sampling.DENSE_POSITIONS}
# A crop is as large as the network's training input. With "-full", and three crops of mmaction2 and MIT, it is as large
# as the short edge (MIT's --full_res), but for "-train-size".
CROPS = {
    "centre": 1,
    "three": 3,
    "ten": 10,
    "three-train-size": 3,
    "five": 5,
    "centre-full": 1,
    "five-full": 5,
    "ten-full": 10,
}
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
        no_other_crops="its pipelines have CenterCrop and TenCrop of the training size and ThreeCrop of the short edge's",
    ),
    "mit": System(
        "mit-han-lab/temporal-shift-module 1f6a834, main.py, test_models.py, ops/dataset.py, ops/transforms.py",
        reader="pillow",
        average="logits",
        test_sampling={"uniform": sampling.uniform, "twice": sampling.twice, "dense": sampling.dense},
        train_sampling={"uniform": sampling.train_or_first, "dense": sampling.train_dense},
        resize_short=resize.pillow_short,
        resize_to=resize.pillow_to,
        test_crops={
            "centre": crops.centre_round,
            "three": crops.three_quarters,
            "ten": crops.ten,
            "three-train-size": crops.three_quarters,
            "five": crops.five,
            "centre-full": crops.centre_round,
            "five-full": crops.five,
            "ten-full": crops.ten,
        },  # test_models.py: --test_crops 1, 3, 5, 10, each with and without --full_res
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
        no_other_crops="its TSM is tested on one crop of the training size",
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
        no_other_crops="its PP-TSM is tested on one crop or three, both of the training size",
    ),
}


def preset_of(taken: NetworkInput) -> Preset:
    """The preset of a network's input; the usual values where none is known. Raises ValueError for a name that is not
    known.
    """
    of = taken.filled()
    return preset(of.preset, sampling=of.sampling, crops=of.crops, size=of.size)


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
    the test crops (of `CROPS`), `size` the training input. The short edge is `size * 256 // 224`; three crops are as
    large as it (PP-TSM: as `size`), and MIT's "three-train-size" as `size`, which is its --test_crops=3 without
    --full_res. `flip` is the data set's rule (`datasets.flip_rule`). Raises ValueError for a name that is unknown or
    that the system does not have, listing those it has.
    """
    system = pick(SYSTEMS, name, "preset")
    if size < 1:
        raise ValueError(f"size: got {size}, wanted at least 1")
    short = size * 256 // 224
    test_sampling = pick(system.test_sampling, sampling, f"{name}: sampling")
    test_crops = crop_rule(system, name, crops)
    found = Preset(
        name,
        system.source,
        system.reader,
        system.average,
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
        test_size=short if crops.endswith("-full") or crops == "three" and system.full_three else size,
        train_scale=short if system.random_crop else size,
        crops=crops,
    )
    return replace(found, flip=flip) if flip else found


def crop_rule(system: System, name: str, crops: str) -> Callable:
    """The rule of the test crops called `crops`. Raises ValueError where the system `name` has none, saying why."""
    if crops in CROPS and crops not in system.test_crops:
        known = ", ".join(system.test_crops)
        raise ValueError(f"{name}: crops: got {crops!r}, wanted one of {known}; {system.no_other_crops}")
    return pick(system.test_crops, crops, f"{name}: crops")


def offered_crops() -> str:
    """The names of the test crops that each system has, and their sizes, for a command's help."""
    names = "; ".join(f"{name}: {', '.join(system.test_crops)}" for name, system in SYSTEMS.items())
    return (
        f"what is cut out of a frame. {names}. three: as large as the short edge (MIT's --full_res; pptsm: as in training); "
        "three-train-size: MIT's without --full_res"
    )


def pick(table: dict, name: str, what: str):
    """table[name], or a ValueError that lists the names there are."""
    if name not in table:
        raise ValueError(f"{what}: got {name!r}, wanted one of {', '.join(table)}")
    return table[name]
