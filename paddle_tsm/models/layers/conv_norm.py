"""A convolution with all that follows it: the BatchNorm, a sum and an activation, in as few passes as there can be."""

from __future__ import annotations

import paddle
from paddle import nn
from paddle.nn import functional as F

from paddle_tsm.models.layers.activation import SERVED, Function, activated, activated_sum
from paddle_tsm.models.layers.batch_norm import BatchNorm
from paddle_tsm.models.layers.convolution import Convolution
from paddle_tsm.onednn.activation import RELU
from paddle_tsm.onednn.inference import convolution_and_norm
from paddle_tsm.onednn.tensors import needs_gradient, serves


def conv_norm(
    conv: nn.Layer,
    norm: nn.Layer,
    x: paddle.Tensor,
    act: Function | None = None,
    added: paddle.Tensor | None = None,
) -> paddle.Tensor:
    """act(norm(conv(x)) + added), without the sum where `added` is None and without `act` where that is None.

    Where oneDNN serves and nobody watches these layers by a hook, evaluation is one pass, and in training a ReLU is
    part of the BatchNorm. x: [N, C, H, W] -> [N, C', H', W'].
    """
    ours = isinstance(conv, Convolution) and isinstance(norm, BatchNorm)  # not what a program has put in their place
    joined = ours and not is_watched(conv) and not is_watched(norm)
    known = SERVED.get(act) if act is not None else None
    fuses = act is None or known is not None
    if joined and conv.fixed is not None and (prepared := conv.fixed.prepared(x, added, known)) is not None:
        y = prepared(x, added)
        return y if fuses else activated(y, act)
    sizes = conv.served(x) if joined and not norm.training and not needs_gradient(x, conv, norm) else None
    if sizes is not None:
        weights = conv.weight, conv.bias, norm.scale_and_shift
        if conv.fixed is not None:
            y = conv.fixed.prepare(sizes, added is not None, known, *weights)(x, added)
        else:
            y = convolution_and_norm(x, sizes, *weights, added, known)
        return y if fuses else activated(y, act)
    y = conv(x)
    if added is not None:
        return activated_sum(norm(y), added, act)
    if known is RELU and norm.training and joined and serves(y):
        return norm.train_with_relu(y)
    return activated(norm(y), act)


def is_watched(layer: nn.Layer) -> bool:
    """Whether something is called before or after the layer, and so wants its own output."""
    return bool(layer._forward_pre_hooks or layer._forward_post_hooks)


class ConvNorm(nn.Sequential):
    """A convolution, a BatchNorm and, where there is one, an activation. Its members are called "0", "1" and "2"."""

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """[N, C, H, W] -> [N, C', H', W']"""
        conv, norm, *act = self._sub_layers.values()  # self[0] takes Paddle as long as a small convolution takes oneDNN
        if act and is_watched(act[0]):
            return super().forward(x)
        return conv_norm(conv, norm, x, ACTIVATIONS[type(act[0])] if act else None)


ACTIVATIONS = {nn.ReLU6: F.relu6}  # of the layers that a ConvNorm may end with
