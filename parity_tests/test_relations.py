"""How one array can be made of another: what is found, and that nothing is found where there is nothing."""

import numpy as np
import paddle
import pytest
import torch
import torch.nn.functional as F

from paddle_tsm.parity import compare_models
from paddle_tsm.parity.diagnosis.relations import relations, shift_of_source
from paddle_tsm.parity.diagnosis.tensor_causes import tensor_causes
from parity_tests.test_injected_faults import noise

A = noise(4, 6, 5, 5).astype("float64")


def shifted(x, ahead, behind):
    """Frames [T, C, h, w] whose channels of the slice `ahead` come from the next frame, of `behind` from the last."""
    y = x.copy()
    y[:, ahead], y[:, behind] = 0, 0
    y[:-1, ahead], y[1:, behind] = x[1:, ahead], x[:-1, behind]
    return y


FOUND = {
    "negated": (-A, "sign"),
    "a factor": (A * 0.3, "constant factor"),
    "an offset": (A + 0.3, "constant offset"),
    "a factor of channels": (A * np.arange(1, 7).reshape(1, 6, 1, 1), "factor of channels"),
    "height and width": (A.swapaxes(2, 3), "layout"),
    "channels last": (A.transpose(0, 2, 3, 1), "layout"),
    "read as channels last": (A.transpose(0, 2, 3, 1).reshape(A.shape), "layout"),
    "flipped": (A[:, :, ::-1], "flipped axis"),
    "channels permuted": (A[:, [2, 0, 1, 5, 4, 3]], "channel permutation"),
    "frames permuted": (A[[1, 0, 3, 2]], "order of the batch"),
    "half precision": (A.astype("float16").astype("float64"), "rounded"),
}


@pytest.mark.parametrize("name", FOUND)
def test_a_relation_is_found(name):
    other, kind = FOUND[name]
    assert next(relations(A, other)).kind == kind


@pytest.mark.parametrize("other", [noise(4, 6, 5, 5).astype("float64") ** 3, A + 1e-6 * A**2, A[:, :5], A * np.nan])
def test_nothing_is_found_where_there_is_nothing(other):
    assert list(relations(A, other)) == []


def test_the_direction_of_a_shift():
    own, turned = shifted(A, slice(0, 2), slice(2, 4)), shifted(A, slice(2, 4), slice(0, 2))
    assert [found.kind for found in relations(own, turned)] == ["shift direction"]
    assert shift_of_source(A, own, turned).kind == "shift direction"
    smaller = shift_of_source(A, own, shifted(A, slice(0, 1), slice(1, 2)))
    assert smaller.kind == "shift" and "channels 0 by -1, 1 by +1" in smaller.after
    assert shift_of_source(A, own, own**3) is None


class TorchInPlace(torch.nn.Module):
    """Changes tensors in place, so that no call can be run again by itself."""

    def __init__(self):
        super().__init__()
        self.first, self.second = torch.nn.Conv2d(3, 4, 3), torch.nn.Conv2d(4, 4, 3)

    def forward(self, x):
        x = F.relu(self.first(x), inplace=True)
        x[:, 0] += 1
        y = self.second(x)
        y += 2 * F.leaky_relu_(y.clone(), 0.2)
        return y.mean((2, 3))


class PaddleInPlace(paddle.nn.Layer):
    def __init__(self, slope=0.2, added=1):
        super().__init__()
        self.first, self.second = paddle.nn.Conv2D(3, 4, 3), paddle.nn.Conv2D(4, 4, 3)
        self.slope, self.added, self.act = slope, added, paddle.nn.functional.relu

    def forward(self, x):
        x = self.act(self.first(x))
        x = paddle.concat([x[:, :1] + self.added, x[:, 1:]], 1)
        y = self.second(x)
        y = y + 2 * paddle.nn.functional.leaky_relu(y, self.slope)
        return y.mean([2, 3])


def test_calls_in_place_are_followed():
    x = noise(2, 3, 8, 8)
    compared = {"steps": 0, "gradients": False, "float32": False}
    assert compare_models(TorchInPlace(), PaddleInPlace(), x, **compared).equal
    report = compare_models(TorchInPlace(), PaddleInPlace(slope=0.01), x, **compared)
    assert (report.first_layer, report.diagnosed[0].kind) == ("between second and the output", "negative_slope")
    other = PaddleInPlace()
    other.act = paddle.nn.functional.silu
    report = compare_models(TorchInPlace(), other, x, **compared)
    assert (report.first_layer, report.diagnosed[0].kind) == ("between first and second", "activation")
    assert "with silu instead of relu" in report.causes[0]


@pytest.mark.parametrize(
    "change, kind",
    [
        (lambda weight: weight[..., ::-1, ::-1], "flipped axis"),
        (lambda weight: weight[[3, 0, 1, 2]], "channel permutation"),
        (lambda weight: weight[:, [1, 2, 0]], "channel permutation"),
        (lambda weight: weight**2, "other weights"),
    ],
)
def test_what_a_kernel_is_made_of(change, kind):
    (cause,) = tensor_causes({"conv.weight": A[:, :3]}, {"conv.weight": change(A[:, :3])})
    assert cause.kind == kind
