"""tools/compare_distillation.py: the program at work on a few clips."""

import subprocess
import sys

import pytest

from parity_tests.small_training import ROOT, environment


@pytest.mark.slow
def test_two_seeds(tmp_path):
    command = [sys.executable, str(ROOT / "tools" / "compare_distillation.py"), "--seeds", "2", "--clips", "3"]
    command += ["--out", str(tmp_path / "out"), "--teacher", "tsm_resnet10", "--set", "epochs=1"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=600)
    assert done.returncode == 0, done.stderr
    assert "with the teacher minus alone" in done.stdout and "2 seeds" in done.stdout
    for name in ("none_0", "none_1", "tsm_resnet10_0", "tsm_resnet10_1"):
        assert (tmp_path / "out" / name / "validation.csv").is_file()
    again = subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=60)
    assert again.returncode == 2 and "is not empty" in again.stderr
