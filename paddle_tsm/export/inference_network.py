"""The network that is exported: the trained one's logits, computed in the quickest way that is known for its options.

BatchNorm is folded into the convolutions, and a residual stream that the next block shifts is kept in parts (see
`parts.py`), which are moved in the runtime's own quickest way (see `stream_shift.py`).
"""

from __future__ import annotations

import paddle
from paddle import nn
from paddle.nn import functional as F

from paddle_tsm.export.frame_moves import Frames, time_major
from paddle_tsm.export.fused_batch_norm import fuse
from paddle_tsm.export.inference_block import InferenceBlock, Step, settings, steps
from paddle_tsm.export.stream_parts import Convolution, whole
from paddle_tsm.export.stream_shift import MovedFrames, stream_shift
from paddle_tsm.models.layers.temporal_pool import temporal_pool
from paddle_tsm.models.stream import StreamStep


class InferenceNetwork(nn.Layer):
    """model: a network of `create_model` or `load_model`; it is left as it is. Takes what it takes, x [N*T, 3, H, W]
    with the frames of a clip adjacent, and gives its logits in evaluation mode, [N, num_classes], in the model's own
    type.

    way: how the shift is done, a class of `stream_shift.py`.
    """

    def __init__(self, model, way=MovedFrames):
        super().__init__()
        self.num_segments, self.pools_time = model.num_segments, model.temporal_pool
        self.segments = model.network.segments(None)
        self.dtype = str(model.classifier_layer().weight.dtype).rsplit(".", 1)[-1]
        layers = [layer for blocks in model.blocks_of_stages().values() for layer in blocks]
        self.way, self.time_major = (
            way,
            way.time_major and any(getattr(layer, "shift", None) is not None for layer in layers),
        )
        stem = steps(model, "stem")
        self.stem_acts = [step.act for step in stem]
        self.stem = nn.LayerList(self.convolution(step) for step in stem)
        self.maxpool = getattr(model, "maxpool", None)
        self.add_stages(model)
        self.fc = model.classifier_layer()

    def convolution(self, step: Step) -> Convolution:
        conv = step.convolution
        return Convolution(*fuse(conv, step.norm), self.dtype, groups=conv._groups, **settings(conv))

    def add_stages(self, model) -> None:
        """Each block reads the parts that the one in front writes: those that it shifts itself."""
        network = model.network
        places = [(stage, block) for stage, count in enumerate(network.blocks, 1) for block in range(count)]
        stages = list(model.blocks_of_stages().values())[: len(network.blocks)]
        blocks = [block for stage in stages for block in stage]
        channels = [self.stem[-1].weight.shape[0]] + [network.family.stream_channels(network, s) for s, _ in places]
        shifts = [stream_shift(block, read, self.way) for block, read in zip(blocks, channels)]
        cuts = [whole(channels[0])]
        for block, count, following in zip(blocks, channels[1:], [*shifts[1:], None]):
            parted = following is not None and following.in_parts and block.non_local is None
            cuts.append(following.ranges if parted else whole(count))
        built = iter(
            InferenceBlock(block, steps(model, "branch", *place), read, written, shift, self.time_major, self.dtype)
            for block, place, read, written, shift in zip(blocks, places, cuts, cuts[1:], shifts)
        )
        self.stages = nn.LayerList(nn.LayerList(next(built) for _ in range(count)) for count in network.blocks)
        end = steps(model, "end")
        self.end_act = end[0].act if end else None
        self.end = self.convolution(end[0]) if end else None

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
            x = self.end_act(self.end(x))
        logits = self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))
        segments = self.segments
        if self.time_major:
            return logits.reshape([segments, -1, logits.shape[-1]]).sum(0) / segments
        return logits.reshape([-1, segments, logits.shape[-1]]).sum(1) / segments


def exported_form(layer, way):
    """The layer as it is traced for an export: a network of clips in its quick form, with the shift done in the given
    way (a class of `stream_shift.py`); one step of a stream as it is.
    """
    form = layer if isinstance(layer, StreamStep) else InferenceNetwork(layer, way)
    form.eval()
    return form
