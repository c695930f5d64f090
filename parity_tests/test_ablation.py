"""`paddle-tsm ablation`: what its variants shift, its statistics, and that what is finished is not done again."""

import csv
import json
import os
import signal
from fractions import Fraction

import cv2
import numpy as np
import pytest

import paddle_tsm
from paddle_tsm.ablation import latency, study, trained_run
from paddle_tsm.ablation.accuracy import accuracy_of, wilson_interval
from paddle_tsm.ablation.latency import Latency
from paddle_tsm.ablation.trained_run import RunResult
from paddle_tsm.ablation.variants import BASELINE, PROPORTIONS, VARIANTS, chosen
from paddle_tsm.cli import main
from paddle_tsm.data.motion_videos import OUTLINES, bag_generator, draw_shape, draw_states
from paddle_tsm.training.job import Outcome
from parity_tests.test_interrupt import interrupted

BY_NAME = {one.name: one for one in VARIANTS}
SMALL = ["--train-clips", "1", "--val-clips", "1", "--epochs", "1", "--arch", "tsm_resnet10"]
TIMED = ["--timed-arch", "tsm_resnet10", "--timed-size", "32", "--timed-runs", "2"]


def moved(options: dict) -> tuple[Fraction, bool, bool]:
    """(the proportion of channels that the first block with a shift moves; whether any comes from the future; whether
    the block's shortcut sees the moved ones) of a network with these options.
    """
    import paddle

    model = paddle_tsm.create_model("tsm_resnet10", num_classes=8, **options)
    block = model.layer1[0]
    if block.shift is None:
        return Fraction(0), False, False
    x = paddle.to_tensor(np.random.default_rng(0).standard_normal((8, 64, 2, 2), "float32"))
    y = block.shift(x)
    changed = (y != x).numpy().reshape(8, 64, -1).any((0, 2))
    future = (y[:-1] == x[1:]).numpy().reshape(7, 64, -1).all((0, 2))
    return Fraction(int(changed.sum()), 64), bool(future.any()), block.shift_place == "block"


@pytest.mark.parametrize("name", BY_NAME)
def test_a_variant_shifts_what_its_name_says(name):
    variant = BY_NAME[name]
    proportion, future, shortcut = moved(variant.options)
    assert proportion == variant.proportion
    assert future == (variant.kind in ("in-place", "residual"))
    assert shortcut == (variant.kind == "in-place")


def test_upstreams_usual_network_is_among_them():
    """shift_div 8 shifts a quarter of the channels, not an eighth."""
    assert moved({}) == (Fraction(1, 4), True, False) == moved(BY_NAME["residual-1/4"].options)
    assert {one.proportion for one in VARIANTS} == {Fraction(0), *PROPORTIONS}


def test_chosen():
    assert chosen(None) == list(VARIANTS)
    assert [one.name for one in chosen(["residual-1/4", "tsn"])] == ["tsn", "residual-1/4"]
    assert {one.kind for one in chosen(["in-place"])} == {"in-place"} and len(chosen(["in-place"])) == 4
    with pytest.raises(ValueError, match="--only: got 'residual-1/3', wanted some of tsn, in-place, .*in-place-all"):
        chosen(["residual-1/3"])


@pytest.mark.parametrize(
    "right, clips, low, high",
    # R. G. Newcombe 1998, Statistics in Medicine 17, table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_interval(right, clips, low, high):
    assert wilson_interval(right / clips, clips) == pytest.approx((low, high), abs=5e-5)
    assert wilson_interval(1 - right / clips, clips) == pytest.approx((1 - high, 1 - low), abs=5e-5)


def test_more_seeds_do_not_count_as_more_clips():
    one, three = (accuracy_of([RunResult(r, 40, 1, 1) for r in right], 1) for right in ([20], [10, 20, 30]))
    assert (one.low, one.high, one.mean) == (three.low, three.high, three.mean) and one.mean == 0.5
    assert (three.worst, three.best, three.seeds) == (0.25, 0.75, 3)


def test_clips_of_the_same_pictures_count_as_one():
    alike = accuracy_of([RunResult(20, 40, 1, 1)], 8)
    assert (alike.low, alike.high) == wilson_interval(0.5, 5) != wilson_interval(0.5, 40)


def test_the_shapes_are_those_of_the_videos(tmp_path):
    """Drawn again without their pictures, the held-out bags have the shapes that are in the files."""
    settings = study.Settings(train_clips=3, val_clips=5, task="shape")
    train_clips, val_clips = study.videos(str(tmp_path), settings, lambda text: None)
    assert [len(train_clips), len(val_clips)] == [24, 40] and settings.recipe(0).num_classes == 4
    for place in range(0, 40, 8):
        clips = val_clips[place : place + 8]
        assert len({one.labels for one in clips}) == 1
        frame = cv2.VideoCapture(clips[0].path).read()[1]
        bag = bag_generator(3 + place // 8, 0)
        orders, states, shape = draw_states(bag)
        colour, background = bag.integers(150, 256, 3).tolist(), bag.integers(0, 90, (6, 6, 3), dtype="uint8")
        first = states[np.argsort(orders[:, 0])[::-1][0]]  # of the clip that moves to the left
        errors = []
        for outline in OUTLINES.values():
            drawn = draw_shape(cv2.resize(background, (64, 64)), np.array(outline), colour, first)
            errors.append(np.abs(drawn.astype(int) - frame).mean())
        assert int(np.argmin(errors)) == shape == clips[0].labels[0]


def test_share_of_the_shift():
    found = Latency([0.2, 0.4, 0.2], [0.1, 0.1, 0.1])
    assert found.milliseconds() == 200 and found.share() == 0.5
    assert found.spread() == (0.5, 0.625)
    assert Latency([0.1], [0.2]).share() == -1  # noise can make it negative; it is not hidden


def test_the_baseline_runs_in_turn_with_the_variant(monkeypatch):
    """The clock is the number of runs: what is timed alternates, and so does which of the two is first."""
    order = []
    monkeypatch.setattr(latency, "build", lambda network: network)
    monkeypatch.setattr(latency, "run_of", lambda network: lambda x: order.append(network.is_shift))
    found = latency.time_variant(BY_NAME["residual-1/4"], latency.Setting("tsm_resnet10", 32, 2))
    assert order == [False, True, True, False, False, True, True, False]
    assert len(found.variant) == len(found.baseline) == 2


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Runs a small ablation in a folder of its own; returns what it prints."""
    monkeypatch.chdir(tmp_path)

    def run(*words):
        return main(["ablation", *SMALL, *TIMED, *words])

    return run


def test_a_study_and_more_of_it(small, tmp_path, capsys, monkeypatch):
    assert small("--only", "in-place-1/2", "--seeds", "1") == 0
    said = capsys.readouterr()
    assert "8 held-out clips, one seed" in said.out and "one training in" in said.out
    assert "1/1 in-place-1/2, seed 0: training" in said.err
    with open("ablation/ablation.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["variant"], row["shifted"], row["clips"]) for row in rows] == [("in-place-1/2", "1/2", "8")]
    found = json.loads((tmp_path / "ablation" / "ablation.json").read_text())["variants"]
    assert found[0]["options"] == {"shift_place": "block", "shift_div": 4}
    assert len(found[0]["latency_seconds"]["variant"]) == 2
    assert (tmp_path / "ablation" / "ablation.png").read_bytes()[:4] == b"\x89PNG"
    recipe = json.loads((tmp_path / "ablation/runs/in-place-1-2/seed0/recipe.json").read_text())
    assert (recipe["shift_place"], recipe["shift_div"], recipe["seed"], recipe["epochs"]) == ("block", 4, 0, 1)
    files = set(os.listdir("ablation/runs/in-place-1-2/seed0"))
    assert "last.safetensors" in files and "resume.safetensors" not in files

    trained = []

    def make_run(one, recipe, classes, *clips, keep):
        trained.append((one.name, recipe.seed, keep))
        return RunResult(4, 8, 1, 1)

    monkeypatch.setattr(study, "make_run", make_run)
    assert small("--only", "tsn", "in-place-1/2", "--seeds", "2", "--timed-runs", "0", "--task", "motion") == 0
    assert trained == [("tsn", 0, True), ("tsn", 1, False), ("in-place-1/2", 1, False)]
    said = capsys.readouterr()
    assert "2/4 in-place-1/2, seed 0: finished before" in said.err and "ms a clip" not in said.out
    assert "milliseconds" not in (tmp_path / "ablation" / "ablation.csv").read_text()


@pytest.mark.parametrize(
    "words, message",
    [
        (["--only", "tsm"], "--only: got 'tsm', wanted some of tsn"),
        (["--seeds", "0"], "--seeds: got 0, wanted at least 1"),
        (["--timed-size", "8"], "--timed-size: got 8, wanted at least 32"),
        (["--arch", "tsm_resnet11"], "tsm_resnet11"),
        (["--timed-arch", "tsm_resnet11"], "tsm_resnet11"),
    ],
)
def test_mistakes_are_told_before_anything_is_made(small, tmp_path, capsys, words, message):
    assert small(*words) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1 and not os.listdir(tmp_path)


def test_another_study_and_a_damaged_result(small, tmp_path, capsys):
    (tmp_path / "ablation").mkdir()
    (tmp_path / "ablation" / "settings.json").write_text('{"arch": "tsm_resnet10", "epochs": 9}')
    assert small() == 2
    assert "has an ablation of other settings" in capsys.readouterr().err
    (tmp_path / "ablation" / "settings.json").write_text("{")
    assert small() == 2
    assert "is no JSON" in capsys.readouterr().err
    (tmp_path / "result.json").write_text('{"right": 1}')
    with pytest.raises(ValueError, match="result.json: is damaged"):
        trained_run.finished(str(tmp_path))


@pytest.mark.parametrize("number, error", [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, SystemExit)])
def test_a_training_that_a_signal_stopped_has_no_result(tmp_path, monkeypatch, number, error):
    monkeypatch.setattr(trained_run, "train", lambda recipe, job: Outcome(stopped=number))
    with pytest.raises(error):
        trained_run.make_run(BASELINE, study.Settings().recipe(0), (), str(tmp_path), [], [], True)
    assert trained_run.finished(str(tmp_path)) is None


@pytest.mark.slow
def test_ctrl_c_and_on_again(small, tmp_path):
    """Stopped in the middle of a training, it goes on to the same bits."""
    words = ["--only", "residual-1/4", "--seeds", "1", "--train-clips", "12", "--timed-runs", "0"]
    assert small(*words, "--out", "whole") == 0
    run = "runs/residual-1-4/seed0"
    log = tmp_path / "parts" / run / "train.csv"

    def has_begun(process):
        return log.exists() and log.read_text().count("\n") > 2

    code, said = interrupted(["ablation", *SMALL, *words, "--out", "parts"], tmp_path, has_begun)
    assert code == 130 and said.endswith("paddle-tsm ablation: interrupted\n") and "Traceback" not in said
    assert (
        not (tmp_path / "parts" / run / "result.json").exists() and not (tmp_path / "parts" / "ablation.csv").exists()
    )
    assert small(*words, "--out", "parts") == 0
    weights = [(tmp_path / out / run / "last.safetensors").read_bytes() for out in ("whole", "parts")]
    assert weights[0] == weights[1]
