"""A full disk: one line that names what was to be written, exit code 2, and nothing half-written."""

import errno
import os
import subprocess

import pytest

from paddle_tsm.cli import main
from paddle_tsm.demo.material import write_demo_checkpoint, write_demo_video
from paddle_tsm.networks.network import Network
from parity_tests.small_training import write_clip

SIZE = 300 << 10  # bytes of the small disk
CAUSAL = ("--shift-order", "causal")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("full")
    write_demo_checkpoint(str(folder / "w.pth"), Network("tsm_resnet10", num_classes=3))
    write_demo_video(str(folder / "long.mp4"), frames=700, size=(320, 240))
    write_clip(folder / "clip.mp4", 0)
    (folder / "list.txt").write_text("clip.mp4 0\nclip.mp4 1\n")
    return folder


@pytest.fixture
def small(tmp_path):
    """The folder of a file system of SIZE bytes."""
    words = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(tmp_path)]
    try:
        mounted = subprocess.run(words, capture_output=True, text=True)
    except FileNotFoundError:
        pytest.skip("there is no program `mount` here")
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


COMMANDS = {  # OUT: where the result goes
    "export": (["export", "w.pth", "OUT", "--size", "32"], "exported"),
    "export to onnx": (["export", "w.pth", "OUT", "--size", "32", "--to", "onnx"], "exported"),
    "export a stream": (["export", "w.pth", "OUT", "--size", "32", "--stream", *CAUSAL], "exported"),
    "convert": (["convert", "w.pth", "OUT"], "w.safetensors"),
    "predict": (["predict", "long.mp4", "--weights", "w.pth", "--size", "32", "--out", "OUT"], "long.mp4"),
    "stream": (["stream", "long.mp4", "--weights", "w.pth", "--size", "32", *CAUSAL, "--out", "OUT"], "long.avi"),
    "demo": (["demo", "--without-torch", "--arch", "tsm_resnet10", "--out", "OUT"], "demo"),
}


def refused(capsys, words: list[str], named) -> None:
    """The command ends with exit code 2 and one line that says what is wrong with which place."""
    capsys.readouterr()
    assert main(words) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and str(named) in said and "No space left on device" in said, said
    assert ".tmp" not in said and "unfinished" not in said, "the name that the user gave"


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name == "stream" else name for name in COMMANDS]
)
def test_it_becomes_full(folder, small, capsys, monkeypatch, name):
    monkeypatch.chdir(folder)
    words, out = COMMANDS[name]
    refused(capsys, [str(small / out) if word == "OUT" else word for word in words], small / out)
    left = [path.relative_to(small).as_posix() for path in small.rglob("*") if path.is_file()]
    assert left == (["demo/clip.mp4"] if name == "demo" else []), "a whole file of the demo's is no half one"


@pytest.mark.parametrize("option", ["--out", "--json"])
def test_evaluate_looks_before_it_runs(folder, small, capsys, monkeypatch, option):
    monkeypatch.chdir(folder)
    (small / "other").write_bytes(bytes(SIZE - 8192))
    refused(
        capsys,
        ["evaluate", "list.txt", "--weights", "w.pth", "--size", "32", option, str(small / "out")],
        small / "out",
    )
    assert capsys.readouterr().out == "" and os.listdir(small) == ["other"]


@pytest.mark.parametrize(
    "words",
    [
        ["evaluate", "list.txt", "--weights", "w.pth", "--out", "out"],
        ["predict", "clip.mp4", "--weights", "w.pth", "--out", "out.mp4"],
        ["stream", "clip.mp4", "--weights", "w.pth", *CAUSAL, "--out", "out.mp4"],
    ],
    ids=lambda words: words[0],
)
def test_no_network_runs_in_vain(folder, capsys, monkeypatch, words):
    """Without a file system of our own: the system says that the disk is full, and no network is run."""
    monkeypatch.chdir(folder)
    before = sorted(os.listdir(folder))

    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def run(*arguments):
        raise AssertionError("a network is run")

    monkeypatch.setattr(os, "fsync", full)
    monkeypatch.setattr("paddle_tsm.inference.opening.open_network", run)
    monkeypatch.setattr("paddle_tsm.evaluation.score_several.score_several", run)
    refused(capsys, words, words[-1])
    assert capsys.readouterr().out == "" and sorted(os.listdir(folder)) == before
