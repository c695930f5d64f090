"""How each system turns a video into network input, by name: `preset("mmaction2", sampling="twice", crops="three")`.

SYSTEMS has an entry for each system, with everything that it offers. A Preset is one choice among what a system offers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from paddle_tsm.data import crops, flow_sampling, normalise, resize, sampling
from paddle_tsm.data.flip import FlipRule, mirror, mirror_flow
from paddle_tsm.layouts.network_input import NetworkInput
from paddle_tsm.networks.network import Network
from paddle_tsm.videos import frame_folder

T = TypeVar("T")


@dataclass(frozen=True)
class Preset:
    """How one system makes network input. Sizes are in pixels; rules are functions of this room's modules.

    Test: choose frames by `test_sampling`, scale the short edge to `short` by `resize_short`, cut the crops
    `test_crops` of `test_size`, `normalise`.
    Training: choose frames by `train_sampling`, scale the short edge to `short` where `train_resize`, scale a box of
    `train_box` to `train_scale` by `resize_to`, cut a random crop of `size` where that is less, mirror by `flip`,
    `normalise`.
    """

    name: str
    source: str  # the upstream files that it reproduces
    reader: str  # what decodes JPEG frames: see `frame_folder.read_frames`
    average: str  # what is averaged over the views: see `scores.average_views`
    clips: int  # clips of a test video
    views: int  # views of a test video: clips times crops
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
    channels: int = 3  # of a picture: RGB, or x and y of optical flow
    stack: int = 1  # successive pictures in a frame of the network's input
    mirror: Callable = mirror

    @property
    def in_channels(self) -> int:
        """The channels of a frame of the network's input."""
        return self.channels * self.stack

    def check_network(self, network: Network) -> None:
        """Raise ValueError where the network takes other input channels than this preset makes."""
        if network.in_channels == self.in_channels:
            return
        fit = [name for name, one in SYSTEMS.items() if one.channels * one.stack == network.in_channels]
        wanted = f"wanted the preset {' or '.join(fit)}" if fit else "no preset makes such input"
        raise ValueError(
            f"the preset {self.name} makes frames of {self.in_channels} channels, the network takes "
            f"{network.in_channels} (in_channels); {wanted}"
        )

    @property
    def crops_in_words(self) -> str:
        """What is cut out of each frame of a test video, such as "three crops of 256 out of 256"."""
        number, _, _ = self.crops.partition("-")
        words = "one crop" if number == "centre" else f"{number} crops"
        mirrored = ", every second one mirrored" if number == "ten" else ""
        return f"{words} of {self.test_size} out of {self.short}{mirrored}"


@dataclass(frozen=True)
class System:
    """What a system offers. The first entry of each table is its usual one; see Preset for the fields it shares."""

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
    full_three: bool = True  # whether three crops are as large as the short edge, not the training input
    random_crop: bool = False  # whether a training box is scaled to the short edge's size, then cropped
    mirrors_sided: bool = False  # whether clips of sided data sets are mirrored; their labels are exchanged
    channels: int = 3
    stack: int = 1
    mirror: Callable = mirror
    no_other_crops: str = ""  # why other systems' crops are not offered, for messages


# sampling -> clips of a test video
CLIPS = {"uniform": 1, "twice": 2, "dense": sampling.DENSE_POSITIONS}
# name of test crops -> their number. A crop is as large as the training input. It is as large as the short edge (MIT's
# --full_res) where the name ends in "-full", and for "three" of mmaction2 and MIT.
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
# test_models.py: --test_crops 1, 3, 5, 10, each with and without --full_res
MIT_CROPS = {
    "centre": crops.centre_round,
    "three": crops.three_quarters,
    "ten": crops.ten,
    "three-train-size": crops.three_quarters,
    "five": crops.five,
    "centre-full": crops.centre_round,
    "five-full": crops.five,
    "ten-full": crops.ten,
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
        mirrors_sided=True,
        no_other_crops=(
            "its pipelines have CenterCrop and TenCrop of the training size and ThreeCrop of the short edge's"
        ),
    ),
    "mit": System(
        "mit-han-lab/temporal-shift-module 1f6a834, main.py, test_models.py, ops/dataset.py, ops/transforms.py",
        reader="pillow",
        average="logits",
        test_sampling={"uniform": sampling.uniform, "twice": sampling.twice, "dense": sampling.dense},
        train_sampling={"uniform": sampling.train_or_first, "dense": sampling.train_dense},
        resize_short=resize.pillow_short,
        resize_to=resize.pillow_to,
        test_crops=MIT_CROPS,
        train_box={"multi_scale": crops.multi_scale},
        normalise=normalise.normalise_1,
    ),
    "mit-flow": System(
        "mit-han-lab/temporal-shift-module 1f6a834, the modality Flow of main.py, test_models.py, ops/dataset.py, "
        "ops/transforms.py",
        reader=frame_folder.FLOW,
        average="logits",
        test_sampling={"uniform": flow_sampling.uniform, "twice": flow_sampling.twice, "dense": flow_sampling.dense},
        train_sampling={"uniform": flow_sampling.train, "dense": flow_sampling.train_dense},
        resize_short=resize.pillow_short,
        resize_to=resize.pillow_to,
        test_crops=MIT_CROPS,
        train_box={"multi_scale": crops.multi_scale_flow},
        normalise=normalise.normalise_flow,
        channels=2,
        stack=flow_sampling.STACK,
        mirror=mirror_flow,
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
    """The preset for a network's input, with the usual values for what is not known. Raises ValueError for unknown
    names.
    """
    known = taken.filled()
    assert known.preset is not None and known.size is not None
    assert known.sampling is not None and known.crops is not None
    return preset(known.preset, sampling=known.sampling, crops=known.crops, size=known.size)


def preset(
    name: str,
    *,
    sampling: str = "uniform",
    crops: str = "centre",
    train_crop: str = "multi_scale",
    size: int = 224,
    flip: FlipRule | None = None,
) -> Preset:
    """The Preset of the system `name`, a key of SYSTEMS.

    sampling: how the network was trained, "uniform" or "dense"; "twice" is uniform with two test clips. crops: the test
    crops, a key of CROPS, which says how large they are. train_crop: the rule of the training boxes, "multi_scale" or
    "random_resized". size: of the training input; the short edge is size * 256 // 224. flip: the data set's rule, from
    `datasets.flip_rule`; None mirrors half of the clips. Raises ValueError for a name that is unknown or that the
    system does not offer; the message lists those that it offers.

    >>> from paddle_tsm.data.presets import preset
    >>> ten = preset("mit", crops="ten")
    >>> ten.views, ten.short, ten.test_size, ten.average
    (10, 256, 224, 'logits')
    """
    system = pick(SYSTEMS, name, "preset")
    if size < 1:
        raise ValueError(f"size: got {size}, wanted at least 1")
    short = size * 256 // 224
    test_sampling = pick(system.test_sampling, sampling, f"{name}: sampling")
    test_crops = crop_rule(system, name, crops)
    return Preset(
        name=name,
        source=system.source,
        reader=system.reader,
        average=system.average,
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
        flip=flip or FlipRule(),
        crops=crops,
        channels=system.channels,
        stack=system.stack,
        mirror=system.mirror,
    )


def crop_rule(system: System, name: str, crops: str) -> Callable:
    """The rule of the test crops called `crops`. Raises ValueError that says why where the system `name` has none."""
    if crops in CROPS and crops not in system.test_crops:
        known = ", ".join(system.test_crops)
        raise ValueError(f"{name}: crops: got {crops!r}, wanted one of {known}; {system.no_other_crops}")
    return pick(system.test_crops, crops, f"{name}: crops")


def offered_crops() -> str:
    """The names of the test crops that each system has, and their sizes, for a command's help."""
    names = "; ".join(f"{name}: {', '.join(system.test_crops)}" for name, system in SYSTEMS.items())
    return (
        f"what is cut out of a frame. {names}. three: as large as the short edge (MIT's --full_res; pptsm: as in "
        "training); three-train-size: MIT's without --full_res"
    )


def pick(table: dict[str, T], name: str, what: str) -> T:
    """table[name]. Raises ValueError that says `what` the name is for and lists the known names."""
    if name not in table:
        raise ValueError(f"{what}: got {name!r}, wanted one of {', '.join(table)}")
    return table[name]
