"""How much of a decision is motion: what the network says of the same frames in other orders."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from paddle_tsm.data.frame_orders import backward, repeated, shuffled
from paddle_tsm.inference.probabilities import class_probabilities


@dataclass(frozen=True)
class OrderResult:
    """What the network says of a clip whose frames come in some order, or in each of several.

    order: in words. plays: how many orders. probabilities: their mean, float64 [K]. same: the share of the orders for
    which the most probable class is that of the clip as it is.
    """

    order: str
    plays: int
    probabilities: np.ndarray
    same: float

    @property
    def top(self) -> int:
        """The class that is the most probable on average."""
        return int(self.probabilities.argmax())


def results_by_order(
    run: Callable[[np.ndarray], np.ndarray],
    clip: np.ndarray,
    shuffles: int,
    seed: int,
    progress: Callable[[str], None] = lambda order: None,
) -> list[OrderResult]:
    """The clip as it is, played backward, with its frames shuffled, and with one frame repeated.

    run: float32 [T, 3, H, W] -> logits [1, K]. clip: [T, 3, H, W]. shuffles: how many orders are drawn from `seed`; the
    result is their mean. One frame repeated is the mean over all frames. progress: called with each order before it
    runs. A clip of one frame has no other order, so only the clip itself and the frame repeated are left.
    """
    frames = len(clip)
    orders = {
        "as it is": np.arange(frames)[None],
        "played backward": backward(frames)[: frames - 1],
        "frames shuffled": shuffled(frames, shuffles, seed),
        "one frame repeated": repeated(frames),
    }
    results: list[OrderResult] = []
    for name, indices in orders.items():
        if len(indices):
            progress(name)
            each = np.stack([class_probabilities(run(clip[order]).astype("float64"), "logits") for order in indices])
            tops = each.argmax(1)
            own = results[0].top if results else tops[0]
            results.append(OrderResult(name, len(indices), each.mean(0), float((tops == own).mean())))
    return results


def motion_share(results: list[OrderResult], label: int) -> float | None:
    """The share of the probability of class `label` that is gone where the frames are shuffled, at most 1.

    0: the order does not matter. Below 0: shuffled frames are more convincing. None for a clip of one frame.
    """
    by_name = {result.order: float(result.probabilities[label]) for result in results}
    if "frames shuffled" not in by_name:
        return None
    return 1 - by_name["frames shuffled"] / max(by_name["as it is"], np.finfo("float64").tiny)
