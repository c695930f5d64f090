"""What PaddleVideo calls VideoMix is mixup: two videos are laid over each other, each frame with the same weight.

docs/zh-CN/model_zoo/recognition/pp-tsm_v2.md ed245e9, section 2.2, says so in words; the configurations name `Mixup` of
loader/pipelines/mix.py, and losses/distillation_loss.py marks the labels that it makes "VideoMix". (The VideoMix of
arXiv:2012.03457 is another one, which cuts out a box.) Here is its arithmetic, clip by clip.
"""

import numpy as np
import pytest
import torch

from paddle_tsm.training.blending import Blend, blended, draw_mixup

CLIPS, T, CLASSES, LAM = 3, 2, 4, 0.3
RNG = np.random.default_rng(0)
X, LABELS, ORDER = RNG.standard_normal((CLIPS * T, 3, 5, 5)), np.array([2, 0, 3]), (1, 2, 0)


def laid_over(lam: float) -> np.ndarray:
    """Each frame of each clip, laid over the frame of another clip at the same place."""
    result = np.empty_like(X)
    for clip, other in enumerate(ORDER):
        for frame in range(T):
            result[clip * T + frame] = lam * X[clip * T + frame] + (1 - lam) * X[other * T + frame]
    return result


def loss_of(logits: torch.Tensor, lam: float) -> torch.Tensor:
    """lam times the cross entropy of the own label and 1 - lam times that of the other clip's (`DistillationCELoss`,
    and `loss_func` of heads/base.py)."""
    own, other = torch.from_numpy(LABELS), torch.from_numpy(LABELS[list(ORDER)])
    losses = [torch.nn.functional.cross_entropy(logits, labels, reduction="none") for labels in (own, other)]
    return (lam * losses[0] + (1 - lam) * losses[1]).mean()


def test_the_frames():
    found, _ = blended(X, LABELS, CLASSES, Blend(LAM, ORDER))
    np.testing.assert_allclose(found, laid_over(LAM), rtol=1e-15)
    assert np.abs(found - laid_over(1 - LAM)).max() > 0.1


def test_the_loss_and_its_gradient():
    """Of the mixed probabilities, as we compute it: the same as two losses that are mixed."""
    _, target = blended(X, LABELS, CLASSES, Blend(LAM, ORDER))
    logits = torch.from_numpy(RNG.standard_normal((CLIPS, CLASSES))).requires_grad_()
    ours = torch.nn.functional.cross_entropy(logits, torch.from_numpy(target))
    (gradient,) = torch.autograd.grad(ours, logits)
    for lam, same in ((LAM, True), (1 - LAM, False)):
        theirs = loss_of(logits, lam)
        (wanted,) = torch.autograd.grad(theirs, logits)
        assert (theirs.item() == pytest.approx(ours.item(), rel=1e-12)) == same
        assert bool((gradient - wanted).abs().max() < 1e-12) == same


def test_one_weight_for_the_whole_batch():
    """PaddleVideo draws one lam ~ Beta(alpha, alpha) and one permutation of the batch."""
    lams = [draw_mixup(CLIPS, np.random.default_rng(seed), 0.2).lam for seed in range(4000)]
    # the variance of Beta(a, a) is 1 / (4 (2a + 1))
    assert np.mean(lams) == pytest.approx(0.5, abs=0.03) and np.var(lams) == pytest.approx(1 / 5.6, rel=0.03)
    orders = {draw_mixup(CLIPS, np.random.default_rng(seed), 0.2).order for seed in range(100)}
    assert len(orders) == 6 and all(sorted(order) == [0, 1, 2] for order in orders)
