"""Clips in both lists, several times in one, or under two labels: one line each, before the training, and no error."""

import os
import re
import time

import pytest

from paddle_tsm.cli import main
from paddle_tsm.lists.annotations import Entry
from paddle_tsm.training.repeated_clips import repeated_clips
from parity_tests.small_training import arguments, clips, rows

__all__ = ["clips"]  # the fixture
FAST = {"arch": "tsm_resnet10", "epochs": 1, "batch": 7}


def notes(clips, tmp_path, capsys, training, validation, *more) -> list[str]:
    """The notes about repeated clips of a training on these lists."""
    capsys.readouterr()
    for name, lines in (("t.txt", training), ("v.txt", validation)):
        (clips / name).write_text("".join(f"{line}\n" for line in lines))
    run = arguments(clips, tmp_path / f"run{time.monotonic_ns()}", "--validation", str(clips / "v.txt"), *more, **FAST)
    run[1] = str(clips / "t.txt")
    assert main(run) == 0
    kinds = "stands? in the|have two|has two"
    return [line for line in capsys.readouterr().err.splitlines() if re.search(kinds, line)]


def test_nothing_is_said_of_clips_that_stand_once(clips, tmp_path, capsys):
    assert notes(clips, tmp_path, capsys, ["0.mp4 0", "1.mp4 1", "2.mp4 2"], ["3.mp4 3"]) == []


def test_each_kind_has_its_line(clips, tmp_path, capsys):
    training = ["0.mp4 0", "1.mp4 1", "2.mp4 2", "0.mp4 0", "0.mp4 0", "4.mp4 1"]
    t, v = clips / "t.txt", clips / "v.txt"
    both, several, labels = notes(clips, tmp_path, capsys, training, ["1.mp4 1", "2.mp4 3"])
    assert both == (
        "note: 2 clips stand in the training list and in the validation list; the first: "
        f"{clips}/1.mp4 ({t}, line 2, {v}, line 1)"
    )
    assert several == (
        "note: 1 clip stands in the training list more than once: "
        f"{clips}/0.mp4 ({t}, line 1, {t}, line 4, {t}, line 5)"
    )
    assert labels == f"note: 1 clip has two labels or more: {clips}/2.mp4 ({t}, line 3: 2, {v}, line 2: 3)"


def test_two_labels_in_one_list_train_both(clips, tmp_path, capsys):
    """A note, not an error; where clips may have several labels, only the repetition is told."""
    training = ["0.mp4 0", "0.mp4 1", "0.mp4 1", "0.mp4 1", "1.mp4 1", "2.mp4 2"]
    several, labels = notes(clips, tmp_path, capsys, training, ["3.mp4 3"])
    assert "1 clip stands in the training list more than once" in several and "and 1 more)" in several
    assert "line 1: 0" in labels
    run = next(tmp_path.iterdir())
    assert sum(int(row["clips"]) for row in rows(run)) == 6


def entry(path, label, line, list_file="t.txt", **more) -> Entry:
    return Entry(str(path), (label,), list_file, line, **more)


def test_paths_are_resolved(tmp_path):
    """Through `..`, a linked folder and a linked file; a copy is another clip."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.mp4").write_bytes(b"x")
    (tmp_path / "a" / "copy.mp4").write_bytes(b"x")
    os.symlink(tmp_path / "a", tmp_path / "b")
    os.symlink(tmp_path / "a" / "x.mp4", tmp_path / "y.mp4")
    own = [entry(tmp_path / "a" / "x.mp4", 0, 1)]
    for other in ("b/x.mp4", "y.mp4", "a/../a/x.mp4", "b/../a/x.mp4"):
        assert len(repeated_clips(own, [entry(tmp_path / other, 0, 1, "v.txt")], False)) == 1, other
    assert repeated_clips(own, [entry(tmp_path / "a" / "copy.mp4", 0, 1, "v.txt")], False) == []


def test_other_frames_of_a_folder_are_another_clip():
    own = [entry("a", 0, 1, num_frames=8), entry("a", 0, 2, num_frames=8, offset=8)]
    assert repeated_clips(own, [entry("a", 1, 1, "v.txt", num_frames=8, offset=16)], False) == []
    assert len(repeated_clips([*own, entry("a", 0, 3, num_frames=8)], [], False)) == 1


@pytest.mark.parametrize(("multi_label", "lines"), [(False, 2), (True, 1)])
def test_several_labels_are_no_contradiction(multi_label, lines):
    own = (
        [Entry("a", (0, 1), "t.txt", 1), Entry("a", (2,), "t.txt", 2)]
        if multi_label
        else [entry("a", 0, 1), entry("a", 2, 2)]
    )
    assert len(repeated_clips(own, [], multi_label)) == lines
