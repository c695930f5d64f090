"""Small pairs of models for the tests of training."""

import numpy as np
import paddle
import torch

from paddle_tsm.parity import compare_models


class TorchTwoBranches(torch.nn.Module):
    """A perceptron whose input's first value chooses between two branches, and a parameter that is never used."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.first = torch.nn.Linear(6, 8)
        self.left, self.right = torch.nn.Linear(8, 3), torch.nn.Linear(8, 3)
        self.unused = torch.nn.Parameter(torch.ones(2))

    def forward(self, x):
        hidden = torch.tanh(self.first(x))
        return (self.left if x[0, 0] > 0 else self.right)(hidden)


class PaddleTwoBranches(paddle.nn.Layer):
    """The same in Paddle."""

    def __init__(self):
        super().__init__()
        self.first = paddle.nn.Linear(6, 8)
        self.left, self.right = paddle.nn.Linear(8, 3), paddle.nn.Linear(8, 3)
        self.unused = self.create_parameter([2])

    def forward(self, x):
        hidden = paddle.tanh(self.first(x))
        return (self.left if x[0, 0] > 0 else self.right)(hidden)


def vectors(seed):
    """[5, 6], whose first value is positive for every second seed."""
    x = np.random.default_rng(seed).standard_normal((5, 6))
    x[0, 0] = -1.0 if seed % 2 else 1.0
    return x


def trained(**options):
    """The report of `TwoBranches` over the steps: 20 where none are given."""
    taken = {"steps": 20, "float32": False, "gradients": False} | options
    return compare_models(TorchTwoBranches(), PaddleTwoBranches(), vectors, **taken)


def largest(report):
    """The largest relative difference of all rows in training steps."""
    return max(row.max_rel for row in report.rows if " step" in row.name)


def problem(report, name):
    """The problem of the row whose name ends so."""
    return next((row.problem for row in report.rows if row.name.endswith(name)), None)
