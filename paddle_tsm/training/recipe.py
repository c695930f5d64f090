"""A training's recipe: every setting that its result depends on. No framework is imported."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from paddle_tsm.data.datasets import DATA_SETS, flip_rule
from paddle_tsm.data.flip import FlipRule
from paddle_tsm.data.presets import SYSTEMS, Preset, preset
from paddle_tsm.layouts.network_input import NetworkInput
from paddle_tsm.networks.families import ARCHITECTURES
from paddle_tsm.networks.network import Network
from paddle_tsm.networks.option_checks import must_be_one_of
from paddle_tsm.networks.parameter_group_rules import DECAYS
from paddle_tsm.training.recipe_option import (
    SWITCH,
    checked_elsewhere,
    network_option,
    number,
    offered,
    one_of,
    option,
    whole,
    whole_numbers,
)
from paddle_tsm.training.schedule import CosineAnnealingLR, LinearLR, MultiStepLR, Scheduler, learning_rates
from paddle_tsm.training.slowfast_schedule import SlowFastLR

COSINES = ("cosine", "slowfast")
# options of the network that are the teacher's own, too: it reads the same clips, and its shift is of the same kind
SHARED = {
    *(
        "num_classes",
        "num_segments",
        "in_channels",
        "is_shift",
        "shift_div",
        "shift_order",
        "partial_bn",
        "running_var",
    ),
}


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the numbers of a training.

    Two runs of one recipe on one list give the same weights, bit for bit, however often they were stopped. The number
    of processes changes nothing but the order in which sums are taken. Raises ValueError for a value that is not known
    and for values that do not go together.

    Each option says what it means and which values it may have; `paddle-tsm train --show` prints them. The options that
    `Network` has, too, mean the same here; one that is not here keeps its default.
    """

    arch: str = option("tsm_resnet50", "The architecture.", checked_elsewhere(", ".join(ARCHITECTURES)))
    num_classes: int = network_option("num_classes")
    num_segments: int = network_option("num_segments")
    is_shift: bool = network_option("is_shift")
    shift_div: int = network_option("shift_div")
    shift_place: str = network_option("shift_place")
    shift_every: int | None = network_option("shift_every")
    shift_order: str = network_option("shift_order")
    temporal_pool: bool = network_option("temporal_pool")
    non_local: str | None = network_option(
        "non_local", "The pairwise function of the non-local blocks; none: there are none."
    )
    dropout: float | None = network_option("dropout")
    partial_bn: bool = network_option("partial_bn")
    frozen_bn: bool = option(False, "Whether every BatchNorm keeps its running statistics and its weights.", SWITCH)
    running_var: str = network_option("running_var")
    in_channels: int = network_option("in_channels")
    shift_segments: int | None = network_option("shift_segments")
    caffe_style: bool = network_option("caffe_style")
    temporal_attention: bool = network_option("temporal_attention")

    preset: str = option(
        "mmaction2", "The system whose frames, crops and pixels are reproduced.", checked_elsewhere(", ".join(SYSTEMS))
    )
    sampling: str = option(
        "uniform",
        "How the frames are chosen. twice: as uniform, and from two clips in a validation.",
        checked_elsewhere(offered({name: system.test_sampling for name, system in SYSTEMS.items()})),
    )
    train_crop: str = option(
        "multi_scale",
        "How the box of a training clip is chosen.",
        checked_elsewhere(offered({name: system.train_box for name, system in SYSTEMS.items()})),
    )
    size: int = option(224, "Height and width of the training crops, in pixels.", whole(1))
    data_set: str | None = option(
        None,
        "Names the frames in a folder, and says how clips are mirrored.",
        checked_elsewhere(f"none, {', '.join(DATA_SETS)}"),
    )
    flip: bool = option(True, "Whether training clips are mirrored, as the data set's classes allow.", SWITCH)
    multi_label: bool = option(False, "Whether a clip may have several labels. The loss is then binary.", SWITCH)

    epochs: int = option(50, "How often every training clip is seen.", whole(1))
    batch: int = option(128, "The clips of one update, over all processes.", whole(1))
    accumulate: int = option(1, "The number of parts in which each process runs its share of a batch.", whole(1))
    optimizer: str = option("sgd", "SGD with momentum, or AdamW.", one_of("sgd", "adamw"))
    lr: float = option(
        0.02,
        "The learning rate of the whole batch. auto: the recipe's rate, scaled to the batch.",
        number(or_else="auto"),
    )
    lr_batch: int | None = option(
        None,
        "The clips of an update for which lr was published; none where lr was chosen for this batch. It changes no "
        "number: a training only says where it differs from batch.",
        whole(1, or_else="none"),
    )
    momentum: float = option(0.9, "SGD's momentum.", number())
    nesterov: bool = option(False, "Whether the momentum is Nesterov's.", SWITCH)
    weight_decay: float = option(1e-4, "The weight decay of what decays.", number())
    decays: str = option(
        "weights",
        "What decays: weights; biases, too, which then learn as fast as weights; or all, with BatchNorms.",
        one_of(*DECAYS),
    )
    fc_lr5: bool = option(True, "Whether the classifier learns faster: five times, its bias ten times.", SWITCH)
    first_lr5: bool = option(
        False, "Whether the first convolution learns five times as fast, as in MIT's networks of optical flow.", SWITCH
    )
    max_norm: float = option(20.0, "The largest norm of all gradients together; 0: they are not clipped.", number())
    schedule: str = option(
        "step",
        "How the rate falls: at each milestone, along a cosine or SlowFast's cosine, or not at all.",
        one_of("step", *COSINES, "constant"),
    )
    milestones: tuple[int, ...] = option(
        (25, 45), "The epochs at whose ends the rate falls by gamma, with commas.", whole_numbers(1)
    )
    gamma: float = option(0.1, "The factor of the rate at each milestone.", number())
    warmup: int = option(0, "The epochs in which the rate rises; 0: it starts at lr.", whole(0))
    warmup_by: str = option(
        "epoch", "Whether the rate rises once an epoch or with every update.", one_of("epoch", "update")
    )
    warmup_factor: float = option(0.1, "The first rate of the warm-up, as a fraction of lr.", number())
    label_smoothing: float = option(
        0.0,
        "The share of a target that is spread over all classes.",
        number(most=1, wanted="a number in [0, 1]"),
    )
    mixup: float = option(0.0, "Mixup's alpha of Beta(alpha, alpha), PaddleVideo's VideoMix; 0: no mixup.", number())
    cutmix: float = option(0.0, "CutMix's alpha of Beta(alpha, alpha); 0: no CutMix.", number())
    teacher: str | None = option(
        None,
        "The architecture that is trained beside the network, so that each learns from the other; none: there is none.",
        checked_elsewhere(f"none, {', '.join(ARCHITECTURES)}"),
    )
    teacher_fc_lr5: bool = option(True, "What fc_lr5 is for the teacher.", SWITCH)
    ema: float = option(
        0.0,
        "The decay of the moving average that is validated and saved; 0: the weights themselves are.",
        number(below=1, wanted="a decay in [0, 1), such as 0.9998"),
    )
    amp: str = option("none", "The type of mixed precision, on a GPU.", one_of("none", "bfloat16"))
    dtype: str = option("float32", "The type of weights and arithmetic.", one_of("float32", "float64"))
    seed: int = option(0, "What initial weights, order, augmentation and dropout are drawn from.", whole(0))

    def __post_init__(self) -> None:
        for one in fields(self):
            one.metadata["values"].check(one.name, getattr(self, one.name))
        if self.mixup and self.cutmix:
            raise ValueError("mixup and cutmix: got both, wanted one of them")
        if self.multi_label and (self.mixup or self.cutmix or self.label_smoothing):
            raise ValueError("multi_label: got mixup, cutmix or label smoothing with it, wanted none of them")
        if self.schedule in COSINES and self.warmup >= self.epochs:
            raise ValueError(f"warmup: got {self.warmup} of {self.epochs} epochs, wanted fewer with a cosine")
        if self.teacher is not None:
            must_be_one_of("teacher", self.teacher, ARCHITECTURES)
            if self.multi_label:
                raise ValueError("teacher: got it with multi_label, whose classes have no softmax; wanted one of them")
        # these raise ValueError for the values that they do not know
        self.network()
        self.teacher_recipe()
        self.pixels()
        self.rates(2)

    def network(self) -> Network:
        """The network that is trained."""
        own = {one.name for one in fields(self)}
        return Network(**{one.name: getattr(self, one.name) for one in fields(Network) if one.name in own})

    def teacher_recipe(self) -> Recipe | None:
        """The recipe of the teacher, which is this one but for the network and the seed; None where there is none.

        Options of the network that are not in SHARED are the teacher's defaults. Its weights and dropout masks are
        drawn from the next seed, because two equal networks with equal draws would have nothing to learn from each
        other.
        """
        if self.teacher is None:
            return None
        of_network = {one.name: one.default for one in fields(Network)}
        names = {one.name for one in fields(self)} & of_network.keys() - SHARED
        own: dict[str, Any] = {name: of_network[name] for name in names}
        own |= {"arch": self.teacher, "teacher": None, "fc_lr5": self.teacher_fc_lr5, "seed": self.seed + 1}
        return replace(self, **own)

    def pixels(self) -> Preset:
        """The preset that cuts the clips, with the data set's flip rule."""
        flip = flip_rule(self.data_set, self.preset) if self.data_set and self.flip else None
        if not self.flip:
            flip = FlipRule(0.0)
        return preset(self.preset, sampling=self.sampling, train_crop=self.train_crop, size=self.size, flip=flip)

    def check_input(self) -> None:
        """Raise ValueError where the network takes other input channels than the preset makes."""
        self.pixels().check_network(self.network())

    def network_input(self, class_names: tuple[str, ...] = ()) -> NetworkInput:
        """What the network's files record about its training data. The data set is left out where it has another number
        of classes, because the clips are then not from it.
        """
        data_set = self.data_set if self.data_set and DATA_SETS[self.data_set].num_classes == self.num_classes else None
        return NetworkInput(
            self.preset, self.size, self.sampling, "centre", self.train_crop, data_set, self.multi_label, class_names
        )

    def optimizer_options(self) -> dict[str, Any]:
        """The arguments of `tsm_sgd` or `tsm_adamw` in both packages, beside the learning rate."""
        names = ("weight_decay", "decays", "fc_lr5", "first_lr5", "max_norm")
        shared = {name: getattr(self, name) for name in names}
        if self.optimizer == "adamw":
            return shared
        return shared | {"momentum": self.momentum, "nesterov": self.nesterov}

    def scaled_lr(self, clips: int) -> float:
        """The learning rate for updates of `clips` clips: linear in their number (arXiv:1706.02677, section 2.1)."""
        return self.lr if self.lr_batch is None else self.lr * clips / self.lr_batch

    def schedulers(self) -> list[Scheduler]:
        """The schedulers of warm-up and schedule, in mmengine's order. "slowfast" has a warm-up of its own."""
        if self.schedule == "slowfast":
            return [SlowFastLR(epochs=self.epochs, warmup=self.warmup, warmup_factor=self.warmup_factor)]
        schedulers: list[Scheduler] = []
        if self.warmup:
            by_update = self.warmup_by == "update"
            schedulers.append(
                LinearLR(0, self.warmup, start_factor=self.warmup_factor, convert_to_iter_based=by_update)
            )
        if self.schedule == "step":
            schedulers.append(MultiStepLR(0, self.epochs, milestones=self.milestones, gamma=self.gamma))
        if self.schedule == "cosine":
            schedulers.append(CosineAnnealingLR(self.warmup, self.epochs, convert_to_iter_based=True))
        return schedulers

    def rates(self, steps: int) -> np.ndarray:
        """The learning rate of every update, float64 [epochs, steps], with `steps` updates an epoch.

        Raises ValueError for a warm-up of a single step: mmengine's LinearLR would leave the rate at its first value.
        """
        if self.schedule != "slowfast" and self.warmup * (1 if self.warmup_by == "epoch" else steps) == 1:
            raise ValueError(
                f"warmup: got {self.warmup} {self.warmup_by}, which is a single step and never rises; wanted more "
                "epochs, warmup_by=update, or warmup=0"
            )
        return learning_rates(self.lr, self.schedulers(), self.epochs, steps)
