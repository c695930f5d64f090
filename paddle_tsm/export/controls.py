"""Controls: networks that are wrong on purpose. A rounded network has to be nearer to the right one than to any of
them.

The size of a difference alone does not tell: rounding can move the logits further than a fault does. But rounding has
no direction, and a fault has one. With r the logits of the right network and w those of a wrong one, on all clips and
in all classes,

    share = <found - r, w - r> / <w - r, w - r>

is 0 for the right network and 1 for the wrong one. Rounding changes it by about noise / (|w - r| sqrt(clips x
classes)).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from paddle_tsm.evaluation.paddle_run import run_of
from paddle_tsm.export.checkpoint_model import other_shift
from paddle_tsm.models.recognizer import Recognizer

REVERSED = {"future_first": "past_first", "past_first": "future_first", "causal": "future_first"}
HALF_WAY = 0.5  # from this share on a network is no nearer to the right one than to the wrong one
LEAST_SURE = 5.0  # a control counts where half the way is at least so many standard deviations of the share
NUMBERS = 128  # logits that are enough for a share


def clips_for(classes: int) -> int:
    """How many clips have NUMBERS logits: at least two, at most 16."""
    return min(16, max(2, -(-NUMBERS // classes)))


@dataclass(frozen=True)
class Control:
    """A wrong network. name: how it is wrong. logits: [N, K], on the clips that the right one was run on."""

    name: str
    logits: np.ndarray


def controls_of(model: Recognizer, clips: np.ndarray) -> list[Control]:
    """The model with its shift reversed and the model without a shift; none where the model has no shift.

    clips: [N*T, 3, H, W].
    """
    network = model.network
    if not network.is_shift:
        return []
    wrong = {"with its shift reversed": REVERSED[network.shift_order], "without its shift": None}
    controls = []
    for name, order in wrong.items():
        with other_shift(model, order):
            controls.append(Control(name, run_of(model)(clips)))
    return controls


def check_controls(found: np.ndarray, right: np.ndarray, controls: Sequence[Control], noise: float) -> str:
    """Compare a rounded network's logits with each wrong network's, all [N, K].

    noise: the root mean square difference that rounding makes, as a fraction of the largest logit. Raises ValueError
    where the logits are half the way to a wrong network's, and for NaN. Returns what was found, in words.
    """
    remarks = []
    for control in controls:
        fault = (control.logits - right).astype("float64")
        apart = np.sqrt(np.mean(fault**2)) / (np.abs(right).max() or 1.0)
        if apart * np.sqrt(right.size) * HALF_WAY < LEAST_SURE * noise:
            remarks.append(f"one {control.name} is nearer than rounding")
            continue
        share = float(((found - right) * fault).sum() / (fault**2).sum())
        if not abs(share) < HALF_WAY:
            raise ValueError(
                f"the exported network differs from the checkpoint as one {control.name} does ({share:.2f} of the way "
                f"there, limit {HALF_WAY}); nothing was kept; please report this"
            )
        remarks.append(f"{share:+.2f} of the way to one {control.name}")
    return ", ".join(remarks)
