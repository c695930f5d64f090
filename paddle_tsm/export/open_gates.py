"""Clips on which the gates of a network differ from each other: squeeze and excitation, and temporal attention.

Without its biases, and on clips of small values, a network's gates are one constant, a sigmoid of next to nothing. With
its biases, a deep network of drawn weights forgets its input before the gates see it. So the network runs a third
time: without its biases, on clips so large that what the first gate's function takes is about ARGUMENT.
"""

from __future__ import annotations

import numpy as np

from paddle_tsm.evaluation.paddle_run import run_of
from paddle_tsm.export.checkpoint_model import CheckpointModel
from paddle_tsm.networks.layers import SqueezeExcitation
from paddle_tsm.networks.network import Network

ARGUMENT = 4.0  # far from 0, and not so far that every gate is 0 or 1


def first_gate(network: Network) -> str | None:
    """The name of the layer that the first gate's function takes; None in a network without gates."""
    for layer in network.layers():
        if isinstance(layer, SqueezeExcitation):
            return layer.excite.name
        if layer.place.part == "attention":
            return layer.name
    return None


def scale_of_gates(checkpoint: CheckpointModel, clips: np.ndarray) -> float | None:
    """The factor on the clips that gives the first gate ARGUMENT, as a power of two; None where there is no gate.

    clips: [N*T, channels, H, W]. The checkpoint's biases are zero, so that what is in front of the gate scales with
    them.
    """
    name = first_gate(checkpoint.network)
    if name is None:
        return None
    model, seen = checkpoint.float64, []
    hook = dict(model.named_sublayers())[name].register_forward_post_hook(
        lambda layer, inputs, output: seen.append(float(np.sqrt(np.mean(output.numpy() ** 2))))
    )
    try:
        run_of(model)(clips)
    finally:
        hook.remove()
    return float(2.0 ** np.round(np.log2(ARGUMENT / seen[0]))) if seen[0] > 0 else None
