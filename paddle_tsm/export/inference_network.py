"""The network that is exported: the trained network's logits, computed in the quickest form that is known for its
options.

BatchNorm is fused into the convolutions, and a residual stream that the next block shifts is kept in parts (see
`stream_parts.py`), which are moved in the way that is quickest for the runtime (see `stream_shift.py`).
"""

from __future__ import annotations

import paddle
from paddle import Tensor, nn
from paddle.nn import functional as F

from paddle_tsm.export.frame_moves import FrameMoves, time_major
from paddle_tsm.export.inference_block import InferenceBlock, layers_at, unchanged
from paddle_tsm.export.stream_parts import whole
from paddle_tsm.export.stream_shift import StreamShift, TimeMajorShift, stream_shift
from paddle_tsm.models.layers.temporal_pool import temporal_pool
from paddle_tsm.models.recognizer import Recognizer
from paddle_tsm.models.stream import StreamStep


class InferenceNetwork(nn.Layer):
    """x [N*T, 3, H, W], the frames of a clip adjacent -> logits [N, num_classes], as `model` gives them in evaluation.

    model: a network of `create_model` or `load_model`, of any floating type; it is left as it is. shift_class: how the
    shift is done, a class of `stream_shift.py`. Raises ValueError for a network that has no exported form.
    """

    def __init__(self, model: Recognizer, shift_class: type[StreamShift] = TimeMajorShift):
        super().__init__()
        self.num_segments, self.pools_time = model.num_segments, model.temporal_pool
        self.segments = model.network.segments(None)
        self.dtype = str(model.classifier_layer().weight.dtype).rsplit(".", 1)[-1]
        layers = [layer for blocks in model.blocks_of_stages().values() for layer in blocks]
        self.shift_class = shift_class
        shifts = any(getattr(layer, "shift", None) is not None for layer in layers)
        self.time_major = shift_class.time_major and shifts
        stem = layers_at(model, "stem")
        self.stem_acts = [layer.act for layer in stem]
        self.stem = nn.LayerList(layer.on_whole(self.dtype) for layer in stem)
        self.maxpool = getattr(model, "maxpool", None)
        self.add_stages(model)
        self.fc = model.classifier_layer()

    def add_stages(self, model: Recognizer) -> None:
        """Each block writes the parts that the next one shifts, and so reads those that it shifts itself."""
        network = model.network
        places = [(stage, block) for stage, count in enumerate(network.blocks, 1) for block in range(count)]
        stages = list(model.blocks_of_stages().values())[: len(network.blocks)]
        blocks = [block for stage in stages for block in stage]
        channels = [self.stem[-1].weight.shape[0]] + [network.family.stream_channels(network, s) for s, _ in places]
        shifts = [stream_shift(block, read, self.shift_class) for block, read in zip(blocks, channels)]
        parts = [whole(channels[0])]
        for block, count, following in zip(blocks, channels[1:], [*shifts[1:], None]):
            in_parts = following is not None and following.in_parts and block.non_local is None
            parts.append(following.ranges if following is not None and in_parts else whole(count))
        built = iter(
            InferenceBlock(block, layers_at(model, "branch", *place), read, written, shift, self.time_major, self.dtype)
            for block, place, read, written, shift in zip(blocks, places, parts, parts[1:], shifts)
        )
        self.stages = nn.LayerList(nn.LayerList(next(built) for _ in range(count)) for count in network.blocks)
        end = layers_at(model, "end")
        self.end_act = end[0].act if end else unchanged
        self.end = end[0].on_whole(self.dtype) if end else None

    def forward(self, x: Tensor) -> Tensor:
        stream = [self.stem_of(x)]
        moves = self.moves(x, self.num_segments)
        for number, stage in enumerate(self.stages, 1):
            if self.pools_time and number == 2:
                stream = [self.pool_time(part) for part in stream]
                moves = self.moves(x, self.num_segments // 2)
            for block in stage:
                stream = block(stream, moves)
        return self.head(stream[0])

    def stem_of(self, x: Tensor) -> Tensor:
        """[N*T, 3, H, W] -> the first residual stream, whole, time-major where the network is."""
        if self.time_major:
            x = time_major(x, self.num_segments)
        for convolution, act in zip(self.stem, self.stem_acts):
            x = act(convolution(x))
        return x if self.maxpool is None else self.maxpool(x)

    def moves(self, x: Tensor, segments: int) -> FrameMoves:
        """The moves in time for the clips of the input `x`, of which `segments` frames each are left."""
        count = x.shape[0] if paddle.in_dynamic_mode() else paddle.shape(x)[0]
        return FrameMoves(count // self.num_segments, segments)

    def pool_time(self, x: Tensor) -> Tensor:
        """`temporal_pool` for either order of the frames."""
        if not self.time_major:
            return temporal_pool(x, self.num_segments)
        _, c, h, w = x.shape
        lines = x.reshape([1, 1, self.num_segments, -1])  # [1, 1, T, N*C*H*W]
        return F.max_pool2d(lines, (3, 1), stride=(2, 1), padding=(1, 0)).reshape([-1, c, h, w])

    def head(self, x: Tensor) -> Tensor:
        """The last residual stream -> logits [N, K], the mean over the frames of a clip."""
        if self.end is not None:
            x = self.end_act(self.end(x))
        logits = self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))
        segments = self.segments
        if self.time_major:
            return logits.reshape([segments, -1, logits.shape[-1]]).sum(0) / segments
        return logits.reshape([-1, segments, logits.shape[-1]]).sum(1) / segments


def exported_form(layer: Recognizer | StreamStep, shift_class: type[StreamShift]) -> nn.Layer:
    """The layer as it is traced for an export: a network of clips as an InferenceNetwork with this class of
    `stream_shift.py`; one step of a stream as it is.
    """
    form = layer if isinstance(layer, StreamStep) else InferenceNetwork(layer, shift_class)
    form.eval()
    return form
