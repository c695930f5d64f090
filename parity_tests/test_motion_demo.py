"""`demo --train` shows what the shift is for. The training itself is slow: pytest parity_tests/test_motion_demo.py -m
slow
"""

from pathlib import Path

import numpy as np
import pytest

from paddle_tsm.cli import main
from paddle_tsm.data.clip_reader import ClipReader
from paddle_tsm.data.datasets import DATA_SETS, flip_rule
from paddle_tsm.data.motion_videos import CLASSES, write_motion_videos
from paddle_tsm.demo import motion as motion_demo
from paddle_tsm.demo.settings import WANTED_TOP1
from paddle_tsm.lists.annotations import Entry


def test_the_flip_rule_is_the_mirror():
    """A mirrored clip goes and turns the other way; up, down and the sizes stay."""
    rule = flip_rule("motion", "mmaction2")
    assert rule == motion_demo.RECIPE.pixels().flip and rule.probability == 0.5
    mirrored = {"left": "right", "right": "left", "clockwise": "counter-clockwise", "counter-clockwise": "clockwise"}
    assert [CLASSES[rule.labels((label,))[0]] for label in range(8)] == [mirrored.get(name, name) for name in CLASSES]
    assert DATA_SETS["motion"].num_classes == len(CLASSES) == motion_demo.RECIPE.num_classes


def test_backward_is_the_clip_played_backward(tmp_path):
    _, val_list, _ = write_motion_videos(tmp_path, 1, 1, size=(32, 32))
    lines = Path(val_list).read_text().splitlines()
    entries = [
        Entry(str(tmp_path / line.split()[0]), (int(line.split()[1]),), val_list, i) for i, line in enumerate(lines, 1)
    ]
    pixels = motion_demo.RECIPE.pixels()
    forward, backward = ClipReader(entries, pixels), motion_demo.BackwardReader(entries, pixels)
    # bag by bag, a class and its opposite show the same pictures in opposite orders
    for label in range(0, len(CLASSES), 2):
        np.testing.assert_array_equal(backward[label][0], forward[label + 1][0])
        assert not np.array_equal(forward[label][0], forward[label + 1][0])


@pytest.mark.parametrize("top1, expected", [(0.125, True), (0.19, True), (0.25, False), (0.95, False), (0.0, False)])
def test_at_chance(top1, expected):
    assert motion_demo.at_chance(top1, 240) is expected


@pytest.mark.parametrize("tsm, tsn, code", [(0.96, 0.125, 0), (0.95, 0.125, 1), (1.0, 0.5, 1)])
def test_exit_code(tmp_path, capsys, monkeypatch, tsm, tsn, code):
    results = [
        motion_demo.MotionResult(name, top1, top1, 1.0, f"{name}.safetensors")
        for name, top1 in (("TSM", tsm), ("TSN", tsn))
    ]
    monkeypatch.setattr(motion_demo, "train_motion_demo", lambda out, done: (results, 240))
    assert main(["demo", "--train", "--out", str(tmp_path)]) == code
    printed = capsys.readouterr().out
    assert f"{100 * tsm:.1f} %" in printed and f"{100 * tsn:.1f} %" in printed and "12.5 %" in printed


@pytest.mark.slow
def test_the_shift_makes_the_difference(tmp_path):
    (tsm, tsn), clips = motion_demo.train_motion_demo(str(tmp_path), lambda text: None)
    assert tsm.top1 > WANTED_TOP1 and tsm.opposite > WANTED_TOP1
    assert motion_demo.at_chance(tsn.top1, clips)
