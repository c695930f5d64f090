"""Cross entropy against PyTorch's, forward and gradient; mixup and CutMix against their definitions."""

import numpy as np
import paddle
import pytest
import torch

import paddle_tsm.training.loss
import torch_ref.loss
from paddle_tsm.training.blending import box, cutmix, mixup

RNG = np.random.default_rng(0)
HARD = np.array([0, 3, 2, 4, 1])
SOFT = RNG.dirichlet(np.ones(6), 5)
ORDINARY = 3 * RNG.standard_normal((5, 6))
EXTREME = np.array(
    [
        [0, -50, -100, -200, -1000, 5],
        [800, 0, -3, 2, 1, 0],
        [1e4, 0, 0, 0, 0, 0],
        [0] * 6,
        [-700, 700, 0, 0, 0, 1],
    ]
)


def value_and_gradient(cross_entropy, tensor, logits, target, **options):
    """Of a Paddle or PyTorch function, as NumPy."""
    x = tensor(logits)
    (x.requires_grad_() if hasattr(x, "requires_grad_") else x).stop_gradient = False
    loss = cross_entropy(x, tensor(target), **options)
    loss.backward()
    return loss.item(), np.asarray(x.grad.numpy())


@pytest.mark.parametrize("logits", [ORDINARY, EXTREME], ids=["ordinary", "extreme"])
@pytest.mark.parametrize("target", [HARD, SOFT], ids=["hard", "soft"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
def test_cross_entropy_is_torchs(logits, target, smoothing):
    expected = value_and_gradient(
        torch.nn.functional.cross_entropy, torch.from_numpy, logits.astype("float64"), target, label_smoothing=smoothing
    )
    for package, tensor in ((paddle_tsm.training.loss, paddle.to_tensor), (torch_ref.loss, torch.from_numpy)):
        loss, gradient = value_and_gradient(
            package.cross_entropy, tensor, logits.astype("float64"), target, label_smoothing=smoothing
        )
        assert loss == pytest.approx(expected[0], rel=1e-12)
        np.testing.assert_allclose(gradient, expected[1], rtol=0, atol=1e-12)


def test_paddles_own_would_not_do():
    """Its tails are cut off at -64 and its label smoothing is rounded: why there is one of our own."""
    x, y = paddle.to_tensor(np.array([[0.0, -1000.0]])), paddle.to_tensor(np.array([1]))
    assert paddle.nn.functional.cross_entropy(x, y).item() == pytest.approx(64)
    assert paddle_tsm.training.loss.cross_entropy(x, y).item() == 1000
    x, y = paddle.to_tensor(ORDINARY), paddle.to_tensor(HARD)
    ours = paddle_tsm.training.loss.cross_entropy(x, y, label_smoothing=0.1).item()
    assert abs(paddle.nn.functional.cross_entropy(x, y, label_smoothing=0.1).item() - ours) > 1e-9


def test_float32():
    logits = ORDINARY.astype("float32")
    loss, gradient = value_and_gradient(paddle_tsm.training.loss.cross_entropy, paddle.to_tensor, logits, HARD)
    assert gradient.dtype == np.float32
    expected = value_and_gradient(torch.nn.functional.cross_entropy, torch.from_numpy, logits, HARD)
    assert loss == pytest.approx(expected[0], rel=1e-6)
    np.testing.assert_allclose(gradient, expected[1], rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    "package, tensor", [(paddle_tsm.training.loss, paddle.to_tensor), (torch_ref.loss, torch.from_numpy)]
)
@pytest.mark.parametrize(
    "target, options",
    [
        (np.array([0, 6]), {}),
        (np.array([0, -1]), {}),
        (np.zeros((2, 5)), {}),
        (np.array([0]), {}),
        (np.array([0, 1]), {"label_smoothing": 1.5}),
    ],
)
def test_targets_that_do_not_fit(package, tensor, target, options):
    with pytest.raises(ValueError, match="wanted"):
        package.cross_entropy(tensor(np.zeros((2, 6))), tensor(target), **options)


@pytest.mark.parametrize("logits", [ORDINARY, EXTREME], ids=["ordinary", "extreme"])
@pytest.mark.parametrize("target", [RNG.integers(0, 2, (5, 6)).astype("float64"), SOFT], ids=["hard", "soft"])
def test_binary_cross_entropy_is_torchs(logits, target):
    logits = logits.astype("float64")
    theirs = torch.nn.functional.binary_cross_entropy_with_logits
    expected = value_and_gradient(theirs, torch.from_numpy, logits, target)
    for package, tensor in ((paddle_tsm.training.loss, paddle.to_tensor), (torch_ref.loss, torch.from_numpy)):
        loss, gradient = value_and_gradient(package.binary_cross_entropy, tensor, logits, target)
        assert loss == pytest.approx(expected[0], rel=1e-12)
        np.testing.assert_allclose(gradient, expected[1], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "package, tensor", [(paddle_tsm.training.loss, paddle.to_tensor), (torch_ref.loss, torch.from_numpy)]
)
@pytest.mark.parametrize("target", [np.array([0, 1]), np.zeros((2, 5)), np.zeros((1, 6))])
def test_several_labels_that_do_not_fit(package, tensor, target):
    with pytest.raises(ValueError, match=r"wanted \[2, 6\]"):
        package.binary_cross_entropy(tensor(np.zeros((2, 6))), tensor(target))


def batch(clips=4, frames=3, h=10, w=8):
    """Clips whose every value is the clip's number, so that a mix shows where it came from."""
    return np.repeat(np.arange(clips, dtype="float32"), frames)[:, None, None, None] * np.ones((1, 3, h, w), "float32")


@pytest.mark.parametrize("blend", [mixup, cutmix])
def test_blending(blend):
    labels = np.array([2, 0, 1, 1])
    x = batch()
    seen = set()
    for seed in range(40):
        mixed, target = blend(x, labels, 5, np.random.default_rng(seed), alpha=1.0)
        again, _ = blend(x, labels, 5, np.random.default_rng(seed), alpha=1.0)
        np.testing.assert_array_equal(mixed, again)
        assert mixed.dtype == x.dtype and mixed.shape == x.shape and target.shape == (4, 5)
        np.testing.assert_allclose(target.sum(1), 1)
        # the mean of a clip is lam * own + (1 - lam) * other's, with the same lam and partner as in the label
        rng = np.random.default_rng(seed)
        order = [rng.permutation(4)] if blend is cutmix else [rng.beta(1.0, 1.0), rng.permutation(4)][1:]
        own, other = np.eye(5)[labels], np.eye(5)[labels[order[0]]]
        means = mixed.reshape(4, -1).mean(1)
        for i in range(4):
            if order[0][i] != i:
                lam = (means[i] - order[0][i]) / (i - order[0][i])
                np.testing.assert_allclose(target[i], lam * own[i] + (1 - lam) * other[i], atol=1e-6)
                seen.add(round(float(lam), 3))
    assert len(seen) > 10
    np.testing.assert_array_equal(x, batch())  # the batch that came in is left alone


def test_cutmix_cuts_one_box_for_all_frames_and_clips():
    rng = np.random.default_rng(3)
    x = rng.standard_normal((12, 3, 10, 8)).astype("float32")
    mixed, _ = cutmix(x, np.arange(4), 4, np.random.default_rng(3), alpha=1.0)
    order = np.random.default_rng(3).permutation(4)
    changed = (mixed != x).any(1).reshape(4, 3, 10, 8)
    boxes = [changed[i, t] for i in range(4) for t in range(3) if order[i] != i]
    assert boxes[0].any() and all((box == boxes[0]).all() for box in boxes)
    rows, columns = np.where(boxes[0].any(1))[0], np.where(boxes[0].any(0))[0]
    assert boxes[0][rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].all()


def test_the_box():
    for seed in range(200):
        rng = np.random.default_rng(seed)
        lam = rng.random()
        rows, columns = box(30, 20, lam, int(rng.integers(20)), int(rng.integers(30)))
        assert 0 <= rows.start <= rows.stop <= 30 and 0 <= columns.start <= columns.stop <= 20
        assert (rows.stop - rows.start) * (columns.stop - columns.start) <= (1 - lam) * 600 + 1e-9


def test_mixup_with_alpha_small_hardly_mixes():
    lams = [mixup(batch(2), np.array([0, 1]), 2, np.random.default_rng(seed), 0.2)[1].max() for seed in range(200)]
    assert np.mean(np.array(lams) > 0.9) > 0.6


@pytest.mark.parametrize("blend", [mixup, cutmix])
@pytest.mark.parametrize(
    "x, labels",
    [
        (batch(), [0, 1, 2, 3, 4]),
        (batch()[0], [0]),
        (batch(), [0, 1, 2, 5]),
        (batch(), [0, 1, -1, 2]),
        (batch(), []),
    ],
)
def test_batches_that_cannot_be_blended(blend, x, labels):
    with pytest.raises(ValueError, match="wanted"):
        blend(x, np.array(labels, "int64"), 5, np.random.default_rng(0))
