"""Layers without tensors are paired by name or by what went in, never by their place alone."""

import numpy as np
import paddle
import torch

from paddle_tsm.parity.model_pair.compare_models import compare_models
from paddle_tsm.parity.model_pair.model_pair import ModelPair, Training

X = np.random.default_rng(0).standard_normal((4, 5))


class Torch(torch.nn.Module):
    """The first activation is a function, the second a module."""

    def __init__(self):
        super().__init__()
        self.fc, self.act = torch.nn.Linear(5, 5), torch.nn.Tanh()

    def forward(self, x):
        return self.act(torch.nn.functional.silu(self.fc(x)))


class Paddle(paddle.nn.Layer):
    """The first activation is a module, the second a function."""

    def __init__(self):
        super().__init__()
        self.linear, self.first = paddle.nn.Linear(5, 5), paddle.nn.Silu()

    def forward(self, x):
        return paddle.tanh(self.first(self.linear(x)))


class BothModules(Paddle):
    def __init__(self):
        super().__init__()
        self.second = paddle.nn.Tanh()

    def forward(self, x):
        return self.second(paddle.nn.functional.silu(self.linear(x)))


def test_modules_at_other_places_are_no_pair():
    report = compare_models(Torch(), Paddle(), X, steps=1)
    assert report.equal, str(report)


def test_the_same_input_is_a_pair_whatever_the_names_are():
    pair = ModelPair(Torch(), BothModules(), X, "copy", None, Training(), False)
    assert pair.plain_layers == {"act": "second"}


def test_a_pair_is_found_with_an_alignment_and_other_weights():
    alignment = compare_models(Torch(), BothModules(), X, steps=0, gradients=False).alignment
    pair = ModelPair(Torch(), BothModules(), X, "as they are", alignment, Training(), False)
    assert pair.plain_layers == {"act": "second"}
