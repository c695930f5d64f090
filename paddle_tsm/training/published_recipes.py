"""The recipes of published trainings, by name: `recipe("mmaction2-sthv2", epochs=10)`. No framework is imported."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from paddle_tsm.data.presets import pick
from paddle_tsm.training.recipe import Recipe
from paddle_tsm.training.recipe_changes import AUTO, check_fields

# PaddleVideo ed245e9, configs/recognition/pptsm/v2/pptsm_lcnet_k400_{8,16}frames_uniform.yaml, which differ in nothing
# but the frames. These differ from them: the unbiased running variance, and the initial weights without a file, where
# upstream has PPLCNetV2_base_ssld_pretrained.
PPTSM_V2 = Recipe(
    arch="pptsm_v2",
    preset="pptsm",
    data_set="kinetics400",
    shift_order="past_first",
    epochs=120,
    lr=0.01,
    lr_batch=128,
    nesterov=True,
    decays="biases",
    fc_lr5=False,
    max_norm=0.0,
    schedule="slowfast",
    warmup=10,
    warmup_factor=0.5,
    mixup=0.2,
)
# PaddleVideo's shift moves one channel in so many as a clip has frames.
SIXTEEN: dict[str, Any] = {"num_segments": 16, "shift_div": 16}
# The same, pptsm_lcnet_k400_{8,16}frames_uniform_dml_distillation.yaml, with half of the clips and of the rate.
DISTILLED: dict[str, Any] = {"teacher": "pptsm_resnet50", "batch": 64, "lr": 0.005, "lr_batch": 64}
# PaddleVideo ed245e9, pptsm_mv2_k400_videos_uniform.yaml and pptsm_mv3_k400_frames_uniform.yaml, which also compute the
# running statistics anew after every fifth epoch, over 200 batches (PRECISEBN). That is left out here. The rest that
# differs is as above.
PPTSM_MOBILENET_V2 = replace(PPTSM_V2, arch="pptsm_mobilenet_v2", epochs=80, decays="all")

RECIPES = {
    # mmaction2 4d6c934, configs/recognition/tsm/tsm_imagenet-pretrained-r50_8xb16-1x1x8-50e_{kinetics400,sthv2}-rgb.py
    "mmaction2-kinetics400": Recipe(data_set="kinetics400", lr_batch=128, warmup=5),
    "mmaction2-sthv2": Recipe(data_set="something-v2", num_classes=174, lr_batch=128, warmup=5, weight_decay=5e-4),
    # MIT 1f6a834, scripts/train_tsm_kinetics_rgb_8f.sh, finetune_tsm_ucf101_rgb_8f.sh; README.md, "Training"
    "mit-kinetics400": Recipe(preset="mit", data_set="kinetics400", lr_batch=128, milestones=(20, 40)),
    "mit-ucf101": Recipe(
        preset="mit",
        data_set="ucf101",
        num_classes=101,
        epochs=25,
        batch=64,
        lr=0.001,
        lr_batch=64,
        milestones=(10, 20),
        weight_decay=5e-4,
        dropout=0.8,
        partial_bn=True,
    ),
    # PaddleVideo ed245e9, configs/recognition/tsm/tsm_k400_frames.yaml, pptsm/pptsm_k400_frames_uniform.yaml. These
    # differ from it: the loss, the clipping of the norm over all groups together, the unbiased running variance, and
    # the standard deviation of PP-TSM's initial classifier (0.001 instead of 0.01). PreciseBN is left out.
    "paddlevideo-kinetics400": Recipe(
        preset="paddlevideo", data_set="kinetics400", shift_order="past_first", lr_batch=128, milestones=(20, 40)
    ),
    "pptsm-kinetics400": Recipe(
        arch="pptsm_resnet50",
        preset="pptsm",
        data_set="kinetics400",
        shift_order="past_first",
        epochs=80,
        lr=0.01,
        lr_batch=128,
        nesterov=True,
        schedule="slowfast",
        warmup=10,
        warmup_factor=0.5,
        mixup=0.2,
        label_smoothing=0.1,
        max_norm=0.0,
    ),
    "pptsm-v2-kinetics400": PPTSM_V2,
    "pptsm-v2-kinetics400-16f": replace(PPTSM_V2, **SIXTEEN),
    "pptsm-v2-kinetics400-dml": replace(PPTSM_V2, **DISTILLED),
    "pptsm-v2-kinetics400-16f-dml": replace(PPTSM_V2, **SIXTEEN, **DISTILLED, temporal_attention=True),
    "pptsm-mv2": PPTSM_MOBILENET_V2,
    "pptsm-mv3": replace(PPTSM_MOBILENET_V2, arch="pptsm_mobilenet_v3", decays="biases"),
    # mmaction2 4d6c934, tsm_imagenet-pretrained-mobileone-s4_8xb16-1x1x16-50e_kinetics400-rgb.py beside the others. It
    # sets 16 frames in the head alone, so that its backbone shifts within groups of 8. Its rate is for 128 clips;
    # its loader has 64 on 8 GPUs, and auto_scale_lr halves the rate for them: --set batch=64 lr=auto.
    "mmaction2-mobileone": Recipe(
        arch="tsm_mobileone_s4",
        num_segments=16,
        shift_segments=8,
        data_set="kinetics400",
        lr_batch=128,
        weight_decay=2e-5,
        warmup=5,
    ),
}


def recipe(name: str, **changes: Any) -> Recipe:
    """The recipe `name` with some fields changed. Raises ValueError for a name or a field that is not known.

    lr: a number is the rate for the batch as it is, so that `lr_batch` becomes None. "auto" is the recipe's own rate,
    scaled to the batch.
    """
    check_fields(changes)
    own = pick(RECIPES, name, "recipe")
    if "lr" not in changes:
        return replace(own, **changes)
    if changes["lr"] != AUTO:
        return replace(own, **{"lr_batch": None} | changes)
    others = {field: value for field, value in changes.items() if field != "lr"}
    batched = replace(own, **others)
    return replace(batched, lr=batched.scaled_lr(batched.batch), lr_batch=None)
