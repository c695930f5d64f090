"""What a training writes of each epoch: the terminal and the CSV files count alike, and the validation has its loss."""

import re

import numpy as np
import paddle
import pytest

import paddle_tsm
from paddle_tsm.cli import main
from paddle_tsm.data.clip_reader import ClipReader
from paddle_tsm.parity.curves.curve_file import read_curve
from paddle_tsm.training.job import TrainingJob
from paddle_tsm.training.log import TrainingLog
from paddle_tsm.training.loop import train
from paddle_tsm.training.weight_update import UpdateResult
from parity_tests.small_training import T, arguments, clips, entries, rows, small_recipe, train_small

__all__ = ["clips"]  # the fixture
FAST = {"arch": "tsm_resnet10", "epochs": 2, "batch": 7}


def counted_from_0(out, without: str | None = None) -> None:
    """Write the logs of the folder as version 0.2.0 did. without: a column that it did not have."""
    for name, places in (("train.csv", ("epoch", "step")), ("validation.csv", ("epoch",))):
        old = [
            {column: str(int(text) - 1) if column in places else text for column, text in row.items()}
            for row in rows(out, name)
        ]
        seconds = {"seconds": "0.1"} if name == "train.csv" else {}
        old = [{column: text for column, text in (row | seconds).items() if column != without} for row in old]
        lines = [",".join(old[0]), *(",".join(row.values()) for row in old)]
        (out / name).write_text("\n".join(lines) + "\n")


def test_files_and_terminal_count_alike(clips, tmp_path, capsys):
    """From 1, in every row and line, and with the same losses."""
    assert main(arguments(clips, tmp_path / "run", "--validation", str(clips / "val.txt"), **FAST)) == 0
    said = re.findall(
        r"^epoch (\d)/2  loss ([\d.]+) .* validation loss ([\d.]+)  top-1 ([\d.]+) %", capsys.readouterr().err, re.M
    )
    train_rows, found = rows(tmp_path / "run"), rows(tmp_path / "run", "validation.csv")
    assert [(row["epoch"], row["step"]) for row in train_rows] == [("1", "1"), ("1", "2"), ("2", "1"), ("2", "2")]
    assert [row["epoch"] for row in found] == [epoch for epoch, *_ in said] == ["1", "2"]
    assert [f"{float(row['loss']):.4f}" for row in found] == [loss for _, _, loss, _ in said]
    assert [f"{100 * float(row['top1']):.1f}" for row in found] == [top for *_, top in said]


def test_a_folder_of_an_older_version_goes_on(clips, tmp_path):
    """Its files counted from 0: after the resumed run they read as if it had always counted from 1."""
    whole, out = tmp_path / "whole", tmp_path / "run"
    train_small(clips, whole, validation=True, **FAST | {"epochs": 3})
    train_small(clips, out, validation=True, **FAST)
    counted_from_0(out)
    assert rows(out)[0]["epoch"] == "0"
    train_small(clips, out, validation=True, plan={"resume": True}, **FAST | {"epochs": 3})
    assert rows(out) == rows(whole) and rows(out, "validation.csv") == rows(whole, "validation.csv")


def test_a_column_that_an_older_version_did_not_have(tmp_path):
    """The rows stay; what was not measured is no number."""
    (tmp_path / "validation.csv").write_text("epoch,mean_average_precision,clips\n0,0.5,6\n1,0.75,6\n2,0.9\n")
    log = TrainingLog(tmp_path, 1, 1, 2, multi_label=True)
    log.validation(1, {"mean_average_precision": 0.25, "loss": 1.5, "clips": 6})
    log.close()
    found = [list(row.values()) for row in rows(tmp_path, "validation.csv")]
    assert found == [["1", "0.5", "nan", "6"], ["2", "0.25", "1.5", "6"]]


def test_curves_of_both_versions_are_of_the_same_updates(clips, tmp_path, capsys):
    for name in ("old", "new"):
        train_small(clips, tmp_path / name, validation=True, **FAST)
    counted_from_0(tmp_path / "old")
    assert (
        read_curve(tmp_path / "old").places == read_curve(tmp_path / "new").places == [(1, 1), (1, 2), (2, 1), (2, 2)]
    )
    assert main(["parity", "--curves", str(tmp_path / "old"), str(tmp_path / "new")]) == 0
    text = (tmp_path / "new" / "train.csv").read_text().splitlines()
    text[4] = text[4].replace(rows(tmp_path / "new")[3]["loss"], "9.0")
    (tmp_path / "new" / "train.csv").write_text("\n".join(text) + "\n")
    capsys.readouterr()
    assert main(["parity", "--curves", str(tmp_path / "old"), str(tmp_path / "new")]) == 1
    assert "they part at update 4 (epoch 2, update 2)" in capsys.readouterr().out


def test_rows_are_written_from_1(tmp_path):
    log = TrainingLog(tmp_path, 0, 0, 2)
    log.update(0, 0, 0.1, UpdateResult(1.0, 0.5, 1.0, 2), 0.1)
    log.close()
    assert (tmp_path / "train.csv").read_text().splitlines()[1].startswith("1,1,0.1,1.0,")


def several(clips) -> list:
    (clips / "several.txt").write_text("".join(f"{i}.mp4 {i % 4},{(i + 1) % 4}\n" for i in range(6)))
    return entries(clips, "several.txt", multi_label=True)


def test_the_loss_of_several_labels(clips, tmp_path, capsys):
    """Binary cross entropy of the logits, averaged over the views, of the network that was saved."""
    chosen = small_recipe(**FAST | {"multi_label": True, "epochs": 1, "sampling": "twice"})
    listed = several(clips)
    outcome = train(chosen, TrainingJob(listed, listed, str(tmp_path / "run")))
    model = paddle_tsm.load_model(tmp_path / "run" / "last.safetensors")
    reader = ClipReader(listed, chosen.pixels(), T)
    logits = np.stack([model(paddle.to_tensor(reader[i][0])).numpy().astype("float64").mean(0) for i in range(6)])
    target = np.array([[float(c in entry.labels) for c in range(4)] for entry in listed])
    s = 1 / (1 + np.exp(-logits))
    expected = -(target * np.log(s) + (1 - target) * np.log(1 - s)).mean()
    assert outcome.validation["loss"] == pytest.approx(expected, rel=1e-5)
    assert f"validation loss {outcome.validation['loss']:.4f}  mAP " in capsys.readouterr().err


@pytest.mark.parametrize("changes", [{"multi_label": True}, {"label_smoothing": 0.1, "sampling": "twice"}])
def test_both_frameworks_validate_to_the_same_loss(clips, tmp_path, changes):
    """In float64, after the same updates; label smoothing is the training's only."""
    listed = several(clips) if "multi_label" in changes else entries(clips)[:6]
    chosen = small_recipe(**FAST | {"batch": 6, "dtype": "float64"} | changes)
    losses = []
    for framework in ("paddle", "torch"):
        train(chosen, TrainingJob(listed, listed, str(tmp_path / framework), framework=framework))
        losses.append([float(row["loss"]) for row in rows(tmp_path / framework, "validation.csv")])
    assert losses[0] == pytest.approx(losses[1], rel=1e-9) and losses[0][0] != losses[0][1]
