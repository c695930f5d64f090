"""MobileNetV2 with the temporal shift (arXiv:1801.04381, table 2; arXiv:1811.08383).

Shifted are the blocks that have a shortcut and expand their input, before the expansion (MIT ops/models.py 1f6a834
`_prepare_base_model`; mmaction2 mobilenet_v2_tsm.py 4d6c934).
"""

from torch import nn

from torch_ref.batch_norm import BatchNorm
from torch_ref.non_local import NonLocal
from torch_ref.recognizer import Recognizer, stage_segments
from torch_ref.resnet import Shift, conv

# expansion, channels, blocks, stride of the first block: one row a stage
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


def conv_norm(in_channels: int, out_channels: int, kernel: int, stride: int, groups: int, running_var: str):
    """Convolution, BatchNorm, ReLU6."""
    return nn.Sequential(
        conv(in_channels, out_channels, kernel, stride, groups),
        BatchNorm(out_channels, running_var=running_var),
        nn.ReLU6(),
    )


class InvertedResidual(nn.Module):
    """Expand by 1x1 (unless `expand` is 1), 3x3 in each channel, project by 1x1; a shortcut where the shape allows."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int,
        expand: int,
        shift,
        shift_place: str,
        non_local,
        running_var: str,
    ):
        super().__init__()
        hidden = in_channels * expand
        self.residual = stride == 1 and in_channels == out_channels
        self.shift = shift if self.residual and expand != 1 else None
        self.shift_place = shift_place
        layers = [conv_norm(in_channels, hidden, 1, 1, 1, running_var)] if expand != 1 else []
        layers += [
            conv_norm(hidden, hidden, 3, stride, hidden, running_var),
            conv(hidden, out_channels, 1),
            BatchNorm(out_channels, running_var=running_var),
        ]
        self.conv = nn.Sequential(*layers)
        self.non_local = non_local

    def forward(self, x):
        """[N*T, C, H, W] -> [N*T, C', H / stride, W / stride]"""
        shifted = x if self.shift is None else self.shift(x)
        if self.shift_place == "block":
            x = shifted
        y = self.conv(shifted)
        if self.residual:
            y = y + x
        return y if self.non_local is None else self.non_local(y)


class MobileNetV2(Recognizer):
    """MobileNetV2-TSM. `shift_every`: of a stage's blocks 0, shift_every, ..., those that can be shifted; `non_local`:
    NonLocalOptions or None. The other arguments are those of `create_model`."""

    # mmaction2's names of the stages, and torchvision's of the block that each ends with
    stage_ends = {f"layer{i}": f"features.{end}" for i, end in enumerate((1, 3, 6, 10, 13, 16, 17), 1)} | {
        "conv2": "features.18"
    }

    def __init__(
        self,
        num_classes: int,
        num_segments: int,
        is_shift: bool,
        shift_div: int,
        shift_place: str,
        shift_every: int,
        shift_order: str,
        temporal_pool: bool,
        non_local,
        dropout: float,
        partial_bn: bool,
        running_var: str,
    ):
        super().__init__(num_segments, temporal_pool, dropout, partial_bn)
        layers = [conv_norm(3, 32, 3, 2, 1, running_var)]
        in_channels = 32
        for stage, (expand, channels, count, first_stride) in enumerate(STAGES, 1):
            segments = stage_segments(num_segments, temporal_pool, stage)
            for i in range(count):
                shift = Shift(segments, shift_div, shift_order) if is_shift and i % shift_every == 0 else None
                attend = None
                if non_local and (stage, i) in non_local.blocks:
                    attend = NonLocal(channels, segments, non_local, running_var)
                stride = first_stride if i == 0 else 1
                layers.append(
                    InvertedResidual(in_channels, channels, stride, expand, shift, shift_place, attend, running_var)
                )
                in_channels = channels
        layers.append(conv_norm(in_channels, 1280, 1, 1, 1, running_var))
        self.features = nn.Sequential(*layers)
        linear = nn.Linear(1280, num_classes)
        nn.init.normal_(linear.weight, std=0.001)
        nn.init.zeros_(linear.bias)
        self.classifier = nn.Sequential(self.dropout, linear)

    def stem(self, x):
        """[N*T, 3, H, W] -> [N*T, 32, H / 2, W / 2]"""
        return self.features[0](x)

    def blocks_of_stages(self):
        ends = [0] + [int(end.split(".")[1]) for end in self.stage_ends.values()]
        return {
            name: [self.features[i] for i in range(a + 1, b + 1)] for name, a, b in zip(self.stage_ends, ends, ends[1:])
        }

    def classifier_layer(self):
        return self.classifier[1]
