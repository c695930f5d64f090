"""How far two results may be apart, and why: the only place where a limit is written down."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Tolerance:
    """`limit`: of the tensor's largest magnitude; in the rows for float32, a factor over the measured noise."""

    limit: float
    reason: str


TOLERANCES = {
    "data movement": Tolerance(0.0, "nothing is computed"),
    "float64": Tolerance(1e-10, "exposes wiring, not rounding"),
    "absorbed": Tolerance(1e-6, "a bias absorbed into a float32 running mean rounds it once, in each non-local block"),
    "float32": Tolerance(
        8.0,
        "rounding remains; the noise is the reference's own float32 against its float64. Paddle sums a BatchNorm's "
        "and a pool's values in another order, with up to 3 times PyTorch's error on one layer",
    ),
    "bfloat16": Tolerance(
        8 * 2.0**-9,
        "an export whose weights and activations have 8 bits: half a unit of the last place, times float32's factor",
    ),
    "int8": Tolerance(
        2.0**-8,
        "of the largest logit, times the square root of twice the layers: each layer rounds a weight and an activation to "
        "about 2^-8 of its range, independently of the others",
    ),
    "gradients": Tolerance(
        1e-9, "float64; the backward pass sums over every position and frame once more than the forward"
    ),
    "few steps": Tolerance(
        1e-9, "float64, up to 10 training steps: the same BatchNorm, loss and optimizer; only rounding"
    ),
    "many steps": Tolerance(
        1e-6,
        "float64, up to 200 training steps: each step starts from what the last one rounded, and a network in training "
        "magnifies a difference from step to step (measured by tools/prove_training.py)",
    ),
    "float32 steps": Tolerance(
        3.0,
        "rounding grows from step to step in any framework; the noise is the largest distance, up to that step, that "
        "either framework goes from itself when weights and inputs move by one unit in the last place",
    ),
}

# Two trainings that are compared by their curves (`curves.py`): what may be apart at an update, relative.
CURVES = {
    "lr": Tolerance(1e-12, "a schedule is a short formula in float64, whatever the training's precision is"),
    "leap": Tolerance(
        100.0,
        "rounding grows by a small factor from one update to the next; what is computed differently leaps",
    ),
    "float64 least": Tolerance(1e-12, "a loss is a mean over a forward pass: rounding leaves 1e-16 to 1e-13 of it"),
    "float64 most": Tolerance(1e-6, "the limit of many steps"),
    "float32 least": Tolerance(1e-4, "a forward pass in training mode leaves 1e-7 to 1e-5 of a loss"),
    "float32 most": Tolerance(float("inf"), "rounding grows to the size of the loss; only nudged runs can tell"),
    "evaluation": Tolerance(100.0, "over the least limit: an evaluation sees all that many updates have rounded"),
    "another input": Tolerance(1e-3, "one update of a setting changes less than another batch does"),
}

# A gradient can be 0 in exact arithmetic: that of a bias in front of a BatchNorm, or of one that a softmax ignores.
# What is left of it is rounding, in proportion to the layer's other gradients, and has no digits of its own to agree.
# A tensor below this share of the largest one of its layer is held to the limit in proportion to that one.
VANISHING = 1e-10

# The noise of a small tensor can be 0 by chance; a float32 result is never better than its last place.
LEAST_NOISE = 2.0**-23


def float32_limit(noise: float) -> float:
    """The limit for a float32 comparison whose reference has this relative `noise`."""
    return TOLERANCES["float32"].limit * max(noise, LEAST_NOISE)


def int8_limit(layers: int) -> float:
    """The limit for the root mean square difference of an 8-bit network with so many convolutions and linear layers."""
    return TOLERANCES["int8"].limit * (2 * layers) ** 0.5


def step_limit(steps: int) -> float:
    """The limit for float64 training over this many steps. Raises ValueError where none is stated."""
    if not 1 <= steps <= 200:
        raise ValueError(f"steps: got {steps}, wanted 1 to 200, for which a limit is stated")
    return TOLERANCES["few steps" if steps <= 10 else "many steps"].limit
