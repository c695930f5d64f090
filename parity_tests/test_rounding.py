"""What only rounding explains passes and is named; a fault never hides behind it."""

import numpy as np
import paddle
import pytest
import torch

from paddle_tsm.parity.model_pair.compare_models import compare_models

X = np.random.default_rng(0).standard_normal((3, 4, 8))


class TorchZero(torch.nn.Module):
    """Values and gradients that are 0 in exact arithmetic: the mean of normalised values. factor: a fault's size."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm, self.fc = torch.nn.Conv1d(4, 4, 3), torch.nn.InstanceNorm1d(4), torch.nn.Linear(4, 3)

    def forward(self, x):
        x = self.norm(self.conv(x))
        return self.fc(x.mean(-1)), x.sum()


class PaddleZero(paddle.nn.Layer):
    def __init__(self, fault=0.0):
        super().__init__()
        self.conv, self.fc, self.fault = paddle.nn.Conv1D(4, 4, 3), paddle.nn.Linear(4, 3), fault
        self.norm = paddle.nn.InstanceNorm1D(4, weight_attr=False, bias_attr=False)

    def forward(self, x):
        x = self.norm(self.conv(x))
        return self.fc(x.mean(-1) + self.fault), x.sum() + self.fault


class TorchSteep(torch.nn.Module):
    """Ill-conditioned: a small difference of large values is the output. Rounding is 1e-2 of it."""

    def __init__(self):
        super().__init__()
        self.fc = torch.nn.Linear(8, 8)

    def forward(self, x):
        x = self.fc(x)
        return (1e7 + x) ** 2 - 1e14 - 2e7 * x


class PaddleSteep(paddle.nn.Layer):
    def __init__(self, fault=0.0):
        super().__init__()
        self.fc, self.fault = paddle.nn.Linear(8, 8), fault

    def forward(self, x):
        x = self.fc(x)
        x = x + self.fault * x
        return (1e7 + x) * (1e7 + x) - (1e14 + 2e7 * x)


def test_values_that_are_zero_in_exact_arithmetic():
    torch.manual_seed(1)
    report = compare_models(TorchZero(), PaddleZero(), X, steps=3)
    assert report.equal, str(report)
    (remark,) = (one for one in report.remarks if one.startswith("Rounding alone"))
    assert "output[1] (differs by" in remark


@pytest.mark.parametrize("fault", [1e-3, 1e-8, 1e-12])
def test_a_fault_in_a_value_that_is_zero(fault):
    report = compare_models(TorchZero(), PaddleZero(fault), X, steps=3)
    assert not report.equal and not [row for row in report.rows if row.name == "output[1]"][0].passed


def test_an_ill_conditioned_model_does_not_pass_and_the_report_says_why():
    torch.manual_seed(0)
    report = compare_models(TorchSteep(), PaddleSteep(), X[:, 0], steps=0, gradients=False, float32=False)
    assert not report.equal and any("too large for a verdict" in one for one in report.remarks)


@pytest.mark.parametrize("fault", [1e-4, 1e-6, 1e-7])
def test_a_fault_in_an_ill_conditioned_model(fault):
    torch.manual_seed(0)
    report = compare_models(TorchSteep(), PaddleSteep(fault), X[:, 0], steps=0, gradients=False, float32=False)
    assert not report.equal


class Half(paddle.nn.Layer):
    """A fault that float64 does not show: the values of a float32 model go through half precision."""

    def __init__(self, kind):
        super().__init__()
        self.kind = kind

    def forward(self, x):
        return x.astype(self.kind).astype("float32") if x.dtype == paddle.float32 else x


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_half_precision_in_a_float32_model(kind):
    """Each net magnifies: one by a GroupNorm over almost equal values, one by a sum of many."""
    nets = {
        "plain": ((), ()),
        "norm": ((torch.nn.GroupNorm(1, 8),), (paddle.nn.GroupNorm(1, 8),)),
    }
    for a, b in nets.values():
        torch_net = torch.nn.Sequential(torch.nn.Conv1d(4, 8, 3), *a, torch.nn.AdaptiveAvgPool1d(2))
        paddle_net = paddle.nn.Sequential(paddle.nn.Conv1D(4, 8, 3), Half(kind), *b, paddle.nn.AdaptiveAvgPool1D(2))
        report = compare_models(torch_net, paddle_net, X, steps=0, gradients=False, align={"1": "2"} if a else None)
        assert not report.equal and report.first_breach.precision == "float32"


def test_no_run_is_added_where_everything_passes(monkeypatch):
    """The second look costs nothing where the first one suffices."""
    from paddle_tsm.parity import rounding

    monkeypatch.setattr(rounding.Rounding, "second_look", None)
    a = torch.nn.Sequential(torch.nn.Linear(8, 8), torch.nn.Tanh())
    b = paddle.nn.Sequential(paddle.nn.Linear(8, 8), paddle.nn.Tanh())
    assert compare_models(a, b, X, steps=2).equal
