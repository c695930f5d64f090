"""The loss of deep mutual learning against PaddleVideo's formula, written down here in plain PyTorch."""

import numpy as np
import paddle
import pytest
import torch

import torch_ref.loss
from paddle_tsm.training import mutual_loss

RNG = np.random.default_rng(0)
ORDINARY = 3 * RNG.standard_normal((2, 5, 6))
EXTREME = np.array([[[0, -50, -100, -900, 3], [700, 0, 0, 0, 1.0]], [[0, 10, -100, -90, -3], [0, 0, 0, 0, 0.0]]])
PACKAGES = pytest.mark.parametrize(
    "package, tensor", [(mutual_loss, paddle.to_tensor), (torch_ref.loss, torch.from_numpy)], ids=["paddle", "torch"]
)


def kl(x, target, eps=1e-12):
    return target * torch.log((target + eps) / (x + eps)) * x.shape[-1]


def formula(x, target, **options):
    """The mean over all clips and classes, as PaddleVideo takes it (distillation_loss.py ed245e9)."""
    p, q = torch.softmax(x, -1), torch.softmax(target, -1)
    return torch.mean((kl(p, q, **options) + kl(q, p, **options)) / 2)


def value_and_gradients(function, tensor, pair):
    """Of a Paddle or PyTorch function of two arrays, as NumPy."""
    tensors = [tensor(array.copy()) for array in pair]
    for x in tensors:
        (x.requires_grad_() if hasattr(x, "requires_grad_") else x).stop_gradient = False
    loss = function(*tensors)
    loss.backward()
    return loss.item(), np.stack([x.grad.numpy() for x in tensors])


@PACKAGES
@pytest.mark.parametrize("pair", [ORDINARY, EXTREME], ids=["ordinary", "extreme"])
def test_it_is_the_formula(package, tensor, pair):
    expected, gradients = value_and_gradients(formula, torch.from_numpy, pair)
    loss, found = value_and_gradients(package.mutual_divergence, tensor, pair)
    assert loss == pytest.approx(expected, rel=1e-12) and expected > 0.1
    np.testing.assert_allclose(found, gradients, rtol=0, atol=1e-12 * np.abs(gradients).max())
    assert (np.abs(gradients).max((1, 2)) > 1e-3).all()  # of both networks: neither is a constant


@PACKAGES
def test_what_it_is_not(package, tensor):
    """Each of these differs, so that the test above would tell it."""
    loss, _ = value_and_gradients(package.mutual_divergence, tensor, ORDINARY)
    p, q = (torch.softmax(torch.from_numpy(array), -1) for array in ORDINARY)
    others = {
        "one direction": kl(p, q).mean(),
        "the other direction": kl(q, p).mean(),
        "a mean over the classes": formula(*map(torch.from_numpy, ORDINARY)) / 6,
        "a temperature": formula(*map(torch.from_numpy, ORDINARY / 2)),
        "a sum over the clips": formula(*map(torch.from_numpy, ORDINARY)) * 5,
    }
    for name, other in others.items():
        assert abs(loss - other.item()) > 1e-3, name
    extreme, _ = value_and_gradients(package.mutual_divergence, tensor, EXTREME)
    assert abs(extreme - formula(*map(torch.from_numpy, EXTREME), eps=1e-9).item()) > 1e-3  # the 1e-12 counts, too


@PACKAGES
def test_it_is_symmetric_and_0_for_one_network(package, tensor):
    there, back = (package.mutual_divergence(*map(tensor, pair)).item() for pair in (ORDINARY, ORDINARY[::-1].copy()))
    assert there == pytest.approx(back, rel=1e-14)
    assert package.mutual_divergence(tensor(ORDINARY[0]), tensor(ORDINARY[0])).item() == 0


@PACKAGES
@pytest.mark.parametrize("shapes", [((2, 5), (2, 4)), ((2, 5), (1, 5)), ((5,), (5,))])
def test_logits_that_do_not_fit(package, tensor, shapes):
    with pytest.raises(ValueError, match=r"wanted \[N, K\]"):
        package.mutual_divergence(*(tensor(np.zeros(shape)) for shape in shapes))
