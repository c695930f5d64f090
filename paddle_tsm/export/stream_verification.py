"""Whether an exported step of a stream is the checkpoint's: both run the first frames of the same streams."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import paddle

from paddle_tsm.export.expected_logits import BATCHES
from paddle_tsm.export.io_spec import IOSpec
from paddle_tsm.export.runner import Runner
from paddle_tsm.export.verification import Verified, compare_batches
from paddle_tsm.models.stream import StreamStep
from paddle_tsm.parity.compare import distance
from paddle_tsm.parity.tolerance import float32_limit

STEPS = 3  # frames of a stream that are compared

# Outputs of one step in order: the logits, then the folds of the cache.
Outputs = list[np.ndarray]


def verify_stream(
    run: Runner,
    step: StreamStep,
    exact: StreamStep,
    io_spec: IOSpec,
    against: str = "the stream in Paddle",
    scale: float = 1.0,
) -> list[Verified]:
    """Compare the first STEPS steps of BATCHES streams at once: the logits, and each fold of the cache that comes out.

    step, exact: the checkpoint's step in float32 and in float64. scale: a factor on the frames. Raises ValueError where
    a difference is beyond the limit. Returns the comparison of the logits.
    """
    rng = np.random.default_rng(0)
    steps = [row for streams in BATCHES for row in first_steps(run, step, exact, io_spec, streams, scale, rng)]
    verified = []
    for number, name in enumerate(io_spec.outputs):
        expected, found, exactly = ([row[i][number] for row in steps] for i in range(3))
        noise = max(distance(b, a)[1] for a, b in zip(expected, exactly))
        what = against if number == 0 else f"{against} ({name})"
        verified.append(compare_batches(expected, found, float32_limit(noise), what))
    return verified[:1]


def first_steps(
    run: Runner,
    step: StreamStep,
    exact: StreamStep,
    io_spec: IOSpec,
    streams: int,
    scale: float,
    rng: np.random.Generator,
) -> list[tuple[Outputs, Outputs, Outputs]]:
    """(what the step gives in Paddle's float32, what the export gives, what the step gives in float64) of each of the
    first frames of so many streams at once.
    """
    frame_shape, *cache_shapes = io_spec.inputs.values()
    in_export, in_paddle, in_float64 = (
        [np.zeros((streams, *shape), dtype) for shape in cache_shapes] for dtype in ("float32", "float32", "float64")
    )
    rows = []
    for _ in range(STEPS):
        noise = rng.standard_normal((streams, *frame_shape))
        colour = rng.standard_normal((streams, frame_shape[0], 1, 1))
        frame = (scale * (noise + colour)).astype("float32")
        logits, cache = run.step(frame, in_export)
        in_export = list(cache)
        expected, exactly = outputs_of(step, frame, in_paddle), outputs_of(exact, frame, in_float64)
        rows.append((expected, [logits, *in_export], exactly))
        in_paddle, in_float64 = expected[1:], exactly[1:]
    return rows


def outputs_of(step: StreamStep, frame: np.ndarray, cache: Sequence[np.ndarray]) -> Outputs:
    """The step's outputs for one frame of each stream, in its weights' type."""
    dtype = step.parameters()[0].dtype
    inputs = [paddle.to_tensor(array).astype(dtype) for array in (frame, *cache)]
    with paddle.no_grad():
        return [tensor.numpy() for tensor in step(*inputs)]
