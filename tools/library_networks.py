"""The networks of paddle.vision.models and their twins of torchvision: as they are, and with what differs mended.

A pair whose networks differ is there twice: as both libraries have it, and with a small function of a caller that makes
the one library's network what the other's is. Sizes are the smallest that leave BatchNorm several values.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import paddle
from library_layers import OnlyFirstPaddle
from library_pair import LibraryPair, normal
from paddle import nn as pd
from paddle.vision import models as pv
from torch import nn as pt
from torch_twins import LeNet, MobileNetV1, PlainConvolution, PlainInception

CLASSES = 10
DROPOUT = 'Paddle\'s Dropout is mode="downscale_in_infer": it scales in evaluation mode by 1 - p, not in training'
CEIL = "torchvision's max pools have ceil_mode=True, Paddle's do not"
EPS = "torchvision's BatchNorm has eps=1e-3, Paddle's 1e-5"
ACT = "Paddle's BatchNorm holds the ReLU (act='relu'), so that PyTorch's BatchNorm and ReLU are one layer"
WIDTH = "stage 2 has 244 channels in torchvision, as in the paper, 224 in Paddle"
GOOGLENET = (
    "Paddle's convolutions have neither BatchNorm nor ReLU; the only ReLU is behind each concatenation",
    "torchvision's third branch has a 3x3 convolution, Paddle's the paper's 5x5",
    CEIL,
    "torchvision's fourth max pool is 2x2, Paddle's 3x3",
    DROPOUT,
    "Paddle returns both auxiliary heads in evaluation mode, too",
    "the auxiliary heads pool to 4x4 in torchvision (any input) and to 3x3 in Paddle (224 pixels only)",
)
# the layers of Paddle's auxiliary heads, which torchvision's network without them does not have
HEADS = ("_conv_o1", "_fc_o1", "_out1", "_conv_o2", "_fc_o2", "_out2")


def network_pairs(tv: Any) -> list[LibraryPair]:
    """Every pair of networks. tv: torchvision.models, or None: only the networks whose twin is written here."""
    found = [
        LibraryPair("LeNet", partial(LeNet, CLASSES), partial(pv.LeNet, CLASSES), normal((2, 1, 28, 28))),
        LibraryPair(
            "MobileNetV1", partial(MobileNetV1, CLASSES), partial(pv.MobileNetV1, num_classes=CLASSES), images(64)
        ),
    ]
    return found if tv is None else [*found, *other_networks(tv), *googlenets(tv), *same_networks(tv)]


def images(size: int) -> Callable[[int], Any]:
    """Two images."""
    return normal((2, 3, size, size))


def same_networks(tv: Any) -> list[LibraryPair]:
    """Networks that are the same in both libraries, but for one width; those that take long are at the end."""
    resnets = [f"resnet{depth}" for depth in (18, 34, 50, 101, 152)]
    wide = ["wide_resnet50_2", "wide_resnet101_2", "resnext50_32x4d", "resnext101_64x4d"]
    mobile = ["mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large"]
    shuffle = [f"shufflenet_v2_x{width}" for width in ("0_5", "1_0", "1_5")]
    found = [twins(tv, name, 64) for name in (*mobile, *shuffle)]
    widest = twins(tv, "shufflenet_v2_x2_0", 64, differs=(WIDTH,), equal=False)
    narrower = partial(tv.ShuffleNetV2, [4, 8, 4], [24, 224, 488, 976, 2048], CLASSES)
    found += [widest, LibraryPair(f"{widest.name}, mended", narrower, widest.paddle, widest.inputs)]
    found += [twins(tv, f"densenet{depth}", 64, differs=(ACT,)) for depth in (121, 161, 169, 201)]
    found += [twins(tv, name, 64) for name in resnets]
    for depth in (11, 13, 16, 19):
        for norm in (False, True):
            name = f"vgg{depth}{'_bn' if norm else ''}"
            make = partial(getattr(pv, f"vgg{depth}"), batch_norm=norm, num_classes=CLASSES)
            pair = partial(narrow_in_torch, getattr(tv, name)), partial(narrow_in_paddle, make)
            found.append(LibraryPair(name, *pair, images(32)))
    return [*found, *(twins(tv, name, 64) for name in wide)]


def twins(tv: Any, name: str, size: int, **options: Any) -> LibraryPair:
    """The networks that both libraries call by this name."""
    a, b = (partial(getattr(models, name), num_classes=CLASSES) for models in (tv, pv))
    return LibraryPair(name, a, b, images(size), **options)


def other_networks(tv: Any) -> list[LibraryPair]:
    """Networks that differ in a number or in a mode; each again with Paddle's mended."""
    padding = "the first convolution has padding 0 in torchvision, 1 in Paddle"
    eps_and_dropout = (EPS, DROPOUT)
    found = []
    for name, size, differs, mend in (
        ("alexnet", 224, (DROPOUT, "Paddle has no adaptive pool: its input is 224 pixels"), drop_upscaled),
        ("squeezenet1_0", 64, (CEIL, DROPOUT), with_ceil_mode),
        ("squeezenet1_1", 64, (padding, CEIL, DROPOUT), unpadded),
    ):
        pair = twins(tv, name, size, differs=differs, equal=False)
        mended = LibraryPair(f"{name}, mended", pair.torch, partial(mended_by, mend, pair.paddle), pair.inputs)
        found += [pair, mended]
    options = {"num_classes": CLASSES, "init_weights": False}
    heads = "Paddle's network has no auxiliary head (aux_logits=False in torchvision)"
    inputs, a = images(128), partial(tv.inception_v3, aux_logits=False, **options)
    b = partial(pv.inception_v3, num_classes=CLASSES)
    found.append(LibraryPair("inception_v3", a, b, inputs, differs=(*eps_and_dropout, heads), equal=False))
    found.append(LibraryPair("inception_v3, mended", a, partial(mended_by, with_eps, b), inputs))
    return found


def googlenets(tv: Any) -> list[LibraryPair]:
    """GoogLeNet, which the libraries build otherwise; again with torchvision's built as Paddle's, without heads."""
    a = partial(tv.googlenet, num_classes=CLASSES, init_weights=False, aux_logits=False)
    b = partial(pv.googlenet, num_classes=CLASSES)
    align: dict[str, str | None] = {f"paddle: layer.{name}": None for name in HEADS}
    return [
        LibraryPair("googlenet", a, b, images(192), differs=GOOGLENET, equal=False),
        LibraryPair(
            "googlenet, mended",
            partial(googlenet_as_paddle, tv),
            partial(mended_by, first_output, b),
            images(192),
            align,
        ),
    ]


# VGG's classifier has 120 million weights, which take 11 GB in a comparison, and says no more than a narrow one
HIDDEN = 64


def narrow_in_torch(make: Callable[..., pt.Module]) -> pt.Module:
    """VGG whose classifier has `HIDDEN` hidden units instead of 4096."""
    model = make(num_classes=CLASSES)
    first = pt.Linear(512 * 7 * 7, HIDDEN), pt.ReLU(), pt.Dropout()
    model.classifier = pt.Sequential(*first, pt.Linear(HIDDEN, HIDDEN), pt.ReLU(), pt.Linear(HIDDEN, CLASSES))
    return model


def narrow_in_paddle(make: Callable[[], pd.Layer]) -> pd.Layer:
    """The same in Paddle."""
    model = make()
    first = pd.Linear(512 * 7 * 7, HIDDEN), pd.ReLU(), pd.Dropout()
    model.classifier = pd.Sequential(*first, pd.Linear(HIDDEN, HIDDEN), pd.ReLU(), pd.Linear(HIDDEN, CLASSES))
    return model


# What a caller does to make a network what its twin is


def mended_by(mend: Callable[[pd.Layer], pd.Layer], make: Callable[[], pd.Layer]) -> pd.Layer:
    """A new network, mended."""
    return mend(make())


def drop_upscaled(model: pd.Layer) -> pd.Layer:
    """Dropout that scales in training, as PyTorch's does."""
    for layer in model.sublayers():
        if isinstance(layer, pd.Dropout):
            layer.mode = "upscale_in_train"
    return model


def with_ceil_mode(model: pd.Layer) -> pd.Layer:
    """Max pools that keep the last, incomplete window."""
    for layer in model.sublayers():
        if isinstance(layer, pd.MaxPool2D):
            layer.ceil_mode = True
    return drop_upscaled(model)


def unpadded(model: pd.Layer) -> pd.Layer:
    """The first convolution of SqueezeNet 1.1 without padding."""
    model._conv._padding, model._conv._updated_padding = 0, [0, 0]
    return with_ceil_mode(model)


def with_eps(model: pd.Layer) -> pd.Layer:
    """BatchNorm with Inception's eps."""
    for layer in model.sublayers():
        if isinstance(layer, pd.BatchNorm2D):
            layer._epsilon = 1e-3
    return drop_upscaled(model)


def first_output(model: pd.Layer) -> paddle.nn.Layer:
    """Only the classifier's output of GoogLeNet, without the auxiliary heads'."""
    return OnlyFirstPaddle(drop_upscaled(model))


def googlenet_as_paddle(tv: Any) -> pt.Module:
    """torchvision's GoogLeNet of Paddle's blocks and pools."""
    model = tv.GoogLeNet(
        CLASSES, aux_logits=False, init_weights=False, blocks=[PlainConvolution, PlainInception, PlainInception]
    )
    for name in ("maxpool1", "maxpool2", "maxpool3", "maxpool4"):
        setattr(model, name, pt.MaxPool2d(3, 2))
    return model
