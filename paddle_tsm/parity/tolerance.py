"""How far two results may be apart, and why: the only place where a limit is written down."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Tolerance:
    """A limit and its reason.

    limit: relative to the tensor's largest magnitude; for "float32" and "float32 steps", a factor over the noise.
    """

    limit: float
    reason: str


TOLERANCES = {
    "data movement": Tolerance(0.0, "nothing is computed"),
    "float64": Tolerance(1e-10, "exposes wiring, not rounding"),
    "absorbed": Tolerance(1e-6, "a bias absorbed into a float32 running mean rounds it once, in each non-local block"),
    "float32": Tolerance(
        8.0,
        "rounding remains; the noise is the reference's own float32 against its float64. Paddle sums the values of a "
        "BatchNorm and of a pool in another order, and one layer's error can be several times PyTorch's",
    ),
    "bfloat16": Tolerance(
        8 * 2.0**-9,
        "the weights and activations of such an export have 8 significant bits: half a unit in the last place, times "
        "float32's factor",
    ),
    "int8": Tolerance(
        2.0**-8,
        "relative to the largest logit, times the square root of twice the number of layers: each layer rounds a "
        "weight and an activation to about 2^-8 of its range, independently of the others",
    ),
    "gradients": Tolerance(
        1e-9, "float64; the backward pass sums over every position and frame once more than the forward pass"
    ),
    "few steps": Tolerance(
        1e-9, "float64, up to 10 training steps: BatchNorm, loss and optimizer are the same, so only rounding remains"
    ),
    "many steps": Tolerance(
        1e-6,
        "float64, up to 200 training steps: each step starts from what the last one rounded, and a network in training "
        "magnifies a difference from step to step (tools/prove_training.py measures it)",
    ),
    "rounding": Tolerance(
        100.0,
        "a factor over what one unit in the last place of all that PyTorch's model computes does to it in float64: an "
        "operation sums many values, and Paddle sums them in another order",
    ),
    "rounding, at most": Tolerance(
        1e-6, "of the largest value: where rounding does more, a fault could hide in it, and there is no verdict"
    ),
    "float32 rounding, at most": Tolerance(2.0**-14, "of the largest value: half precision inside a model does more"),
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
    "kinks": Tolerance(
        1e-9,
        "a difference of this size in the activations lets some ReLU or max pool take its other branch, where the "
        "gradient leaps by itself",
    ),
    "float64 least": Tolerance(1e-12, "a loss is a mean over a forward pass: rounding leaves 1e-16 to 1e-13 of it"),
    "float64 most": Tolerance(1e-6, "the limit of many steps"),
    "float32 least": Tolerance(1e-4, "a forward pass in training mode leaves 1e-7 to 1e-5 of a loss"),
    "float32 most": Tolerance(float("inf"), "rounding grows to the size of the loss; only nudged runs can tell"),
    "magnified most": Tolerance(1e-3, "an ill-conditioned update may round to this much, and no more"),
    "evaluation": Tolerance(100.0, "over the least limit: an evaluation sees all that many updates have rounded"),
    "another input": Tolerance(1e-3, "one update of a setting changes less than another batch does"),
}

# A gradient can be 0 in exact arithmetic: that of a bias in front of a BatchNorm, or of a bias that a softmax ignores.
# Only rounding is left of it, in proportion to the layer's other gradients, so none of its digits can agree. A tensor
# whose largest value is below this share of the largest value in its layer is held to the limit in proportion to that.
VANISHING = 1e-10

# The noise of a small tensor can be 0 by chance, but no float32 result is more exact than its last place.
LEAST_NOISE = 2.0**-23


def float32_limit(noise: float) -> float:
    """The limit for a comparison in float32 whose reference has this relative noise."""
    return TOLERANCES["float32"].limit * max(noise, LEAST_NOISE)


def int8_limit(layers: int) -> float:
    """The limit for the root mean square difference of an 8-bit network's logits, relative to the largest logit.

    layers: the number of its convolutions and linear layers.
    """
    return TOLERANCES["int8"].limit * (2 * layers) ** 0.5


def step_limit(steps: int) -> float:
    """The limit for training in float64 over so many steps. Raises ValueError where none is stated."""
    if not 1 <= steps <= 200:
        raise ValueError(f"steps: got {steps}, wanted 1 to 200, for which a limit is stated")
    return TOLERANCES["few steps" if steps <= 10 else "many steps"].limit
