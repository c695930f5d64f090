"""The online network, a frame at a time: what a fold of channels needs of the past is kept, nothing is computed twice.

Source: arXiv:1811.08383, section 3.4; MIT online_demo/mobilenet_v2_tsm.py 1f6a834. On the frames of a clip the logits
are those of the causal network on the whole clip, frame for frame.
"""

from __future__ import annotations

import paddle
from paddle import nn

from paddle_tsm.layouts.network_file import NetworkFile, interpret, read_network
from paddle_tsm.models.create import build
from paddle_tsm.models.layers.shift import Shift, fold_ends
from paddle_tsm.models.load import assign_weights
from paddle_tsm.networks.network import Network


class RememberingShift(nn.Layer):
    """out = [previous[:, :f], x[:, f:]], f the fold; then `previous` is x's fold. Without one: zeros, as before a clip."""

    def __init__(self, shift_div: int):
        super().__init__()
        self.shift_div = shift_div
        self.remember(None)

    def remember(self, fold) -> None:
        """fold: [N, f, h, w], or None."""
        object.__setattr__(self, "previous", fold)  # a layer's own __setattr__ would make it a buffer

    def forward(self, x):
        """[N, C, h, w], one frame of each of N streams; the same shape."""
        end, _ = fold_ends(x.shape[1], self.shift_div, "causal")
        fold = x[:, :end]
        previous = paddle.zeros_like(fold) if self.previous is None else self.previous
        self.remember(fold)
        return paddle.concat([previous, x[:, end:]], axis=1)


class StreamStep(nn.Layer):
    """One step as a function without state: (frame, *cache) -> (logits, *cache). What is exported.

    Raises ValueError for a network that needs frames of the future.
    """

    def __init__(self, network: Network, tensors: dict):
        super().__init__()
        check_streams(network)
        self.network = network
        self.model = assign_weights(build(network.with_options(num_segments=1)), tensors)
        self.shifts = []
        for layer in list(self.model.sublayers()):
            if isinstance(getattr(layer, "shift", None), Shift):
                layer.shift = RememberingShift(network.shift_div)
                self.shifts.append(layer.shift)
        self.eval()

    def forward(self, frame, *cache):
        """frame: [N, 3, H, W]; cache: a fold of each shift, [N, f, h, w], or nothing for the first frame. Returns the
        frame's logits, [N, num_classes], and the cache of the next step."""
        for shift, fold in zip(self.shifts, cache or [None] * len(self.shifts), strict=True):
            shift.remember(fold)
        logits = self.model.frame_logits(frame)
        return (logits, *(shift.previous for shift in self.shifts))


class Stream:
    """A StreamStep and its cache: `stream.step(frame)` for one frame after the other, `stream.reset()` for a new video."""

    def __init__(self, step: StreamStep):
        self._step = step
        self.reset()

    def reset(self) -> None:
        """Forget the past: the next frame is a first one."""
        self._cache: tuple = ()

    @paddle.no_grad()
    def step(self, frame):
        """frame: [N, 3, H, W], the next one of each of N streams. Returns its logits, [N, num_classes].

        Raises ValueError where N, H or W changed since the first frame.
        """
        shape = tuple(frame.shape)
        if len(shape) != 4 or shape[1] != 3:
            raise ValueError(f"frame: got shape {list(shape)}, wanted [N, 3, H, W]")
        if self._cache and shape != self._shape:
            raise ValueError(f"frame: got shape {list(shape)} after {list(self._shape)}; reset() before another video")
        self._shape = shape
        logits, *cache = self._step(frame, *self._cache)
        self._cache = tuple(cache)
        return logits


def load_stream(path, layout: str = "auto", **options) -> Stream:
    """The causal network in the file `path`, ready for its first frame; arguments as for `load_model`.

    Raises ValueError, in one line, for a network that is not causal: `shift_order="causal"` says that it is one where
    the file cannot.
    """
    return Stream(load_step(path, layout, **options))


def load_step(path, layout: str = "auto", **options) -> StreamStep:
    """The same without a cache."""
    return step_of(read_network(path, layout=layout, **options))


def step_of(found: NetworkFile) -> StreamStep:
    """The step of the network in a file. Raises ValueError, which names the file, where the network is not causal."""
    check_file_streams(found)
    return StreamStep(*found.as_asked())


def check_file_streams(found: NetworkFile) -> None:
    """Raise ValueError, with what to do, unless the network in the file streams as it was asked for."""
    try:
        check_streams(found.asked_network())
    except ValueError as error:
        raise ValueError(f"{found.checkpoint.path}: {error}{other_way(found)}") from None


def other_way(found: NetworkFile) -> str:
    """What else may be done about a network that does not stream: nothing where its file records another shift, or its
    system has another; otherwise its keys are those of a causal one, too, and only the caller knows."""
    if found.asked_order == "causal" or found.record.options:
        return ""
    try:
        options = found.network.options() | {"shift_order": "causal"}
        interpret(found.checkpoint, found.layout.name, **options).asked_network()
    except ValueError:
        return ""
    return "; where the file holds one, say so: --shift-order causal (shift_order='causal' in Python)"


def check_streams(network: Network) -> None:
    """Raise ValueError unless a frame's logits need no other frame than those before it."""
    if network.is_shift and network.shift_order != "causal":
        raise ValueError(
            f"a {network.shift_order} network needs the next frame; wanted one of the causal shift, which "
            "`paddle-tsm train --set shift_order=causal` trains"
        )
    if network.temporal_pool or network.non_local is not None:
        what = "temporal pooling" if network.temporal_pool else "non-local blocks"
        raise ValueError(f"{what} look at frames of the future, wanted a network without")
