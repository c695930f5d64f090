"""ResNet with the temporal shift inside its blocks (arXiv:1512.03385; arXiv:1811.08383, section 3.2)."""

from paddle import nn
from paddle.nn import functional as F

from paddle_tsm.batch_norm import BatchNorm
from paddle_tsm.recognizer import Recognizer
from paddle_tsm.shift import temporal_shift


def conv(in_channels: int, out_channels: int, kernel: int, stride: int = 1):
    """A convolution without bias that keeps the size at stride 1, drawn as mmaction2 draws it (Kaiming, fan out)."""
    return nn.Conv2D(
        in_channels, out_channels, kernel, stride, padding=kernel // 2, bias_attr=False,
        weight_attr=nn.initializer.KaimingNormal(mode="fan_out"),
    )


class Shift(nn.Layer):
    """The temporal shift as a layer without tensors, so that it has a name but no key."""

    def __init__(self, num_segments: int, shift_div: int, shift_order: str):
        super().__init__()
        self.num_segments, self.shift_div, self.shift_order = num_segments, shift_div, shift_order

    def forward(self, x):
        return temporal_shift(x, self.num_segments, self.shift_div, self.shift_order)


class BasicBlock(nn.Layer):
    """Two 3x3 convolutions and a shortcut. `shift` is applied before conv1, or before the whole block ("block")."""

    expansion = 1

    def __init__(self, in_channels: int, width: int, stride: int, shift, shift_place: str, running_var: str):
        super().__init__()
        self.shift, self.shift_place = shift, shift_place
        self.conv1 = conv(in_channels, width, 3, stride)
        self.bn1 = BatchNorm(width, running_var=running_var)
        self.conv2 = conv(width, width, 3)
        self.bn2 = BatchNorm(width, running_var=running_var)
        self.downsample = downsample(in_channels, width, stride, running_var)

    def forward(self, x):
        """[N*T, C, H, W] -> [N*T, width, H / stride, W / stride]"""
        shifted = x if self.shift is None else self.shift(x)
        if self.shift_place == "block":
            x = shifted
        y = F.relu(self.bn1(self.conv1(shifted)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class Bottleneck(nn.Layer):
    """1x1, 3x3, 1x1 convolutions and a shortcut; the stride is the 3x3's (torchvision's and mmaction2's "pytorch" style)."""

    expansion = 4

    def __init__(self, in_channels: int, width: int, stride: int, shift, shift_place: str, running_var: str):
        super().__init__()
        self.shift, self.shift_place = shift, shift_place
        self.conv1 = conv(in_channels, width, 1)
        self.bn1 = BatchNorm(width, running_var=running_var)
        self.conv2 = conv(width, width, 3, stride)
        self.bn2 = BatchNorm(width, running_var=running_var)
        self.conv3 = conv(width, width * self.expansion, 1)
        self.bn3 = BatchNorm(width * self.expansion, running_var=running_var)
        self.downsample = downsample(in_channels, width * self.expansion, stride, running_var)

    def forward(self, x):
        """[N*T, C, H, W] -> [N*T, 4 * width, H / stride, W / stride]"""
        shifted = x if self.shift is None else self.shift(x)
        if self.shift_place == "block":
            x = shifted
        y = F.relu(self.bn1(self.conv1(shifted)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


def downsample(in_channels: int, out_channels: int, stride: int, running_var: str):
    """The shortcut's convolution and BatchNorm, or None where the shortcut is the identity."""
    if stride == 1 and in_channels == out_channels:
        return None
    return nn.Sequential(conv(in_channels, out_channels, 1, stride), BatchNorm(out_channels, running_var=running_var))


class ResNet(Recognizer):
    """ResNet-TSM. `blocks`: blocks of each stage; `block`: BasicBlock or Bottleneck; `shift_every`: shift in blocks
    0, shift_every, 2 * shift_every, ... of each stage. The other arguments are those of `create_model`."""

    stage_names = ("layer1", "layer2", "layer3", "layer4")

    def __init__(
        self, blocks, block, num_classes: int, num_segments: int, is_shift: bool, shift_div: int, shift_place: str,
        shift_every: int, shift_order: str, dropout: float, partial_bn: bool, running_var: str,
    ):
        super().__init__(num_segments, dropout, partial_bn)
        self.conv1 = conv(3, 64, 7, stride=2)
        self.bn1 = BatchNorm(64, running_var=running_var)
        self.maxpool = nn.MaxPool2D(3, stride=2, padding=1)
        in_channels = 64
        for stage, (name, count) in enumerate(zip(self.stage_names, blocks)):
            width = 64 * 2**stage
            layers = []
            for i in range(count):
                shift = Shift(num_segments, shift_div, shift_order) if is_shift and i % shift_every == 0 else None
                stride = 2 if stage > 0 and i == 0 else 1
                layers.append(block(in_channels, width, stride, shift, shift_place, running_var))
                in_channels = width * block.expansion
            setattr(self, name, nn.Sequential(*layers))
        self.fc = nn.Linear(in_channels, num_classes, weight_attr=nn.initializer.Normal(0.0, 0.001))

    def stem(self, x):
        """[N*T, 3, H, W] -> [N*T, 64, H / 4, W / 4]"""
        return self.maxpool(F.relu(self.bn1(self.conv1(x))))

    def classifier_layer(self):
        return self.fc
