"""Ordinary mistakes in ports of small networks: the first wrong layer is named, and what was measured to explain it.

The layer and the kind of each fault are written by hand, from what the fault is.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import paddle
import paddle.nn.functional as PF
import pytest
import torch

from paddle_tsm.parity import compare_models
from parity_tests.faulty_networks import (
    PaddleCnn,
    PaddleLast,
    PaddleMobile,
    PaddleRecurrent,
    PaddleResNet,
    PaddleSegmentation,
    PaddleTransformer,
    PaddleVideo,
    TorchCnn,
    TorchMobile,
    TorchPlain,
    TorchRecurrent,
    TorchResNet,
    TorchSegmentation,
    TorchTransformer,
    TorchVideo,
)


def noise(*shape):
    return np.random.default_rng(0).standard_normal(shape).astype("float32")


TOKENS = np.random.default_rng(1).integers(0, 11, (3, 5))
PAIRS = {
    "cnn": (TorchCnn, PaddleCnn, noise(2, 3, 15, 15)),
    "resnet": (TorchResNet, PaddleResNet, noise(2, 3, 9, 9)),
    "transformer": (TorchTransformer, PaddleTransformer, TOKENS),
    "lstm": (lambda: TorchRecurrent("LSTM"), lambda: PaddleRecurrent("LSTM"), noise(2, 3, 6)),
    "gru": (lambda: TorchRecurrent("GRU"), lambda: PaddleRecurrent("GRU"), noise(2, 3, 6)),
    "segmentation": (TorchSegmentation, PaddleSegmentation, noise(2, 3, 8, 8)),
    "mobile": (TorchMobile, PaddleMobile, noise(2, 4, 9, 9)),
    "channels last": (TorchPlain, PaddleLast, noise(2, 3, 8, 8)),
    "video": (TorchVideo, PaddleVideo, noise(8, 3, 6, 6)),
}


@dataclass(frozen=True)
class Fault:
    """change: of the Paddle network; or a class in its place. layer: the first wrong one. kind: the cause's."""

    name: str
    pair: str
    change: Any
    layer: str
    kind: str


def put(**layers):
    """The change that puts other layers in the place of some."""

    def change(net):
        for name, layer in layers.items():
            setattr(net, name, layer)

    return change


def method(name, function):
    """The change that gives the network another method."""

    def change(net):
        net.__class__ = type(type(net).__name__, (type(net),), {name: function})

    return change


FAULTS: list[Fault] = []


def fault(name, pair, layer, kind, change):
    FAULTS.append(Fault(name, pair, change, layer, kind))


nn = paddle.nn
# ---- the network with pools
fault("eps of a BatchNorm", "cnn", "bn1", "eps", lambda net: put(bn1=nn.BatchNorm2D(8, epsilon=1e-3))(net))
fault("momentum", "cnn", "bn2", "momentum", lambda net: put(bn2=nn.BatchNorm2D(8, momentum=0.1))(net))
fault("another slope", "cnn", "act2", "negative_slope", lambda net: put(act2=nn.LeakyReLU())(net))
fault("relu for a slope", "cnn", "act2", "activation", lambda net: put(act2=nn.ReLU())(net))
fault("exclusive", "cnn", "pool2", "count_include_pad", lambda net: put(pool2=nn.AvgPool2D(3, 2, padding=1))(net))
fault(
    "ceil_mode of a mean",
    "cnn",
    "pool2",
    "padding",
    lambda net: put(pool2=nn.AvgPool2D(3, 2, padding=0, ceil_mode=True, exclusive=False))(net),
)
fault(
    "slope for relu",
    "cnn",
    "between bn1 and conv2",
    "activation",
    method("stem", lambda net, x: PF.leaky_relu(net.bn1(net.conv1(x)))),
)
fault(
    "no padding of a pool",
    "cnn",
    "between bn1 and conv2",
    "padding",
    method("pool1", lambda net, x: PF.max_pool2d(x, 3, 2)),
)
fault(
    "mean for maximum",
    "cnn",
    "between bn1 and conv2",
    "pool",
    method("pool1", lambda net, x: PF.avg_pool2d(x, 3, 2, padding=1)),
)
fault(
    "gelu by tanh",
    "cnn",
    "between conv3 and fc1",
    "gelu approximation",
    method("act3", lambda net, x: PF.gelu(x, approximate=True)),
)
fault("relu for gelu", "cnn", "between conv3 and fc1", "activation", method("act3", lambda net, x: PF.relu(x)))
fault(
    "flat in another order",
    "cnn",
    "between conv3 and fc1",
    "layout",
    method("flat", lambda net, x: x.transpose([0, 2, 3, 1]).flatten(1)),
)
fault(
    "square weight not transposed",
    "cnn",
    "fc1",
    "transposed weight",
    method("hidden", lambda net, x: net.drop(PF.silu(PF.linear(x, net.fc1.weight.T, net.fc1.bias)))),
)
fault(
    "no logarithm",
    "cnn",
    "between fc2 and the output",
    "activation",
    method("scores", lambda net, x: PF.softmax(net.fc2(x), axis=1)),
)
fault(
    "no activation", "cnn", "between fc1 and fc2", "activation", method("hidden", lambda net, x: net.drop(net.fc1(x)))
)
fault(
    "dropout scaled at inference",
    "cnn",
    "drop",
    "dropout",
    lambda net: put(drop=nn.Dropout(0.5, mode="downscale_in_infer"))(net),
)

# ---- the network with residual blocks
fault(
    "ceil_mode",
    "resnet",
    "between bn1 and layer1.conv1",
    "ceil_mode",
    method("pool", lambda net, x: PF.max_pool2d(x, 2, ceil_mode=True)),
)
fault(
    "slope in a block",
    "resnet",
    "between layer2.bn1 and layer2.conv2",
    "activation",
    lambda net: method("act", lambda block, x: PF.leaky_relu(x, 0.2))(net.layer2),
)
fault(
    "no activation behind the sum",
    "resnet",
    "between layer1.bn2 and layer2.conv1",
    "activation",
    lambda net: method("join", lambda block, y, x: y + x)(net.layer1),
)
fault(
    "residual without its shortcut",
    "resnet",
    "between layer3.bn2 and fc",
    "term left out",
    lambda net: method("join", lambda block, y, x: PF.relu(y))(net.layer3),
)
fault(
    "residual times a constant",
    "resnet",
    "between layer3.bn2 and fc",
    "constant factor",
    lambda net: method("join", lambda block, y, x: PF.relu(0.3 * y + x))(net.layer3),
)
fault(
    "maximum for mean",
    "resnet",
    "between layer3.bn2 and fc",
    "reduction",
    method("means", lambda net, x: x.max(axis=[2, 3])),
)
fault(
    "padding of a convolution",
    "resnet",
    "layer2.conv1",
    "padding",
    lambda net: put(conv1=nn.Conv2D(6, 8, 3, 2, "SAME", bias_attr=False))(net.layer2),
)
fault(
    "dilation",
    "resnet",
    "layer3.conv2",
    "dilation",
    lambda net: put(conv2=nn.Conv2D(8, 8, 3, 1, 2, dilation=2, bias_attr=False))(net.layer3),
)
fault(
    "eps of one BatchNorm of many",
    "resnet",
    "layer2.bn2",
    "eps",
    lambda net: put(bn2=nn.BatchNorm2D(8, epsilon=1e-12))(net.layer2),
)
fault(
    "frozen statistics in training",
    "resnet",
    "layer1.bn1",
    "statistics",
    lambda net: put(bn1=nn.BatchNorm2D(6, use_global_stats=True))(net.layer1),
)
fault(
    "momentum taken for PyTorch's",
    "resnet",
    "layer3.bn1",
    "momentum",
    lambda net: put(bn1=nn.BatchNorm2D(8, momentum=0.1))(net.layer3),
)
# ---- attention by hand
fault("eps of a LayerNorm", "transformer", "norm1", "eps", lambda net: put(norm1=nn.LayerNorm(8, epsilon=1e-6))(net))
fault(
    "no scale of attention",
    "transformer",
    "between value and out",
    "constant factor",
    method("weights_of", lambda net, q, k: PF.softmax(q @ k.transpose([0, 1, 3, 2]), axis=-1)),
)
fault(
    "softmax along another axis",
    "transformer",
    "between value and out",
    "dim",
    method("weights_of", lambda net, q, k: PF.softmax(q @ k.transpose([0, 1, 3, 2]) / 2.0, axis=1)),
)
fault(
    "heads merged without a transpose",
    "transformer",
    "between value and out",
    "layout",
    method("merged", lambda net, y: y.reshape([y.shape[0], y.shape[2], -1])),
)
fault(
    "gelu by tanh in a Transformer",
    "transformer",
    "between up and low",
    "gelu approximation",
    method("act", lambda net, x: PF.gelu(x, approximate=True)),
)
fault(
    "positions left out",
    "transformer",
    "between embed and norm1",
    "term left out",
    method("positions", lambda net, x: x),
)
fault(
    "embeddings scaled",
    "transformer",
    "between embed and norm1",
    "constant factor",
    method("positions", lambda net, x: x * 8**0.5 + net.place),
)
fault(
    "last token for the mean",
    "transformer",
    "between low and head",
    "reduction",
    method("pooled", lambda net, x: x[:, -1]),
)
# ---- recurrent
fault(
    "order of gates",
    "lstm",
    "between from_state and from_state#2",
    "gate order",
    method("gates", lambda net, a, b: [(a + b).chunk(4, 1)[i] for i in (0, 1, 3, 2)]),
)
fault(
    "update gate's complement",
    "gru",
    "between from_state and from_state#2",
    "complement",
    method("mixed", lambda net, z, n, h: z * n + (1 - z) * h),
)
fault("time for batch", "lstm", "rnn", "layout", lambda net: put(rnn=nn.LSTM(6, 5, time_major=True))(net))
fault(
    "sequence backwards",
    "gru",
    "between the input and rnn",
    "flipped axis",
    method("sequence", lambda net, x: net.rnn(x.flip([1]))[0]),
)
# ---- segmentation
fault(
    "align_corners",
    "segmentation",
    "between norm2 and mix",
    "align_corners",
    method("larger", lambda net, x: PF.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)),
)
fault(
    "align_mode",
    "segmentation",
    "between norm2 and mix",
    "align_mode",
    method("larger", lambda net, x: PF.interpolate(x, scale_factor=2, mode="bilinear", align_mode=1)),
)
fault(
    "nearest",
    "segmentation",
    "between norm2 and mix",
    "mode",
    method("larger", lambda net, x: PF.interpolate(x, scale_factor=2, mode="nearest")),
)
fault(
    "joined in the other order",
    "segmentation",
    "between norm2 and mix",
    "order",
    method("joined", lambda net, a, b: paddle.concat([b, a], 1)),
)
fault("groups of a GroupNorm", "segmentation", "norm1", "num_groups", lambda net: put(norm1=nn.GroupNorm(3, 6))(net))
fault(
    "eps of an InstanceNorm",
    "segmentation",
    "norm2",
    "eps",
    lambda net: put(norm2=nn.InstanceNorm2D(6, epsilon=1e-3))(net),
)
fault(
    "zeros for the border",
    "segmentation",
    "mix",
    "padding mode",
    lambda net: put(mix=nn.Conv2D(12, 6, 3, padding=1))(net),
)
fault(
    "sides of a pad",
    "segmentation",
    "between up and head",
    "pad",
    method("padded", lambda net, x: PF.pad(x, [0, 1, 0, 1])),
)
fault(
    "softmax along the rows",
    "segmentation",
    "between head and the output",
    "dim",
    method("classes", lambda net, x: PF.softmax(x)),
)
fault(
    "elu's alpha",
    "segmentation",
    "between norm2 and mix",
    "alpha",
    method("act2", lambda net, x: PF.elu(x, 0.7)),
)
# ---- channels last
fault(
    "height and width exchanged",
    "channels last",
    "between the input and conv1",
    "layout",
    method("entered", lambda net, x: x.transpose([0, 3, 2, 1])),
)
fault(
    "flat behind the pixels",
    "channels last",
    "between conv2 and fc",
    "layout",
    method("flat", lambda net, x: x.flatten(1)),
)
fault(
    "colours reversed",
    "channels last",
    "between the input and conv1",
    "flipped axis",
    method("entered", lambda net, x: x.flip([1]).transpose([0, 2, 3, 1])),
)
# ---- a temporal shift
fault(
    "shift's direction",
    "video",
    "between conv1 and conv2",
    "shift direction",
    method("shift", lambda net, x: PF.temporal_shift(x, 4, 0.25)),
)
fault("no shift", "video", "between conv1 and conv2", "shift", method("shift", lambda net, x: x))
fault(
    "sum for the mean of frames",
    "video",
    "between conv2 and fc",
    "reduction",
    method("votes", lambda net, x: x.mean([2, 3]).reshape([-1, 4, 8]).sum(1)),
)
fault(
    "channels shuffled",
    "video",
    "between conv1 and conv2",
    "channel permutation",
    method("shift", lambda net, x: PF.channel_shuffle(PaddleVideo.shift(net, x), 2)),
)

# ---- squeeze and excitation
fault("default eps", "mobile", "bn2", "eps", lambda net: put(bn2=nn.BatchNorm2D(8, momentum=0.99))(net))
fault("default momentum", "mobile", "bn2", "momentum", lambda net: put(bn2=nn.BatchNorm2D(8, epsilon=1e-3))(net))
fault(
    "another Hardsigmoid",
    "mobile",
    "between fc2 and project",
    "activation",
    method("gate", lambda net, x: PF.hardsigmoid(x, slope=0.2)),
)
fault("swish", "mobile", "act1", "activation", lambda net: put(act1=nn.Swish())(net))
fault(
    "reflected border",
    "mobile",
    "depth",
    "padding mode",
    lambda net: put(depth=nn.Conv2D(8, 8, 5, 2, 2, groups=8, bias_attr=False, padding_mode="reflect"))(net),
)
fault(
    "maximum squeezed",
    "mobile",
    "between act2 and fc1",
    "pool",
    method("squeezed", lambda net, x: PF.adaptive_max_pool2d(x, 1)),
)
fault("no gate", "mobile", "between fc2 and project", "call left out", method("scaled", lambda net, x, gate: x))
fault("gate added", "mobile", "between fc2 and project", "function", method("scaled", lambda net, x, gate: x + gate))


def compared(pair, change=lambda net: None):
    """The report of a pair of this name, whose Paddle network was changed."""
    make_torch, make_paddle, inputs = PAIRS[pair]
    torch.manual_seed(0)
    net = make_paddle()
    change(net)
    return compare_models(make_torch(), net, inputs, steps=0, gradients=False, float32=False)


@pytest.mark.parametrize("pair", PAIRS)
def test_the_networks_without_a_fault_are_equal(pair):
    report = compared(pair)
    assert report.equal, report.rows
    assert report.first_layer is None and report.causes == []


@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_a_fault_is_named(fault):
    report = compared(fault.pair, fault.change)
    assert not report.equal
    assert report.first_layer == fault.layer, report.causes
    assert report.diagnosed[0].layer == fault.layer
    assert report.diagnosed[0].kind == fault.kind, report.causes


def test_enough_faults():
    assert len({fault.name for fault in FAULTS}) >= 40
    assert {fault.pair for fault in FAULTS} == set(PAIRS)
