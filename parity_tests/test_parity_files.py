"""What `paddle-tsm parity` leaves behind when the two cannot be compared: an error for CI, never an older verdict."""

import json
import os
import subprocess
import sys
from xml.etree import ElementTree

import pytest

import paddle_tsm.parity.checkpoint_pair as parity_files
from paddle_tsm.cli import main
from paddle_tsm.demo.material import write_demo_checkpoint
from paddle_tsm.networks.network import Network
from parity_tests.small_training import environment

OLD_JSON = '{"equal": true, "verdict": "equal", "rows": []}'
OLD_JUNIT = (
    '<testsuite name="paddle-tsm parity" tests="1" failures="0"><testcase classname="parity" name="old" /></testsuite>'
)
OLD_PAGE = "<html><h1>paddle-tsm parity</h1><b>Equal.</b></html>"


@pytest.fixture
def folder(tmp_path, monkeypatch, r18_file):
    """The current folder: a.pth, other.pth of another number of classes, and the files of an older comparison that
    passed.
    """
    monkeypatch.chdir(tmp_path)
    os.symlink(r18_file, "a.pth")
    (tmp_path / "torn.pth").write_bytes(r18_file.read_bytes()[:5000])
    (tmp_path / "p.json").write_text(OLD_JSON)
    (tmp_path / "p.xml").write_text(OLD_JUNIT)
    return tmp_path


def run(*words) -> int:
    """The exit code of `paddle-tsm parity`, also where argparse ends the process."""
    try:
        return main(["parity", *words])
    except SystemExit as end:
        return end.code


def check_error(folder, *texts) -> str:
    """p.json and p.xml say that there was no comparison; returns the reason."""
    report = json.loads((folder / "p.json").read_text())
    assert report["equal"] is False and report["rows"] == []
    suite = ElementTree.parse(folder / "p.xml").getroot()
    assert {name: suite.get(name) for name in ("tests", "failures", "errors")} == {
        "tests": "1",
        "failures": "0",
        "errors": "1",
    }
    (case,) = suite.findall("testcase")
    assert case.find("error").get("message") == report["error"]
    assert all(text in report["error"] for text in texts), report["error"]
    return report["error"]


FILES = ["--json", "p.json", "--junit", "p.xml"]


@pytest.mark.parametrize(
    "words, text",
    [
        (["none.pth"], "none.pth"),
        (["torn.pth"], "torn.pth"),
        (["a.pth", "none.pth"], "none.pth"),
        (["a.pth", "--video", "none.mp4"], "none.mp4"),
        (["a.pth", "--size", "0"], "--size"),
        (["a.pth", "--seed", "-1"], "--seed"),
        (["a.pth", "--steps", "1", "--lr", "inf"], "--lr"),
        (["a.pth", "--shift-div", "1"], "shift_div"),
        (["a.pth", "--lr", "1"], "--steps"),
        (["a.pth", "--clips", "2", "--video", "none.mp4"], "--clips"),
        ([], "got no checkpoint"),
        (["--differences"], "compares nothing"),
        (["a.pth", "--size", "small"], "--size"),  # the command line itself is refused
        (["a.pth", "--sizes", "32"], "--sizes"),
        (["a.pth", "a.pth", "a.pth"], "unrecognized"),
        (["a.pth", "--shift-order", "backwards"], "--shift-order"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_an_error_case_takes_the_place_of_an_older_verdict(folder, capsys, words, text, first):
    assert run(*(FILES + words if first else words + FILES)) == 2
    reason = check_error(folder, text)
    assert reason in " ".join(capsys.readouterr().err.split()), "the files and the terminal say the same"


def test_networks_of_other_shapes(folder, capsys):
    write_demo_checkpoint("other.pth", Network("tsm_resnet18", num_classes=5))
    assert run("a.pth", "other.pth", *FILES) == 2
    check_error(folder, "cannot be compared", "27 classes")


def test_a_fault_of_ours_is_no_difference(folder, capsys, monkeypatch):
    """A traceback ends a process with exit code 1, which says here that the networks differ."""

    def fault(*args, **options):
        raise KeyError("bn1")

    monkeypatch.setattr(parity_files, "run_parity", fault)
    assert run("a.pth", *FILES) == 2
    check_error(folder, "KeyError: 'bn1'")
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error, code, text", [(KeyboardInterrupt(), 130, "interrupted"), (SystemExit(143), 143, "a signal")]
)
def test_an_interrupted_comparison(folder, monkeypatch, error, code, text):
    """While it runs the files say that it has not ended, so that not even a kill leaves the older ones."""
    seen = []

    def interrupted(*args, **options):
        seen.append(check_error(folder))
        assert sorted(os.listdir("new/page")) == []
        raise error

    monkeypatch.setattr(parity_files, "run_parity", interrupted)
    assert run("a.pth", *FILES, "--report", "new/page") == code
    assert "did not end" in seen[0] and text in check_error(folder)
    assert not (folder / "new").exists(), "an empty folder was left"


def test_after_a_comparison_the_files_are_its_own(folder, capsys):
    assert run("a.pth", *FILES, "--size", "32") == 0
    report = json.loads((folder / "p.json").read_text())
    assert report["equal"] is True and report["error"] is None and len(report["rows"]) > 5
    suite = ElementTree.parse(folder / "p.xml").getroot()
    assert suite.get("errors") == suite.get("failures") == "0" and len(suite.findall("testcase")) == len(report["rows"])


@pytest.mark.parametrize(
    "words, text",
    [
        (["--json", "nowhere/p.json", "--junit", "p.xml"], "--json nowhere/p.json: cannot be written"),
        (["--json", "p.json", "--junit", "nowhere/p.xml"], "--junit nowhere/p.xml: cannot be written"),
        (["--json", "folder", "--junit", "p.xml"], "--json folder: is not a file"),
        (["--json", "/dev/null", "--junit", "p.xml"], "--json /dev/null: is not a file"),
        (["--json", "p.xml", "--junit", "./p.xml"], "--junit ./p.xml: is also p.xml"),
        (["--junit", "p.xml", "--report", "a.pth"], "--report a.pth: cannot be written to"),
        (["--junit", "p.xml", "--report", "torn.pth/page"], "--report torn.pth/page: cannot be written to"),
        (["--junit", "p.xml", "--report", "site"], "--report site: holds an index.html that is not"),
    ],
)
def test_what_cannot_be_written_is_said_before_the_run(folder, capsys, monkeypatch, words, text):
    (folder / "folder").mkdir()
    (folder / "site").mkdir()
    (folder / "site" / "index.html").write_text("<h1>My site</h1>")
    monkeypatch.setattr(parity_files, "read_pair", lambda *a, **o: pytest.fail("the run began"))
    assert run("a.pth", *words) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and text in error
    assert (folder / "site" / "index.html").read_text() == "<h1>My site</h1>"
    for name in ("p.json", "p.xml"):
        if name in words:  # what could be written has the error
            assert text in (folder / name).read_text() and 'name="old"' not in (folder / name).read_text()


@pytest.mark.parametrize("option", ["--json", "--junit"])
@pytest.mark.parametrize("name", ["a.pth", "b.pth", "b.pth.json", "clip.mp4", "link", "../{}/b.pth"])
@pytest.mark.parametrize("refused", [False, True])
def test_no_input_is_written_over(folder, capsys, option, name, refused):
    """Neither by a report nor by the note that the command line was refused."""
    (folder / "link").symlink_to("b.pth")
    for each in ("b.pth", "b.pth.json", "clip.mp4"):
        (folder / each).write_bytes(f"all of {each}".encode())
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    words = ["a.pth", "b.pth", "--video=clip.mp4", option, name.format(folder.name)]
    assert run(*words, *(["--size", "small"] if refused else [])) == 2
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("words", [["none.pth"], ["a.pth", "--size", "small"]])
def test_an_older_page_does_not_stay(folder, capsys, words):
    page = folder / "page"
    page.mkdir()
    for name, text in (("index.html", OLD_PAGE), ("losses.png", "plot"), ("notes.txt", "mine")):
        (page / name).write_text(text)
    assert run(*words, "--report", "page") == 2
    assert os.listdir(page) == ["notes.txt"]


def test_names_that_xml_cannot_hold(folder, capsys):
    assert run("a.pth", "a.pth", "a\x1b[31m.pth", *FILES) == 2  # one too many, and argparse repeats it as it is
    assert r"a\x1b[31m.pth" in ElementTree.parse(folder / "p.xml").getroot().find("testcase/error").get("message")
    assert r"a\x1b[31m.pth" in json.loads((folder / "p.json").read_text())["error"]


def test_a_closed_pipe_does_not_change_the_exit_code(folder):
    """`paddle-tsm parity A | head -1`: 1 would say that the networks differ."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "paddle_tsm", "parity", "a.pth", "--size", "32", *FILES]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, cwd=folder, env=environment(), timeout=120)
    os.close(write)
    assert done.returncode == 0, done.stderr
    assert json.loads((folder / "p.json").read_text())["equal"] is True
