"""BatchNorm: normalisation, running statistics and gradients of both packages, unbiased and biased."""

import numpy as np
import paddle
import pytest
import torch

from paddle_tsm.models.layers.batch_norm import BatchNorm
from torch_ref.batch_norm import BatchNorm as ReferenceBatchNorm

KINDS = ("unbiased", "biased")


def train(kind, steps=5, shape=(4, 3, 2, 2), dtype="float64"):
    """Both layers after some training steps on the same batches, and their last outputs and input gradients."""
    rng = np.random.default_rng(0)
    ours, reference = BatchNorm(3, running_var=kind), ReferenceBatchNorm(3, running_var=kind)
    ours.to(dtype=dtype), reference.to(getattr(torch, dtype))
    for _ in range(steps):
        x, g = (10 * rng.standard_normal(shape) + 3).astype(dtype), rng.standard_normal(shape).astype(dtype)
        p, q = paddle.to_tensor(x, stop_gradient=False), torch.from_numpy(x).requires_grad_()
        y, z = ours(p), reference(q)
        (y * paddle.to_tensor(g)).sum().backward()
        (z * torch.from_numpy(g)).sum().backward()
    return ours, reference, (y.numpy(), z.detach().numpy()), (p.grad.numpy(), q.grad.numpy())


@pytest.mark.parametrize("kind", KINDS)
def test_training(kind):
    ours, reference, outputs, gradients = train(kind)
    np.testing.assert_allclose(*outputs, rtol=0, atol=1e-12)
    np.testing.assert_allclose(*gradients, rtol=0, atol=1e-12)
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        np.testing.assert_allclose(getattr(ours, name).numpy(), getattr(reference, name).numpy(), rtol=1e-14)
    for name in ("weight", "bias"):
        np.testing.assert_allclose(getattr(ours, name).grad.numpy(), getattr(reference, name).grad.numpy(), rtol=1e-11)


def test_the_two_kinds_differ():
    assert np.abs(train("unbiased")[0].running_var.numpy() / train("biased")[0].running_var.numpy() - 1).max() > 0.01


@pytest.mark.parametrize("framework", ["paddle", "torch"])
def test_each_kind_is_its_frameworks_own(framework):
    """The unbiased kind against torch.nn.BatchNorm2d, the biased one against paddle.nn.BatchNorm2D."""
    x = np.random.default_rng(0).standard_normal((4, 3, 2, 2)).astype("float32")
    if framework == "paddle":
        plain = paddle.nn.BatchNorm2D(3)
        plain(paddle.to_tensor(x))
        expected = plain._variance.numpy()
    else:
        plain = torch.nn.BatchNorm2d(3)
        plain(torch.from_numpy(x))
        expected = plain.running_var.numpy()
    kind = "biased" if framework == "paddle" else "unbiased"
    ours, reference = BatchNorm(3, running_var=kind), ReferenceBatchNorm(3, running_var=kind)
    ours(paddle.to_tensor(x)), reference(torch.from_numpy(x))
    np.testing.assert_allclose(ours.running_var.numpy(), expected, rtol=1e-6)
    np.testing.assert_allclose(reference.running_var.numpy(), expected, rtol=1e-6)


def test_evaluation_holds_eps_in_float64():
    """A channel that hardly varies shows eps: Paddle's kernel rounds it to float32, which would cost 1e-8 here."""
    ours, reference = BatchNorm(1), ReferenceBatchNorm(1)
    ours.double(), reference.double()
    ours.running_var.set_value(np.array([1e-9])), reference.running_var.fill_(1e-9)
    ours.eval(), reference.eval()
    x = np.random.default_rng(0).standard_normal((2, 1, 2, 2))
    np.testing.assert_allclose(
        ours(paddle.to_tensor(x)).numpy(), reference(torch.from_numpy(x)).detach().numpy(), rtol=1e-13
    )


@pytest.mark.parametrize(
    "layer, x",
    [
        (BatchNorm(2), paddle.ones([1, 2, 1, 1])),
        (ReferenceBatchNorm(2), torch.ones(1, 2, 1, 1)),
    ],
)
def test_one_value_per_channel(layer, x):
    with pytest.raises(ValueError, match="per channel"):
        layer(x)


@pytest.mark.parametrize("frozen", ["x", "weight", "bias"])
def test_what_is_frozen_gets_no_gradient(frozen):
    """A frozen layer before it, or its own scale or shift frozen: the others' gradients are PyTorch's."""
    rng = np.random.default_rng(0)
    x, g = rng.standard_normal((2, 4, 3, 2, 2))
    ours, reference = BatchNorm(3), ReferenceBatchNorm(3)
    ours.to(dtype="float64"), reference.double()
    p, q = paddle.to_tensor(x, stop_gradient=frozen == "x"), torch.from_numpy(x).requires_grad_(frozen != "x")
    for name in ("weight", "bias"):
        getattr(ours, name).stop_gradient = frozen == name
        getattr(reference, name).requires_grad = frozen != name
    (ours(p) * paddle.to_tensor(g)).sum().backward()
    (reference(q) * torch.from_numpy(g)).sum().backward()
    for a, b in ((p, q), (ours.weight, reference.weight), (ours.bias, reference.bias)):
        assert (a.grad is None) == (b.grad is None)
        if b.grad is not None:
            np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=0, atol=1e-13)
