"""The network that is exported: the trained one's logits, computed in the quickest way that is known for its options.

BatchNorm is folded into the convolutions, and a residual stream that the next block shifts is kept in parts (see
`parts.py`), which are moved in the runtime's own quickest way (see `stream_shift.py`).
"""

from __future__ import annotations

import paddle
from paddle import nn
from paddle.nn import functional as F

from paddle_tsm.export.folded import fold
from paddle_tsm.export.frames import Frames, time_major
from paddle_tsm.export.inference_block import InferenceBlock, settings, steps
from paddle_tsm.export.parts import Convolution, whole
from paddle_tsm.export.stream_shift import MovedFrames, stream_shift
from paddle_tsm.mobilenet_v2 import MobileNetV2
from paddle_tsm.recognizer import stage_segments
from paddle_tsm.temporal_pool import temporal_pool


def stem_steps(model) -> list:
    """The convolutions in front of the first block: (convolution, BatchNorm, activation)"""
    if isinstance(model, MobileNetV2):
        return [(model.features[0][0], model.features[0][1], F.relu6)]
    if model.tweaked:
        pairs = ((model.conv1_1, model.bn1_1), (model.conv1_2, model.bn1_2), (model.conv1_3, model.bn1_3))
        return [(*pair, model.act) for pair in pairs]
    return [(model.conv1, model.bn1, F.relu)]


def is_block(layer) -> bool:
    """False for the layer that ends MobileNetV2, a convolution without a shift"""
    return not isinstance(layer, nn.Sequential)


class InferenceNetwork(nn.Layer):
    """model: a network of `create_model` or `load_model`; it is left as it is. Takes what it takes, x [N*T, 3, H, W] with
    the frames of a clip adjacent, and gives its logits in evaluation mode, [N, num_classes], in the model's own type.

    way: how the shift is done, a class of `stream_shift.py`."""

    def __init__(self, model, way=MovedFrames):
        super().__init__()
        self.num_segments, self.pools_time = model.num_segments, model.temporal_pool
        self.dtype = str(model.classifier_layer().weight.dtype).rsplit(".", 1)[-1]
        layers = [layer for blocks in model.blocks_of_stages().values() for layer in blocks]
        self.way, self.time_major = way, way.time_major and any(getattr(layer, "shift", None) is not None for layer in layers)
        self.stem_acts = [act for *_, act in stem_steps(model)]
        self.stem = nn.LayerList(self.convolution(conv, norm) for conv, norm, _ in stem_steps(model))
        self.maxpool = None if isinstance(model, MobileNetV2) else nn.MaxPool2D(3, stride=2, padding=1)
        self.add_stages(model)
        self.fc = model.classifier_layer()

    def convolution(self, conv, norm) -> Convolution:
        return Convolution(*fold(conv, norm), self.dtype, groups=conv._groups, **settings(conv))

    def add_stages(self, model) -> None:
        """Each block reads the parts that the one in front writes: those that it shifts itself."""
        stages = list(model.blocks_of_stages().values())
        blocks = [layer for stage in stages for layer in stage if is_block(layer)]
        channels = [self.stem[-1].weight.shape[0]] + [steps(block)[-1][0].weight.shape[0] for block in blocks]
        shifts = [stream_shift(block, read, self.way) for block, read in zip(blocks, channels)]
        cuts = [whole(channels[0])]
        for block, count, following in zip(blocks, channels[1:], [*shifts[1:], None]):
            parted = following is not None and following.in_parts and block.non_local is None
            cuts.append(following.ranges if parted else whole(count))
        built = iter(
            InferenceBlock(block, read, written, shift, self.time_major, self.dtype)
            for block, read, written, shift in zip(blocks, cuts, cuts[1:], shifts)
        )
        self.stages = nn.LayerList(
            nn.LayerList(next(built) for layer in stage if is_block(layer)) for stage in stages
        )
        self.end = None
        if not is_block(stages[-1][-1]):
            self.end = self.convolution(stages[-1][-1][0], stages[-1][-1][1])

    def forward(self, x):
        stream = [self.stem_of(x)]
        frames = self.frames(x, self.num_segments)
        for number, stage in enumerate(self.stages, 1):
            if self.pools_time and number == 2:
                stream = [self.pool_time(part) for part in stream]
                frames = self.frames(x, self.num_segments // 2)
            for block in stage:
                stream = block(stream, frames)
        return self.head(stream[0])

    def stem_of(self, x):
        if self.time_major:
            x = time_major(x, self.num_segments)
        for convolution, act in zip(self.stem, self.stem_acts):
            x = act(convolution(x))
        return x if self.maxpool is None else self.maxpool(x)

    def frames(self, x, segments: int) -> Frames:
        count = x.shape[0] if paddle.in_dynamic_mode() else paddle.shape(x)[0]
        return Frames(count // self.num_segments, segments)

    def pool_time(self, x):
        """`temporal_pool` for either order of the frames"""
        if not self.time_major:
            return temporal_pool(x, self.num_segments)
        _, c, h, w = x.shape
        lines = x.reshape([1, 1, self.num_segments, -1])  # [1, 1, T, N*C*H*W]
        return F.max_pool2d(lines, (3, 1), stride=(2, 1), padding=(1, 0)).reshape([-1, c, h, w])

    def head(self, x):
        if self.end is not None:
            x = F.relu6(self.end(x))
        logits = self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))
        segments = stage_segments(self.num_segments, self.pools_time, 2)
        if self.time_major:
            return logits.reshape([segments, -1, logits.shape[-1]]).sum(0) / segments
        return logits.reshape([-1, segments, logits.shape[-1]]).sum(1) / segments
