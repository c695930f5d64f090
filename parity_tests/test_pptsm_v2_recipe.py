"""The recipe that distils PP-TSMv2, on small clips, in both frameworks: the same numbers, and a student that loads."""

import numpy as np
import pytest

import paddle_tsm
from paddle_tsm.parity.curves.curve_comparison import compare_curves
from paddle_tsm.parity.curves.curve_file import read_curve
from paddle_tsm.parity.tolerance import TOLERANCES
from paddle_tsm.training.job import TrainingJob
from paddle_tsm.training.loop import train
from paddle_tsm.training.published_recipes import recipe
from parity_tests.small_training import apart, clips, entries, weights

__all__ = ["clips"]  # the fixture
SMALL = {"num_classes": 4, "num_segments": 2, "shift_div": 2, "size": 64, "batch": 4, "epochs": 2, "warmup": 1}


@pytest.mark.slow
def test_student_and_teacher_in_both_frameworks(clips, tmp_path):
    chosen = recipe("pptsm-v2-kinetics400-16f-dml", **SMALL, lr="auto", dtype="float64", data_set=None)
    for framework in ("paddle", "torch"):
        train(chosen, TrainingJob(entries(clips)[:4], [], str(tmp_path / framework), framework=framework))
    found = compare_curves(*(read_curve(tmp_path / framework) for framework in ("paddle", "torch")))
    assert found.equal, found.parting
    assert found.differences["loss"].max() < TOLERANCES["few steps"].limit
    assert apart(weights(tmp_path / "paddle"), weights(tmp_path / "torch")) < TOLERANCES["few steps"].limit
    model = paddle_tsm.load_model(tmp_path / "paddle" / "last.safetensors")
    assert model.network == chosen.network() and model.network.temporal_attention
    moved = weights(tmp_path / "paddle")["stage3.0.attention.fc.weight"]
    assert (
        np.abs(moved - weights(tmp_path / "torch")["stage3.0.attention.fc.weight"]).max() < 1e-9 < np.abs(moved).max()
    )
