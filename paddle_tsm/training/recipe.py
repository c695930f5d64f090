"""A training's recipe: every setting that its result depends on. No framework is imported."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from paddle_tsm.data.datasets import DATA_SETS, flip_rule
from paddle_tsm.data.flip import FlipRule
from paddle_tsm.data.presets import Preset, preset
from paddle_tsm.layouts.network_input import NetworkInput
from paddle_tsm.networks.network import Network
from paddle_tsm.networks.option_checks import must_be_one_of, must_be_whole
from paddle_tsm.training.schedule import CosineAnnealingLR, LinearLR, MultiStepLR, Scheduler, learning_rates
from paddle_tsm.training.slowfast_schedule import SlowFastLR

CHOICES = {
    "optimizer": ("sgd", "adamw"),
    "schedule": ("step", "cosine", "slowfast", "constant"),
    "warmup_by": ("epoch", "update"),
    "amp": ("none", "bfloat16"),
    "dtype": ("float32", "float64"),
}
COSINES = ("cosine", "slowfast")
SWITCHES = ("frozen_bn", "flip", "multi_label", "nesterov", "fc_lr5")
WHOLE_NUMBERS = {"epochs": 1, "batch": 1, "accumulate": 1, "size": 1, "warmup": 0, "seed": 0}  # and the least value
NUMBERS = (
    "lr",
    "momentum",
    "weight_decay",
    "max_norm",
    "gamma",
    "mixup",
    "cutmix",
    "warmup_factor",
    "ema",
    "label_smoothing",
)


def must_be_a_number(name: str, value: object) -> None:
    """Raise ValueError unless `value` is a finite number, 0 or more."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise ValueError(f"{name}: got {value!r}, wanted a number, 0 or more")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the numbers of a training.

    Two runs of one recipe on one list give the same weights, bit for bit, however often they were stopped. The number
    of processes changes nothing but the order in which sums are taken. Raises ValueError for a value that is not known
    and for values that do not go together.

    The network has the options of `Network`, with its defaults; an option of `Network` that is not here keeps its
    default. frozen_bn: every BatchNorm keeps its running statistics and its weights.

    The data: preset, sampling, train_crop and size are those of `data.presets.preset`. data_set: a name of
    `data.datasets`, for its flip rule. flip: False mirrors no clip. multi_label: a clip may have several labels.

    The updates: batch: the clips of one update, over all processes. accumulate: the number of parts in which each
    process runs its share of a batch. lr: the learning rate of the whole batch. lr_batch: the clips of an update for
    which `lr` was published; None where `lr` was chosen for this batch. It changes no number: a training only says
    where it differs from `batch`. max_norm: the largest norm of all gradients together; 0 for no clipping. mixup,
    cutmix: the alpha of Beta(alpha, alpha); 0 for none. ema: the decay of the moving average that is evaluated and
    saved; 0 for none. amp: the type of mixed precision, or "none".

    The schedule: epochs, milestones and warmup count epochs. warmup_by: whether the rate rises once an "epoch" or with
    every "update". gamma: the factor at each milestone. warmup_factor: the first rate, as a fraction of `lr`.
    """

    arch: str = "tsm_resnet50"
    num_classes: int = Network.num_classes
    num_segments: int = Network.num_segments
    is_shift: bool = Network.is_shift
    shift_div: int = Network.shift_div
    shift_place: str = Network.shift_place
    shift_every: int | None = Network.shift_every
    shift_order: str = Network.shift_order
    temporal_pool: bool = Network.temporal_pool
    non_local: str | None = None
    dropout: float = Network.dropout
    partial_bn: bool = Network.partial_bn
    frozen_bn: bool = False
    running_var: str = Network.running_var

    preset: str = "mmaction2"
    sampling: str = "uniform"
    train_crop: str = "multi_scale"
    size: int = 224
    data_set: str | None = None
    flip: bool = True
    multi_label: bool = False

    epochs: int = 50
    batch: int = 128
    accumulate: int = 1
    optimizer: str = "sgd"
    lr: float = 0.02
    lr_batch: int | None = None
    momentum: float = 0.9
    nesterov: bool = False
    weight_decay: float = 1e-4
    fc_lr5: bool = True
    max_norm: float = 20.0
    schedule: str = "step"
    milestones: tuple[int, ...] = (25, 45)
    gamma: float = 0.1
    warmup: int = 0
    warmup_by: str = "epoch"
    warmup_factor: float = 0.1
    label_smoothing: float = 0.0
    mixup: float = 0.0
    cutmix: float = 0.0
    ema: float = 0.0
    amp: str = "none"
    dtype: str = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in WHOLE_NUMBERS.items():
            must_be_whole(name, getattr(self, name), least)
        for name, known in CHOICES.items():
            must_be_one_of(name, getattr(self, name), known)
        for name in SWITCHES:
            must_be_one_of(name, getattr(self, name), (True, False))
        for name in NUMBERS:
            must_be_a_number(name, getattr(self, name))
        for milestone in self.milestones:
            must_be_whole("milestones", milestone, 1)
        if self.lr_batch is not None:
            must_be_whole("lr_batch", self.lr_batch, 1)
        if not self.ema < 1:
            raise ValueError(f"ema: got {self.ema!r}, wanted a decay in [0, 1), such as 0.9998")
        if not self.label_smoothing <= 1:
            raise ValueError(f"label_smoothing: got {self.label_smoothing!r}, wanted a number in [0, 1]")
        if self.mixup and self.cutmix:
            raise ValueError("mixup and cutmix: got both, wanted one of them")
        if self.multi_label and (self.mixup or self.cutmix or self.label_smoothing):
            raise ValueError("multi_label: got mixup, cutmix or label smoothing with it, wanted none of them")
        if self.schedule in COSINES and self.warmup >= self.epochs:
            raise ValueError(f"warmup: got {self.warmup} of {self.epochs} epochs, wanted fewer with a cosine")
        # these raise ValueError for the values that they do not know
        self.network()
        self.pixels()
        self.rates(2)

    def network(self) -> Network:
        """The network that is trained."""
        own = {one.name for one in fields(self)}
        return Network(**{one.name: getattr(self, one.name) for one in fields(Network) if one.name in own})

    def pixels(self) -> Preset:
        """The preset that cuts the clips, with the data set's flip rule."""
        flip = flip_rule(self.data_set, self.preset) if self.data_set and self.flip else None
        if not self.flip:
            flip = FlipRule(0.0)
        return preset(self.preset, sampling=self.sampling, train_crop=self.train_crop, size=self.size, flip=flip)

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
        shared = {"weight_decay": self.weight_decay, "fc_lr5": self.fc_lr5, "max_norm": self.max_norm}
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
