"""Whether an exported network is the one that it was made of: both run on the same clips, and their logits are
compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from paddle_tsm.export.controls import Control, check_controls
from paddle_tsm.export.expected_logits import ExpectedLogits
from paddle_tsm.export.runner import Runner
from paddle_tsm.networks.layers import ParallelConvolution
from paddle_tsm.networks.network import Network
from paddle_tsm.parity.compare import compare
from paddle_tsm.parity.tolerance import TOLERANCES, int8_limit

# The root mean square difference of a rounded network is about its limit divided by this (docs/measurements/export.md).
LIMIT_OVER_TYPICAL = 4.0


@dataclass(frozen=True)
class Verified:
    """One comparison that an export has passed.

    difference: of the logits, as a fraction of the largest one. limit: of the difference. against: what the export was
    compared with. also: what else was found, in words.
    """

    difference: float
    limit: float
    against: str
    also: str = ""


def verify(run: Runner, expected: ExpectedLogits, precision: str = "float32") -> list[Verified]:
    """Compare the export's logits with Paddle's and, where PyTorch is installed, with PyTorch's. Raises ValueError
    where a difference is beyond the limit.
    """
    logits = [run.run(x) for x in expected.clips]
    limit = expected.limit if precision == "float32" else TOLERANCES[precision].limit
    verified = [compare_batches(expected.logits, logits, limit, expected.against)]
    if expected.in_torch is not None:
        verified.append(compare_batches([expected.in_torch], logits[:1], limit, "the checkpoint in PyTorch"))
    return verified


def verify_controls(run: Runner, expected: ExpectedLogits, precision: str) -> Verified:
    """Compare a rounded network's logits with those of wrong networks, too (see `controls.py`).

    Raises ValueError where they are nearer to those, or beyond ten times the precision's limit: logits without biases
    are small and lose digits.
    """
    clips = np.concatenate(expected.clips)
    found, right, limit = run.run(clips), np.concatenate(expected.logits), TOLERANCES[precision].limit
    row = compare_batches([right], [found], 10 * limit, expected.against)
    also = check_controls(found, right, expected.controls, limit / LIMIT_OVER_TYPICAL)
    return Verified(row.difference, row.limit, f"{expected.against} ({precision})", also)


def verify_int8(
    run: Runner, exact: Runner, network: Network, clips: list[np.ndarray], controls: Sequence[Control] = ()
) -> Verified:
    """Compare an 8-bit network with the float32 export that it was made of, on clips that its ranges were not measured
    on.

    run, exact: what runs the two. network: the checkpoint's, for the number of its layers. controls: the logits of
    wrong networks on the first clips. The difference is the root mean square, because a single value outside of its
    measured range is cut off, which says little about the network. Raises ValueError where the difference is beyond
    the limit, or where the logits are nearer to a control's.
    """
    expected, logits = (np.concatenate([one.run(clip) for clip in clips]) for one in (exact, run))
    layers = layers_of(network)
    difference = float(np.sqrt(np.mean((expected - logits) ** 2)) / (np.abs(expected).max() or 1.0))
    limit, same = int8_limit(layers), int((expected.argmax(1) == logits.argmax(1)).sum())
    if not difference <= limit:  # NaN fails, too
        raise ValueError(
            f"the 8-bit network differs from float32 by {difference:.1e} of its largest logit (root mean square), "
            f"limit {limit:.1e}; nothing was kept; calibrate on more clips, of the kind that the network is for"
        )
    also = [f"the same class in {same} of {len(logits)} views"]
    if controls:
        rows = len(controls[0].logits)
        also.append(check_controls(logits[:rows], expected[:rows], controls, limit / LIMIT_OVER_TYPICAL))
    return Verified(difference, limit, "its float32 export (root mean square)", "; ".join(also))


def layers_of(network: Network) -> int:
    """How many layers of the exported network compute in 8 bits, one behind the other. A re-parameterised convolution
    is one, and non-local blocks count for nothing: most of what they compute stays in float32.
    """
    layers = [layer for layer in network.layers() if layer.place.part != "non_local"]
    return sum(1 if isinstance(layer, ParallelConvolution) else len(layer.products) for layer in layers)


def compare_batches(
    expected: Sequence[np.ndarray], found: Sequence[np.ndarray], limit: float, against: str
) -> Verified:
    """The largest difference of any batch. Raises ValueError for a difference beyond the limit, for NaN and infinity,
    and for another shape.
    """
    rows = [compare("logits", np.asarray(a), np.asarray(b), limit) for a, b in zip(expected, found, strict=True)]
    for row in rows:
        if not row.passed:
            raise ValueError(
                f"the exported network differs from {against} by {row.max_rel:.1e} of its largest logit, limit "
                f"{limit:.1e} ({row.problem}); nothing was kept; please report this"
            )
    return Verified(max(row.max_rel for row in rows), limit, against)
