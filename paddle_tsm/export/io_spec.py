"""What goes into an exported network and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass

FIRST_INPUT = {"clip": "frames", "stream": "frame"}  # by the kind of export
LOGITS = "logits"


@dataclass(frozen=True)
class IOSpec:
    """inputs: name -> shape without the first axis, which is free. outputs: names. axis: what the first axis of the
    inputs counts. multiple: the number of frames that it must be a multiple of; the first output has one row for so
    many.
    """

    inputs: dict[str, tuple[int, ...]]
    outputs: tuple[str, ...]
    axis: str
    multiple: int = 1

    def described(self, classes: int) -> dict[str, tuple[dict, ...]]:
        """For tsm.json: "inputs" and "outputs" in the graph's order, each a name, a shape (N counts clips, or streams)
        and a dtype.
        """
        rows = f"N*{self.multiple}" if self.axis == "frames" else "N"
        past = list(self.inputs.values())[1:]
        outputs = zip(self.outputs, [(classes,), *past], strict=True)

        def port(name, *shape):
            return {"name": name, "shape": list(shape), "dtype": "float32"}

        return {
            "inputs": tuple(port(name, rows, *shape) for name, shape in self.inputs.items()),
            "outputs": tuple(port(name, "N", *shape) for name, shape in outputs),
        }


def clip_io(num_segments: int, size: tuple[int, int]) -> IOSpec:
    """Of an offline network: frames [N*T, 3, H, W] -> logits [N, K]. size: (H, W)."""
    return IOSpec({FIRST_INPUT["clip"]: (3, *size)}, (LOGITS,), "frames", num_segments)


def stream_io(step, size: tuple[int, int]) -> IOSpec:
    """Of one streaming step (a `paddle_tsm.models.stream.StreamStep`): frame [N, 3, H, W] and cache_0, ... [N, f, h,
    w], zeros before the first frame -> logits [N, K] and next_cache_0, ..., of the same shapes. size: (H, W).
    """
    import paddle

    with paddle.no_grad():
        _, *cache = step(paddle.zeros([1, 3, *size]))
    folds = {f"cache_{i}": tuple(fold.shape[1:]) for i, fold in enumerate(cache)}
    return IOSpec({FIRST_INPUT["stream"]: (3, *size)} | folds, (LOGITS, *(f"next_{name}" for name in folds)), "streams")
