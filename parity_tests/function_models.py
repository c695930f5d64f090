"""A model of either framework that consists of named members and a function of them, for tests that make many."""

import paddle
import torch


class Function:
    """Layers and parameters by name, and a function (the model, *inputs) of them."""

    def __init__(self, function, **members):
        super().__init__()
        self.function = function
        for name, member in members.items():
            setattr(self, name, member)

    def forward(self, *inputs):
        return self.function(self, *inputs)


class TorchNet(Function, torch.nn.Module):
    """In PyTorch."""


class PaddleNet(Function, paddle.nn.Layer):
    """In Paddle."""
