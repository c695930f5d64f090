"""The I/O specification of an exported network: names, shapes and order of what goes in and of what comes out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # ONNX files are opened without Paddle
    from paddle_tsm.models.stream import StreamStep

FIRST_INPUT = {"clip": "frames", "stream": "frame"}  # by the kind of export
LOGITS = "logits"


@dataclass(frozen=True)
class IOSpec:
    """inputs: name -> shape without the first axis, which is free. outputs: names; the first has one row a clip or a
    stream. axis: what the first axis of the inputs counts, "frames" or "streams". multiple: the number of frames that
    it must be a multiple of.
    """

    inputs: dict[str, tuple[int, ...]]
    outputs: tuple[str, ...]
    axis: str
    multiple: int = 1

    def for_sidecar(self, classes: int) -> dict[str, tuple[dict, ...]]:
        """The "inputs" and "outputs" of tsm.json in the graph's order, each with name, shape (N counts clips, or
        streams) and dtype.
        """
        rows = f"N*{self.multiple}" if self.axis == "frames" else "N"
        cache = list(self.inputs.values())[1:]
        outputs = zip(self.outputs, [(classes,), *cache], strict=True)

        def entry(name: str, *shape: int | str) -> dict:
            return {"name": name, "shape": list(shape), "dtype": "float32"}

        return {
            "inputs": tuple(entry(name, rows, *shape) for name, shape in self.inputs.items()),
            "outputs": tuple(entry(name, "N", *shape) for name, shape in outputs),
        }


def clip_io(num_segments: int, size: tuple[int, int], channels: int = 3) -> IOSpec:
    """Of an offline network: frames [N*T, channels, H, W] -> logits [N, K]. size: (H, W)."""
    return IOSpec({FIRST_INPUT["clip"]: (channels, *size)}, (LOGITS,), "frames", num_segments)


def stream_io(step: StreamStep, size: tuple[int, int]) -> IOSpec:
    """Of one step of a stream: frame [N, channels, H, W] and cache_0, ... [N, f, h, w], zeros before the first frame ->
    logits [N, K] and next_cache_0, ..., of the same shapes. size: (H, W).
    """
    import paddle  # ONNX files are opened without it

    frame = (step.network.in_channels, *size)
    with paddle.no_grad():
        _, *cache = step(paddle.zeros([1, *frame]))
    folds = {f"cache_{i}": tuple(fold.shape[1:]) for i, fold in enumerate(cache)}
    return IOSpec({FIRST_INPUT["stream"]: frame} | folds, (LOGITS, *(f"next_{name}" for name in folds)), "streams")
