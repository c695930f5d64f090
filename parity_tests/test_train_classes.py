"""How many classes a training has and what they are called, and what it says before its first update."""

import json

import pytest

from paddle_tsm.checkpoint import read_checkpoint
from paddle_tsm.cli import main
from paddle_tsm.layouts.network_file import read_network
from paddle_tsm.training.published_recipes import recipe
from parity_tests.small_training import clips, start

__all__ = ["clips"]  # the fixture
SMALL = ("arch=tsm_resnet10", "size=32", "num_segments=2", "batch=8", "epochs=1", "warmup=0")


def train(clips, out, *words, changes=(), small=SMALL) -> int:
    words = ["train", clips / "train.txt", "--root", clips, "--out", out, *words, "--set", *small, *changes]
    return main([str(word) for word in words])


@pytest.fixture(scope="module")
def names(clips):
    (clips / "names.txt").write_text("here\nthere\nnear\nfar\n")
    (clips / "more.txt").write_text("here\nthere\nnear\nfar\nnowhere\n")
    (clips / "others.txt").write_text("here\nthere\nfar\nnear\n")
    (clips / "sides.txt").write_text("Swiping Left\nSwiping Right\nturn_left\nstand\n")
    return clips


def test_as_many_as_the_labels_say(clips, tmp_path, capsys):
    """4 classes, not the recipe's 400, and that is said."""
    assert train(clips, tmp_path / "run") == 0
    assert "num_classes=4: the largest label of the training list is 3" in capsys.readouterr().err
    assert read_network(tmp_path / "run/last.safetensors").network.num_classes == 4


def test_labels_that_train_400_outputs_are_named(clips, tmp_path, capsys):
    """Asked for, it is done, and said."""
    assert train(clips, tmp_path / "run", changes=["num_classes=400"]) == 0
    assert (
        "num_classes=400: 396 classes have no clip in the training list (4, 5, 6 and 393 more)"
        in capsys.readouterr().err
    )
    assert read_network(tmp_path / "run/last.safetensors").network.num_classes == 400


def test_the_class_file_comes_first(names, tmp_path, capsys):
    assert train(names, tmp_path / "run", "--classes", names / "more.txt") == 0
    said = capsys.readouterr().err
    assert (
        f"num_classes=5: as many as {names / 'more.txt'} names" in said
        and "1 class has no clip in the training list (4 'nowhere')" in said
    )
    found = read_network(tmp_path / "run/last.safetensors")
    assert found.network.num_classes == 5 and found.input.class_names == ("here", "there", "near", "far", "nowhere")


@pytest.mark.parametrize(
    "words, changes, said",
    [
        (["--classes", "names.txt"], ["num_classes=12"], "num_classes: got 12, but names.txt names 4 classes"),
        (["--classes", "short.txt"], [], "train.txt, line 4: label 3, wanted 0 to 2 for 3 classes"),
        (["--classes", "empty.txt"], [], "empty.txt: is empty, wanted names"),
        (["--classes", "none.txt"], [], "none.txt"),
        ([], ["num_classes=3"], "line 4: label 3, wanted 0 to 2 for 3 classes"),
        (["--validation", "beyond.txt"], [], "beyond.txt, line 1: label 4, wanted 0 to 3 for 4 classes"),
    ],
)
def test_classes_that_do_not_fit(names, tmp_path, capsys, monkeypatch, words, changes, said):
    monkeypatch.chdir(names)
    (
        (names / "short.txt").write_text("a\nb\nc\n"),
        (names / "empty.txt").write_text("\n"),
        (names / "beyond.txt").write_text("0.mp4 4\n"),
    )
    assert train(names, tmp_path / "run", *words, changes=changes) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and said in error
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_names_survive_a_resume(names, tmp_path, capsys):
    """Stopped after an epoch, gone on with and without the class file: the same bytes; with other names it is
    refused.
    """
    two = [change for change in SMALL if not change.startswith("epochs")] + ["epochs=2"]
    assert train(names, tmp_path / "whole", "--classes", names / "names.txt", small=two) == 0
    for again in (["--classes", names / "names.txt"], []):
        out = tmp_path / f"resumed{len(again)}"
        words = [
            "train",
            names / "train.txt",
            "--root",
            names,
            "--out",
            out,
            "--classes",
            names / "names.txt",
            "--save-every",
            "1",
            "--set",
            *two,
        ]
        job = start([str(word) for word in words], out)
        assert job.wait_until(lambda: (out / "train.csv").exists() and (out / "train.csv").read_text().count("\n") > 1)
        job.process.terminate()
        assert job.end() in (143, 0)
        assert train(names, out, *again, "--resume", small=two) == 0
        for name in ("last.safetensors", "resume.safetensors"):
            assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    record = json.loads(read_checkpoint(tmp_path / "whole/last.safetensors").metadata["paddle_tsm"])
    assert record["input"]["class_names"] == ["here", "there", "near", "far"]
    capsys.readouterr()
    assert train(names, tmp_path / "whole", "--classes", names / "others.txt", "--resume", small=two) == 2
    assert "class 2 was 'near', now 'far'" in capsys.readouterr().err


def test_a_kept_classifier_keeps_its_classes(names, tmp_path, capsys):
    """A list of a part of the classes goes on with all of them, and with their names."""
    assert train(names, tmp_path / "run", "--classes", names / "more.txt") == 0
    assert train(names, tmp_path / "more", "--pretrained", tmp_path / "run/last.safetensors", "--keep-classifier") == 0
    found = read_network(tmp_path / "more/last.safetensors")
    assert found.network.num_classes == 5 and found.input.class_names[4] == "nowhere"


def lines(labels=4, names=(), **changes) -> list[str]:
    """What is said of four classes and epochs, with these changes."""
    from paddle_tsm.training.announcements import announcements

    chosen = recipe(
        "mmaction2-kinetics400", **{"num_classes": 4, "warmup": 0, "milestones": (2,), "epochs": 4} | changes
    )
    return announcements(chosen, set(range(labels)), names)


def test_nothing_is_said_of_a_training_that_is_as_it_should_be():
    assert lines() == lines(names=("a", "b", "bright", "leftover")) == lines(epochs=10, warmup=5) == []


def test_a_warm_up_that_never_ends(names, tmp_path, capsys):
    """The advice silences it."""
    for by in ("epoch", "update"):
        (line,) = lines(warmup=5, warmup_by=by)
        assert "epochs=4 with warmup=5 never leaves the warm-up" in line and "warmup=0" in line
    small = [change for change in SMALL if not change.startswith("warmup")]
    assert train(names, tmp_path / "run", small=small) == 0
    assert capsys.readouterr().err.count("epochs=1 with warmup=5 never leaves the warm-up") == 1
    assert (
        recipe("mmaction2-kinetics400", epochs=4, warmup=5).rates(10).max()
        < 0.02
        == recipe("mmaction2-kinetics400", epochs=7, warmup=5).rates(10).max()
    )


@pytest.mark.parametrize(
    "named, shown",
    [
        (("left", "right", "up", "down"), "0 'left', 1 'right'"),
        (
            ("SwipeLeft", "swipe_right", "Moving to the LEFT", "stand"),
            "0 'SwipeLeft', 1 'swipe_right', 2 'Moving to the LEFT'",
        ),
        (("a", "turn counter-clockwise", "turn clockwise", "b"), "1 'turn counter-clockwise', 2 'turn clockwise'"),
        (("a", "Anticlockwise", "b", "Clockwise"), "1 'Anticlockwise', 3 'Clockwise'"),
    ],
)
def test_mirrored_classes(named, shown):
    (line,) = lines(names=named)
    assert line.startswith("flip=true mirrors 50% of the training clips") and shown in line
    assert lines(names=named, flip=False) == []


def test_an_exchange_of_labels_is_believed_where_it_fits():
    motion = ("left", "right", "up", "down", "shrinking", "growing", "counter-clockwise", "clockwise")
    assert lines(8, motion, num_classes=8, data_set="motion") == []
    (line,) = lines(8, (), num_classes=8, data_set="jester")
    assert "data_set=jester has 27 classes, this training 8" in line and "0 and 1, 6 and 7" in line


def test_mirrored_classes_are_said_before_the_first_update(names, tmp_path, capsys):
    assert train(names, tmp_path / "run", "--classes", names / "sides.txt") == 0
    assert "0 'Swiping Left', 1 'Swiping Right', 2 'turn_left'; wanted flip=false" in capsys.readouterr().err
    assert train(names, tmp_path / "other", "--classes", names / "sides.txt", changes=["flip=false"]) == 0
    assert "mirror" not in capsys.readouterr().err
