"""curves.png: what a training draws of itself, and that it never ends a training."""

import io
import os
import sys

import numpy as np
import pytest
from PIL import Image

from paddle_tsm.cli import main
from paddle_tsm.training import curves_picture
from paddle_tsm.training.curves_picture import CurvesPicture, curves_plot, running_mean
from paddle_tsm.training.log import VALIDATION_COLUMNS
from parity_tests.small_training import arguments, clips, rows, train_small, values

__all__ = ["clips"]  # the fixture
pytest.importorskip("matplotlib", reason="the picture needs matplotlib, which is not installed")
FAST = {"arch": "tsm_resnet10", "epochs": 2, "batch": 7}


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were drawn."""
    figures, own = [], curves_picture.png
    monkeypatch.setattr(curves_picture, "png", lambda figure: figures.append(figure) or own(figure))
    return figures


def lines(axes) -> dict:
    """Label -> (x, y) of each line."""
    return {line.get_label(): (line.get_xdata().tolist(), line.get_ydata().tolist()) for line in axes.lines}


def test_a_training_draws_its_files(clips, tmp_path, drawn):
    train_small(clips, tmp_path / "run", validation=True, **FAST)
    losses, scores = (lines(axes) for axes in drawn[-1].axes)
    validations = rows(tmp_path / "run", "validation.csv")
    assert losses["training, each update"] == ([1, 2, 3, 4], values(tmp_path / "run"))
    assert losses["validation"] == ([2, 4], [float(row["loss"]) for row in validations])
    tops = [100 * float(row["top1"]) for row in validations]
    assert scores["validation"] == ([1, 2], tops)
    found = [(float(row["accuracy"]), int(row["clips"])) for row in rows(tmp_path / "run")]
    of_epochs = [100 * sum(a * n for a, n in found[k : k + 2]) / sum(n for _, n in found[k : k + 2]) for k in (0, 2)]
    assert scores["training, as augmented"][1] == pytest.approx(of_epochs)
    assert any(f"best: {max(tops):.1f} % in epoch {1 + int(np.argmax(tops))}" == label for label in scores)
    picture = Image.open(tmp_path / "run" / "curves.png")
    assert picture.size[0] > 800 and len(picture.convert("RGB").getcolors()) > 10


def numbers(epochs: int, steps: int, accuracy: float = 0.5) -> dict:
    count = epochs * steps
    return {
        "epoch": np.repeat(np.arange(1.0, epochs + 1), steps),
        "loss": np.linspace(2, 1, count),
        "accuracy": np.full(count, accuracy),
        "clips": np.full(count, 8.0),
    }


NO_VALIDATION = {"epoch": np.empty(0), "top1": np.empty(0), "loss": np.empty(0)}


def test_many_updates_are_smoothed_and_thinned(drawn):
    train = numbers(100, 500)
    train["loss"][7] = np.nan  # an update whose clips could all not be read
    curves_plot(train, {"epoch": np.arange(1.0, 101), "top1": np.full(100, 0.5), "loss": np.ones(100)})
    (losses, scores), x = (lines(axes) for axes in drawn[0].axes), None
    x = losses["training, each update"][0]
    assert len(x) <= 20_000 and x[0] == 1 and x[-1] > 49_990
    assert np.isfinite(losses["training, mean of 1999 updates"][1]).all()
    assert losses["validation"][0] == list(range(500, 50_001, 500))
    assert not any(line.get_marker() == "o" and len(line.get_xdata()) > 40 for line in drawn[0].axes[1].lines)
    assert "best: 50.0 % in epoch 1" in scores


@pytest.mark.parametrize(
    ("accuracy", "panels"), [(0.5, 2), (np.nan, 1)], ids=["one label a clip", "several labels a clip"]
)
def test_without_a_validation(drawn, accuracy, panels):
    assert Image.open(io.BytesIO(curves_plot(numbers(1, 3, accuracy), NO_VALIDATION))).size[1] > 300
    assert len(drawn[0].axes) == panels and "validation" not in lines(drawn[0].axes[0])


def test_the_running_mean_keeps_its_ends():
    assert running_mean(np.array([1.0, 2.0, 6.0, 3.0]), 3).tolist() == [1.5, 3.0, 11 / 3, 4.5]


def test_short_epochs_are_not_all_drawn(tmp_path, drawn):
    (tmp_path / "train.csv").write_text("epoch,step,lr,loss,accuracy,grad_norm,clips,seconds\n1,1,1,1,1,1,1,1\n")
    picture = CurvesPicture(tmp_path, VALIDATION_COLUMNS)
    for _ in range(3):
        picture.draw()
    assert len(drawn) == 1
    picture.draw(last=True)
    assert len(drawn) == 2


def test_without_matplotlib_one_line_says_so(clips, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # as if it were not installed
    assert main(arguments(clips, tmp_path / "run", **FAST)) == 0
    said = [line for line in capsys.readouterr().err.splitlines() if "curves.png" in line]
    assert len(said) == 1 and "was left out" in said[0] and "constraints.txt 'matplotlib>=" in said[0]
    assert not (tmp_path / "run" / "curves.png").exists()


def test_a_picture_for_which_there_is_no_room(clips, tmp_path, monkeypatch):
    """The training goes on; nothing half-written stays."""
    own = os.fsync

    def full(handle):
        if "curves.png" in os.readlink(f"/proc/self/fd/{handle}"):
            raise OSError(28, "No space left on device")
        own(handle)

    monkeypatch.setattr(os, "fsync", full)
    train_small(clips, tmp_path / "run", **FAST)
    assert len(rows(tmp_path / "run")) == 4
    assert not [path.name for path in (tmp_path / "run").iterdir() if "curves.png" in path.name]
