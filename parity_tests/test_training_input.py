"""What a training starts from: lists, clips and pretrained weights, good ones and bad ones."""

import time

import numpy as np
import pytest

from paddle_tsm.cli import main
from paddle_tsm.demo.material import write_demo_checkpoint
from paddle_tsm.layouts.network_file import read_network
from paddle_tsm.models.initial_weights import draw_initial_weights
from paddle_tsm.networks.network import Network
from parity_tests.small_training import CLASSES, T, apart, arguments, clips, rows, small_recipe, weights, write_clip

__all__ = ["clips"]  # the fixture
STILL = {"lr": 0.0, "frozen_bn": "true", "epochs": 1, "batch": 2}  # nothing is learned: the end is the start


@pytest.fixture
def short(clips):
    """The folder with the list of two clips in the place of train.txt's thirteen."""

    def write(*lines):
        (clips / "short.txt").write_text("".join(f"{line}\n" for line in lines or ("0.mp4 0", "1.mp4 1")))
        return lambda out, *more, **changes: [
            str(clips / "short.txt") if text == str(clips / "train.txt") else text
            for text in arguments(clips, out, *more, **changes)
        ]

    return write


def one_line(capsys) -> str:
    """What was printed to stderr, which is one line."""
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and error.startswith("paddle-tsm train: error: "), error
    return error


BAD_LISTS = {
    "wrong label": (["0.mp4 0", "1.mp4 cat"], "short.txt, line 2: label: got 'cat', wanted a whole number from 0"),
    "negative label": (["0.mp4 -1"], "short.txt, line 1: label: got '-1'"),
    "label beyond the classes": (
        ["0.mp4 0", "1.mp4 3", "2.mp4 4"],
        "short.txt, line 3: label 4, wanted 0 to 3 for 4 classes",
    ),
    "no label": (["0.mp4"], "short.txt, line 1: got '0.mp4', wanted 'path label'"),
    "empty": ([""], "short.txt: the list is empty"),
    "missing": (["0.mp4 0", "none.mp4 1"], "short.txt, line 2: "),
    "unreadable": (["0.mp4 0", "text.mp4 1"], "text.mp4: OpenCV cannot open it; is it a video, and complete?"),
    "zero bytes": (["zero.mp4 0", "0.mp4 0"], "zero.mp4: the file is empty; wanted a video"),
}


@pytest.mark.parametrize("name", BAD_LISTS)
def test_a_bad_list(clips, short, tmp_path, capsys, name):
    lines, message = BAD_LISTS[name]
    (clips / "text.mp4").write_text("no video\n" * 100)
    (clips / "zero.mp4").write_bytes(b"")
    assert main(short(*lines)(tmp_path / "run")) == 2
    assert message in one_line(capsys)
    assert not any(tmp_path.iterdir())


def test_a_bad_validation_list(clips, short, tmp_path, capsys):
    (clips / "bad_val.txt").write_text("0.mp4 0\n1.mp4 9\n")
    assert main(short()(tmp_path / "run", "--validation", str(clips / "bad_val.txt"))) == 2
    assert "bad_val.txt, line 2: label 9" in one_line(capsys)
    assert main(short()(tmp_path / "run", "--validation", str(clips / "none.txt"))) == 2
    assert "none.txt" in one_line(capsys)
    run = short()(tmp_path / "run")
    run[1] = str(clips / "none.txt")
    assert main(run) == 2
    assert "none.txt" in one_line(capsys)
    assert not any(tmp_path.iterdir())


def test_a_bad_clip_that_was_not_looked_for(clips, short, tmp_path, capsys):
    """Without the check it is met in training, and named there; nothing is trained on in its place."""
    (clips / "zero.mp4").write_bytes(b"")
    lines = ["0.mp4 0", "1.mp4 1", "zero.mp4 2"]
    assert main(short(*lines)(tmp_path / "run", "--check", "none", batch=1)) == 2
    note, error = capsys.readouterr().err.splitlines()
    assert (
        note.startswith("note: num_classes=4: 1 class has no clip")
        and f"{clips}/short.txt, line 3: {clips}/zero.mp4: the file is empty" in error
    )
    assert len(rows(tmp_path / "run")) < 3


@pytest.mark.parametrize("check", ["exists", "none"])
def test_bad_clips_are_skipped_and_reported(clips, short, tmp_path, capsys, check):
    """Counted once, however often they are met; the same numbers as without them only where they were found before."""
    (clips / "text.mp4").write_text("no video\n" * 100)
    lines = ["0.mp4 0", "none.mp4 3", "1.mp4 1", "text.mp4 2"]
    run = short(*lines)(tmp_path / "run", "--skip-bad", "--check", check, batch=2, epochs=2)
    assert main(run) == 0
    shown = capsys.readouterr()
    report = shown.out.splitlines()
    assert report[0] == "2 clips were skipped:" and len(report) == 4 and report[3].startswith("done: ")
    assert "short.txt, line 2: " in report[1] + report[2] and "short.txt, line 4: " in report[1] + report[2]
    assert sum(int(row["clips"]) for row in rows(tmp_path / "run")) == 2 * 2
    assert len(rows(tmp_path / "run")) == 2 * 2 if check == "none" else 2 * 2 - 1
    assert shown.err.count("skipped ") == (2 if check == "none" else 1)


def test_a_list_of_bad_clips_only(clips, short, tmp_path, capsys):
    assert main(short("none.mp4 0", "nothing.mp4 1")(tmp_path / "run", "--skip-bad")) == 2
    assert "short.txt: no clip of the list can be read" in one_line(capsys)
    assert not any(tmp_path.iterdir())


def test_an_update_without_a_clip(clips, short, tmp_path, capsys):
    """All clips of a batch are bad: no step, and no number for it."""
    (clips / "zero.mp4").write_bytes(b"")
    assert (
        main(short("zero.mp4 0", "0.mp4 1")(tmp_path / "run", "--skip-bad", "--check", "none", batch=1, epochs=1)) == 0
    )
    found = {row["clips"]: row["loss"] for row in rows(tmp_path / "run")}
    assert found["0"] == "nan" and float(found["1"]) > 0


def test_videos_of_one_frame(clips, short, tmp_path, capsys):
    """Valid: the frame is every frame of the clip."""
    for i in range(2):
        write_clip(clips / f"one{i}.mp4", i, frames=1)
    assert main(short("one0.mp4 0", "one1.mp4 1")(tmp_path / "run", batch=2, epochs=1)) == 0
    assert np.isfinite(float(rows(tmp_path / "run")[0]["loss"]))


@pytest.mark.parametrize(
    "line, message", [("0.mp4 x", "label: got 'x'"), ("none.mp4 1", "none.mp4: no such video file")]
)
def test_one_bad_line_of_a_hundred_thousand(clips, short, tmp_path, capsys, line, message):
    lines = [f"{i % 13}.mp4 {i % CLASSES}" for i in range(100_000)]
    lines[77_777] = line
    start = time.perf_counter()
    assert main(short(*lines)(tmp_path / "run")) == 2
    assert time.perf_counter() - start < 20
    error = one_line(capsys)
    assert "short.txt, line 77778: " in error and message in error


def test_a_loss_that_diverges(clips, tmp_path, capsys):
    """One line with a way out; what was saved before stays, and no NaN is ever saved."""
    assert main(arguments(clips, tmp_path / "run", "--save-every", "1", lr=1e18)) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "the training has diverged" in error and "below 1e+18" in error
    kept = weights(tmp_path / "run", "resume.safetensors")
    assert (
        all(np.isfinite(array).all() for array in kept.values())
        and not (tmp_path / "run" / "last.safetensors").exists()
    )
    assert len(rows(tmp_path / "run")) < 4


SOURCES = {  # layout of the file, its network, the training's
    "ImageNet": ("torchvision", {"num_classes": 1000, "is_shift": False, "num_segments": 1}, {}),
    "another TSM": ("mmaction2", {"num_classes": 27}, {}),
    "another TSM, past first": ("mmaction2", {"num_classes": 27}, {"shift_order": "past_first"}),
}


@pytest.mark.parametrize("source", SOURCES)
def test_pretrained(short, tmp_path, capsys, source):
    """All but the classifier is the file's, its folds in the order of the training's shift; the classifier is the
    training's own, with its number of classes.
    """
    layout, network, changes = SOURCES[source]
    path = tmp_path / "pretrained.pth"
    write_demo_checkpoint(str(path), Network("tsm_resnet18", **network), layout)
    assert main(short()(tmp_path / "run", "--pretrained", str(path), **STILL | changes)) == 0
    asked = changes.get("shift_order", "future_first")
    found, file = weights(tmp_path / "run"), read_network(path, shift_order=asked).as_asked()[1]
    own = draw_initial_weights(small_recipe(**changes).network().shapes(), 3)
    expected = file | {name: own[name] for name in ("fc.weight", "fc.bias")}
    assert apart(found, {name: np.asarray(array) for name, array in expected.items()}) == 0
    as_in_file = np.array_equal(found["conv1.weight"], read_network(path).tensors["conv1.weight"])
    assert as_in_file == (asked == "future_first")  # else two folds of its channels have changed places


def test_pretrained_with_its_classifier(short, tmp_path, capsys):
    path = tmp_path / "pretrained.pth"
    write_demo_checkpoint(str(path), Network("tsm_resnet18", num_classes=7))
    more = ("--pretrained", str(path), "--keep-classifier")
    assert main(short()(tmp_path / "run", *more, **STILL)) == 2
    assert "has 7 classes" in one_line(capsys)
    assert not (tmp_path / "run").exists()
    assert main(short()(tmp_path / "run", *more, **STILL, num_classes=7)) == 0
    file = read_network(path).as_asked()[1]
    assert apart(weights(tmp_path / "run"), {name: np.asarray(array) for name, array in file.items()}) == 0


def test_pretrained_without_the_non_local_blocks(short, tmp_path, capsys):
    """They keep what was drawn for them; the rest is strict."""
    path = tmp_path / "pretrained.pth"
    write_demo_checkpoint(str(path), Network("tsm_resnet50", num_classes=7))
    run = short()(tmp_path / "run", "--pretrained", str(path), **STILL, arch="tsm_resnet50", non_local="gaussian")
    assert main(run) == 0
    found, file = weights(tmp_path / "run"), read_network(path).as_asked()[1]
    own = draw_initial_weights(small_recipe(arch="tsm_resnet50", non_local="gaussian").network().shapes(), 3)
    expected = {name: file.get(name, own[name]) for name in own} | {n: own[n] for n in ("fc.weight", "fc.bias")}
    assert any(".non_local." in name for name in found)
    assert apart(found, {name: np.asarray(array) for name, array in expected.items()}) == 0


@pytest.mark.parametrize(
    "content, message",
    [
        (None, "pretrained.pth"),
        (b"no checkpoint", "pretrained.pth: "),
        (Network("tsm_resnet34"), "--set arch=tsm_resnet34"),
    ],
)
def test_pretrained_from_a_file_that_does_not_fit(short, tmp_path, capsys, content, message):
    path = tmp_path / "pretrained.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        write_demo_checkpoint(str(path), content)
    assert main(short()(tmp_path / "run", "--pretrained", str(path), **STILL)) == 2
    assert message in one_line(capsys) and not (tmp_path / "run").exists()


def test_frame_folders(clips, tmp_path, capsys):
    """The form with frame counts, with the data set's names of frames."""
    import cv2

    for clip in range(2):
        (tmp_path / f"clip{clip}").mkdir()
        for i in range(1, 6):
            cv2.imwrite(str(tmp_path / f"clip{clip}" / f"{i:06d}.jpg"), np.full((48, 64, 3), 40 * i, "uint8"))
    (tmp_path / "frames.txt").write_text("clip0 5 0\nclip1 5 1\n")
    run = arguments(clips, tmp_path / "run", "--form", "frames", batch=2, epochs=1, data_set="something-v2")
    run[1], run[3] = str(tmp_path / "frames.txt"), str(tmp_path)
    assert main(run) == 0
    assert [row["clips"] for row in rows(tmp_path / "run")] == ["2"]
    (tmp_path / "clip1" / "000004.jpg").unlink()
    run[run.index(str(tmp_path / "run"))] = str(tmp_path / "other")
    capsys.readouterr()
    assert main(run) == 2
    assert (
        "frames.txt, line 2: " in (error := one_line(capsys)) and "000004.jpg: missing frame of the 5 listed" in error
    )
    assert T == 2 and not (tmp_path / "other").exists()
