"""Whether a rounded network is nearer to the right one than to wrong ones, of which rounding alone does not tell.

A rounded network differs from the exact one by more than some faults do: its logits r + noise, for a reversed shift w +
noise, with |w - r| < |noise|. But noise points anywhere, and a fault has a direction. With the logits of as many clips
and classes as there are

    share = <found - r, w - r> / <w - r, w - r>

is 0 for the right network and 1 for the wrong one, but for noise / (|w - r| sqrt(clips x classes)).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paddle_tsm.evaluation.paddle_run import run_of
from paddle_tsm.export.checkpoint_model import other_shift
from paddle_tsm.models.recognizer import Recognizer

REVERSED = {"future_first": "past_first", "past_first": "future_first", "causal": "future_first"}
HALF_WAY = 0.5  # from here on a network is no nearer to the right one than to the wrong one
LEAST_SURE = 5.0  # standard deviations of the share that half the way must be: what is less sure is not asked
NUMBERS = 128  # logits that are enough for a share


def clips_for(classes: int) -> int:
    """How many clips give so many logits: at least two, at most 16."""
    return min(16, max(2, -(-NUMBERS // classes)))


@dataclass(frozen=True)
class Control:
    """A wrong network's logits [N, K] on the clips that the right one was run on."""

    name: str
    logits: np.ndarray


def controls_of(model: Recognizer, clips: np.ndarray) -> list[Control]:
    """The model with its shift in the wrong direction, and without one; none where it has no shift."""
    network = model.network
    if not network.is_shift:
        return []
    wrong = {"with its shift reversed": REVERSED[network.shift_order], "without its shift": None}
    controls = []
    for name, order in wrong.items():
        with other_shift(model, order):
            controls.append(Control(name, run_of(model)(clips)))
    return controls


def check_controls(found: np.ndarray, right: np.ndarray, controls: list[Control], noise: float) -> str:
    """Hold the rounded network's logits against each wrong network's, all [N, K]. noise: the root mean square
    difference, of the largest logit, that rounding makes. Raises ValueError where they are half the way to one of them,
    or no numbers. Returns what was found, in words.
    """
    said = []
    for control in controls:
        fault = (control.logits - right).astype("float64")
        apart = np.sqrt(np.mean(fault**2)) / (np.abs(right).max() or 1.0)
        if apart * np.sqrt(right.size) * HALF_WAY < LEAST_SURE * noise:
            said.append(f"one {control.name} is nearer than rounding")
            continue
        share = float(((found - right) * fault).sum() / (fault**2).sum())
        if not abs(share) < HALF_WAY:
            raise ValueError(
                f"the exported network differs from the checkpoint as one {control.name} does ({share:.2f} of the way there, limit "
                f"{HALF_WAY}); nothing was kept; please report this"
            )
        said.append(f"{share:+.2f} of the way to one {control.name}")
    return ", ".join(said)
