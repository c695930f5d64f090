"""The learning rate against PyTorch's schedulers, where they mean the same, and against closed forms."""

import math
import subprocess
import sys

import numpy as np
import pytest
import torch

from paddle_tsm.training.schedule import CosineAnnealingLR, LinearLR, MultiStepLR, learning_rates

# what mmaction2's TSM configurations have: warm-up by iterations, steps by epochs, together
TSM = (LinearLR(start_factor=0.1, end=5, convert_to_iter_based=True), MultiStepLR(milestones=(25, 45), end=50))


def torch_rates(lr, make, count):
    """The rates of `count` epochs under PyTorch's schedulers."""
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=lr)
    scheduler = torch.optim.lr_scheduler.ChainedScheduler([one(optimizer) for one in make])
    rates = []
    for _ in range(count):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


S = torch.optim.lr_scheduler
CASES = {
    # mmengine's LinearLR(end=E) ramps over E - 1 steps
    "linear": ([LinearLR(start_factor=0.1, end=5)], [lambda o: S.LinearLR(o, 0.1, 1.0, total_iters=4)]),
    "falling": (
        [LinearLR(start_factor=1.0, end_factor=0.2, end=9)],
        [lambda o: S.LinearLR(o, 1.0, 0.2, total_iters=8)],
    ),
    "steps": ([MultiStepLR(milestones=(3, 3, 8), gamma=0.5)], [lambda o: S.MultiStepLR(o, [3, 3, 8], 0.5)]),
    "cosine": ([CosineAnnealingLR(T_max=7, eta_min=0.003)], [lambda o: S.CosineAnnealingLR(o, 7, 0.003)]),
    "warm-up and steps": (
        [LinearLR(start_factor=0.1, end=5), MultiStepLR(milestones=(3, 8))],
        [lambda o: S.LinearLR(o, 0.1, 1.0, total_iters=4), lambda o: S.MultiStepLR(o, [3, 8])],
    ),
    "warm-up and cosine": (
        [LinearLR(start_factor=0.1, end=5), CosineAnnealingLR(T_max=20)],
        [lambda o: S.LinearLR(o, 0.1, 1.0, total_iters=4), lambda o: S.CosineAnnealingLR(o, 20)],
    ),
}


@pytest.mark.parametrize("ours, reference", CASES.values(), ids=CASES)
def test_against_torch(ours, reference):
    count = 20
    rates = learning_rates(0.1, ours, count, 1)[:, 0]
    assert np.ptp(rates) > 0.01
    np.testing.assert_allclose(rates, torch_rates(0.1, reference, count), rtol=1e-12)


def test_linear_as_mmengine_prints_it():
    np.testing.assert_allclose(
        learning_rates(0.1, [LinearLR(start_factor=0.1, end=5)], 6, 1)[:, 0], [0.01, 0.0325, 0.055, 0.0775, 0.1, 0.1]
    )


def test_cosine_stays_where_its_end_finds_it():
    rates = learning_rates(0.1, [CosineAnnealingLR(end=10)], 15, 1)[:, 0]
    np.testing.assert_allclose(rates[9:], 0.1 * (1 + math.cos(0.9 * math.pi)) / 2)
    assert round(rates[14], 6) == 0.002447  # what mmengine gives


@pytest.mark.parametrize("lr", [0.01, 0.05])
def test_mmaction2s_tsm_schedule_in_closed_form(lr):
    length = 7
    rates = learning_rates(lr, TSM, 50, length)
    for iteration, rate in enumerate(rates.flat):
        warm = 0.1 + 0.9 * min(iteration / (5 * length - 1), 1)
        decay = 0.1 ** sum(iteration // length >= milestone for milestone in (25, 45))
        assert rate == pytest.approx(lr * warm * decay, rel=1e-12)


def test_the_schedulers_run_together():
    """A milestone inside the warm-up counts; one after the other, it would come later."""
    together = learning_rates(0.1, [LinearLR(start_factor=0.1, end=5), MultiStepLR(milestones=(3,))], 8, 1)[:, 0]
    np.testing.assert_allclose(together, [0.01, 0.0325, 0.055, 0.00775, 0.01, 0.01, 0.01, 0.01])


def test_begin_and_milestones_in_iterations():
    late = [LinearLR(start_factor=0.5, begin=4, end=7, by_epoch=False), MultiStepLR(milestones=(3,), begin=2)]
    rates = learning_rates(1.0, late, 3, 4).flatten()  # the milestone is the fifth epoch: never reached
    np.testing.assert_allclose(rates, [1, 1, 1, 1, 0.5, 0.75, 1, 1, 1, 1, 1, 1])
    steps = [MultiStepLR(milestones=(1,), convert_to_iter_based=True), MultiStepLR(milestones=(1,), by_epoch=False)]
    np.testing.assert_allclose(learning_rates(1.0, steps, 2, 3).flatten(), [1, 0.1, 0.1, 0.01, 0.01, 0.01])


def test_cosine_by_iterations_and_with_warm_restart():
    np.testing.assert_allclose(
        learning_rates(0.1, [CosineAnnealingLR(end=4, convert_to_iter_based=True)], 4, 5).flatten(),
        [0.1 * (1 + math.cos(math.pi * i / 20)) / 2 for i in range(20)],
        rtol=1e-12,
    )
    rates = learning_rates(0.1, [CosineAnnealingLR(T_max=4, eta_min=0.01)], 12, 1)[:, 0]
    expected = [0.01 + 0.09 * (1 + math.cos(math.pi * i / 4)) / 2 for i in range(12)]
    np.testing.assert_allclose(rates, expected, rtol=1e-12)


@pytest.mark.parametrize(
    "make",
    [
        lambda: LinearLR(begin=3, end=3),
        lambda: LinearLR(start_factor=0.0, end=4),
        lambda: CosineAnnealingLR(),
        lambda: MultiStepLR(by_epoch=False, convert_to_iter_based=True),
    ],
)
def test_what_cannot_be_meant(make):
    with pytest.raises(ValueError, match="wanted"):
        make()


def test_no_framework_is_needed():
    code = "import sys, paddle_tsm.training.schedule; assert not {'paddle', 'torch'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
