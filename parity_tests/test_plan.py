"""A training's plan: replayed it gives the same bits in Paddle, and the same numbers in PyTorch; and planted
differences of the two frameworks' trainings, each named at the update where it begins.
"""

import json

import numpy as np
import pytest

import torch_ref.optim
from paddle_tsm.cli import main
from paddle_tsm.lists.frame_source import FrameSource
from paddle_tsm.parity.curves.curve_comparison import compare_curves
from paddle_tsm.parity.curves.curve_file import read_curve
from paddle_tsm.parity.curves.curve_reading import reading
from paddle_tsm.parity.tolerance import TOLERANCES
from paddle_tsm.training.plan import make_plan
from paddle_tsm.training.plan_file import read_plan, write_plan
from parity_tests.small_training import (
    apart,
    arguments,
    clips,
    entries,
    rows,
    small_recipe,
    train_small,
    values,
    weights,
)

__all__ = ["clips"]  # the fixture
DOUBLE = {"dtype": "float64"}
COUNT = 12  # clips, so that no batch is a single clip of two frames, on which BatchNorm is ill-conditioned
RECIPES = {
    "plain": {},
    "mixup in parts": {"mixup": 0.3, "accumulate": 2, "batch": 6},
    "cutmix": {"cutmix": 1.0},
    "pptsm": {"preset": "pptsm", "label_smoothing": 0.1},
    "adamw and average": {"optimizer": "adamw", "lr": 1e-4, "ema": 0.9, "schedule": "cosine"},
    "frozen": {"frozen_bn": True, "nesterov": True},
    "partly frozen": {"partial_bn": True},
    "teacher": {"arch": "tsm_resnet10", "teacher": "tsm_resnet18", "mixup": 0.3},
}


def planned(clips, tmp_path, **changes):
    """The plan of a small training, through its file."""
    recipe, listed = small_recipe(**changes), entries(clips)[:COUNT]
    path = tmp_path / "plan.json"
    write_plan(make_plan(recipe, listed, FrameSource()), path, listed)
    plan = read_plan(path)
    plan.check(str(path), recipe, listed)
    return plan


@pytest.mark.parametrize("name", ["plain", "mixup in parts", "cutmix", "pptsm", "teacher"])
def test_a_replayed_plan_gives_the_same_bits(clips, tmp_path, name):
    changes = RECIPES[name] | {"count": COUNT}
    train_small(clips, tmp_path / "free", **changes)
    train_small(clips, tmp_path / "planned", plan={"plan": planned(clips, tmp_path, **RECIPES[name])}, **changes)
    assert rows(tmp_path / "free") == rows(tmp_path / "planned")
    a, b = weights(tmp_path / "free"), weights(tmp_path / "planned")
    assert all(np.array_equal(a[name], b[name]) for name in a) and a.keys() == b.keys()


QUICK = ("plain", "mixup in parts", "pptsm", "frozen")


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in RECIPES]
)
def test_pytorch_follows_the_plan(clips, tmp_path, name):
    """The losses of every update, the validations and the weights at the end, in float64."""
    changes = RECIPES[name] | DOUBLE
    plan = {"plan": planned(clips, tmp_path, **changes)}
    for framework in ("paddle", "torch"):
        out = tmp_path / framework
        train_small(clips, out, True, plan | {"framework": framework}, COUNT, **changes)
    found = compare_curves(*(read_curve(tmp_path / framework) for framework in ("paddle", "torch")))
    assert found.equal, found.parting
    assert found.differences["loss"].max() < TOLERANCES["few steps"].limit
    assert {"loss", "top1"} <= set(found.a.validation)
    a, b = weights(tmp_path / "paddle"), weights(tmp_path / "torch")
    assert apart(a, b) < TOLERANCES["few steps"].limit


def two_runs(clips, tmp_path, first=None, second=None, **changes):
    """A training in Paddle and one in PyTorch by the same plan; first, second: changes of their recipes."""
    plan = {"plan": planned(clips, tmp_path, **changes | DOUBLE)}
    train_small(clips, tmp_path / "a", True, plan, COUNT, **changes | DOUBLE | (first or {}))
    plan |= {"framework": "torch"}
    train_small(clips, tmp_path / "b", True, plan, COUNT, **changes | DOUBLE | (second or {}))
    return compare_curves(read_curve(tmp_path / "a"), read_curve(tmp_path / "b"))


def test_a_decay_on_biases_is_named(clips, tmp_path, monkeypatch):
    """The biases are 0 at first, so the first update is the same in both; after it they are not, and are decayed."""
    groups = torch_ref.optim.parameter_groups

    def decayed(*given):
        return [group | {"decay_multiplier": 1.0} for group in groups(*given)]

    monkeypatch.setattr(torch_ref.optim, "parameter_groups", decayed)
    found = two_runs(clips, tmp_path, lr=0.05, weight_decay=1e-2)
    assert (found.parting.table, found.parting.column) == ("train", "loss") and found.parting.row in (1, 2)
    assert "weight decay (of biases or BatchNorm)" in reading(found)[0]


def test_a_biased_variance_is_named(clips, tmp_path):
    found = two_runs(clips, tmp_path, second={"running_var": "biased"})
    assert (found.parting.table, found.parting.row) == ("validation", 0)
    assert "running statistics of BatchNorm (biased or unbiased variance" in reading(found)[0]
    assert any("running_var is 'unbiased' in A, 'biased' in B" in note for note in found.notes)


def test_another_clip_is_named(clips, tmp_path):
    plan = planned(clips, tmp_path, **DOUBLE)
    record = json.loads((tmp_path / "plan.json").read_text())
    clip = record["updates"][4]["clips"][0]
    clip["frames"] = [(frame + 3) % clip["count"] for frame in clip["frames"]]
    (tmp_path / "other.json").write_text(json.dumps(record))
    other = {"plan": read_plan(tmp_path / "other.json"), "framework": "torch"}
    train_small(clips, tmp_path / "a", plan={"plan": plan}, count=COUNT, **DOUBLE)
    train_small(clips, tmp_path / "b", plan=other, count=COUNT, **DOUBLE)
    found = compare_curves(read_curve(tmp_path / "a"), read_curve(tmp_path / "b"))
    assert (found.parting.row, found.parting.column) == (4, "loss") and "another clip" in reading(found)[0]


def test_an_ill_conditioned_batch_is_no_difference(clips, tmp_path):
    """The last batch is one clip of two frames: BatchNorm divides two values by their distance."""
    for framework in ("paddle", "torch"):
        train_small(clips, tmp_path / framework, plan={"framework": framework}, **DOUBLE)
    found = compare_curves(read_curve(tmp_path / "paddle"), read_curve(tmp_path / "torch"))
    assert found.equal, found.parting
    assert found.limits["grad_norm"].max() <= 1e-3 and found.limits["loss"][:3].max() <= 1e-8  # still no licence


def test_a_nudged_run_moves_every_number_a_little(clips, tmp_path):
    train_small(clips, tmp_path / "own")
    train_small(clips, tmp_path / "moved", plan={"nudge": 1})
    a, b = values(tmp_path / "own"), values(tmp_path / "moved")
    assert a != b and abs(a[0] - b[0]) < 1e-4 * a[0]


def twelve(clips, tmp_path):
    """A folder with the first COUNT clips' list, the validation's, and links to the videos."""
    folder = tmp_path / "twelve"
    folder.mkdir()
    for video in clips.glob("*.mp4"):
        (folder / video.name).symlink_to(video)
    for name, count in (("train.txt", COUNT), ("val.txt", None)):
        lines = (clips / name).read_text().splitlines(keepends=True)[:count]
        (folder / name).write_text("".join(lines))
    return folder


def run(capsys, *words):
    code = main([str(word) for word in words])
    return code, capsys.readouterr()


def test_the_commands(clips, tmp_path, capsys):
    """As the README types them: plan, replay in PyTorch, compare."""
    clips = twelve(clips, tmp_path)
    plan = tmp_path / "plan.json"
    more = ["--validation", str(clips / "val.txt")]
    assert main(arguments(clips, tmp_path / "a", *more, "--plan", str(plan), epochs=1)) == 0
    assert main(arguments(clips, tmp_path / "b", *more, "--replay", str(plan), "--framework", "torch", epochs=1)) == 0
    for folder in ("a", "b"):
        assert {"start.safetensors", "recipe.json", "train.csv"} <= {p.name for p in (tmp_path / folder).iterdir()}
    a, b = (weights(tmp_path / folder, "start.safetensors") for folder in ("a", "b"))
    assert all(np.array_equal(a[name], b[name]) for name in a)
    code, said = run(capsys, "parity", "--curves", tmp_path / "a", tmp_path / "b")
    assert code == 0 and "equal: 3 updates and 1 validation, float32" in said.out, said.out
    code, said = run(capsys, *arguments(clips, tmp_path / "b", "--resume", "--framework", "paddle", epochs=1))
    assert code == 2 and "was trained by --framework torch, got paddle" in said.err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda record: record.update(paddle_tsm_plan=9), "is a plan of version 9"),
        (lambda record: record.pop("updates"), "holds no plan"),
        (lambda record: record.update(list="0"), "of another training list"),
        (lambda record: record["recipe"].update(batch=2), "batch was 2, now 4"),
        (lambda record: record["recipe"].update(flip=False), "flip was False, now True"),
        (lambda record: record["recipe"].update(data_set="something-v2"), "data_set was 'something-v2'"),
        (lambda record: record["updates"].pop(), "wanted 6"),
        (lambda record: record["updates"][0].update(epoch=7), "wanted 6, in order"),
        (lambda record: record["updates"][0]["clips"][0].update(index=99), "names clip 99, wanted 0 to 11"),
        (lambda record: record["updates"][1].update(lr=0.5), "lr is 0.5 at epoch 1, update 2"),
        (lambda record: record["updates"][0]["clips"][0].update(size=[10, 10]), "frames of 10x10"),
        (lambda record: record["updates"][0]["clips"][0].update(count=99), "for 99 frames"),
    ],
)
def test_a_plan_that_does_not_fit(clips, tmp_path, capsys, change, message):
    planned(clips, tmp_path)
    clips = twelve(clips, tmp_path)
    record = json.loads((tmp_path / "plan.json").read_text())
    change(record)
    (tmp_path / "plan.json").write_text(json.dumps(record))
    code, said = run(capsys, *arguments(clips, tmp_path / "out", "--replay", str(tmp_path / "plan.json")))
    assert code == 2 and message in said.err


@pytest.mark.parametrize("content", [b"", b"[1]", b"{}", b"\xff\xfe", b'{"paddle_tsm_plan": 1, "updates": 3}'])
def test_a_file_without_a_plan(clips, tmp_path, capsys, content):
    (tmp_path / "plan.json").write_bytes(content)
    code, said = run(capsys, *arguments(clips, tmp_path / "out", "--replay", str(tmp_path / "plan.json")))
    assert code == 2 and "holds no plan" in said.err and said.err.strip().count("\n") == 0


def test_a_plan_overwrites_no_clip(clips, tmp_path, capsys):
    folder = twelve(clips, tmp_path)
    video = (folder / "3.mp4").read_bytes()
    for target in ("3.mp4", "train.txt"):
        code, said = run(capsys, *arguments(folder, tmp_path / "out", "--plan", str(folder / target)))
        assert code == 2 and "--plan" in said.err and "which is read" in said.err
    assert (folder / "3.mp4").read_bytes() == video
