"""Training in both frameworks step by step: an equality proof in float64, and a gap held against the noise in float32.

The proof over 200 steps is tools/prove_training.py.
"""

import json

import numpy as np
import pytest

from paddle_tsm.cli import main
from paddle_tsm.models.create import build
from paddle_tsm.models.initial_weights import draw_initial_weights
from paddle_tsm.networks.network import Network
from paddle_tsm.parity import paddle_side
from paddle_tsm.parity.noise import (
    Float32Gap,
    distances,
    measure_gaps,
)
from paddle_tsm.parity.paddle_side import PaddleSide
from paddle_tsm.parity.report.report import Report
from paddle_tsm.parity.report.report_files import finite
from paddle_tsm.parity.report.report_text import verdict
from paddle_tsm.parity.steps import compare_steps, seeded_batches
from paddle_tsm.parity.tolerance import TOLERANCES, step_limit
from paddle_tsm.parity.torch_side import TorchSide
from paddle_tsm.parity.training_comparison import gap_row
from paddle_tsm.training.nudge import nudge, nudged_weights
from paddle_tsm.training.train_step import StepResult

R18 = Network("tsm_resnet18", num_classes=4, num_segments=4)
WEIGHTS = draw_initial_weights(R18.shapes(), 0)


def steps(count=2, change_side=None, network=R18, lr=1e-3):
    other = PaddleSide(network, WEIGHTS, "float64")
    if change_side:
        change_side(other)
    return compare_steps(TorchSide(network, WEIGHTS, "float64"), other, seeded_batches(R18, count, 2, 64), lr)


def test_three_steps_are_equal():
    seen = []
    batches = seeded_batches(R18, 3, 2, 64)
    found = compare_steps(
        TorchSide(R18, WEIGHTS, "float64"),
        PaddleSide(R18, WEIGHTS, "float64"),
        batches,
        1e-3,
        see=lambda number, sides: seen.append(number),
    )
    assert seen == [1, 2, 3] and all(row.passed for row in found.rows), found.rows
    assert [row.name for row in found.rows] == [
        f"3 steps: {name}" for name in ("loss", "gradient norm", "logits", "weights", "buffers", "optimizer state")
    ]
    parameters = [name for name in R18.shapes() if not (".running_" in name or "num_batches" in name)]
    assert [row.count for row in found.rows] == [
        3,
        3,
        3,
        len(parameters),
        len(WEIGHTS) - len(parameters),
        len(parameters),
    ]
    losses = list(found.losses.values())
    assert len(set(losses[0])) == 3 and losses[0] == pytest.approx(losses[1], rel=1e-9)


def biased(side):
    for layer in side.model.sublayers():
        if hasattr(layer, "unbiased"):
            layer.unbiased = False


def optimizer_with(**changes):
    """A change of the optimizer, once there is one."""

    def change(side):
        start = side.start_training

        def changed(lr):
            start(lr)
            for name, value in changes.items():
                setattr(side.optimizer, name, value)

        side.start_training = changed

    return change


def decayed_bias(side):
    start = side.start_training

    def changed(lr):
        start(lr)
        for group in side.optimizer.param_groups:
            group["weight_decay"] = 1e-4

    side.start_training = changed


@pytest.mark.parametrize(
    "change, wrong, right",
    [
        # the running variance shows nowhere but in the buffers
        (biased, {"buffers"}, {"loss", "logits", "weights"}),
        (optimizer_with(momentum=0.9 + 1e-8), {"optimizer state", "weights"}, set()),
        (optimizer_with(max_norm=0.1), {"weights", "optimizer state"}, {"gradient norm"}),
        (optimizer_with(nesterov=True), {"weights"}, {"optimizer state"}),
        (decayed_bias, {"weights", "optimizer state"}, set()),
    ],
    ids=["biased variance", "momentum", "clip", "nesterov", "decay"],
)
def test_a_fault_is_found_where_it_shows(change, wrong, right):
    # the clip shows in the norm of the second step only; one step is enough for the others
    count = 1 if right else 2
    found = steps(count, change)
    failed = {row.name.partition(": ")[2] for row in found.rows if not row.passed}
    assert wrong <= failed and not right & failed


def test_limits_grow_with_the_steps_and_end():
    assert step_limit(1) == step_limit(10) == 1e-9 and step_limit(11) == step_limit(200) == 1e-6
    for count in (0, 201):
        with pytest.raises(ValueError, match="wanted 1 to 200"):
            step_limit(count)


def test_a_nudge_is_one_unit_in_the_last_place():
    values = np.array([1.0, -3.0, 0.0, 1e-3, 640.0], "float32")
    moved = nudge(values, np.random.default_rng(0))
    assert moved.dtype == np.float32 and (moved != values).all()
    back = [np.nextafter(moved, np.float32(sign) * np.inf) for sign in (1, -1)]
    assert ((back[0] == values) | (back[1] == values)).all()
    up = nudge(np.ones(10000, "float32"), np.random.default_rng(0)) > 1
    assert 0.45 < up.mean() < 0.55


def test_nudged_weights():
    """Every value moves to one of its two neighbours, a step counter stays; a run can be repeated, and another seed is
    another.
    """
    ones = {"a": np.ones(10000), "b": np.ones(10000), "bn.num_batches_tracked": np.array(3)}
    first, again, other = nudged_weights(ones, 1), nudged_weights(ones, 1), nudged_weights(ones, 2)
    assert set(np.unique(first["a"])) == {1 + 2.0**-23, 1 - 2.0**-24} and first["a"].dtype == np.float32
    assert first["bn.num_batches_tracked"] == 3 and first["bn.num_batches_tracked"].dtype == np.array(3).dtype
    assert all(np.array_equal(first[name], again[name]) for name in ones)
    for one, another in ((first["a"], other["a"]), (first["a"], first["b"])):  # by chance, half of them move alike
        assert 0.45 < (one != another).mean() < 0.55


class Made:
    """A side whose loss at step n is 1 + `each` * n, plus `noise` where the weights were nudged."""

    def __init__(self, name, each, noise):
        self.name, self.each, self.noise, self.number = name, each, noise, 0

    def start_training(self, lr):
        pass

    def train_step(self, x, target):
        self.number += 1
        value = 1 + self.each * self.number + self.noise * (self.number == 2)
        return StepResult(value, 1.0, np.array([[value, 2.0]]))


def made_gaps(each):
    return measure_gaps(
        lambda seed: Made("A", 0.0, 0.0 if seed is None else 1e-3 * seed),
        lambda seed: Made("B", each, 0.0),
        [(np.zeros(1), np.zeros(1))] * 3,
        0.1,
    )


def test_noise_is_the_largest_so_far_and_the_gap_is_held_against_it():
    loss, norm, logits = made_gaps(2e-3)
    assert [gap.name for gap in (loss, norm, logits)] == ["loss", "gradient norm", "logits"]
    assert loss.noise == pytest.approx([2.0**-23, 3e-3, 3e-3]) and loss.gap == pytest.approx([2e-3, 4e-3, 6e-3])
    assert not loss.passed and loss.worst[0] == 1  # before the noise came up
    assert norm.passed and max(norm.gap) == 0
    assert logits.gap == pytest.approx([1e-3, 2e-3, 3e-3])


@pytest.mark.parametrize(
    "gap, passes", [([1e-6, 2.9e-6], True), ([1e-6, 3.1e-6], False), ([1e-6, float("nan")], False)]
)
def test_verdict_of_a_gap(gap, passes):
    found = Float32Gap("loss", gap, [1e-6, 1e-6])
    assert found.passed == passes == gap_row(found).passed
    assert TOLERANCES["float32 steps"].limit == 3.0
    report = Report([gap_row(found)])
    assert report.equal == passes and ("differs at 2 steps: loss (float32)" in verdict(report)) == (not passes)


def test_float32_gap_of_a_real_training():
    def builder(side):
        return lambda seed: side(R18, WEIGHTS if seed is None else nudged_weights(WEIGHTS, seed), "float32")

    gaps = measure_gaps(builder(TorchSide), builder(PaddleSide), seeded_batches(R18, 2, 2, 64), 1e-4)
    assert all(gap.passed for gap in gaps), [gap.worst for gap in gaps]
    assert all(max(gap.gap) < 1e-2 for gap in gaps) and max(gaps[2].gap) > 0


def test_distance_of_runs_of_other_lengths_is_an_error():
    with pytest.raises(ValueError):
        distances([StepResult(1.0, 1.0, np.ones((1, 1)))], [])


def test_json_has_no_nan():
    assert (
        json.dumps(finite({"a": [float("nan"), (1.0, float("inf"))]}), allow_nan=False) == '{"a": [null, [1.0, null]]}'
    )


def test_the_command(tmp_path, r18_file, monkeypatch, capsys):
    arguments = ["parity", str(r18_file), "--num-segments", "2", "--size", "32", "--steps", "2", "--lr", "0.001"]
    path = tmp_path / "r.json"
    assert main([*arguments, "--json", str(path), "--junit", str(tmp_path / "r.xml")]) == 0
    report = json.loads(path.read_text())
    assert len(report["steps"]["losses"]["Paddle"]) == 2 and report["steps"]["losses"].keys() == {"PyTorch", "Paddle"}
    assert "2 steps: weights" in (tmp_path / "r.xml").read_text()

    def changed(network):
        model = build(network)
        model.bn1.momentum = 0.2
        return model

    monkeypatch.setattr(paddle_side, "build", changed)
    assert main(arguments) == 1


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--steps", "0"], "wanted 1 to 200"),
        (["--steps", "201"], "wanted 1 to 200"),
        (["--lr", "0.1"], "wanted --steps"),
        (["--float32"], "wanted --steps"),
        (["--steps", "2", "--lr", "-1"], "wanted 0 or more"),
    ],
)
def test_options_that_cannot_be(r18_file, capsys, arguments, words):
    assert main(["parity", str(r18_file), *arguments]) == 2
    assert words in capsys.readouterr().err


def test_no_checkpoint_is_one_line(capsys):
    assert main(["parity"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
