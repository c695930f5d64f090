"""Whether an exported network is the one that it was made of: both run on the same clips, and their logits compared."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import paddle
from paddle import nn

from paddle_tsm.models.create import build
from paddle_tsm.evaluation.paddle_run import run_of
from paddle_tsm.models.load import assign_weights
from paddle_tsm.parity.compare import compare as compare_arrays
from paddle_tsm.parity.compare import distance
from paddle_tsm.parity.tolerance import TOLERANCES, float32_limit, int8_limit
from paddle_tsm.models.stream import Stream, StreamStep

BATCHES = (1, 2, 5)  # clips, or streams, that an export is compared on
STEPS = 3  # of a stream


@dataclass(frozen=True)
class Verified:
    """A difference of the logits over their largest magnitude, its limit, what it was measured against, and what else was."""

    difference: float
    limit: float
    against: str
    also: str = ""


def verify(run, network, tensors, size: tuple[int, int], precision: str = "float32") -> list[Verified]:
    """Whole clips: batches of 1, 2 and 5. Raises ValueError where a difference is beyond the limit."""
    rng = np.random.default_rng(0)
    clips = [rng.standard_normal((n * network.num_segments, 3, *size)).astype("float32") for n in BATCHES]
    logits = [run.run(x) for x in clips]
    model = run_of(assign_weights(build(network), tensors))
    expected = [model(x) for x in clips]
    if precision == "float32":
        exact = run_of(assign_weights(build(network).to(dtype="float64"), tensors))
        limit = float32_limit(distance(exact(clips[0]), expected[0])[1])
    else:
        limit = TOLERANCES[precision].limit
    verified = [compare(expected, logits, limit, "the checkpoint in Paddle")]
    reference = torch_reference(network, tensors)
    if reference:
        verified.append(compare([reference(clips[0])], logits[:1], limit, "the checkpoint in PyTorch"))
    return verified


def verify_int8(run, exact, model, clips: list[np.ndarray]) -> Verified:
    """A quantised network, beside the float32 export that it was made of, on clips that its ranges were not measured on.

    run, exact: what runs the two; model: the network, for the number of its layers. Compared by the root mean square: a single
    value that leaves its range is cut off there, and says little. Raises ValueError where that is beyond the limit.
    """
    expected, logits = (np.concatenate([one.run(clip) for clip in clips]) for one in (exact, run))
    layers = sum(isinstance(layer, (nn.Conv2D, nn.Linear)) for layer in model.sublayers())
    difference = float(np.sqrt(np.mean((expected - logits) ** 2)) / (np.abs(expected).max() or 1.0))
    limit, same = int8_limit(layers), int((expected.argmax(1) == logits.argmax(1)).sum())
    if not difference <= limit:
        raise ValueError(
            f"the 8-bit network differs from float32 by {difference:.1e} of its largest logit (root mean square), limit "
            f"{limit:.1e}; nothing was kept; calibrate on more clips, of the kind that it is for"
        )
    return Verified(difference, limit, "its float32 export (root mean square)", f"the same class in {same} of {len(logits)} views")


def verify_stream(run, network, tensors, ports) -> list[Verified]:
    """A stream's first steps, for 1, 2 and 5 streams at once."""
    rng, step = np.random.default_rng(0), StreamStep(network, tensors)
    exact = StreamStep(network, tensors).to(dtype="float64")
    shapes = list(ports.inputs.values())
    expected, logits, noise = [], [], 0.0
    for n in BATCHES:
        streams, cache = (Stream(step), Stream(exact)), [np.zeros((n, *shape), "float32") for shape in shapes[1:]]
        for _ in range(STEPS):
            frame = rng.standard_normal((n, *shapes[0])).astype("float32")
            found, cache = run.step(frame, cache)
            here, truth = (s.step(paddle.to_tensor(frame).astype(t)) for s, t in zip(streams, ("float32", "float64")))
            noise = max(noise, distance(truth.numpy(), here.numpy())[1])
            expected.append(here.numpy())
            logits.append(found)
    return [compare(expected, logits, float32_limit(noise), "the stream in Paddle")]


def compare(expected: list, logits: list, limit: float, against: str) -> Verified:
    """The largest difference of any batch. Raises ValueError where it is beyond the limit, or no number, or of another shape."""
    rows = [compare_arrays("logits", np.asarray(a), np.asarray(b), limit) for a, b in zip(expected, logits, strict=True)]
    for row in rows:
        if not row.passed:
            raise ValueError(
                f"the exported network differs from {against} by {row.max_rel:.1e} of its largest logit, limit {limit:.1e} "
                f"({row.problem}); nothing was kept; please report this"
            )
    return Verified(max(row.max_rel for row in rows), limit, against)


def torch_reference(network, tensors):
    """The network in PyTorch as a function from NumPy to NumPy; None without torch."""
    try:
        from paddle_tsm.parity.torch_side import TorchSide
    except ImportError:
        return None
    side = TorchSide(network, tensors, "float32")
    return lambda x: side.outputs(x)["logits"]
