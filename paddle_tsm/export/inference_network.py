"""The network that is exported: the trained network's logits, computed in the quickest form that is known for its
options.

BatchNorm is fused into the convolutions, and a residual stream that the next block shifts is kept in parts (see
`stream_parts.py`), which are moved in the way that is quickest for the runtime (see `stream_shift.py`).
"""

from __future__ import annotations

import paddle
from paddle import Tensor, nn
from paddle.nn import functional as F

from paddle_tsm.export.declared_layers import Activation, ConvAct, attention_at, classifier_of, layers_at
from paddle_tsm.export.frame_moves import FrameMoves, RememberedFolds
from paddle_tsm.export.frame_order import FrameOrder
from paddle_tsm.export.inference_block import InferenceBlock
from paddle_tsm.export.stream_parts import whole
from paddle_tsm.export.stream_shift import RememberedShift, StreamShift, TimeMajorShift, stream_shift
from paddle_tsm.models.layers.temporal_pool import temporal_pool
from paddle_tsm.models.recognizer import Recognizer
from paddle_tsm.models.stream import StreamStep
from paddle_tsm.networks.block_channels import channels_read


class ConvolutionsInTurn(nn.Layer):
    """Convolutions of a whole tensor, each with its activation."""

    def __init__(self, layers: list[ConvAct], dtype: str):
        super().__init__()
        self.convolutions = nn.LayerList(layer.on_whole(dtype) for layer in layers)
        self.acts: list[Activation] = [layer.act for layer in layers]

    def forward(self, x: Tensor) -> Tensor:
        for convolution, act in zip(self.convolutions, self.acts, strict=True):
            x = act(convolution(x))
        return x


class InferenceNetwork(nn.Layer):
    """x [N*T, channels, H, W], the frames of a clip adjacent -> logits [N, num_classes], as `model` gives them in
    evaluation.

    model: a network of `create_model` or `load_model`, of any floating type; it is left as it is. shift_class: how the
    shift is done, a class of `stream_shift.py`. Raises ValueError for a network that has no exported form.
    """

    def __init__(self, model: Recognizer, shift_class: type[StreamShift] = TimeMajorShift):
        super().__init__()
        network = model.network
        self.num_segments, self.pools_time = model.num_segments, model.temporal_pool
        self.dtype = str(model.classifier_layer().weight.dtype).rsplit(".", 1)[-1]
        layers = [layer for blocks in model.blocks_of_stages().values() for layer in blocks]
        self.shift_class = shift_class
        shifts = any(getattr(layer, "shift", None) is not None for layer in layers)
        self.time_major = shift_class.time_major and shifts
        self.orders = {
            stage: FrameOrder(network.segments(stage), network.shifted_segments(stage), self.time_major)
            for stage in range(1, len(network.blocks) + 1)
        }
        self.stem = self.convolutions_at(model, "stem")
        self.maxpool = getattr(model, "maxpool", None)
        self.add_stages(model)
        self.end = self.convolutions_at(model, "end", behind_mean=False)
        self.behind_mean = self.convolutions_at(model, "end", behind_mean=True)
        self.fc = classifier_of(model)

    def convolutions_at(self, model: Recognizer, part: str, behind_mean: bool = False) -> ConvolutionsInTurn:
        """Those outside of the blocks, in this part of the network."""
        layers = [layer for layer in layers_at(model, part) if isinstance(layer, ConvAct)]
        return ConvolutionsInTurn([layer for layer in layers if layer.behind_mean == behind_mean], self.dtype)

    def add_stages(self, model: Recognizer) -> None:
        """Each block writes the parts that the next one shifts, and so reads those that it shifts itself."""
        network = model.network
        places = [(stage, block) for stage, count in enumerate(network.blocks, 1) for block in range(count)]
        stages = list(model.blocks_of_stages().values())[: len(network.blocks)]
        blocks = [block for stage in stages for block in stage]
        attentions = [attention_at(model, *place) for place in places]
        channels = [channels_read(network, *place) for place in places]
        channels.append(network.family.stream_channels(network, len(network.blocks)))
        shifts = [stream_shift(block, read, self.shift_class) for block, read in zip(blocks, channels)]
        parts = [whole(channels[0])]
        for block, count, following, attention in zip(
            blocks, channels[1:], [*shifts[1:], None], [*attentions[1:], None]
        ):
            wanted = following.ranges if following is not None and following.in_parts else whole(count)
            parts.append(wanted if block.non_local is None and attention is None else whole(count))
        built = iter(
            InferenceBlock(
                block,
                layers_at(model, "branch", *place),
                read,
                written,
                shift,
                self.orders[place[0]],
                attention,
                self.dtype,
                self.shift_class.sums_apart,
            )
            for block, place, read, written, shift, attention in zip(
                blocks, places, parts, parts[1:], shifts, attentions
            )
        )
        self.stages = nn.LayerList(nn.LayerList(next(built) for _ in range(count)) for count in network.blocks)

    def forward(self, x: Tensor) -> Tensor:
        stream = [self.stem_of(x)]
        moves = self.moves(x, self.orders[1])
        for number, stage in enumerate(self.stages, 1):
            if self.pools_time and number == 2:
                stream = [self.pool_time(part) for part in stream]
                moves = self.moves(x, self.orders[number])
            for block in stage:
                stream = block(stream, moves)
        return self.head(stream[0])

    def stem_of(self, x: Tensor) -> Tensor:
        """[N*T, channels, H, W] -> the first residual stream, whole, in the order of the first stage."""
        x = self.stem(self.orders[1].from_clips(x))
        return x if self.maxpool is None else self.maxpool(x)

    def moves(self, x: Tensor, order: FrameOrder) -> FrameMoves:
        """The moves in time for the clips of the input `x`, which lie in this order."""
        count = x.shape[0] if paddle.in_dynamic_mode() else paddle.shape(x)[0]
        return FrameMoves(count // (self.num_segments // (order.frames // order.group)), order.group)

    def pool_time(self, x: Tensor) -> Tensor:
        """`temporal_pool` for either order of the frames."""
        if not self.time_major:
            return temporal_pool(x, self.num_segments)
        _, c, h, w = x.shape
        lines = x.reshape([1, 1, self.num_segments, -1])  # [1, 1, T, N*C*H*W]
        return F.max_pool2d(lines, (3, 1), stride=(2, 1), padding=(1, 0)).reshape([-1, c, h, w])

    def head(self, x: Tensor) -> Tensor:
        """The last residual stream -> logits [N, K], the mean over the frames of a clip."""
        return self.orders[len(self.orders)].mean(self.frame_logits(x))

    def frame_logits(self, x: Tensor) -> Tensor:
        """The last residual stream -> the logits of each frame, [N*T, K]."""
        means = self.behind_mean(F.adaptive_avg_pool2d(self.end(x), 1))  # [N*T, C, 1, 1]
        return self.fc(means.flatten(1))


class InferenceStep(nn.Layer):
    """What `models.stream.StreamStep` computes, and with its inputs and outputs. It is left as it is."""

    def __init__(self, step: StreamStep):
        super().__init__()
        self.network = InferenceNetwork(step.model, RememberedShift)

    def forward(self, frame: Tensor, *cache: Tensor) -> tuple[Tensor, ...]:
        """frame: [N, channels, H, W]; cache: the fold of each shift. Returns the logits [N, K] and the next cache."""
        folds = RememberedFolds(cache)
        stream = [self.network.stem_of(frame)]
        for stage in self.network.stages:
            for block in stage:
                stream = block(stream, folds)
        return (self.network.frame_logits(stream[0]), *folds.kept)


def exported_form(layer: Recognizer | StreamStep, shift_class: type[StreamShift]) -> nn.Layer:
    """What is exported of a network of clips, or of one step of a stream, in evaluation mode. shift_class: of clips."""
    form = InferenceStep(layer) if isinstance(layer, StreamStep) else InferenceNetwork(layer, shift_class)
    form.eval()
    return form
