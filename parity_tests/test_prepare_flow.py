"""`paddle-tsm prepare flow`: what it computes, and that a clip is whole or not there."""

import os
import signal
import threading

import cv2
import numpy as np
import pytest

from paddle_tsm.cli import main
from paddle_tsm.data import flow_folders, optical_flow
from paddle_tsm.data.clip_reader import ClipReader
from paddle_tsm.data.presets import preset
from paddle_tsm.lists.annotations import read_list
from paddle_tsm.lists.check_list import check_list
from paddle_tsm.lists.frame_source import FrameSource
from paddle_tsm.videos.frame_folder import FLOW, FLOW_TEMPLATE, read_frames
from paddle_tsm.videos.video_writer import MOTION_JPEG, complete_video
from parity_tests.test_interrupt import interrupted

STEP = (3, -2)  # pixels to the right and down in each frame


def write_moving(path, frames=6, step=STEP, size=(96, 64)):
    """A video of one large texture that moves by `step` in each frame."""
    texture = np.random.default_rng(0).integers(0, 256, (20, 30, 3), "uint8")
    texture = cv2.resize(texture, (240, 160), interpolation=cv2.INTER_CUBIC)
    with complete_video(path, 10.0, MOTION_JPEG) as append:
        for i in range(frames):
            left, top = 60 - i * step[0], 40 - i * step[1]
            append(np.ascontiguousarray(texture[top : top + size[1], left : left + size[0]]))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Three videos and their list, in the working directory."""
    monkeypatch.chdir(tmp_path)
    os.makedirs("videos/b")
    for name, step in (("a.avi", STEP), ("b/still.avi", (0, 0)), ("b/back one.avi", (-3, 2))):
        write_moving(f"videos/{name}", step=step)
    (tmp_path / "val.txt").write_text("a.avi 1\nb/still.avi 0\nb/back one.avi 2\n")
    return tmp_path


def prepare(*words):
    return main(["prepare", "flow", "val.txt", "--root", "videos", "--out", "flow", *words])


def test_the_flow_and_its_list(folder, capsys):
    assert prepare() == 0
    said = capsys.readouterr()
    assert "flow/val.txt: 3 clips by" in said.out and "3 of them made now" in said.out
    assert optical_flow.has_tvl1() or "takes DIS flow: this OpenCV has no TV-L1" in said.err
    assert (folder / "flow" / "val.txt").read_text() == "a 5 1\nb/still 5 0\nb/back one 5 2\n"
    moved = {}
    for name in ("a", "b/still", "b/back one"):
        x_and_y = np.stack(read_frames(f"flow/{name}", FLOW_TEMPLATE, range(1, 6), FLOW))
        assert x_and_y.shape == (5, 64, 96, 2)
        pixels = x_and_y[:, 16:-16, 16:-16].astype("float64") / 255 * 40 - 20  # back from 0..255
        moved[name] = np.median(pixels, axis=(0, 1, 2))
    assert np.allclose(moved["a"], STEP, atol=0.3), moved  # one grey level is 0.16 pixels
    assert np.allclose(moved["b/back one"], (-3, 2), atol=0.3) and np.allclose(moved["b/still"], 0, atol=0.1)


def test_what_it_wrote_is_read_as_network_input(folder):
    assert prepare() == 0
    entries = read_list("flow/val.txt", "frames", root="flow")
    source = FrameSource(FLOW_TEMPLATE)
    assert check_list(entries, source, depth="all", progress=False) == (entries, [])
    views, labels, _ = ClipReader(entries, preset("mit-flow", size=28), 4, source=source)[0]
    assert views.shape == (4, 10, 28, 28) and labels == (1,)


def test_pictures_are_the_usual_tools():
    motion = np.array([-30, -20, -19.9, -10, 0, 0.02, 10, 20, 21], "float32")
    assert optical_flow.as_picture(motion).tolist() == [0, 0, 1, 64, 128, 128, 191, 255, 255]
    assert optical_flow.as_picture(motion, bound=10).tolist() == [0, 0, 0, 0, 128, 128, 255, 255, 255]


def test_from_frame_folders(folder, capsys):
    """The same frames in a folder give the same flow, to what JPEG costs; --short scales first."""
    os.makedirs("frames/a")
    capture = cv2.VideoCapture("videos/a.avi")
    for number in range(1, 7):
        cv2.imwrite(f"frames/a/img_{number:05d}.png", capture.read()[1])
    (folder / "list.txt").write_text("a 6 1\n")
    words = ["--form", "frames", "--root", "frames", "--template", "img_{:05d}.png"]
    assert main(["prepare", "flow", "list.txt", *words, "--out", "one"]) == 0
    assert main(["prepare", "flow", "list.txt", *words, "--out", "two", "--short", "32"]) == 0
    assert prepare() == 0
    numbers = range(1, 6)
    one, two, video = (read_frames(f"{out}/a", FLOW_TEMPLATE, numbers, FLOW) for out in ("one", "two", "flow"))
    assert np.array_equal(one, video) and two[0].shape == (32, 48, 2)


def test_it_goes_on_and_keeps_what_is_there(folder, capsys):
    assert prepare() == 0
    before = os.stat("flow/a/flow_x_00001.jpg").st_mtime_ns
    for name in os.listdir("flow/b/still"):
        os.unlink(f"flow/b/still/{name}")
    os.rmdir("flow/b/still")
    os.makedirs("flow/b/.still.tmp")  # a killed program left it
    capsys.readouterr()
    assert prepare() == 0
    assert "1 of them made now" in capsys.readouterr().out
    assert os.stat("flow/a/flow_x_00001.jpg").st_mtime_ns == before
    assert sorted(os.listdir("flow/b")) == ["back one", "still"] and len(os.listdir("flow/b/still")) == 10
    assert prepare("--bound", "10") == 2
    assert "flow: has flow of other settings" in capsys.readouterr().err


@pytest.mark.parametrize("skip", [False, True])
def test_a_clip_that_cannot_be_read(folder, capsys, skip):
    (folder / "videos" / "a.avi").write_bytes(b"no video")
    write_moving("videos/b/still.avi", frames=1)
    assert prepare(*(["--skip-bad"] if skip else [])) == (0 if skip else 2)
    said = capsys.readouterr()
    if skip:
        assert (folder / "flow" / "val.txt").read_text() == "b/back one 5 2\n"
        assert "2 clips were skipped" in said.out and "fewer than two frames" in said.out
    else:
        assert said.err.count("\n") <= 2 and "error: val.txt, line" in said.err
        assert not (folder / "flow" / "val.txt").exists()
    assert [name for _, folders, _ in os.walk("flow") for name in folders if name.endswith(".tmp")] == []


def test_refused(folder, capsys):
    def said(*words):
        assert main(["prepare", "flow", *words]) == 2
        return capsys.readouterr().err.replace("paddle-tsm prepare: ", "")

    assert "--bound: got 0, wanted" in said("val.txt", "--out", "x", "--bound", "0")
    assert "--workers: got 0" in said("val.txt", "--out", "x", "--workers", "0")
    assert "--form: got offset" in said("val.txt", "--out", "x", "--form", "offset")
    (folder / "same.txt").write_text("a.avi 1\na.mp4 2\n")
    assert "would have one folder, a" in said("same.txt", "--root", "videos", "--out", "x")
    (folder / "out.txt").write_text("../a.avi 1\n")
    assert "is not below the root" in said("out.txt", "--root", "videos", "--out", "x")
    assert "has flow of" not in said("val.txt", "--out", ".", "--root", "videos")  # its list would be LIST
    if not optical_flow.has_tvl1():
        assert "has no TV-L1" in said("val.txt", "--root", "videos", "--out", "x", "--method", "tvl1")
    assert not (folder / "x").exists()


def test_an_interrupted_clip_is_removed(folder, monkeypatch):
    """In the process: a clip that is told to stop leaves nothing."""
    stop = threading.Event()
    stop.set()
    (entry, *_) = read_list("val.txt", root="videos")
    settings = flow_folders.FlowSettings("dis", 20.0, None)
    with pytest.raises(flow_folders.Interrupted):
        flow_folders.write_flow(entry, FrameSource(), "flow/a", settings, stop)
    assert os.listdir("flow") == []


def test_ctrl_c(folder):
    """No half clip, no list, one line."""
    write_moving("videos/a.avi", frames=3000, step=(0, 0))
    words = ["prepare", "flow", "val.txt", "--root", "videos", "--out", "flow", "--method", "dis"]
    code, said = interrupted(words, folder, lambda process: (folder / "flow" / ".a.tmp").exists())
    assert code == 128 + signal.SIGINT and said == "paddle-tsm prepare: interrupted\n"
    assert not (folder / "flow" / "val.txt").exists() and not (folder / "flow" / "a").exists()
    assert [name for _, folders, _ in os.walk("flow") for name in folders if name.endswith(".tmp")] == []
