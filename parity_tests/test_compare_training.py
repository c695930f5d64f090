"""tools/compare_training.py: the interval, and the program at work on a few clips."""

import math
import subprocess
import sys

import numpy as np
import pytest

from parity_tests.small_training import ROOT, environment
from tools.compare_training import T_QUANTILE, interval


def test_the_interval():
    """Of 1, 2, 3: the mean is 2, the standard deviation 1, so that the half width is 4.303 / sqrt(3)."""
    mean, half = interval([1.0, 2.0, 3.0])
    assert mean == 2.0 and half == pytest.approx(4.303 / 3**0.5)


def test_the_quantiles():
    """Against the distribution itself: the density of Student's t, summed up to the quantile, is 0.975."""
    for count, quantile in T_QUANTILE.items():
        freedom = count - 1
        scale = math.gamma((freedom + 1) / 2) / (math.sqrt(freedom * math.pi) * math.gamma(freedom / 2))
        x = np.linspace(0, quantile, 200001)
        density = scale * (1 + x * x / freedom) ** (-(freedom + 1) / 2)
        area = (density[1:] + density[:-1]).sum() / 2 * x[1]
        assert 0.5 + area == pytest.approx(0.975, abs=5e-5)  # the quantiles have three decimals


@pytest.mark.slow
def test_two_seeds(tmp_path):
    command = [sys.executable, str(ROOT / "tools" / "compare_training.py"), "--seeds", "2", "--clips", "3"]
    command += ["--out", str(tmp_path / "out"), "--set", "epochs=1"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=600)
    assert done.returncode == 0, done.stderr
    assert "Paddle minus PyTorch" in done.stdout and "2 seeds" in done.stdout
    for seed in (0, 1):
        assert {(tmp_path / "out" / f"{name}_{seed}" / "validation.csv").is_file() for name in ("paddle", "torch")} == {
            True
        }
    again = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=60)
    assert again.returncode == 2 and "is not empty" in again.stderr
