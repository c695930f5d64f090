"""Each declared difference between the frameworks, measured: a test fails where one has gone away."""

import io
import os
import pickle
import subprocess
import sys
import warnings

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest
import torch

from paddle_tsm.cli import main
from paddle_tsm.parity.differences import DIFFERENCES
from torch_ref.shift import temporal_shift

NAN = float("nan")


def pair(array):
    return paddle.to_tensor(array), torch.from_numpy(np.array(array))


def relative(a, b):
    a, b = np.asarray(a, "float64"), np.asarray(b, "float64")
    return np.abs(a - b).max() / np.abs(b).max()


def shift_direction():
    x = np.random.default_rng(0).standard_normal((4, 8, 2, 2))
    ours, reference = pair(x)
    a, b = F.temporal_shift(ours, 4, 0.25).numpy(), temporal_shift(reference, 4, 4).numpy()
    reversed_ = temporal_shift(reference, 4, 4, "past_first").numpy()
    assert np.array_equal(a, reversed_) and np.array_equal(a[:, 4:], b[:, 4:])
    return bool((a[:, :4] != b[:, :4]).all())


def fold_width():
    x = np.random.default_rng(0).standard_normal((4, 14, 2, 2))
    a = F.temporal_shift(paddle.to_tensor(x), 4, 0.25).numpy()
    moved = [c for c in range(14) if not np.array_equal(a[:, c], x[:, c])]
    return len(moved) == 7 and 2 * (14 // 4) == 6


def batch_norms(eps=1e-5, scale=1.0, n=8):
    """(output, running variance) of Paddle's and of PyTorch's own BatchNorm after one float64 pass over n values."""
    x = scale * np.random.default_rng(0).standard_normal((n // 4, 3, 2, 2))
    ours, reference = pair(x)
    a = paddle.nn.BatchNorm2D(3, epsilon=eps, momentum=0.9)
    a.to(dtype="float64")
    b = torch.nn.BatchNorm2d(3, eps=eps, momentum=0.1).double()
    return (a(ours).numpy(), a._variance.numpy()), (b(reference).detach().numpy(), b.running_var.numpy())


def running_variance():
    (_, a), (_, b) = batch_norms()
    return relative((a - 0.9) / (b - 0.9), 7 / 8 * np.ones(3)) < 1e-5


def batch_norm_momentum():
    x = paddle.ones([2, 3, 2, 2])
    layers = {momentum: paddle.nn.BatchNorm2D(3, momentum=momentum) for momentum in (0.9, 0.1)}
    for layer in layers.values():
        layer(x)
    reference = torch.nn.BatchNorm2d(3, momentum=0.1)
    reference(torch.ones(2, 3, 2, 2))
    means = {momentum: layer._mean.numpy() for momentum, layer in layers.items()}
    return relative(means[0.9], reference.running_mean) < 1e-5 and relative(means[0.1], reference.running_mean) > 1


def batch_norm_constants():
    (a, _), (b, _) = batch_norms(scale=1e-3)
    (exact, _), (exact_reference, _) = batch_norms(eps=2.0**-17, scale=1e-3)
    assert relative(exact, exact_reference) < 1e-13  # with an epsilon that float32 holds, they agree
    return 1e-10 < relative(a, b) < 1e-6


def values(scale=1.0, length=9):
    return scale * np.random.default_rng(0).standard_normal((2, 4, length, length))


def apart(ours, reference, scale=1.0):
    """The relative difference of two functions on the same values in float64."""
    a, b = pair(values(scale))
    return relative(ours(a).numpy(), reference(b).numpy())


def norms_epsilon():
    def differ(eps):
        return apart(
            lambda x: F.layer_norm(x, 9, epsilon=eps), lambda x: torch.nn.functional.layer_norm(x, [9], eps=eps), 1e-3
        )

    return differ(2.0**-17) < 1e-13 and 1e-10 < differ(1e-5) < 1e-6


def activations_constants():
    torch_functional = torch.nn.functional
    found = {
        "elu": apart(lambda x: F.elu(x, 0.7), lambda x: torch_functional.elu(x, 0.7)),
        "celu": apart(lambda x: F.celu(x, 0.7), lambda x: torch_functional.celu(x, 0.7)),
        "selu": apart(F.selu, torch_functional.selu),
        "hardtanh": apart(lambda x: F.hardtanh(x, -0.3, 0.3), lambda x: torch_functional.hardtanh(x, -0.3, 0.3)),
        "softshrink": apart(lambda x: F.softshrink(x, 0.3), lambda x: torch_functional.softshrink(x, 0.3)),
    }
    exact = apart(lambda x: F.elu(x, 0.75), lambda x: torch_functional.elu(x, 0.75))
    return exact < 1e-15 and all(1e-10 < size < 1e-7 for size in found.values())


def hubers_delta():
    def differ(delta):
        return apart(
            lambda x: F.smooth_l1_loss(x, paddle.zeros_like(x), delta=delta, is_huber=True),
            lambda x: torch.nn.functional.huber_loss(x, torch.zeros_like(x), delta=delta),
        )

    return differ(0.25) < 1e-14 and 1e-10 < differ(0.3) < 1e-6


def hardsigmoids_slope():
    return 1e-8 < apart(F.hardsigmoid, torch.nn.functional.hardsigmoid) < 1e-6


def interpolations_ratio():
    def differ(size):
        return apart(
            lambda x: F.interpolate(x, [size, size], mode="bilinear"),
            lambda x: torch.nn.functional.interpolate(x, (size, size), mode="bilinear"),
        )

    return differ(18) < 1e-14 and 1e-8 < differ(13) < 1e-5


def average_pools_gradient():
    def differ(window):
        ours, reference = pair(values(length=7 * window))
        ours.stop_gradient = False
        F.avg_pool2d(ours, window).sum().backward()
        torch.nn.functional.avg_pool2d(reference.requires_grad_(), window).sum().backward()
        return relative(ours.grad.numpy(), reference.grad.numpy())

    return differ(4) == 0 and 1e-8 < differ(7) < 1e-7


def powers_exponent():
    return apart(lambda x: x.abs() ** 0.5, lambda x: x.abs() ** 0.5) < 1e-15 and 1e-9 < apart(
        lambda x: x.abs() ** 0.3, lambda x: x.abs() ** 0.3
    )


def slopes(ours, reference, *shape):
    """The relative difference of the gradients of a function in both frameworks, of a seeded sum of its values."""
    a, b = pair(np.random.default_rng(0).standard_normal(shape))
    a.stop_gradient = False
    b.requires_grad_()
    for x, function in ((a, ours), (b, reference)):
        (function(x) ** 2).sum().backward()
    return np.abs(a.grad.numpy() - b.grad.numpy()).max() / np.abs(b.grad.numpy()).max()


def group_norms_variance():
    x = (np.random.default_rng(0).standard_normal((2, 8, 6, 6)) + 100).astype("float32")
    exact = torch.nn.functional.group_norm(torch.from_numpy(x.astype("float64")), 2).numpy()
    ours = paddle.nn.GroupNorm(2, 8)(paddle.to_tensor(x)).numpy()
    reference = torch.nn.functional.group_norm(torch.from_numpy(x), 2).numpy()
    return relative(ours, exact) > 100 * relative(reference, exact) and relative(reference, exact) < 1e-5


def group_norm_without_weights():
    functional, weights = torch.nn.functional, np.ones(4)

    def cubed(x):  # the gradient of a sum of squares behind a normalisation is 0
        return x**3

    without = slopes(lambda x: cubed(F.group_norm(x, 2)), lambda x: cubed(functional.group_norm(x, 2)), 2, 4, 5, 6)
    with_ones = slopes(
        lambda x: cubed(F.group_norm(x, 2, weight=paddle.to_tensor(weights))),
        lambda x: cubed(functional.group_norm(x, 2, torch.tensor(weights))),
        *(2, 4, 5, 6),
    )
    return without > 0.01 and with_ones < 1e-12


def clip_by_global_norm():
    parameters = [paddle.create_parameter([1], "float64") for _ in range(2)]
    for parameter in parameters:
        parameter.set_value(np.zeros(1))
    optimizer = paddle.optimizer.SGD(
        1.0, [{"params": [parameter]} for parameter in parameters], grad_clip=paddle.nn.ClipGradByGlobalNorm(1.0)
    )
    (3 * parameters[0] + 4 * parameters[1]).sum().backward()
    optimizer.step()
    norm = float(np.sqrt(sum(parameter.numpy()[0] ** 2 for parameter in parameters)))
    return abs(norm - 2**0.5) < 1e-6


def trained(momentum, decay):
    """A weight after 20 steps of Paddle's Momentum and of PyTorch's SGD, float64."""
    start = np.random.default_rng(0).standard_normal(9)
    a, b = paddle.create_parameter([9], "float64"), torch.nn.Parameter(torch.tensor(start))
    a.set_value(start)
    ours = paddle.optimizer.Momentum(0.125, momentum, [a], weight_decay=decay)
    reference = torch.optim.SGD([b], 0.125, momentum, weight_decay=decay)
    for step in range(20):
        gradient = np.random.default_rng([1, step]).standard_normal(9)
        (a * paddle.to_tensor(gradient)).sum().backward()
        b.grad = torch.tensor(gradient)
        ours.step()
        ours.clear_grad()
        reference.step()
    return a.numpy(), b.detach().numpy()


def momentums_constants():
    assert relative(*trained(0.875, 2.0**-13)) < 1e-13  # constants that float32 holds
    return 1e-10 < relative(*trained(0.9, 1e-4)) < 1e-4


def frozen_by_clear_grad():
    weight = paddle.create_parameter([1], "float64")
    weight.set_value(np.ones(1))
    optimizer = paddle.optimizer.SGD(0.1, [weight], weight_decay=0.5)
    (0 * weight).sum().backward()
    optimizer.clear_grad()
    optimizer.step()
    return abs(weight.item() - 0.95) < 1e-9


def softmax_cut_off():
    ours, reference = pair(np.array([[0.0, -1000.0]]))
    a = float(F.cross_entropy(ours, paddle.to_tensor([1])))
    b = float(torch.nn.functional.cross_entropy(reference, torch.tensor([1])))
    return (round(a, 6), round(b, 6)) == (64.0, 1000.0) and float(F.log_softmax(ours).min()) > -64.001


def nan_through_relu():
    ours, reference = pair(np.array([NAN, 1.0]))
    return not np.isnan(F.relu(ours).numpy()).any() and bool(torch.relu(reference).isnan().any())


def nan_through_a_max_pool():
    ours, reference = pair(np.array([[[[NAN, 1.0, -1.0, -2.0]]]]))
    b = torch.nn.functional.max_pool2d(reference, (1, 4))
    return F.max_pool2d(ours, (1, 4)).item() == 1 and bool(b.isnan().any())


def ignored_labels():
    logits = np.random.default_rng(0).standard_normal((6, 3))
    labels = np.array([0, 1, -100, 2, -100, 1])
    ours, reference = pair(logits)
    a = float(F.cross_entropy(ours, paddle.to_tensor(labels)))
    b = float(torch.nn.functional.cross_entropy(reference, torch.tensor(labels)))
    return abs(a / b - 4 / 6) < 1e-6


def label_smoothing():
    ours, reference = pair(np.random.default_rng(0).standard_normal((6, 3)))
    labels = np.array([0, 1, 2, 2, 1, 1])
    a = float(F.cross_entropy(ours, paddle.to_tensor(labels), label_smoothing=0.1))
    b = float(torch.nn.functional.cross_entropy(reference, torch.tensor(labels), label_smoothing=0.1))
    return 1e-9 < abs(a - b) / b < 1e-5


def linear_orientation():
    return paddle.nn.Linear(3, 5).weight.shape == [3, 5] and torch.nn.Linear(3, 5).weight.shape == (5, 3)


def default_initial_weights():
    paddle.seed(0)
    torch.manual_seed(0)
    a, b = paddle.nn.Conv2D(64, 256, 3).weight.numpy(), torch.nn.Conv2d(64, 256, 3).weight.detach().numpy()
    return 2.3 < a.std() / b.std() < 2.6 and np.abs(b).max() < 3**0.5 * b.std() * 1.01 < np.abs(a).max()


def threads():
    environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    code = "import paddle, os; print(os.environ['OMP_NUM_THREADS'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=120)
    return done.stdout.split()[-1:] == ["1"]


def loading_is_not_strict():
    layer = paddle.nn.Linear(2, 2)
    before = layer.weight.numpy().copy()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        layer.set_state_dict({"weight": paddle.ones([3, 3]), "bias": paddle.ones([2])})
    return len(seen) > 0 and np.array_equal(layer.weight.numpy(), before)


CALLS = []


class CallByName:
    """Pickles as a call of a function of this module."""

    def __reduce__(self):
        return called, ()


def called():
    CALLS.append(1)
    return {}


def loading_runs_code():
    CALLS.clear()
    paddle.load(io.BytesIO(pickle.dumps(CallByName(), protocol=4)))
    return bool(CALLS)


MEASURES = {
    "shift direction": shift_direction,
    "fold width": fold_width,
    "running variance": running_variance,
    "BatchNorm momentum": batch_norm_momentum,
    "BatchNorm constants": batch_norm_constants,
    "norms' epsilon": norms_epsilon,
    "activations' constants": activations_constants,
    "Hardsigmoid's slope": hardsigmoids_slope,
    "interpolation's ratio": interpolations_ratio,
    "average pool's gradient": average_pools_gradient,
    "powers' exponent": powers_exponent,
    "Huber's delta": hubers_delta,
    "GroupNorm's variance": group_norms_variance,
    "GroupNorm without weights": group_norm_without_weights,
    "clip by global norm": clip_by_global_norm,
    "Momentum's constants": momentums_constants,
    "frozen by clear_grad": frozen_by_clear_grad,
    "softmax cut off": softmax_cut_off,
    "NaN through ReLU": nan_through_relu,
    "NaN through a max pool": nan_through_a_max_pool,
    "ignored labels": ignored_labels,
    "label smoothing": label_smoothing,
    "Linear orientation": linear_orientation,
    "default initial weights": default_initial_weights,
    "threads": threads,
    "loading is not strict": loading_is_not_strict,
    "loading runs code": loading_runs_code,
}


def test_each_difference_has_a_measure():
    assert [row.name for row in DIFFERENCES] == list(MEASURES)
    assert all(field for row in DIFFERENCES for field in vars(row).values())


@pytest.mark.parametrize("name", MEASURES)
def test_the_difference_is_still_there(name):
    assert MEASURES[name](), f"{name}: no longer differs as declared; correct paddle_tsm/parity/differences.py"


@pytest.mark.parametrize(
    "name, target, cured",
    [
        (
            "shift direction",
            "temporal_shift",
            lambda x, t, r: paddle.to_tensor(temporal_shift(torch.from_numpy(x.numpy()), t, 4).numpy()),
        ),
        ("NaN through ReLU", "relu", lambda x: paddle.maximum(x, paddle.zeros_like(x))),
        ("softmax cut off", "log_softmax", lambda x: x - paddle.logsumexp(x, axis=-1, keepdim=True)),
    ],
)
def test_a_cured_framework_fails_the_test(monkeypatch, name, target, cured):
    monkeypatch.setattr(F, target, cured)
    with pytest.raises(AssertionError):
        assert MEASURES[name]()


def test_the_table_is_printed(capsys):
    assert main(["parity", "--differences"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert all(row.name.split()[0] in text for row in DIFFERENCES)
