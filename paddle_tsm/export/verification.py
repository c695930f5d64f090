"""Whether an exported network is the one that it was made of: both run on the same clips, and their logits compared."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import paddle
from paddle import nn

from paddle_tsm.evaluation.paddle_run import run_of
from paddle_tsm.export.checkpoint_model import CheckpointModel, zero_biases
from paddle_tsm.export.controls import Control, check_controls, clips_for, controls_of
from paddle_tsm.export.io_spec import IOSpec
from paddle_tsm.export.runner import Runner
from paddle_tsm.export.without_biases import SMALL
from paddle_tsm.models.stream import StreamStep
from paddle_tsm.parity.compare import compare as compare_arrays
from paddle_tsm.parity.compare import distance
from paddle_tsm.parity.tolerance import TOLERANCES, float32_limit, int8_limit

BATCHES = (1, 2, 5)  # clips, or streams, that an export is compared on
STEPS = 3  # of a stream
IN_PADDLE = "the checkpoint in Paddle"
BARE = "the checkpoint without its biases"
TYPICAL = (
    4.0  # a rounded network's root mean square difference is about its limit over this (measured: 0.1 to 0.35 of it)
)


@dataclass(frozen=True)
class Verified:
    """A difference of the logits over their largest magnitude, its limit, what it was measured against, and what else
    was.
    """

    difference: float
    limit: float
    against: str
    also: str = ""


@dataclass(frozen=True)
class Truth:
    """What the checkpoint's network gives. clips: batches [N*T, 3, H, W]. logits: [N, K] for each batch, in Paddle's
    float32. limit: how far a float32 export may be from them, a factor over the rounding of Paddle's own float32.
    against: what messages call it. in_torch: PyTorch's logits of the first batch, or None. controls: logits of wrong
    networks for all clips, where a rounded export is compared with them.
    """

    clips: list[np.ndarray]
    logits: list[np.ndarray]
    limit: float
    against: str
    in_torch: np.ndarray | None = None
    controls: tuple[Control, ...] = ()


def truth_of(checkpoint: CheckpointModel, size: tuple[int, int]) -> Truth:
    """On random clips, in batches of 1, 2 and 5."""
    clips = random_clips(checkpoint.network, size, BATCHES)
    truth = ask(checkpoint, clips, IN_PADDLE)
    return replace(truth, in_torch=torch_logits(checkpoint, clips[0]))


def truth_without_biases(checkpoint: CheckpointModel, size: tuple[int, int], with_controls: bool = False) -> Truth:
    """The same network with every bias zero, on small clips, of which there are enough for `check_controls`."""
    clips = random_clips(checkpoint.network, size, [1, clips_for(checkpoint.network.num_classes) - 1])
    clips = [np.float32(SMALL) * x for x in clips]
    with zero_biases(checkpoint.float32, checkpoint.float64):
        truth = ask(checkpoint, clips, BARE)
        controls = controls_of(checkpoint.float32, np.concatenate(clips)) if with_controls else []
    return replace(truth, controls=tuple(controls))


def random_clips(network, size: tuple[int, int], batches) -> list[np.ndarray]:
    """Noise around a colour that each frame has for itself: what differs from frame to frame is what a shift moves."""
    rng = np.random.default_rng(0)
    frames = [n * network.num_segments for n in batches]
    return [(rng.standard_normal((n, 3, *size)) + rng.standard_normal((n, 3, 1, 1))).astype("float32") for n in frames]


def ask(checkpoint: CheckpointModel, clips: list[np.ndarray], against: str) -> Truth:
    """The logits of the network as it is at this moment."""
    model, exact = run_of(checkpoint.float32), run_of(checkpoint.float64)
    logits = [model(x) for x in clips]
    return Truth(clips, logits, float32_limit(distance(exact(clips[0]), logits[0])[1]), against)


def verify(run, truth: Truth, precision: str = "float32") -> list[Verified]:
    """The export's logits of the truth's clips, against Paddle's and, where torch is installed, PyTorch's. Raises
    ValueError where a difference is beyond the limit.
    """
    logits = [run.run(x) for x in truth.clips]
    limit = truth.limit if precision == "float32" else TOLERANCES[precision].limit
    verified = [compare(truth.logits, logits, limit, truth.against)]
    if truth.in_torch is not None:
        verified.append(compare([truth.in_torch], logits[:1], limit, "the checkpoint in PyTorch"))
    return verified


def verify_controls(run, truth: Truth, precision: str) -> Verified:
    """A rounded network's logits against those of wrong networks, too (see `controls.py`). Raises ValueError where they
    are nearer to those, or beyond ten times the limit for it with its biases: logits without them are small and lose
    digits.
    """
    clips = np.concatenate(truth.clips)
    found, right, limit = run.run(clips), np.concatenate(truth.logits), TOLERANCES[precision].limit
    row = compare([right], [found], 10 * limit, truth.against)
    also = check_controls(found, right, list(truth.controls), limit / TYPICAL)
    return Verified(row.difference, row.limit, f"{truth.against} ({precision})", also)


def verify_int8(run, exact, model, clips: list[np.ndarray], controls: list[Control] = ()) -> Verified:
    """A quantised network, beside the float32 export that it was made of, on clips that its ranges were not measured
    on.

    run, exact: what runs the two; model: the network, for the number of its layers; controls: wrong networks' logits of
    the first of the clips. Compared by the root mean square: a single value that leaves its range is cut off there, and
    says little. Raises ValueError where that is beyond the limit, or where the logits are nearer to a control's.
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
    also = [f"the same class in {same} of {len(logits)} views"]
    if controls:
        rows = len(controls[0].logits)
        also.append(check_controls(logits[:rows], expected[:rows], controls, limit / TYPICAL))
    return Verified(difference, limit, "its float32 export (root mean square)", "; ".join(also))


def verify_stream(
    run: Runner,
    step: StreamStep,
    exact: StreamStep,
    io_spec: IOSpec,
    against: str = "the stream in Paddle",
    scale: float = 1.0,
) -> list[Verified]:
    """A stream's first steps, for 1, 2 and 5 streams at once: the logits, and each fold of the cache that comes out.

    step, exact: the checkpoint's step in float32 and in float64. scale: of the frames. Raises ValueError where a
    difference is beyond the limit.
    """
    rng = np.random.default_rng(0)
    shapes = list(io_spec.inputs.values())
    rows = []  # (what the stream in Paddle gives, what the export gives, Paddle's float64) of each step
    for n in BATCHES:
        past, here, truth = (
            [np.zeros((n, *shape), t) for shape in shapes[1:]] for t in ("float32", "float32", "float64")
        )
        for _ in range(STEPS):
            frame = (scale * (rng.standard_normal((n, *shapes[0])) + rng.standard_normal((n, 3, 1, 1)))).astype(
                "float32"
            )
            logits, past = run.step(frame, past)
            here, truth = (step_of(one, frame, cache) for one, cache in ((step, here), (exact, truth)))
            rows.append((here, [logits, *past], truth))
            here, truth = here[1:], truth[1:]
    verified = []
    for number in range(len(shapes)):
        expected, found, exactly = ([row[i][number] for row in rows] for i in range(3))
        noise = max(distance(b, a)[1] for a, b in zip(expected, exactly))
        what = against if number == 0 else f"{against} ({io_spec.outputs[number]})"
        verified.append(compare(expected, found, float32_limit(noise), what))
    return verified[:1]


def step_of(step, frame: np.ndarray, cache: list) -> list[np.ndarray]:
    """A StreamStep's outputs, in its weights' type."""
    dtype = step.parameters()[0].dtype
    with paddle.no_grad():
        return [
            tensor.numpy() for tensor in step(*(paddle.to_tensor(array).astype(dtype) for array in (frame, *cache)))
        ]


def compare(expected: list, logits: list, limit: float, against: str) -> Verified:
    """The largest difference of any batch. Raises ValueError where it is beyond the limit, or no number, or of another
    shape.
    """
    rows = [
        compare_arrays("logits", np.asarray(a), np.asarray(b), limit) for a, b in zip(expected, logits, strict=True)
    ]
    for row in rows:
        if not row.passed:
            raise ValueError(
                f"the exported network differs from {against} by {row.max_rel:.1e} of its largest logit, limit {limit:.1e} "
                f"({row.problem}); nothing was kept; please report this"
            )
    return Verified(max(row.max_rel for row in rows), limit, against)


def torch_logits(checkpoint: CheckpointModel, clips: np.ndarray) -> np.ndarray | None:
    """The network's logits [N, K] in PyTorch, in float32; None where torch is not installed."""
    try:
        from paddle_tsm.parity.torch_side import TorchSide  # imports torch
    except ImportError:
        return None
    return TorchSide(checkpoint.network, checkpoint.tensors, "float32").outputs(clips)["logits"]
