"""ResNet with the temporal shift inside its blocks (arXiv:1512.03385; arXiv:1811.08383, section 3.2).

`tweaked=True` is ResNet-vd (arXiv:1812.01187, section 4.2) as PP-TSM has it: three 3x3 convolutions as the stem, an
average pool before the shortcut's convolution where the stride is 2, leaky ReLU (PaddleVideo resnet_tweaks_tsm.py ed245e9).
"""

from paddle import nn
from paddle.nn import functional as F

from paddle_tsm.batch_norm import BatchNorm
from paddle_tsm.non_local import NonLocal
from paddle_tsm.recognizer import Recognizer, stage_segments
from paddle_tsm.shift import temporal_shift


def conv(in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1):
    """A convolution without bias that keeps the size at stride 1, drawn as mmaction2 draws it (Kaiming, fan out)."""
    return nn.Conv2D(
        in_channels,
        out_channels,
        kernel,
        stride,
        padding=kernel // 2,
        groups=groups,
        bias_attr=False,
        weight_attr=nn.initializer.KaimingNormal(mode="fan_out"),
    )


class Shift(nn.Layer):
    """The temporal shift as a layer without tensors, so that it has a name but no key."""

    def __init__(self, num_segments: int, shift_div: int, shift_order: str):
        super().__init__()
        self.num_segments, self.shift_div, self.shift_order = num_segments, shift_div, shift_order

    def forward(self, x):
        return temporal_shift(x, self.num_segments, self.shift_div, self.shift_order)


class Block(nn.Layer):
    """What the two kinds of residual block share: the shift before `residual(x)`, the shortcut, the non-local block behind.

    shift: a Shift, before the residual branch ("blockres") or before the whole block ("block"); or None.
    non_local: a NonLocal or None. tweaked: ResNet-vd's shortcut and activation.
    """

    def __init__(self, shift, shift_place: str, tweaked: bool):
        super().__init__()
        self.shift, self.shift_place = shift, shift_place
        self.tweaked = tweaked
        self.act = F.leaky_relu if tweaked else F.relu  # slope 0.01

    def add_shortcut(self, in_channels: int, out_channels: int, stride: int, non_local, running_var: str):
        """Add what comes behind the residual branch; last, so that the tensors have torchvision's order."""
        self.pooled = self.tweaked and stride == 2
        self.downsample = None
        if stride != 1 or in_channels != out_channels:
            self.downsample = nn.Sequential(
                conv(in_channels, out_channels, 1, 1 if self.tweaked else stride),
                BatchNorm(out_channels, running_var=running_var),
            )
        self.non_local = non_local

    def forward(self, x):
        """[N*T, C, H, W] -> [N*T, C', H / stride, W / stride]"""
        shifted = x if self.shift is None else self.shift(x)
        if self.shift_place == "block":
            x = shifted
        y = self.residual(shifted)
        if self.downsample is not None:
            x = self.downsample(F.avg_pool2d(x, 2, stride=2, ceil_mode=True) if self.pooled else x)
        y = self.act(y + x)
        return y if self.non_local is None else self.non_local(y)


class BasicBlock(Block):
    """Two 3x3 convolutions."""

    expansion = 1

    def __init__(
        self,
        in_channels: int,
        width: int,
        stride: int,
        shift,
        shift_place: str,
        non_local,
        tweaked: bool,
        running_var: str,
    ):
        super().__init__(shift, shift_place, tweaked)
        self.conv1 = conv(in_channels, width, 3, stride)
        self.bn1 = BatchNorm(width, running_var=running_var)
        self.conv2 = conv(width, width, 3)
        self.bn2 = BatchNorm(width, running_var=running_var)
        self.add_shortcut(in_channels, width, stride, non_local, running_var)

    def residual(self, x):
        return self.bn2(self.conv2(self.act(self.bn1(self.conv1(x)))))


class Bottleneck(Block):
    """1x1, 3x3, 1x1 convolutions; the stride is the 3x3's (torchvision's and mmaction2's "pytorch" style)."""

    expansion = 4

    def __init__(
        self,
        in_channels: int,
        width: int,
        stride: int,
        shift,
        shift_place: str,
        non_local,
        tweaked: bool,
        running_var: str,
    ):
        super().__init__(shift, shift_place, tweaked)
        self.conv1 = conv(in_channels, width, 1)
        self.bn1 = BatchNorm(width, running_var=running_var)
        self.conv2 = conv(width, width, 3, stride)
        self.bn2 = BatchNorm(width, running_var=running_var)
        self.conv3 = conv(width, 4 * width, 1)
        self.bn3 = BatchNorm(4 * width, running_var=running_var)
        self.add_shortcut(in_channels, 4 * width, stride, non_local, running_var)

    def residual(self, x):
        y = self.act(self.bn1(self.conv1(x)))
        y = self.act(self.bn2(self.conv2(y)))
        return self.bn3(self.conv3(y))


class ResNet(Recognizer):
    """ResNet-TSM. `blocks`: blocks of each stage; `block`: BasicBlock or Bottleneck; `shift_every`: shift in blocks
    0, shift_every, 2 * shift_every, ... of each stage; `non_local`: NonLocalOptions or None. The other arguments are
    those of `create_model`."""

    def __init__(
        self,
        blocks,
        block,
        tweaked: bool,
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
        # the stages' names, and those of the blocks that they end with
        self.stage_ends = {f"layer{stage}": f"layer{stage}.{count - 1}" for stage, count in enumerate(blocks, 1)}
        self.tweaked = tweaked
        self.act = F.leaky_relu if tweaked else F.relu
        if tweaked:
            self.conv1_1, self.bn1_1 = conv(3, 32, 3, stride=2), BatchNorm(32, running_var=running_var)
            self.conv1_2, self.bn1_2 = conv(32, 32, 3), BatchNorm(32, running_var=running_var)
            self.conv1_3, self.bn1_3 = conv(32, 64, 3), BatchNorm(64, running_var=running_var)
        else:
            self.conv1, self.bn1 = conv(3, 64, 7, stride=2), BatchNorm(64, running_var=running_var)
        self.maxpool = nn.MaxPool2D(3, stride=2, padding=1)
        in_channels = 64
        for stage, count in enumerate(blocks, 1):
            segments = stage_segments(num_segments, temporal_pool, stage)
            width, layers = 32 * 2**stage, []
            for i in range(count):
                shift = Shift(segments, shift_div, shift_order) if is_shift and i % shift_every == 0 else None
                attend = None
                if non_local and (stage, i) in non_local.blocks:
                    attend = NonLocal(width * block.expansion, segments, non_local, running_var)
                stride = 2 if stage > 1 and i == 0 else 1
                layers.append(block(in_channels, width, stride, shift, shift_place, attend, tweaked, running_var))
                in_channels = width * block.expansion
            setattr(self, f"layer{stage}", nn.Sequential(*layers))
        self.fc = nn.Linear(in_channels, num_classes, weight_attr=nn.initializer.Normal(0.0, 0.001))

    def stem(self, x):
        """[N*T, 3, H, W] -> [N*T, 64, H / 4, W / 4]"""
        if not self.tweaked:
            return self.maxpool(self.act(self.bn1(self.conv1(x))))
        x = self.act(self.bn1_1(self.conv1_1(x)))
        x = self.act(self.bn1_2(self.conv1_2(x)))
        return self.maxpool(self.act(self.bn1_3(self.conv1_3(x))))

    def blocks_of_stages(self):
        return {name: list(getattr(self, name)) for name in self.stage_ends}

    def classifier_layer(self):
        return self.fc
