"""Lists from the data sets' own split files, on tiny ones made here."""

import json
from dataclasses import dataclass

import pytest

from paddle_tsm.cli import main
from paddle_tsm.lists import split_files
from paddle_tsm.lists.annotations import read_list


@dataclass
class Done:
    """What a command ended with, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def prepare(capsys):
    """Runs `paddle-tsm prepare`, as a user types it."""

    def run(what, *words):
        try:
            code = main(["prepare", what, *map(str, words)])
        except SystemExit as end:
            code = end.code
        return Done(code, *capsys.readouterr())

    return run


@pytest.fixture
def ucf(tmp_path):
    folder = tmp_path / "splits"
    folder.mkdir()
    (folder / "classInd.txt").write_text("1 Archery\r\n2 BabyCrawling\r\n")
    (folder / "trainlist01.txt").write_text("Archery/v_Archery_g08_c01.avi 1\r\nBabyCrawling/v_B_g08_c01.avi 2\r\n")
    (folder / "testlist01.txt").write_text("BabyCrawling/v_B_g01_c01.avi\n")
    return folder


def test_ucf101(prepare, ucf, tmp_path):
    done = prepare("ucf101", ucf, "--out", tmp_path / "lists", "--split", 1)
    assert done.returncode == 0, done.stderr
    entries = read_list(tmp_path / "lists" / "ucf101_train_split_1.txt", num_classes=2)
    assert [(entry.path, entry.label) for entry in entries] == [
        ("Archery/v_Archery_g08_c01.avi", 0),
        ("BabyCrawling/v_B_g08_c01.avi", 1),
    ]
    assert read_list(tmp_path / "lists" / "ucf101_val_split_1.txt")[0].label == 1
    assert "2 clips, 2 classes" in done.stdout


def test_ucf101_frames(prepare, ucf, tmp_path):
    counts = {"Archery/v_Archery_g08_c01": 3, "BabyCrawling/v_B_g08_c01": 2, "BabyCrawling/v_B_g01_c01": 1}
    for video, count in counts.items():
        (tmp_path / "jpg" / video).mkdir(parents=True)
        for i in range(count):
            (tmp_path / "jpg" / video / f"img_{i + 1:05d}.jpg").write_bytes(b"x")
    assert prepare("ucf101", ucf, "--out", tmp_path, "--split", 1, "--frames", tmp_path / "jpg").returncode == 0
    entries = read_list(tmp_path / "ucf101_train_split_1.txt", "frames")
    assert [(entry.path, entry.num_frames, entry.label) for entry in entries] == [
        ("Archery/v_Archery_g08_c01", 3, 0),
        ("BabyCrawling/v_B_g08_c01", 2, 1),
    ]
    (tmp_path / "jpg" / "BabyCrawling/v_B_g01_c01" / "img_00001.jpg").unlink()
    done = prepare("ucf101", ucf, "--out", tmp_path, "--split", 1, "--frames", tmp_path / "jpg")
    assert done.returncode == 2 and "v_B_g01_c01: no frames in the folder" in done.stderr


@pytest.mark.parametrize(
    "name, text, message",
    [
        ("trainlist01.txt", "Archery/a.avi 2", "trainlist01.txt, line 1: got 2 for Archery, wanted 1"),
        ("trainlist01.txt", "Bowling/a.avi 1", "trainlist01.txt, line 1: class 'Bowling' is not among the 2 known"),
        ("testlist01.txt", "", "testlist01.txt: the split is empty"),
        ("classInd.txt", "1 Archery\n3 BabyCrawling", "classInd.txt, line 2: got '3 BabyCrawling'"),
    ],
)
def test_ucf101_mistakes(prepare, ucf, tmp_path, name, text, message):
    (ucf / name).write_text(text)
    done = prepare("ucf101", ucf, "--out", tmp_path / "lists", "--split", 1)
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "lists").exists()  # although the other of the two lists was read without a mistake
    assert prepare("ucf101", tmp_path / "nowhere", "--out", tmp_path).returncode == 2


def test_ucf101_with_what_is_there(prepare, ucf, tmp_path):
    """One split, or its training list alone, needs no --split; a split that is asked for needs both of its files."""
    done = prepare("ucf101", ucf, "--out", tmp_path / "lists")
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (tmp_path / "lists").iterdir()}
    assert names == {"ucf101_train_split_1.txt", "ucf101_val_split_1.txt"}
    (ucf / "testlist01.txt").unlink()
    assert prepare("ucf101", ucf, "--out", tmp_path / "alone").returncode == 0
    assert [path.name for path in (tmp_path / "alone").iterdir()] == ["ucf101_train_split_1.txt"]
    done = prepare("ucf101", ucf, "--out", tmp_path / "asked", "--split", 1)
    assert done.returncode == 2 and "testlist01.txt" in done.stderr
    (ucf / "trainlist01.txt").unlink()
    done = prepare("ucf101", ucf, "--out", tmp_path / "none")
    assert done.returncode == 2 and "holds no trainlist0N.txt and no testlist0N.txt" in done.stderr
    assert done.stderr.count("\n") == 1 and not (tmp_path / "none").exists()


@pytest.fixture
def something(tmp_path):
    folder = tmp_path / "labels"
    folder.mkdir()
    names = ["Holding something", "Approaching something with your camera"]
    (folder / "something-something-v1-labels.csv").write_text("\n".join(names) + "\n")
    for split in ("train", "validation"):
        (folder / f"something-something-v1-{split}.csv").write_text(f"100218;{names[0]}\n24413;{names[1]}\n")
        records = [
            {"id": "78687", "label": "holding potato", "template": "Holding [something]"},
            {"id": "42326", "label": "x", "template": "Approaching [something] with your camera"},
        ]
        (folder / f"something-something-v2-{split}.json").write_text(json.dumps(records))
    (folder / "something-something-v2-labels.json").write_text(json.dumps({names[1]: "0", names[0]: "1"}))
    return folder


@pytest.mark.parametrize("order, labels", [("mmaction2", [0, 1]), ("mit", [1, 0])])
def test_something_v1_in_both_orders(prepare, something, tmp_path, order, labels):
    done = prepare("something", "v1", something, "--out", tmp_path, "--order", order)
    assert done.returncode == 0, done.stderr
    entries = read_list(tmp_path / "something_v1_train.txt")
    assert [(entry.path, entry.label) for entry in entries] == list(zip(["100218.webm", "24413.webm"], labels))


def test_something_v2(prepare, something, tmp_path):
    done = prepare("something", "v2", something, "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    entries = read_list(tmp_path / "something_v2_val.txt")
    assert [(entry.path, entry.label) for entry in entries] == [("78687.webm", 1), ("42326.webm", 0)]


@pytest.mark.parametrize("prefix", ["", "something-something-v2-"])
def test_something_v2_under_both_names(prepare, something, tmp_path, prefix):
    """Newer downloads have no name of the data set in front, and the answers of the test; test.json has no labels."""
    for path in something.glob("something-something-v2-*"):
        path.rename(something / path.name.replace("something-something-v2-", prefix))
    (something / f"{prefix}test.json").write_text(json.dumps([{"id": "1420"}, {"id": "7"}]))
    (something / f"{prefix}test-answers.csv").write_text(
        "1420;Approaching something with your camera\n7;Holding something\n"
    )
    done = prepare("something", "v2", something, "--out", tmp_path / "lists")
    assert done.returncode == 0, done.stderr
    found = {path.name: path for path in (tmp_path / "lists").iterdir()}
    assert sorted(found) == ["something_v2_test.txt", "something_v2_train.txt", "something_v2_val.txt"]
    assert [(one.path, one.label) for one in read_list(found["something_v2_test.txt"])] == [
        ("1420.webm", 0),
        ("7.webm", 1),
    ]
    assert [one.label for one in read_list(found["something_v2_train.txt"])] == [1, 0]


@pytest.mark.parametrize("there", [True, False])
def test_something_v2_under_one_name_only(prepare, something, tmp_path, there):
    """Which of two files counts is not guessed."""
    labels = something / "something-something-v2-labels.json"
    (something / "labels.json").write_bytes(labels.read_bytes())
    if not there:
        labels.unlink(), (something / "labels.json").unlink()
    done = prepare("something", "v2", something, "--out", tmp_path)
    says = f"holds {'both' if there else 'neither'} of something-something-v2-labels.json and labels.json; wanted one"
    assert done.returncode == 2 and says in done.stderr and done.stderr.count("\n") == 1


def test_something_mistakes(prepare, something, tmp_path):
    for version, words, got in (("v1", (), "none for v1"), ("v2", ("--order", "mit"), "mit for v2")):
        done = prepare("something", version, something, "--out", tmp_path / "lists", *words)
        assert done.returncode == 2 and f"--order: got {got}; v1 needs it" in done.stderr
        assert done.stderr.count("\n") == 1 and not (tmp_path / "lists").exists()
    with pytest.raises(ValueError, match="class order: got 'x', wanted one of mmaction2, mit"):
        split_files.something_v1_classes(something / "something-something-v1-labels.csv", "x")
    path = something / "something-something-v2-train.json"
    path.write_text(json.dumps([{"id": "1", "template": "Flying [something]"}]))
    with pytest.raises(ValueError, match="v2-train.json, record 1: got .*wanted an id and a known template"):
        split_files.something_v2_lines(path, {"Holding something": 0})
    path = something / "something-something-v1-train.csv"
    path.write_text("1;Holding something\n2;Flying something\n")
    with pytest.raises(ValueError, match="v1-train.csv, line 2: got '2;Flying something'"):
        split_files.something_v1_lines(path, {"Holding something": 0})
    (something / "something-something-v2-labels.json").write_text('{"a": "5"}')
    with pytest.raises(ValueError, match="the numbers from 0 on"):
        split_files.something_v2_classes(something / "something-something-v2-labels.json")
