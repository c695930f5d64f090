"""What an export is compared with: the logits of the checkpoint's network on random clips."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from paddle_tsm.evaluation.paddle_run import run_of
from paddle_tsm.export.checkpoint_model import CheckpointModel, zero_biases
from paddle_tsm.export.controls import Control, clips_for, controls_of
from paddle_tsm.export.open_gates import scale_of_gates
from paddle_tsm.export.without_biases import SMALL
from paddle_tsm.networks.network import Network
from paddle_tsm.parity.compare import distance
from paddle_tsm.parity.tolerance import float32_limit

BATCHES = (1, 2, 5)  # clips, or streams, that an export is compared on at once
IN_PADDLE = "the checkpoint in Paddle"
WITHOUT_BIASES = "the checkpoint without its biases"
WITH_GATES = "the checkpoint without its biases, on clips that its gates weigh"


@dataclass(frozen=True)
class ExpectedLogits:
    """What the checkpoint's network gives.

    clips: batches [N*T, channels, H, W]. logits: [N, K] of each batch, in Paddle's float32. limit: how far a float32
    export may be from them, as a fraction of the largest logit; it is a factor over the rounding of Paddle's own
    float32, on the same clips. against: the network's name in messages. in_torch: PyTorch's logits of the first batch,
    or None. controls: the logits of wrong networks on all clips, where a rounded export is compared with them.
    with_gates: of the network in the same state, on clips that its gates weigh (see `open_gates.py`); None without
    gates.
    """

    clips: list[np.ndarray]
    logits: list[np.ndarray]
    limit: float
    against: str
    in_torch: np.ndarray | None = None
    controls: tuple[Control, ...] = ()
    with_gates: ExpectedLogits | None = None


def expected_logits(checkpoint: CheckpointModel, size: tuple[int, int]) -> ExpectedLogits:
    """On random clips, in batches of BATCHES. size: (H, W) of their frames."""
    clips = random_clips(checkpoint.network, size, BATCHES)
    expected = run_checkpoint(checkpoint, clips, IN_PADDLE)
    return replace(expected, in_torch=torch_logits(checkpoint, clips[0]))


def expected_without_biases(
    checkpoint: CheckpointModel, size: tuple[int, int], with_controls: bool = False
) -> ExpectedLogits:
    """Of the same network with every bias zero, on clips of small values (see `without_biases.py`). There are enough
    clips for `check_controls`.
    """
    clips = random_clips(checkpoint.network, size, [1, clips_for(checkpoint.network.num_classes) - 1])
    with zero_biases(checkpoint.float32, checkpoint.float64):
        large, with_gates = scale_of_gates(checkpoint, clips[0]), None
        if large is not None:
            with_gates = run_checkpoint(checkpoint, [np.float32(large) * clips[0]], WITH_GATES)
        clips = [np.float32(SMALL) * x for x in clips]
        expected = run_checkpoint(checkpoint, clips, WITHOUT_BIASES)
        controls = controls_of(checkpoint.float32, np.concatenate(clips)) if with_controls else []
    return replace(expected, controls=tuple(controls), with_gates=with_gates)


def random_clips(network: Network, size: tuple[int, int], batches: Iterable[int]) -> list[np.ndarray]:
    """Batches of so many clips: noise around a colour of each frame's own, so that neighbouring frames differ and a
    shift matters.
    """
    rng = np.random.default_rng(0)
    shapes = [(n * network.num_segments, network.in_channels) for n in batches]
    return [(rng.standard_normal((*n, *size)) + rng.standard_normal((*n, 1, 1))).astype("float32") for n in shapes]


def run_checkpoint(checkpoint: CheckpointModel, clips: list[np.ndarray], against: str) -> ExpectedLogits:
    """The logits of the checkpoint's network in its present state (see `zero_biases`).

    The noise is the largest of any batch, as is the difference that it limits. Of one clip it is small by chance.
    """
    model, exact = run_of(checkpoint.float32), run_of(checkpoint.float64)
    logits = [model(x) for x in clips]
    noise = max(distance(exact(x), rounded)[1] for x, rounded in zip(clips, logits, strict=True))
    return ExpectedLogits(clips, logits, float32_limit(noise), against)


def torch_logits(checkpoint: CheckpointModel, clips: np.ndarray) -> np.ndarray | None:
    """The network's logits [N, K] in PyTorch, in float32; None where PyTorch is not installed."""
    try:
        from paddle_tsm.parity.torch_side import TorchSide  # imports torch
    except ImportError:
        return None
    return TorchSide(checkpoint.network, checkpoint.tensors, "float32").outputs(clips)["logits"]
