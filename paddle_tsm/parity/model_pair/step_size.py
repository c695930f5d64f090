"""A learning rate that moves the weights of any model a little, for a comparison of training steps.

With a rate that is too large for a model, or for the size of its loss, training is chaotic: rounding of 1e-16 grows by
factors of hundreds from one step to the next, and after five steps two equal models are far apart.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from paddle_tsm.parity.model_pair.outputs import total_norm
from paddle_tsm.parity.side import Side
from paddle_tsm.parity.tolerance import VANISHING

SHARE = 2.0**-16  # of the weights' norm, that the first step moves them by


def small_rate(side: Side, inputs: Any, adaptive: bool = False) -> float:
    """The power of two by which plain SGD moves the weights by about `SHARE` of their norm; 1 where nothing moves.

    side: a new one, in float64, which is trained on. adaptive: for an optimizer such as Adam, which moves every weight
    by about the rate. A power of two is held exactly in every precision.
    """
    side.start_training(0.0)
    _, gradients = side.gradients(inputs, None)
    tensors = side.tensors()
    weights = {name: tensors[name] for name in gradients if name in tensors}
    steps = {name: np.sign(gradients[name]) if adaptive else gradients[name] for name in weights}
    norms = total_norm(weights.values()), total_norm(steps.values())
    if not all(np.isfinite(norms)) or norms[1] <= VANISHING * norms[0]:  # only rounding is left of such a gradient
        return 1.0
    return 2.0 ** round(math.log2(SHARE * norms[0] / norms[1]))
