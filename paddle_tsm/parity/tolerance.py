"""How far two results may be apart, and why: the only place where a limit is written down."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Tolerance:
    """`limit`: of the tensor's largest magnitude, or, with `of_noise`, a factor over the measured noise."""

    limit: float
    reason: str
    of_noise: bool = False


TOLERANCES = {
    "data movement": Tolerance(0.0, "nothing is computed"),
    "float64": Tolerance(1e-10, "exposes wiring, not rounding"),
    "folded": Tolerance(1e-6, "a bias folded into a float32 running mean rounds it once, in each non-local block"),
    "float32": Tolerance(
        8.0,
        "rounding remains; the noise is the reference's own float32 against its float64. Paddle sums a BatchNorm's "
        "and a pool's values in another order, with up to 3 times PyTorch's error on one layer",
        of_noise=True,
    ),
}

# The noise of a small tensor can be 0 by chance; a float32 result is never better than its last place.
LEAST_NOISE = 2.0**-23


def float32_limit(noise: float) -> float:
    """The limit for a float32 comparison whose reference has this relative `noise`."""
    return TOLERANCES["float32"].limit * max(noise, LEAST_NOISE)
