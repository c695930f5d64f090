"""A checkpoint as a folder that runs without paddle_tsm, proven to be the network that it came from."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace

import numpy as np
import paddle

from paddle_tsm.create import build
from paddle_tsm.evaluation.paddle_run import run_of
from paddle_tsm.export.inference_network import InferenceNetwork
from paddle_tsm.export.onnx_file import write_onnx
from paddle_tsm.export.onnx_runtime import OnnxRun
from paddle_tsm.export.paddle_inference import PaddleInferenceRun
from paddle_tsm.export.plain_activation import plain_activations
from paddle_tsm.export.ports import clip_ports, stream_ports
from paddle_tsm.export.sidecar import NAME, Sidecar
from paddle_tsm.export.static_graph import save_static
from paddle_tsm.export.stream_shift import GatheredRows, MovedFrames
from paddle_tsm.file_digest import sha256_of
from paddle_tsm.layouts.network_file import read_network
from paddle_tsm.load import assign_weights
from paddle_tsm.parity.compare import distance
from paddle_tsm.parity.tolerance import float32_limit
from paddle_tsm.stream import Stream, StreamStep

BATCHES = (1, 2, 5)  # clips, or streams, that an export is compared on
STEPS = 3  # of a stream


@dataclass(frozen=True)
class Verified:
    """The largest difference of the logits over their largest magnitude, its limit, and what it was measured against."""

    difference: float
    limit: float
    against: str


def export(
    path, folder, to: str = "paddle-inference", *, stream: bool = False, size: int = 224, precision: str = "float32",
    options=None, **sidecar,
):
    """Write the network in the checkpoint `path` to `folder`, run what was written, and keep it if it is the same network.

    to: a format of `sidecar.FORMATS`. stream: one step of the causal network instead of whole clips. size: the network's
    input in training. precision: "float32", or "bfloat16" for Paddle Inference. options: those of `load_model`. sidecar: preset, sampling, crops and labels of its Sidecar.
    The files are compared with the checkpoint's network in Paddle, and in PyTorch where torch is installed, on random clips.
    Raises ValueError for a network that cannot be exported, a folder that holds something else, and an export that differs,
    of which nothing is kept. Returns (Sidecar, list of Verified).
    """
    folder = os.fspath(folder)
    check_free(folder)
    if precision != "float32" and (precision, to, stream) != ("bfloat16", "paddle-inference", False):
        raise ValueError(f"precision: got {precision!r} for {to}, wanted 'float32', or 'bfloat16' for clips in paddle-inference")
    network, tensors = read_network(path, **(options or {})).as_asked()
    files = {"program": "model.json", "weights": "model.pdiparams"} if to == "paddle-inference" else {"model": "model.onnx"}
    described = Sidecar(
        to, "stream" if stream else "clip", network, files, size, precision=precision, **sidecar,
        checkpoint={"file": os.path.basename(os.fspath(path)), "sha256": sha256_of(path)},
    )
    pixels = (described.pixels().test_size,) * 2
    layer = StreamStep(network, tensors) if stream else assign_weights(build(network), tensors)
    layer.eval()
    ports = stream_ports(layer, pixels) if stream else clip_ports(network.num_segments, pixels)
    temporary = f"{folder}.{os.getpid()}.tmp"
    os.makedirs(temporary)
    try:
        write(layer, temporary, to, ports, precision)
        run = open_files(temporary, described, None)
        verified = verify_stream(run, network, tensors, ports) if stream else verify(run, network, tensors, pixels, precision)
        described = replace(
            described, cache=tuple(list(ports.inputs.values())[1:]), verified={v.against: v.difference for v in verified}
        )
        described.write(temporary)
        if os.path.isdir(folder):
            shutil.rmtree(folder)
        os.replace(temporary, folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return described, verified


def check_free(folder: str) -> None:
    """Raise ValueError where `folder` holds anything but an earlier export, or has no place."""
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise ValueError(f"{folder}: is a file; wanted a folder, which is made where there is none")
    if os.path.isdir(folder) and os.listdir(folder) and not os.path.isfile(os.path.join(folder, NAME)):
        raise ValueError(f"{folder}: holds files and no export; wanted an empty folder, or an export to replace")
    parent = os.path.dirname(os.path.abspath(folder))
    if not os.path.isdir(parent):
        raise ValueError(f"{parent}: no such folder; make it first")


def write(layer, folder: str, to: str, ports, precision: str = "float32") -> None:
    """Write the format's files."""
    if to == "onnx":
        return write_onnx(form_of(layer, to), os.path.join(folder, "model.onnx"), ports)
    with plain_activations(layer):
        return save_static(form_of(layer, to, precision), os.path.join(folder, "model"), ports)


def form_of(layer, to: str, precision: str = "float32"):
    """The layer as it is traced: quick in the runtime it is for. In bfloat16 the plain form: Paddle's passes for it do not take
    the quick one apart rightly."""
    plain = isinstance(layer, StreamStep) or precision == "bfloat16"
    form = layer if plain else InferenceNetwork(layer, GatheredRows if to == "onnx" else MovedFrames)
    form.eval()
    return form


def open_files(folder: str, sidecar: Sidecar, threads: int | None):
    """What runs an export's files."""
    if sidecar.format == "onnx":
        return OnnxRun(os.path.join(folder, sidecar.files["model"]), threads)
    program = os.path.join(folder, sidecar.files["program"])
    return PaddleInferenceRun(program.removesuffix(".json"), threads, sidecar.precision)


def verify(run, network, tensors, size: tuple[int, int], precision: str = "float32") -> list[Verified]:
    """Whole clips: batches of 1, 2 and 5. Raises ValueError where a difference is beyond the limit.

    For bfloat16 the noise is what rounding every weight and activation to its 8 bits may do, half a unit of the last place.
    """
    rng = np.random.default_rng(0)
    clips = [rng.standard_normal((n * network.num_segments, 3, *size)).astype("float32") for n in BATCHES]
    logits = [run.run(x) for x in clips]
    exact = run_of(assign_weights(build(network).to(dtype="float64"), tensors))
    truth = exact(clips[0])
    model = run_of(assign_weights(build(network), tensors))
    expected = [model(x) for x in clips]
    noise = distance(truth, expected[0])[1] if precision == "float32" else 2.0**-9
    verified = [compare(expected, logits, noise, "the checkpoint in Paddle")]
    reference = torch_reference(network, tensors)
    if reference:
        verified.append(compare([reference(clips[0])], logits[:1], noise, "the checkpoint in PyTorch"))
    return verified


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
    return [compare(expected, logits, noise, "the stream in Paddle")]


def compare(expected: list, logits: list, noise: float, against: str) -> Verified:
    """The largest distance. Raises ValueError where it is beyond the float32 limit for this noise."""
    difference, limit = max(distance(a, b)[1] for a, b in zip(expected, logits)), float32_limit(noise)
    if not difference <= limit:
        raise ValueError(
            f"the exported network differs from {against} by {difference:.1e} of its largest logit, limit {limit:.1e}; "
            "nothing was kept; please report this"
        )
    return Verified(difference, limit, against)


def torch_reference(network, tensors):
    """The network in PyTorch as a function from NumPy to NumPy; None without torch."""
    try:
        from paddle_tsm.parity.torch_side import TorchSide
    except ImportError:
        return None
    side = TorchSide(network, tensors, "float32")
    return lambda x: side.outputs(x)["logits"]
