"""The shift in both packages against a loop that is the definition, and against Paddle's own operator."""

import numpy as np
import paddle
import pytest
import torch

import torch_ref.shift
from paddle_tsm.models.layers.shift import temporal_shift

ORDERS = ("future_first", "past_first", "causal")
CASES = [(c, div, t) for c in (12, 16, 20, 24, 64) for div in (3, 4, 8, 16) for t in (1, 2, 4, 8)]


def by_definition(x, t, div, order):
    """out[t, c] = x[t + d(c), c], one channel of one frame at a time."""
    n, c = len(x) // t, x.shape[1]
    x = x.reshape(n, t, *x.shape[1:])
    out = np.zeros_like(x)
    for channel in range(c):
        if order == "past_first":  # Paddle's kernel: the second fold ends at int(2 * C / div)
            d = -1 if channel < c // div else 1 if channel < 2 * c // div else 0
        elif order == "causal":
            d = -1 if channel < c // div else 0
        else:
            d = 1 if channel < c // div else -1 if channel < 2 * (c // div) else 0
        for frame in range(t):
            if 0 <= frame + d < t:
                out[:, frame, channel] = x[:, frame + d, channel]
    return out.reshape(n * t, *x.shape[2:])


def in_paddle(x, *args):
    return temporal_shift(paddle.to_tensor(x), *args).numpy()


def in_torch(x, *args):
    return torch_ref.shift.temporal_shift(torch.from_numpy(x), *args).numpy()


def in_torch_channels_last(x, *args):
    shifted = torch_ref.shift.temporal_shift(torch.from_numpy(x).to(memory_format=torch.channels_last), *args)
    assert shifted.is_contiguous(memory_format=torch.channels_last)
    return shifted.numpy()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("shift", [in_paddle, in_torch, in_torch_channels_last])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_definition(shift, order, dtype):
    rng = np.random.default_rng(0)
    for c, div, t in CASES:
        x = rng.standard_normal((2 * t, c, 2, 3)).astype(dtype)
        np.testing.assert_array_equal(shift(x, t, div, order), by_definition(x, t, div, order), err_msg=f"{c, div, t}")


def test_the_orders_differ():
    x = np.random.default_rng(0).standard_normal((8, 16, 2, 2))
    results = [by_definition(x, 4, 8, order) for order in ORDERS]
    assert not any(np.array_equal(results[i], results[j]) for i, j in ((0, 1), (0, 2), (1, 2)))


def test_past_first_is_paddles_operator():
    rng = np.random.default_rng(0)
    for c, div, t in CASES:
        x = rng.standard_normal((2 * t, c, 2, 3)).astype("float32")
        own = paddle.nn.functional.temporal_shift(paddle.to_tensor(x), t, 1 / div).numpy()
        np.testing.assert_array_equal(in_paddle(x, t, div, "past_first"), own, err_msg=f"{c, div, t}")


@pytest.mark.parametrize("order", ORDERS)
def test_gradient_is_the_adjoint(order):
    """<shift(x), g> differentiated by x, against the definition's own transpose in PyTorch."""
    rng = np.random.default_rng(1)
    for c, div, t in ((20, 8, 4), (64, 8, 8), (16, 4, 1)):
        x, g = rng.standard_normal((2, 2 * t, c, 2, 2))
        p = paddle.to_tensor(x, stop_gradient=False)
        (temporal_shift(p, t, div, order) * paddle.to_tensor(g)).sum().backward()
        q = torch.from_numpy(x).requires_grad_()
        (torch_ref.shift.temporal_shift(q, t, div, order) * torch.from_numpy(g)).sum().backward()
        np.testing.assert_array_equal(p.grad.numpy(), q.grad.numpy())
        inner = (by_definition(x, t, div, order) * g).sum()
        assert abs((p.grad.numpy() * x).sum() - inner) < 1e-12 * np.abs(x * g).sum()


@pytest.mark.filterwarnings("ignore:Tensor do not have 'place' interface")  # raised by paddle.zeros_like itself
@pytest.mark.parametrize("order", ORDERS)
def test_the_exported_form_is_the_eager_one(order, tmp_path):
    """The graph is made of slices and concatenations, with any number of clips; an eager call copies planes."""

    class Layer(paddle.nn.Layer):
        def __init__(self):
            super().__init__()
            ones = paddle.nn.initializer.Constant(1.0)
            self.one = self.create_parameter([1], default_initializer=ones)  # jit.save warns without a parameter

        def forward(self, x):
            return temporal_shift(x, 4, 8, order) * self.one

    paddle.jit.save(Layer(), str(tmp_path / "shift"), [paddle.static.InputSpec([None, 20, 3, 3], "float32")])
    exported = paddle.jit.load(str(tmp_path / "shift"))
    rng = np.random.default_rng(2)
    for clips in (1, 3):
        x = rng.standard_normal((4 * clips, 20, 3, 3)).astype("float32")
        expected = by_definition(x, 4, 8, order)
        np.testing.assert_array_equal(exported(paddle.to_tensor(x)).numpy(), expected)
        np.testing.assert_array_equal(in_paddle(x, 4, 8, order), expected)


def test_a_dropped_plane_keeps_nan_and_infinity_out():
    """Zeros stand beyond the clip's ends whatever the planes that are dropped hold."""
    x = np.random.default_rng(3).standard_normal((8, 16, 2, 2)).astype("float32")
    x[0, :2], x[3, 2:4] = np.nan, np.inf  # future_first drops frame 0's first fold and frame T - 1's second
    shifted = in_paddle(x, 4, 8)
    np.testing.assert_array_equal(shifted, by_definition(x, 4, 8, "future_first"))
    assert np.isfinite(shifted[:4]).all()


def test_frames_that_are_no_clips():
    with pytest.raises(ValueError, match="got 6 frames, wanted a multiple of num_segments = 4"):
        in_paddle(np.zeros((6, 8, 2, 2), "float32"), 4)
