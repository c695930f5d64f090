"""A folder of classes in place of a list: its labels, its split, what is left out, and what is refused."""

import json
import os
import shutil
from pathlib import Path

import pytest

from paddle_tsm.cli import main
from paddle_tsm.layouts.network_file import read_network
from paddle_tsm.lists.annotations import Entry, read_list
from paddle_tsm.lists.class_folders import read_class_folders
from paddle_tsm.lists.validation_split import split_clips
from parity_tests.small_training import clips, rows

__all__ = ["clips"]  # the fixture
SMALL = ("arch=tsm_resnet10", "size=32", "num_segments=2", "batch=8", "epochs=1", "warmup=0")
CLASSES = ("Jump", "Run fast", "walk")  # sorted as `sorted` sorts: capital letters come first
COUNTS = (5, 4, 2)


@pytest.fixture(scope="module")
def tree(clips, tmp_path_factory):
    """videos/CLASS/N.mp4, with a file that is none and a hidden folder beside them."""
    folder, number = tmp_path_factory.mktemp("tree") / "videos", 0
    for name, count in zip(CLASSES, COUNTS):
        (folder / name).mkdir(parents=True)
        for _ in range(count):
            shutil.copy(clips / f"{number}.mp4", folder / name / f"{number}.{'MP4' if number % 2 else 'mp4'}")
            number += 1
    (folder / "walk" / "notes.txt").write_text("walks")
    (folder / ".cache").mkdir()
    return folder


@pytest.fixture
def videos(tree, tmp_path, monkeypatch):
    """A copy of the tree, and its parent as the working directory."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(tree, "videos")
    return tmp_path / "videos"


def train(*words, changes=()) -> int:
    return main(["train", *words, "--set", *SMALL, *changes])


@pytest.fixture(scope="module")
def trained(tree, tmp_path_factory):
    """The folder of a training on the tree, with the default split."""
    folder = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(tree.parent)
        assert main(["train", "videos", "--out", str(folder / "run"), "--set", *SMALL]) == 0
    return folder / "run"


def test_classes_are_the_folders(trained):
    found = read_network(trained / "last.safetensors")
    assert found.input.class_names == CLASSES and found.network.num_classes == 3
    assert (trained / "classes.txt").read_text() == "Jump\nRun fast\nwalk\n"


def test_the_split_is_written_as_lists(tree, trained):
    """Every video stands in exactly one list; of each class a fifth, but at least one, is held out."""
    parts = [read_list(trained / name, root=tree, num_classes=3) for name in ("train.txt", "validation.txt")]
    both = sorted((entry.path, entry.label) for part in parts for entry in part)
    wanted = [(str(path), label) for label, name in enumerate(CLASSES) for path in (tree / name).glob("*.[mM][pP]4")]
    assert both == sorted(wanted)
    assert [[entry.label for entry in parts[1]].count(label) for label in range(3)] == [1, 1, 1]
    assert rows(trained)[0]["clips"] == "8" and rows(trained, "validation.csv")[0]["clips"] == "3"


def test_what_is_said_and_left_out(videos, tmp_path, capsys):
    assert train("videos", "--split", "0.5") == 0
    said = capsys.readouterr().err
    assert "num_classes=3: as many as videos has folders" in said
    assert "videos: 2 files or folders are no video of a class, and left out: videos/.cache and 1 more" in said
    assert (
        "videos: 5 clips are trained on and 6 validated on (--split 0.5); train.txt, classes.txt, validation.txt"
        in said
    )


def test_the_lists_train_others(trained, tree, tmp_path, monkeypatch, capsys):
    """As they stand, with the root that the line named."""
    monkeypatch.chdir(trained)
    words = ["train.txt", "--validation", "validation.txt", "--classes", "classes.txt", "--root", str(tree)]
    assert train(*words, "--out", str(tmp_path / "run")) == 0
    assert rows(tmp_path / "run") == rows(trained)
    for name in ("last.safetensors", "best.safetensors"):
        assert (tmp_path / "run" / name).read_bytes() == (trained / name).read_bytes()


def test_without_a_split_and_with_a_validation_of_its_own(videos, tmp_path, capsys):
    shutil.copytree("videos/walk", "more/walk")
    assert train("videos", "--split", "0", "--out", "all") == 0
    assert not os.path.exists("all/validation.txt") and rows("all")[0]["clips"] in ("3", "8")
    assert train("videos", "--validation", "more", "--out", "other") == 0
    assert not os.path.exists("other/validation.txt")
    (row,) = rows("other", "validation.csv")
    assert row["clips"] == "2" and sum(int(one["clips"]) for one in rows("other")) == 11


def test_a_resumed_training_keeps_its_split(trained, tree, tmp_path, monkeypatch, capsys):
    """Although the folder has another video now: from the lists in the run's folder, by the folder alone."""
    monkeypatch.chdir(tmp_path)
    run, own = shutil.copytree(trained, "run"), shutil.copytree(tree, "videos")
    shutil.copy("videos/walk/9.MP4", "videos/walk/00.mp4")
    record = json.loads((trained / "arguments.json").read_text())
    with open("run/arguments.json", "w") as file:
        json.dump(record | {"list": str(tmp_path / own)}, file)
    assert main(["train", "--resume", "--out", str(run), "--set", "epochs=2"]) == 0
    assert len(rows(run)) == 2 and (tmp_path / "run/train.txt").read_text() == (trained / "train.txt").read_text()
    capsys.readouterr()
    assert main(["train", "--resume", "--out", str(run), "--split", "0.3"]) == 2
    assert "--split: was 0.2, now 0.3" in capsys.readouterr().err
    assert main(["train", "--resume", "--out", str(run), "--split", "0.2"]) == 0
    # the lists are as good as the folder that they came from
    lists = ["run/train.txt", "--validation", "run/validation.txt", "--root", "videos"]
    assert main(["train", *lists, "--resume", "--out", str(run), "--set", "epochs=3"]) == 0 and len(rows(run)) == 3


def entry(label, number) -> Entry:
    return Entry(f"{label}/{number}.mp4", (label,), str(label), 0)


def test_the_split_is_stratified_and_of_the_seed():
    listed = [entry(label, number) for label, count in enumerate((1, 2, 3, 40)) for number in range(count)]
    training, validation = split_clips(listed, 0.25, 3)
    assert [[one.label for one in validation].count(label) for label in range(4)] == [0, 1, 1, 10]
    assert sorted(training + validation, key=listed.index) == listed
    assert split_clips(listed, 0.25, 3) == (training, validation) != split_clips(listed, 0.25, 4)
    assert split_clips(listed, 0.0, 3) == (listed, [])
    assert len(split_clips(listed, 0.99, 3)[0]) == 4
    # another clip in one class changes nothing in the others
    more = split_clips([*listed, entry(3, 40)], 0.25, 3)[1]
    assert [one for one in more if one.label < 3] == [one for one in validation if one.label < 3]


@pytest.mark.parametrize(
    ("change", "words", "said"),
    [
        (lambda: os.mkdir("videos/zebra"), [], "videos/zebra: holds no video; wanted a video for every class"),
        (lambda: shutil.move("videos", "videos2") and os.makedirs("videos/train") is None and
         shutil.move("videos2", "videos/train/x"), [],
         "videos/train: holds no video; it holds folders, such as videos/train/x"),
        (lambda: shutil.rmtree("videos") or os.mkdir("videos"), [], "videos: holds no folder of a class"),
        (lambda: os.rename("videos/walk", "videos/walk "), [], "spaces around its name"),
        (lambda: os.rename("videos/walk/9.MP4", "videos/walk/a\nb.mp4"), [], "a name with line breaks"),
        (lambda: os.rename(b"videos/walk/9.MP4", b"videos/walk/\xff.mp4"), [], "no text in UTF-8"),
        (None, ["--split", "1"], "--split: got 1, wanted a share from 0 to below 1"),
        (None, ["--split", "nan"], "--split: got nan, wanted a share"),
        (None, ["--split", "0.1", "--validation", "videos"], "--split: got --validation beside it"),
        (None, ["--form", "frames"], "videos: is a folder of classes, which holds videos"),
        (None, ["--out", "videos/run"], "videos/run lies in videos, which is read"),
        (lambda: Path("names.txt").write_text("Jump\nwalk\n"), ["--classes", "names.txt"],
         "videos/Run fast: is none of the 2 classes"),
        (lambda: os.mkdir("run") or Path("run/train.txt").touch(), [], "run: holds train.txt and no resume"),
    ],
)  # fmt: skip
def test_mistakes(videos, capsys, change, words, said):
    if change:
        change()
    assert train("videos", *words) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1, error
    assert not os.path.exists("run/resume.safetensors")


def test_more_mistakes(videos, capsys):
    (videos.parent / "list.txt").write_text("videos/walk/9.MP4 0\n")
    for words, changes, said in (
        (["list.txt", "--split", "0.2"], [], "--split: got a list of clips"),
        (["list.txt", "--validation", "videos"], [], "videos: is a folder of classes, whose labels are not known"),
        (["videos"], ["num_classes=5"], "num_classes: got 5, but videos has 3 classes"),
        (["videos"], ["multi_label=true"], "videos: is a folder of classes, where a clip has one"),
    ):
        assert train(*words, changes=changes) == 2
        assert said in capsys.readouterr().err and not os.path.exists("run")


def test_names_of_a_file_give_the_labels(videos):
    """In its order, and more of them than folders."""
    found = read_class_folders("videos", ("walk", "swim", "Run fast", "Jump"))
    assert [entry.label for entry in found.entries] == [0] * 2 + [2] * 4 + [3] * 5
    assert found.entries[0].where == "videos/walk"


def test_evaluate_takes_a_folder_by_the_names_that_the_weights_record(trained, videos, capsys):
    """A part of the classes is enough, and is labelled as in training; a class that was not trained is refused."""
    weights = str(trained / "last.safetensors")
    shutil.rmtree("videos/Jump")
    assert main(["evaluate", "videos", "--weights", weights, "--json", "a.json"]) == 0
    assert "videos: 2 files or folders are no video of a class" in capsys.readouterr().err
    lines = [f"{path} {label}\n" for label, name in ((1, "Run fast"), (2, "walk"))
             for path in sorted(str(p) for p in (videos / name).glob("*.[mM][pP]4"))]  # fmt: skip
    (videos.parent / "list.txt").write_text("".join(lines))
    assert main(["evaluate", "list.txt", "--weights", weights, "--json", "b.json"]) == 0
    a, b = (json.loads((videos.parent / name).read_text()) for name in ("a.json", "b.json"))
    assert a | {"list": "list.txt"} == b and a["list"] == "videos"
    capsys.readouterr()
    os.rename("videos/walk", "videos/stroll")
    assert main(["evaluate", "videos", "--weights", weights]) == 2
    assert "videos/stroll: is none of the 3 classes (Jump, Run fast, walk)" in capsys.readouterr().err


def test_evaluate_without_names(trained, videos, tmp_path, capsys):
    """Sorted folders are labels only where there are as many as classes."""
    from paddle_tsm.demo.material import write_demo_checkpoint
    from paddle_tsm.networks.network import Network

    for count, code in ((3, 0), (4, 2)):
        write_demo_checkpoint(
            str(tmp_path / f"{count}.pth"), Network("tsm_resnet10", num_classes=count, num_segments=2)
        )
        assert main(["evaluate", "videos", "--weights", f"{count}.pth", "--size", "32", "--num-segments", "2"]) == code
    assert "videos: has 3 classes, the network 4 without names; wanted --classes" in capsys.readouterr().err
