"""What the place at which two curves part says about the reason."""

from __future__ import annotations

from paddle_tsm.parity.curves.curve_comparison import CurveComparison
from paddle_tsm.parity.tolerance import CURVES


def reading(found: CurveComparison) -> list[str]:
    """What the place of the parting says about its reason, in sentences."""
    parting = found.parting
    if parting is None:
        return []
    if parting.table == "validation":
        return [
            "Every update is the same, so the weights are; the evaluation is not. What a training does not show: the "
            "running statistics of BatchNorm (biased or unbiased variance, momentum), a moving average of the weights, "
            "the crops and frames of the validation."
        ]
    if not parting.is_leap:
        return [
            "No update leaps: the difference has grown from update to update, as rounding does in a training whose "
            "loss jumps about. Runs of `paddle-tsm train --nudge SEED` as --noise tell whether it is more than that; a "
            "lower learning rate, larger batches or larger frames make rounding grow more slowly."
        ]
    if parting.column == "lr":
        return ["The learning rate itself differs: the schedule, its warm-up, or the updates of an epoch."]
    if parting.column == "grad_norm":
        return [
            "The loss of this update is still the same, its gradients are not: the backward pass, a gradient that is "
            "scaled or accumulated, or what the norm is taken over."
        ]
    if parting.row == 0:
        return [
            "The first forward pass differs already: the initial weights, the first batch (clips, order, frames, "
            "crops, mirroring, labels), the dropout mask, or the loss."
        ]
    if parting.difference > CURVES["another input"].limit:
        return [
            "All updates before are the same, and the leap is large: another clip, frame, crop, label or dropout mask "
            "in this update's batch explains it; a setting of the optimizer changes less in one update."
        ]
    return [
        f"Loss and gradients of update {parting.row} are still the same, so what it changed is not: weight decay (of "
        "biases or BatchNorm), momentum, a group's learning rate, clipping, or the rounding of a lower precision."
    ]
