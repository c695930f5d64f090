"""Dropout with a given mask: the same training step in both frameworks, whatever the batch and the order."""

import numpy as np
import paddle
import pytest
import torch

from paddle_tsm.training.dropout_mask import dropout_mask
from parity_tests.packages import PADDLE, TORCH
from parity_tests.small_training import CLASSES, T, apart


@pytest.mark.parametrize("pool", [False, True])
def test_dropout_is_the_same_in_both_frameworks(pool):
    """One training step in float64 with half of the features dropped: loss, every gradient, every weight after it."""
    frames, keys = 4, [(7, 5), (7, 0), (7, 12)]
    mask = dropout_mask(keys, 3, (frames // 2 if pool else frames, 512), 0.5)
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((3 * frames, 3, 32, 32)), np.array([1, 3, 0])

    def step(package, tensor, masked=True):
        model = package.create_model(
            "tsm_resnet18", num_classes=CLASSES, num_segments=frames, dropout=0.5, temporal_pool=pool
        )
        model = model.to(dtype="float64") if package is PADDLE else model.double()
        package.initial_weights.initialise(model, 1)
        model.train()
        if masked:
            model.dropout.use_mask(tensor(mask.astype("float64")))
        optimizer = package.optim.tsm_sgd(model, lr=0.1)
        result = package.train_step.train_step(model, optimizer, [(x, y)], package.loss.cross_entropy)
        arrays = {name: np.array(parameter.grad.numpy()) for name, parameter in model.named_parameters()}
        arrays |= {f"{name} after": np.array(value.detach().numpy()) for name, value in model.state_dict().items()}
        flip = ("fc.weight", "fc.weight after") if package is PADDLE else ()
        return result, {name: array.T if name in flip else array for name, array in arrays.items()}

    (ours, a), (theirs, b) = step(PADDLE, paddle.to_tensor), step(TORCH, torch.from_numpy)
    assert ours.loss == pytest.approx(theirs.loss, rel=1e-12)
    assert ours.grad_norm == pytest.approx(theirs.grad_norm, rel=1e-10)
    assert apart(a, b) < 1e-10
    paddle.seed(0)
    assert apart(step(PADDLE, paddle.to_tensor, masked=False)[1], b) > 1e-3  # with Paddle's own dropout


def test_the_dropout_mask_of_a_clip():
    keys = [(0, 4), (0, 9), (1, 4)]
    together = dropout_mask(keys, 3, (T, 512), 0.8)
    assert together.shape == (3 * T, 512) and together.dtype == np.float32
    np.testing.assert_array_equal(np.unique(together), np.float32([0, 5]))
    for i, key in enumerate(keys):
        np.testing.assert_array_equal(dropout_mask([key], 3, (T, 512), 0.8), together[i * T : (i + 1) * T])
    assert len({part.tobytes() for part in together}) == 3 * T  # each frame's is another one
    assert (dropout_mask(keys, 4, (T, 512), 0.8) != together).any()
    assert dropout_mask([(0, i) for i in range(40)], 0, (T, 512), 0.8).mean() == pytest.approx(1, abs=0.05)


def test_a_mask_counts_in_training_only():
    x = paddle.ones([4, 8])
    dropout = PADDLE.create_model("tsm_resnet18", num_segments=2).dropout
    dropout.use_mask(paddle.zeros([4, 8]))
    assert float(dropout(x).sum()) == 0
    dropout.eval()
    assert float(dropout(x).sum()) == 32
    dropout.train()
    dropout.use_mask(None)
    assert set(np.unique(dropout(x).numpy())) <= {0.0, 2.0}


@pytest.mark.parametrize("package, ones", [(PADDLE, paddle.ones), (TORCH, torch.ones)], ids=["paddle", "torch"])
@pytest.mark.parametrize("scales_at_inference", [False, True])
def test_dropout_can_be_turned_off_afterwards(package, ones, scales_at_inference):
    """Comparisons of trainings set p to 0, because the frameworks draw different masks."""
    dropout = package.dropout.Dropout(0.5, scales_at_inference)
    dropout.train()
    assert (dropout(ones([64, 8])).numpy() == 0).any()
    dropout.p = 0.0
    assert (dropout(ones([64, 8])).numpy() == 1).all()
