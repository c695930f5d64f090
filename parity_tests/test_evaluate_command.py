"""`paddle-tsm evaluate` as a user types it: the files, the ensembles, and one line for each misuse."""

import csv
import json
import os
import re
import shutil
import signal
import sys

import cv2
import numpy as np
import pytest

from paddle_tsm.cli import main
from paddle_tsm.data.clip_reader import ClipReader
from paddle_tsm.data.presets import preset
from paddle_tsm.demo.material import write_demo_checkpoint, write_demo_video
from paddle_tsm.evaluation.paddle_run import run_of
from paddle_tsm.evaluation.score import score_clips
from paddle_tsm.inference.evaluated_networks import EvaluatedNetwork
from paddle_tsm.lists.annotations import read_list
from paddle_tsm.models.layers.convolution import fix_weights
from paddle_tsm.models.load import load_model
from paddle_tsm.networks.network import Network

CLASSES, VIDEOS = 6, 6
OPTIONS = ["--size", "32", "--num-segments", "2"]
FILES = ["confusion.csv", "confusion.png", "metrics.json", "scores.csv"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("command")
    for i in range(VIDEOS):
        write_demo_video(str(folder / f"{i}.mp4"), 4 + i, (48, 32), seed=i)
    (folder / "list.txt").write_text("".join(f"{i}.mp4 {i % 5}\n" for i in range(VIDEOS)))
    (folder / "multi.txt").write_text("".join(f"{i}.mp4 {i % 5},{i % 5 + 1}\n" for i in range(VIDEOS)))
    (folder / "classes.txt").write_text("left\nright\nup\ndown\ncosts $1, grow\nshrink\n", "utf-8")
    (folder / "empty.mp4").write_bytes(b"")
    for seed, layout in enumerate(("mmaction2", "mit")):
        write_demo_checkpoint(folder / f"{layout}.pth", Network("tsm_resnet18", CLASSES), layout=layout, seed=seed)
    write_demo_checkpoint(folder / "other.pth", Network("tsm_resnet18", CLASSES + 1))
    return folder


@pytest.fixture
def command(folder, monkeypatch):
    """Runs `paddle-tsm evaluate` in the folder of the videos."""
    monkeypatch.chdir(folder)
    return lambda *words: main(["evaluate", *map(str, words), *OPTIONS])


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def direct(folder, checkpoint, average=None, **options):
    """The scores without the command."""
    pixels = preset("mmaction2", size=32, **options)
    reader = ClipReader(read_list(folder / "list.txt", root=folder), pixels, 2)
    model = load_model(folder / checkpoint, num_segments=2)
    fix_weights(model)  # as the command does with a model that nobody else can reach
    return score_clips(run_of(model), reader).scores


def test_files_of_one_checkpoint(folder, command, tmp_path, capsys):
    out = tmp_path / "out"
    words = ["--sampling", "twice", "--classes", "classes.txt", "--out", out, "--json", tmp_path / "m.json"]
    assert command("list.txt", "--weights", "mmaction2.pth", *words) == 0
    assert sorted(os.listdir(out)) == FILES
    header, *table = rows(out / "scores.csv")
    assert header[:5] == ["path", "line", "label", "predicted", "rank"] and header[9] == "score 4 costs $1, grow"
    scores = np.array([[float(text) for text in row[5:]] for row in table])
    assert np.array_equal(scores, direct(folder, "mmaction2.pth", sampling="twice")), (
        "scores are written to the last bit"
    )
    for i, (row, score) in enumerate(zip(table, scores.tolist())):
        assert row[:3] == [f"{i}.mp4", str(i + 1), str(i % 5)]
        assert int(row[3]) == score.index(max(score))
        assert int(row[4]) == sorted(score, reverse=True).index(score[i % 5]) + 1
    found = json.loads((out / "metrics.json").read_text())
    assert (tmp_path / "m.json").read_bytes() == (out / "metrics.json").read_bytes()
    places = [int(row[4]) for row in table]
    assert found["checkpoints"][0]["top1"] == sum(place == 1 for place in places) / VIDEOS
    assert found["checkpoints"][0]["top5"] == sum(place <= 5 for place in places) / VIDEOS
    assert found["clips"] == VIDEOS and found["views"] == 2 and found["ensemble"] is None and found["skipped"] == []
    assert found["class_accuracies"][5] is None, "no clip has class 5"
    matrix = rows(out / "confusion.csv")
    assert [row[0] for row in matrix[1:]] == matrix[0][1:] and matrix[0][5] == "4 costs $1, grow"
    for row in table:
        assert int(matrix[int(row[2]) + 1][int(row[3]) + 1]) > 0
    assert sum(int(count) for row in matrix[1:] for count in row[1:]) == VIDEOS
    picture = cv2.imread(str(out / "confusion.png"))
    assert picture.shape[0] > 400 and picture.std() > 10
    output = capsys.readouterr().out
    assert f"{100 * found['checkpoints'][0]['top1']:.2f} %" in output
    (speed,) = (line for line in output.splitlines() if "videos/s" in line)
    shares = [int(part) for part in re.findall(r"(\d+) %", speed)]
    assert len(shares) == 3 and 50 < sum(shares) <= 101 and "running the network" in speed and "waiting" in speed


def test_no_byte_depends_on_batch_or_workers(command, tmp_path):
    written = []
    for number, words in enumerate((["--batch", 1, "--workers", 0], ["--batch", 7, "--workers", 3], [])):
        out = tmp_path / str(number)
        crops = ["--sampling", "twice", "--crops", "three"]
        assert command("list.txt", "--weights", "mmaction2.pth", *crops, "--out", out, *words) == 0
        written.append({name: (out / name).read_bytes() for name in os.listdir(out)})
    assert written[0] == written[1] == written[2] and len(written[0]) == len(FILES)


def test_ensemble(folder, command, tmp_path, capsys):
    both = ["--weights", "mmaction2.pth", "mit.pth", "--preset", "mmaction2", "--ensemble-weights", "3,1"]
    assert command("list.txt", *both, "--out", tmp_path) == 0
    a, b = direct(folder, "mmaction2.pth"), direct(folder, "mit.pth")
    scores = np.array([[float(text) for text in row[5:]] for row in rows(tmp_path / "scores.csv")[1:]])
    assert abs(scores - (0.75 * a + 0.25 * b)).max() < 1e-15 and abs(a - b).max() > 1e-3
    found, labels = json.loads((tmp_path / "metrics.json").read_text()), np.arange(VIDEOS) % 5
    shares = [float((array.argmax(1) == labels).mean()) for array in (a, b, scores)]
    assert [found["checkpoints"][0]["top1"], found["checkpoints"][1]["top1"], found["ensemble"]["top1"]] == shares
    assert [one["weight"] for one in found["checkpoints"]] == [3, 1]
    lines = capsys.readouterr().out.splitlines()
    for name, share in zip(("mmaction2.pth", "mit.pth", "ensemble"), shares):
        assert any(name in line and f"{100 * share:.2f} %" in line for line in lines)


def test_only_what_was_asked_for(command, tmp_path, capsys):
    both = ["list.txt", "--weights", "mmaction2.pth", "mit.pth", "--preset", "mmaction2", "--json", tmp_path / "m.json"]
    assert command(*both) == 0
    assert "ensemble" not in capsys.readouterr().out
    found = json.loads((tmp_path / "m.json").read_text())
    assert found["ensemble"] is None and [one["weight"] for one in found["checkpoints"]] == [None, None]
    accuracies = [one["class_accuracies"] for one in found["checkpoints"]]
    assert accuracies[0] != accuracies[1] and [len(one) for one in accuracies] == [CLASSES] * 2
    assert command(*both, "--ensemble") == 0
    assert "ensemble" in capsys.readouterr().out
    asked = json.loads((tmp_path / "m.json").read_text())
    assert asked["ensemble"]["top1"] >= 0 and [one["weight"] for one in asked["checkpoints"]] == [1, 1]
    assert len(asked["class_accuracies"]) == CLASSES


@pytest.mark.parametrize("length", [4, 40, 120])
def test_paths_and_rows_are_whole(folder, command, tmp_path, capsys, monkeypatch, length):
    """At 80 columns, however long a path is: the path stands in one line, and each row's numbers in one."""
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(folder)
    paths = [os.path.join(name * length, name) for name in ("a", "b")]
    for path, source in zip(paths, ("mmaction2.pth", "mit.pth")):
        os.makedirs(os.path.dirname(path))
        shutil.copy(source, path)
    assert command("list.txt", "--weights", *paths, "--preset", "mmaction2", "--ensemble") == 0
    for path in paths:
        shutil.rmtree(os.path.dirname(path))
    lines = capsys.readouterr().out.splitlines()
    assert all(sum(path in line for line in lines) == 1 for path in paths)
    rows = [line for line in lines if "%" in line and "videos/s" not in line]
    assert [line.count("%") for line in rows] == [3, 3, 3], "top-1, top-5 and mean class of each"
    assert all(len(line) <= 80 for line in rows)


def test_the_preset_is_the_systems_own(command, tmp_path):
    for name in ("mmaction2", "mit"):
        assert command("list.txt", "--weights", f"{name}.pth", "--json", tmp_path / "m.json") == 0
        assert json.loads((tmp_path / "m.json").read_text())["preset"] == name


def test_several_labels(command, tmp_path):
    (tmp_path / "confusion.png").write_text("of an older evaluation")
    words = ["--weights", "mmaction2.pth", "--multi-label", "--out", tmp_path]
    assert command("multi.txt", *words) == 0
    assert sorted(os.listdir(tmp_path)) == ["metrics.json", "scores.csv"], "an older picture is not this evaluation's"
    found = json.loads((tmp_path / "metrics.json").read_text())
    assert 0 < found["checkpoints"][0]["mean_average_precision"] < 1 and len(found["average_precisions"]) == CLASSES
    assert rows(tmp_path / "scores.csv")[3][2] == "2 3"


def test_folders_of_frames(tmp_path, r18_file, capsys):
    """The names of Jester's frames and its number of classes (27) come from its entry in DATA_SETS."""
    for clip in range(3):
        (tmp_path / f"clip {clip}").mkdir()
        for frame in range(1, 9):
            image = np.full((40, 50, 3), 25 * frame + clip, "uint8")
            assert cv2.imwrite(str(tmp_path / f"clip {clip}" / f"{frame:05d}.jpg"), image)
    (tmp_path / "frames.txt").write_text("".join(f"clip {i} 8 {i}\n" for i in range(3)))
    (tmp_path / "offset.txt").write_text("".join(f"clip {i} 4 4 {i}\n" for i in range(3)))
    words = ["--weights", str(r18_file), "--root", str(tmp_path), "--data-set", "jester", *OPTIONS]
    for form in ("frames", "offset"):
        out = str(tmp_path / form)
        assert main(["evaluate", str(tmp_path / f"{form}.txt"), "--form", form, "--out", out, *words]) == 0
    whole, second_half = (rows(tmp_path / form / "scores.csv") for form in ("frames", "offset"))
    assert len(whole) == len(second_half) == 4 and whole[1][5:] != second_half[1][5:]


def test_bad_clips_are_skipped_and_named(folder, command, tmp_path, capsys):
    (tmp_path / "bad.txt").write_text("0.mp4 0\nempty.mp4 1\n2.mp4 2\nmissing.mp4 3\n")
    for check in ("first", "none", "exists", "all"):
        words = ["--weights", "mmaction2.pth", "--skip-bad", "--check", check, "--out", tmp_path / check]
        assert command(tmp_path / "bad.txt", *words) == 0
        output = capsys.readouterr().out
        assert "2 clips were skipped:" in output and "line 2: empty.mp4" in output and "line 4: missing.mp4" in output
        assert [row[1] for row in rows(tmp_path / check / "scores.csv")[1:]] == ["1", "3"]
        assert len(json.loads((tmp_path / check / "metrics.json").read_text())["skipped"]) == 2
    assert command("list.txt", "--weights", "mmaction2.pth", "--skip-bad") == 0
    assert "no clip was skipped" in capsys.readouterr().out


MISUSES = {
    "missing list": (["none.txt"], "none.txt"),
    "empty list": (["nothing.txt"], "the list is empty"),
    "label beyond the classes": (["beyond.txt"], "beyond.txt, line 2: label 6, wanted 0 to 5 for 6 classes"),
    "two labels": (["multi.txt"], "multi.txt, line 1: label: got '0,1'"),
    "zero-byte video": (["zero.txt"], "zero.txt, line 2: empty.mp4"),
    "zero-byte video, unchecked": (["zero.txt", "--check", "none"], "zero.txt, line 2: empty.mp4"),
    "no clip can be read": (["only.txt", "--skip-bad"], "none of the 1 clips can be read"),
    "no clip can be read, unchecked": (["only.txt", "--skip-bad", "--check", "none"], "none of the clips can be read"),
    "unknown preset": (
        ["list.txt", "--preset", "slowfast"],
        "got 'slowfast', wanted one of mmaction2, mit, mit-flow, paddlevideo",
    ),
    "unknown sampling": (["list.txt", "--sampling", "thrice"], "got 'thrice', wanted one of uniform"),
    "sampling that a system lacks": (
        ["list.txt", "--preset", "paddlevideo", "--sampling", "dense"],
        "wanted one of uniform",
    ),
    "unknown crops": (["list.txt", "--crops", "five"], "got 'five', wanted one of centre"),
    "unknown check": (["list.txt", "--check", "some"], "got 'some', wanted one of exists, first, all, none"),
    "unknown average": (["list.txt", "--average", "median"], "got 'median', wanted one of probabilities, logits"),
    "unknown form": (["list.txt", "--form", "folder", "--template", "{}.jpg"], "got 'folder', wanted one of video"),
    "unknown data set": (["list.txt", "--data-set", "imagenet"], "got 'imagenet', wanted one of ucf101"),
    "another data set's classes": (["list.txt", "--data-set", "ucf101"], "got 6 classes, wanted the 101 of UCF101"),
    "template for videos": (["list.txt", "--template", "{}.jpg"], "got one for a list of videos"),
    "frames without names": (["list.txt", "--form", "frames"], "wanted --template"),
    "one weight for one": (["list.txt", "--ensemble-weights", "1,2"], "got 2 for 1 checkpoint, wanted one each"),
    "one weight for two": (
        ["list.txt", "--weights", "mmaction2.pth", "mit.pth", "--ensemble-weights", "1"],
        "got 1 for 2",
    ),
    "two in one file": (
        ["list.txt", "--weights", "mmaction2.pth", "mit.pth", "--preset", "mmaction2", "--out", "out"],
        "got 2 checkpoints, whose scores are not one scores.csv; wanted --ensemble",
    ),
    "weights that are no numbers": (["list.txt", "--ensemble-weights", "a"], "got 'a', wanted numbers with commas"),
    "a weight of 0": (["list.txt", "--ensemble-weights", "0"], "got 0, wanted positive"),
    "two systems": (["list.txt", "--weights", "mmaction2.pth", "mit.pth"], "mit and mmaction2, wanted --preset"),
    "two numbers of classes": (
        ["list.txt", "--weights", "mmaction2.pth", "other.pth"],
        "other.pth: got 7 classes, wanted 6",
    ),
    "missing checkpoint": (["list.txt", "--weights", "none.pth"], "none.pth"),
    "batch of 0": (["list.txt", "--batch", "0"], "--batch: got 0"),
    "names of other classes": (["list.txt", "--classes", "only.txt"], "only.txt: got 1 names, wanted one for each"),
    "missing names": (["list.txt", "--classes", "none.txt"], "none.txt"),
    "folder of the JSON": (["list.txt", "--json", "none/m.json"], "make the folder first"),
    "folder that is a file": (["list.txt", "--out", "list.txt"], "list.txt"),
}


@pytest.mark.parametrize("name", MISUSES)
def test_misuse_is_one_line(folder, command, capsys, name):
    words, wanted = MISUSES[name]
    lists = {"nothing": "\n\n", "beyond": "0.mp4 0\n1.mp4 6\n", "zero": "0.mp4 0\nempty.mp4 1\n"}
    lists["only"] = "empty.mp4 1\n"
    for stem, text in lists.items():
        (folder / f"{stem}.txt").write_text(text)
    weights = [] if "--weights" in words else ["--weights", "mmaction2.pth"]
    before = sorted(os.listdir(folder))
    assert command(*words, *weights) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and error.startswith("paddle-tsm evaluate: error: ") and wanted in error, error
    assert sorted(os.listdir(folder)) == before


def test_without_matplotlib_one_line_says_so(command, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # as if it were not installed
    assert command("list.txt", "--weights", "mmaction2.pth", "--out", tmp_path) == 0
    assert sorted(os.listdir(tmp_path)) == [name for name in FILES if name != "confusion.png"]
    lines = [line for line in capsys.readouterr().out.splitlines() if "left out" in line]
    assert len(lines) == 1 and "constraints.txt 'matplotlib>=" in lines[0]


@pytest.mark.parametrize("when", ["scoring", "writing"])
def test_ctrl_c_leaves_the_old_files(command, tmp_path, capsys, monkeypatch, when):
    assert command("list.txt", "--weights", "mmaction2.pth", "--out", tmp_path) == 0
    before = {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)}
    assert sorted(before) == FILES
    if when == "scoring":
        make = EvaluatedNetwork.run

        def engine_run(*arguments):
            run, calls = make(*arguments), []

            def stopping(x):
                calls.append(x)
                if len(calls) == 3:
                    signal.raise_signal(signal.SIGINT)
                return run(x)

            return stopping

        monkeypatch.setattr(EvaluatedNetwork, "run", engine_run)
    else:
        from paddle_tsm.evaluation import result_files

        monkeypatch.setattr(result_files, "write_confusion", lambda *_: signal.raise_signal(signal.SIGINT))
    words = ["--weights", "mmaction2.pth", "--sampling", "twice", "--batch", 2, "--out", tmp_path]
    assert command("list.txt", *words) == 130
    assert "interrupted" in capsys.readouterr().err
    assert set(os.listdir(tmp_path)) == {*FILES, "unfinished"}  # which has the clips that were scored
    assert {name: (tmp_path / name).read_bytes() for name in FILES} == before


def test_a_full_disk_leaves_the_old_files(command, tmp_path, capsys, monkeypatch):
    assert command("list.txt", "--weights", "mmaction2.pth", "--out", tmp_path) == 0
    before = {name: (tmp_path / name).read_bytes() for name in os.listdir(tmp_path)}
    from paddle_tsm.evaluation import result_files

    def full(*_):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(result_files, "as_json", full)  # the last of the files
    assert command("list.txt", "--weights", "mmaction2.pth", "--sampling", "twice", "--out", tmp_path) == 2
    assert "No space left" in capsys.readouterr().err
    assert set(os.listdir(tmp_path)) == {*FILES, "unfinished"}
    assert {name: (tmp_path / name).read_bytes() for name in FILES} == before


def test_help_has_an_example(capsys):
    with pytest.raises(SystemExit) as done:
        main(["evaluate", "--help"])
    assert done.value.code == 0 and "example" in capsys.readouterr().out
