"""The gradient through Paddle's average pools, with the exact 1 / n."""

import numpy as np
import paddle
import pytest
import torch
from paddle.nn import functional as F
from torch.nn import functional as torch_functional

from paddle_tsm.parity import compare_models
from paddle_tsm.parity.model_pair.paddle_pools import exact_average_pools

CASES = {
    "1d": ((2, 3, 9), lambda f, x: f.avg_pool1d(x, 3, 2, 1), {"exclusive": False}),
    "window": ((2, 3, 7, 8), lambda f, x: f.avg_pool2d(x, (3, 2), (2, 3)), {}),
    "ceil": ((2, 3, 6, 6), lambda f, x: f.avg_pool2d(x, 3, 2, 1, True), {"exclusive": False}),
    "divisor": ((2, 3, 7, 7), lambda f, x: f.avg_pool2d(x, 3, 2, divisor_override=7), {}),
    "3d": ((1, 2, 5, 6, 5), lambda f, x: f.avg_pool3d(x, 3, 2, 1), {"exclusive": False}),
    "adaptive": ((2, 3, 5, 7), lambda f, x: f.adaptive_avg_pool2d(x, (3, 2)), {}),
    "adaptive 1d": ((2, 3, 11), lambda f, x: f.adaptive_avg_pool1d(x, 3), {}),
    "adaptive 3d": ((1, 2, 3, 5, 3), lambda f, x: f.adaptive_avg_pool3d(x, 2), {}),
    "whole": ((2, 3, 5, 7), lambda f, x: f.adaptive_avg_pool2d(x, 1), {}),
}


class Exclusive:
    """Paddle's functions with a further argument."""

    def __init__(self, options):
        self.options = options

    def __getattr__(self, name):
        function = getattr(F, name)
        return lambda *arguments, **named: function(*arguments, **named, **self.options)


def apart(shape, ours, reference):
    """The relative difference of the gradients of a seeded sum."""
    values = np.random.default_rng(0).standard_normal(shape)
    x, y = torch.tensor(values, requires_grad=True), paddle.to_tensor(values, stop_gradient=False)
    a = reference(x)
    weights = np.random.default_rng(1).standard_normal(tuple(a.shape))
    (a * torch.tensor(weights)).sum().backward()
    (ours(y) * paddle.to_tensor(weights)).sum().backward()
    return np.abs(x.grad.numpy() - y.grad.numpy()).max() / np.abs(x.grad.numpy()).max()


@pytest.mark.parametrize("name", CASES)
def test_the_slope_is_exact(name):
    shape, pool, options = CASES[name]
    both = shape, lambda x: pool(Exclusive(options), x), lambda x: pool(torch_functional, x)
    assert apart(*both) > 1e-9
    met = set()
    with exact_average_pools(met):
        assert apart(*both) < 1e-15
    assert met == {"avg_pool"} and apart(*both) > 1e-9


@pytest.mark.parametrize(
    "ours, reference",
    [
        (
            lambda x: F.avg_pool2d(x, 3, 2, 1),
            lambda x: torch_functional.avg_pool2d(x, 3, 2, 1, count_include_pad=False),
        ),
        (
            lambda x: F.avg_pool2d(x, 3, 2, [1, 0, 0, 1]),
            lambda x: padded_mean(x, (0, 1, 1, 0)),
        ),
        (lambda x: F.avg_pool2d(x, 3, 1, "SAME"), lambda x: padded_mean(x, (1, 1, 1, 1), 1)),
        (lambda x: F.avg_pool2d(x, 3, 2, "VALID"), lambda x: torch_functional.avg_pool2d(x, 3, 2)),
        (
            lambda x: F.avg_pool2d(x.transpose([0, 2, 3, 1]), 3, 2, data_format="NHWC").transpose([0, 3, 1, 2]),
            lambda x: torch_functional.avg_pool2d(x, 3, 2),
        ),
    ],
)
def test_paddings_and_layouts(ours, reference):
    assert apart((2, 3, 7, 8), ours, reference) > 1e-9
    with exact_average_pools(set()):
        assert apart((2, 3, 7, 8), ours, reference) < 1e-15


def padded_mean(x, padding, stride=2):
    """The mean of the values that are in a window of 3 x 3, without those of the padding."""
    ones = torch_functional.pad(torch.ones_like(x), padding)
    count = torch_functional.avg_pool2d(ones, 3, stride)
    return torch_functional.avg_pool2d(torch_functional.pad(x, padding), 3, stride) / count


def test_it_is_named_and_strict_counts_it():
    a = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.AdaptiveAvgPool2d(1))
    b = paddle.nn.Sequential(paddle.nn.Conv2D(3, 4, 3), paddle.nn.AdaptiveAvgPool2D(1))
    x = np.random.default_rng(0).standard_normal((2, 3, 5, 5))
    report = compare_models(a, b, x, steps=1)
    assert report.equal and "average pool's gradient" in report.known[0]
    report = compare_models(a, b, x, steps=1, strict=True)
    assert report.first_breach.name.startswith("gradients") and report.first_breach.max_rel < 6e-8


class Mean(torch.nn.Module):
    def forward(self, x):
        return x.mean((2, 3), keepdim=True)


def test_a_mean_and_a_pool_are_the_same():
    """The correction is Paddle's, because PyTorch's model may not call a pool at all."""
    a = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), Mean(), torch.nn.Conv2d(4, 4, 1))
    b = paddle.nn.Sequential(paddle.nn.Conv2D(3, 4, 3), paddle.nn.AdaptiveAvgPool2D(1), paddle.nn.Conv2D(4, 4, 1))
    report = compare_models(a, b, np.random.default_rng(0).standard_normal((2, 3, 5, 5)), steps=2)
    assert report.equal, str(report)


def test_a_wrong_pool_is_seen():
    """The correction does not hide another divisor."""
    a = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.AvgPool2d(3, 2, 1))
    b = paddle.nn.Sequential(paddle.nn.Conv2D(3, 4, 3), paddle.nn.AvgPool2D(3, 2, 1))
    x = np.random.default_rng(0).standard_normal((2, 3, 7, 7))
    report = compare_models(a, b, x, steps=0)
    assert not report.equal and report.first_layer == "1"
