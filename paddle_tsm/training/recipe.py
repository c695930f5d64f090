"""What a training computes, by name: `recipe("mmaction2-sthv2", epochs=10)`. No framework is imported."""

from __future__ import annotations

import difflib
import math
import typing
from dataclasses import dataclass, fields, replace

import numpy as np

from paddle_tsm.data.datasets import DATA_SETS, flip_rule
from paddle_tsm.data.flip import FlipRule
from paddle_tsm.data.presets import Preset, pick, preset
from paddle_tsm.layouts.network_input import NetworkInput
from paddle_tsm.networks.network import Network
from paddle_tsm.networks.option_checks import must_be_one_of, must_be_whole
from paddle_tsm.training.schedule import CosineAnnealingLR, LinearLR, MultiStepLR, learning_rates
from paddle_tsm.training.slowfast_schedule import SlowFastLR

NETWORK_OPTIONS = (
    "num_classes", "num_segments", "is_shift", "shift_div", "shift_place", "shift_every", "shift_order", "temporal_pool",
    "non_local", "dropout", "partial_bn", "running_var",
)  # fmt: skip
SCHEDULES = ("step", "cosine", "slowfast", "constant")
OPTIMIZERS = ("sgd", "adamw")
AUTO = "auto"  # as `lr`: the recipe's rate, scaled to the batch


def must_be_a_number(name: str, value) -> None:
    """Raise ValueError unless `value` is a finite number, 0 or more."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise ValueError(f"{name}: got {value!r}, wanted a number, 0 or more")


@dataclass(frozen=True)
class Recipe:
    """Everything that decides the numbers of a training. Two runs of one recipe on one list give the same weights, bit
    for bit, however often they were stopped; the number of processes only changes the order of sums.

    The network: the arguments of `create_model`. `frozen_bn`: every BatchNorm keeps its statistics and its weights. The
    data: see `data.presets.preset`; `data_set` (a name of `data.datasets`) gives the flip rule, `flip` False turns it
    off. `batch`: clips of one update, over all processes; each process runs its share in `accumulate` parts. `lr` is
    the rate of the whole batch. `lr_batch`: the clips of an update that it was published for, None where it was chosen
    for this very batch; it changes no number (`recipe` with lr="auto" scales the rate, and a training says where they
    part). `milestones`, `warmup` and `epochs` count epochs; `warmup_by` says whether the rate rises once an "epoch" or
    with every "update". `max_norm` 0: no clipping. `mixup`, `cutmix`: alpha of Beta(alpha, alpha), 0: off. `ema`: decay
    of the moving average that is evaluated and saved, 0: off. `amp`: "bfloat16" or "none".
    """

    arch: str = "tsm_resnet50"
    num_classes: int = 400
    num_segments: int = 8
    is_shift: bool = True
    shift_div: int = 8
    shift_place: str = "blockres"
    shift_every: int | None = None
    shift_order: str = "future_first"
    temporal_pool: bool = False
    non_local: str | None = None
    dropout: float = 0.5
    partial_bn: bool = False
    frozen_bn: bool = False
    running_var: str = "unbiased"

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

    def __post_init__(self):
        for name in ("epochs", "batch", "accumulate", "size"):
            must_be_whole(name, getattr(self, name), 1)
        for name in ("warmup", "seed"):
            must_be_whole(name, getattr(self, name), 0)
        must_be_one_of("schedule", self.schedule, SCHEDULES)
        must_be_one_of("warmup_by", self.warmup_by, ("epoch", "update"))
        must_be_one_of("optimizer", self.optimizer, OPTIMIZERS)
        must_be_one_of("amp", self.amp, ("none", "bfloat16"))
        must_be_one_of("dtype", self.dtype, ("float32", "float64"))
        for name in ("frozen_bn", "flip", "multi_label", "nesterov", "fc_lr5"):
            must_be_one_of(name, getattr(self, name), (True, False))
        for name in ("lr", "momentum", "weight_decay", "max_norm", "gamma", "mixup", "cutmix", "warmup_factor"):
            must_be_a_number(name, getattr(self, name))
        for name in ("ema", "label_smoothing"):
            must_be_a_number(name, getattr(self, name))
        for milestone in self.milestones:
            must_be_whole("milestones", milestone, 1)
        if self.lr_batch is not None:
            must_be_whole("lr_batch", self.lr_batch, 1)
        if not 0 <= self.ema < 1:
            raise ValueError(f"ema: got {self.ema!r}, wanted a decay in [0, 1), such as 0.9998")
        if not 0 <= self.label_smoothing <= 1:
            raise ValueError(f"label_smoothing: got {self.label_smoothing!r}, wanted a number in [0, 1]")
        if self.mixup and self.cutmix:
            raise ValueError("mixup and cutmix: got both, wanted one of them")
        if self.multi_label and (self.mixup or self.cutmix or self.label_smoothing):
            raise ValueError("multi_label: got mixup, cutmix or label smoothing with it, wanted none of them")
        self.network(), self.pixels(), self.rates(2)  # raise for what they do not know

    def network(self) -> Network:
        return Network(self.arch, **{name: getattr(self, name) for name in NETWORK_OPTIONS})

    def scaled_lr(self, clips: int) -> float:
        """The rate for updates of `clips` clips: linear in the batch (arXiv:1706.02677, section 2.1)."""
        return self.lr if self.lr_batch is None else self.lr * clips / self.lr_batch

    def pixels(self) -> Preset:
        """The preset, with the data set's flip rule."""
        flip = flip_rule(self.data_set, self.preset) if self.data_set and self.flip else None
        if not self.flip:
            flip = FlipRule(0.0)
        return preset(self.preset, sampling=self.sampling, train_crop=self.train_crop, size=self.size, flip=flip)

    def input(self, class_names: tuple[str, ...] = ()) -> NetworkInput:
        """What the network's files say of how it was trained. A data set of another number of classes was not the one."""
        data_set = self.data_set if self.data_set and DATA_SETS[self.data_set].num_classes == self.num_classes else None
        return NetworkInput(
            self.preset, self.size, self.sampling, "centre", self.train_crop, data_set, self.multi_label, class_names
        )

    def schedulers(self) -> list:
        """mmengine's schedulers: the warm-up runs together with the schedule behind it. "slowfast" is PaddleVideo's."""
        warmup = []
        if self.schedule in ("cosine", "slowfast") and self.warmup >= self.epochs:
            raise ValueError(f"warmup: got {self.warmup} of {self.epochs} epochs, wanted fewer with a cosine")
        if self.schedule == "slowfast":
            return [SlowFastLR(epochs=self.epochs, warmup=self.warmup, warmup_factor=self.warmup_factor)]
        if self.warmup:
            updates = self.warmup_by == "update"
            warmup = [LinearLR(0, self.warmup, start_factor=self.warmup_factor, convert_to_iter_based=updates)]
        if self.schedule == "step":
            return [*warmup, MultiStepLR(0, self.epochs, milestones=self.milestones, gamma=self.gamma)]
        if self.schedule == "cosine":
            return [*warmup, CosineAnnealingLR(self.warmup, self.epochs, convert_to_iter_based=True)]
        return warmup

    def rates(self, steps: int) -> np.ndarray:
        """The learning rate of every update, float64 [epochs, steps], with `steps` updates an epoch. Raises ValueError
        for a warm-up of a single step: mmengine's LinearLR would leave the rate at its first one for ever.
        """
        if self.schedule != "slowfast" and self.warmup * (1 if self.warmup_by == "epoch" else steps) == 1:
            raise ValueError(
                f"warmup: got {self.warmup} {self.warmup_by}, which is a single step and never rises; wanted more epochs, "
                "warmup_by=update, or warmup=0"
            )
        return learning_rates(self.lr, self.schedulers(), self.epochs, steps)


RECIPES = {
    # mmaction2 4d6c934, configs/recognition/tsm/tsm_imagenet-pretrained-r50_8xb16-1x1x8-50e_{kinetics400,sthv2}-rgb.py
    "mmaction2-kinetics400": Recipe(data_set="kinetics400", lr_batch=128, warmup=5),
    "mmaction2-sthv2": Recipe(
        data_set="something-v2", num_classes=174, lr_batch=128, warmup=5, weight_decay=5e-4
    ),
    # MIT 1f6a834, scripts/train_tsm_kinetics_rgb_8f.sh, finetune_tsm_ucf101_rgb_8f.sh; README.md, "Training"
    "mit-kinetics400": Recipe(preset="mit", data_set="kinetics400", lr_batch=128, milestones=(20, 40)),
    "mit-ucf101": Recipe(
        preset="mit", data_set="ucf101", num_classes=101, epochs=25, batch=64, lr=0.001, lr_batch=64,
        milestones=(10, 20), weight_decay=5e-4, dropout=0.8, partial_bn=True,
    ),
    # PaddleVideo ed245e9, configs/recognition/tsm/tsm_k400_frames.yaml, pptsm/pptsm_k400_frames_uniform.yaml; the loss,
    # the clipping over all groups together, the unbiased running variance and PP-TSM's initial classifier (0.001 for
    # its 0.01) are ours, and PreciseBN is left out
    "paddlevideo-kinetics400": Recipe(
        preset="paddlevideo", data_set="kinetics400", shift_order="past_first", lr_batch=128, milestones=(20, 40)
    ),
    "pptsm-kinetics400": Recipe(
        arch="pptsm_resnet50", preset="pptsm", data_set="kinetics400", shift_order="past_first", epochs=80, lr=0.01,
        lr_batch=128, nesterov=True, schedule="slowfast", warmup=10, warmup_factor=0.5, mixup=0.2, label_smoothing=0.1,
        max_norm=0.0,
    ),
}  # fmt: skip


def recipe(name: str, **changes) -> Recipe:
    """The recipe `name` with some fields changed. Raises ValueError for a name or a field that is not known.

    lr: another rate is taken to be meant for this batch, so that `lr_batch` becomes None; "auto" is the recipe's own
    rate, scaled to the batch.
    """
    check_fields(changes)
    own = pick(RECIPES, name, "recipe")
    if changes.get("lr") == AUTO:
        batched = replace(own, **{field: value for field, value in changes.items() if field != "lr"})
        return replace(batched, lr=batched.scaled_lr(batched.batch), lr_batch=None)
    return replace(own, **({"lr_batch": None} if "lr" in changes else {}) | changes)


def check_fields(names) -> None:
    """Raise ValueError, with the nearest known ones, for a name that is no field of Recipe."""
    known = [field.name for field in fields(Recipe)]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"did you mean {near[0]}?" if near else f"wanted one of {', '.join(known)}"
            raise ValueError(f"recipe: there is no option {name!r}; {hint}")


def parse_changes(texts: list[str]) -> dict:
    """`["lr=0.01", "milestones=10,20"]` -> {"lr": 0.01, "milestones": (10, 20)}. Raises ValueError for another form."""
    kinds, changes = typing.get_type_hints(Recipe), {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise ValueError(f"recipe: got {text!r}, wanted NAME=VALUE, such as lr=0.01")
        check_fields([name])
        if name in changes:
            raise ValueError(f"recipe: {name} is given twice")
        changes[name] = parse_value(name, value, kinds[name])
    return changes


def parse_value(name: str, text: str, kind):
    """The value of a field of type `kind` from its text."""
    if (name, text.lower()) == ("lr", AUTO):
        return AUTO
    options = typing.get_args(kind)
    if type(None) in options:
        if text.lower() == "none":
            return None
        kind = options[0]
    elif options:  # tuple[int, ...]
        return tuple(parse_value(name, part, int) for part in text.split(",") if part)
    wanted = {bool: "true or false", int: "a whole number", float: "a number" + " or auto" * (name == "lr")}
    try:
        if kind is bool:
            return {"true": True, "false": False}[text.lower()]
        return kind(text)
    except (ValueError, KeyError):
        raise ValueError(f"{name}: got {text!r}, wanted {wanted[kind]}") from None
