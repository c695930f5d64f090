"""The known differences of the frameworks, taken into account: with Paddle's constants PyTorch computes the same."""

import numpy as np
import paddle
import pytest
import torch
from paddle.nn import functional as F
from torch.nn import functional as torch_functional

from paddle_tsm.parity import compare_models
from paddle_tsm.parity.model_pair.known_differences import functions_called, is_own_norm
from paddle_tsm.parity.model_pair.torch_arithmetic import RULES, PaddleConstants
from paddle_tsm.parity.tolerance import TOLERANCES

LIMIT = TOLERANCES["float64"].limit


def values(*shape, scale=1.0):
    return scale * np.random.default_rng(0).standard_normal(shape)


PLANE = values(2, 4, 9, 9)
SMALL = values(2, 4, 9, 9, scale=1e-3)
ZEROS, ONES = paddle.zeros([4], "float64"), paddle.ones([4], "float64")
CASES = {
    "elu": (PLANE, lambda x: torch.nn.ELU(0.7)(x), lambda x: F.elu(x, 0.7)),
    "celu": (PLANE, lambda x: torch_functional.celu(x, 0.7), lambda x: F.celu(x, 0.7)),
    "selu": (PLANE, torch_functional.selu, F.selu),
    "hardsigmoid": (PLANE, torch.nn.Hardsigmoid(), F.hardsigmoid),
    "hardtanh": (PLANE, lambda x: torch_functional.hardtanh(x, -0.3, 0.3), lambda x: F.hardtanh(x, -0.3, 0.3)),
    "softshrink": (PLANE, lambda x: torch_functional.softshrink(x, 0.3), lambda x: F.softshrink(x, 0.3)),
    "batch_norm": (
        SMALL,
        lambda x: torch_functional.batch_norm(x, None, None, training=True, eps=1e-5),
        lambda x: F.batch_norm(x, ZEROS.clone(), ONES.clone(), ONES, ZEROS, training=True, epsilon=1e-5),
    ),
    "layer_norm": (SMALL, lambda x: torch_functional.layer_norm(x, [9]), lambda x: F.layer_norm(x, 9)),
    "instance_norm": (SMALL, torch.nn.InstanceNorm2d(4), F.instance_norm),
    "cross_entropy": (
        values(4, 3),
        lambda x: torch_functional.cross_entropy(x, torch.arange(4) % 3, label_smoothing=0.1),
        lambda x: F.cross_entropy(x, paddle.arange(4) % 3, label_smoothing=0.1),
    ),
    "smooth_l1_loss": (
        PLANE,
        lambda x: torch_functional.huber_loss(x, torch.zeros_like(x), delta=0.3),
        lambda x: F.smooth_l1_loss(x, paddle.zeros_like(x), delta=0.3, is_huber=True),
    ),
    "pow": (PLANE, lambda x: x.abs() ** 0.3, lambda x: x.abs() ** 0.3),
}


def apart(values, reference, ours, rules):
    """The relative difference of a function of PyTorch, under these rules, and one of Paddle; and the rules used."""
    used = set()
    with PaddleConstants({name: {} for name in rules}, used):
        a = reference(torch.from_numpy(values)).numpy()
    b = ours(paddle.to_tensor(values)).numpy()
    return np.abs(a - b).max() / np.abs(a).max(), used


@pytest.mark.parametrize("name", CASES)
def test_a_rule_gives_paddles_values(name):
    without, _ = apart(*CASES[name], rules=())
    within, used = apart(*CASES[name], rules=RULES)
    assert without > LIMIT > 1e4 * within and used == {name}


def test_selus_slope():
    """Paddle's backward pass rounds the product of the two constants, so the slope is not that of the values."""
    x, y = torch.from_numpy(PLANE).requires_grad_(), paddle.to_tensor(PLANE, stop_gradient=False)
    F.selu(y).sum().backward()

    def apart(function):
        (slope,) = torch.autograd.grad(function(x).sum(), x)
        return np.abs(slope.numpy() - y.grad.numpy()).max()

    assert apart(torch_functional.selu) > 1e-9 > 1e4 * apart(RULES["selu"][torch_functional.selu])


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize("wanted", [{"size": (13, 17)}, {"size": (5, 4)}, {"scale_factor": 1.7}, {"scale_factor": 2}])
@pytest.mark.parametrize("mode", ["linear", "bilinear", "bicubic", "trilinear"])
def test_interpolation(mode, wanted, align_corners):
    axes = {"linear": 1, "trilinear": 3}.get(mode, 2)
    shape = {1: (2, 4, 9), 2: (2, 4, 9, 9), 3: (1, 2, 9, 9, 9)}[axes]
    layout = {1: "NCW", 2: "NCHW", 3: "NCDHW"}[axes]
    if "size" in wanted:
        wanted = {"size": (*wanted["size"], 7)[:axes]}
    given = {name: list(value) if isinstance(value, tuple) else value for name, value in wanted.items()}

    def reference(x):
        return torch_functional.interpolate(x, mode=mode, align_corners=align_corners, **wanted)

    def ours(x):
        return F.interpolate(x, mode=mode, align_corners=align_corners, data_format=layout, **given)

    within, used = apart(values(*shape), reference, ours, rules=RULES)
    assert within < 1e-12 and used == {"interpolate"}
    x, y = torch.from_numpy(values(*shape)).requires_grad_(), paddle.to_tensor(values(*shape), stop_gradient=False)
    with PaddleConstants({"interpolate": {}}, set()):
        (reference(x) ** 2).sum().backward()
    (ours(y) ** 2).sum().backward()
    assert np.abs(x.grad.numpy() - y.grad.numpy()).max() < 1e-12


def test_float32_is_left_alone():
    """Where the tensors are float32, so are the constants of both frameworks, and a rule would only round again."""
    used = set()
    with PaddleConstants({"elu": {}}, used):
        torch_functional.elu(torch.ones(3))
    assert not used


def norm_pair(momentum=0.9, epsilon=1e-5):
    """A convolution, a BatchNorm, a mean and a LayerNorm in both frameworks."""
    a = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4), torch.nn.Flatten(), torch.nn.LayerNorm(4 * 36)
    )
    b = paddle.nn.Sequential(
        paddle.nn.Conv2D(3, 4, 3),
        paddle.nn.BatchNorm2D(4, momentum=momentum, epsilon=epsilon),
        paddle.nn.Flatten(),
        paddle.nn.LayerNorm(4 * 36),
    )
    return a, b, values(2, 3, 8, 8)


def test_norms_are_named_and_taken_into_account():
    report = compare_models(*norm_pair(), steps=3)
    assert report.equal
    assert [one.partition(":")[0] for one in report.known] == [
        "running variance",
        "BatchNorm constants",
        "norms' epsilon",
    ]
    assert "1 part in 72 at 1" in report.known[0]  # 2 images of 6 x 6 places


def test_strict_counts_them():
    report = compare_models(*norm_pair(), steps=3, strict=True)
    assert not report.equal and report.known == []
    assert report.first_breach.name == "running stats" and "1.running_" in report.first_breach.problem


@pytest.mark.parametrize("change", [{"momentum": 0.99}, {"momentum": 0.1}, {"epsilon": 1e-3}])
def test_another_momentum_or_epsilon_is_no_known_difference(change):
    assert not compare_models(*norm_pair(**change), steps=0, gradients=False, float32=False).equal


class ExactNorm(paddle.nn.BatchNorm2D):
    """A BatchNorm of the caller's, which is none of Paddle's own."""

    def forward(self, x):
        mean, variance = x.mean([0, 2, 3], keepdim=True), x.var([0, 2, 3], unbiased=False, keepdim=True)
        return (x - mean) / paddle.sqrt(variance + 1e-5)


def test_only_paddles_own_norms_have_its_constants():
    assert is_own_norm(paddle.nn.BatchNorm2D(3)) and is_own_norm(paddle.nn.LayerNorm(3))
    assert not is_own_norm(ExactNorm(3)) and not is_own_norm(paddle.nn.GroupNorm(1, 3))


def test_only_functions_that_paddle_calls():
    called = {}
    with functions_called(called):
        paddle.nn.Hardsigmoid()(paddle.ones([2]))
        F.hardsigmoid(paddle.ones([2]))
    assert called == {"hardsigmoid": {}} and F.hardsigmoid.__name__ == "hardsigmoid"
    with functions_called(called := {}):
        F.hardsigmoid(paddle.ones([2]), 1 / 6)
    assert called == {"hardsigmoid": {"slope": 1 / 6}}
    with functions_called(called := {}):
        F.hardsigmoid(paddle.ones([2]), 0.2)
    assert called == {}  # a slope that PyTorch's does not have is a difference as any other


@pytest.mark.parametrize("mean", [0.0, 10.0, 100.0])
def test_group_norms_variance_in_float32(mean):
    """Paddle loses digits where the mean is large; float64 is held to its own limit all the same."""
    a = torch.nn.Sequential(torch.nn.GroupNorm(2, 4), torch.nn.Conv2d(4, 3, 1))
    b = paddle.nn.Sequential(paddle.nn.GroupNorm(2, 4), paddle.nn.Conv2D(4, 3, 1))
    x = values(2, 4, 6, 6) + mean
    report = compare_models(a, b, x, steps=0)
    assert report.equal and any(one.startswith("GroupNorm's variance") for one in report.known), report
    strict = compare_models(a, b, x, steps=0, strict=True)
    assert [row.precision for row in strict.rows if not row.passed] == (["float32"] if mean > 1 else [])


def test_a_wrong_group_norm_is_found_in_both_precisions():
    a, b = torch.nn.GroupNorm(2, 4), paddle.nn.GroupNorm(2, 4, epsilon=1e-2)
    report = compare_models(a, b, values(2, 4, 6, 6) + 10, steps=0)
    assert {row.precision for row in report.rows if row.name == "output" and not row.passed} == {"float64", "float32"}
