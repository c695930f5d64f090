"""A video that does not hold what its container says is reported in one line, and refused with --strict. The tests make
a video of each kind.
"""

import json
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from paddle_tsm.cli import main
from paddle_tsm.demo.material import write_demo_checkpoint
from paddle_tsm.inference.labelled_video import frames_of
from paddle_tsm.networks.network import Network
from paddle_tsm.videos.video_file import read_frames
from paddle_tsm.videos.video_notes import VideoNotes
from paddle_tsm.videos.video_survey import survey


def encoded(path, frames: int, size=(96, 64), codec="libx264", **options) -> bytes:
    """A video of a moving edge; returns the file's bytes."""
    with av.open(str(path), "w", options=options) as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        noise = np.random.default_rng(0).integers(0, 80, (size[1], size[0], 3), "uint8")
        for i in range(frames):
            picture = noise + np.uint8(i % 90)
            picture[:, : 3 * i % size[0]] = 220
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path.read_bytes()


def two_sizes(path) -> None:
    """One Matroska file whose second half is of another size, its times going on."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        other = av.CodecContext.create("mpeg4", "w")
        other.width, other.height, other.pix_fmt, other.framerate, other.time_base = (
            48,
            32,
            "yuv420p",
            25,
            Fraction(1, 25),
        )
        for i in range(20):
            container.mux(
                stream.encode(av.VideoFrame.from_ndarray(np.full((64, 96, 3), 9 * i, "uint8"), format="rgb24"))
            )
        container.mux(stream.encode())
        for i in range(20):
            frame = av.VideoFrame.from_ndarray(np.full((32, 48, 3), 9 * i, "uint8"), format="rgb24")
            for packet in other.encode(frame):
                packet.stream, packet.time_base, packet.pts, packet.dts = stream, Fraction(1, 25), 20 + i, 20 + i
                container.mux(packet)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("odd")
    whole = encoded(folder / "whole.mp4", 100, movflags="faststart")
    (folder / "cut.mp4").write_bytes(whole[: len(whole) * 6 // 10])
    whole = encoded(folder / "whole.mkv", 100, codec="mpeg4")
    (folder / "cut.mkv").write_bytes(whole[: len(whole) * 6 // 10])
    first, small = encoded(folder / "whole.ts", 40), encoded(folder / "small.ts", 40, size=(64, 48))
    (folder / "two.ts").write_bytes(first + first)
    (folder / "sizes.ts").write_bytes(first + small)
    encoded(folder / "whole.webm", 30, codec="libvpx-vp9")
    encoded(folder / "whole.avi", 30, codec="mpeg4")
    cv2.imwrite(str(folder / "still.png"), np.full((60, 80, 3), 99, "uint8"))
    cv2.imwrite(str(folder / "still.jpg"), np.full((60, 80, 3), 99, "uint8"))
    write_demo_checkpoint(str(folder / "w.pth"), Network("tsm_resnet10", num_classes=3))
    write_demo_checkpoint(str(folder / "online.pth"), Network("tsm_resnet10", num_classes=3, shift_order="causal"))
    return folder


ODD = {
    "cut.mp4": "its container says 100; is it cut off",
    "cut.mkv": "its container says about 100; is it cut off",
    "two.ts": "80 frames can be decoded, its container says about 40; is it several videos in one file?",
    "sizes.ts": "the size of its frames changes: 96x64, then 64x48",
    "still.png": "one frame is all that it holds",
    "still.jpg": "one frame is all that it holds",
}
WHOLE = ["whole.mp4", "whole.mkv", "whole.ts", "whole.webm", "whole.avi"]


@pytest.mark.parametrize("name", [*ODD, *WHOLE])
def test_predict_and_stream_see_the_same_frames(folder, name):
    """The same number of frames with the same pixels as a program that only decodes."""
    capture, count = cv2.VideoCapture(str(folder / name), cv2.CAP_FFMPEG), 0
    while capture.read()[0]:
        count += 1
    seen, notes = [], VideoNotes()
    frames = read_frames(folder / name, lambda n: seen.append(n) or range(n), notes=notes)
    streamed = list(frames_of(str(folder / name))[0])
    assert seen[-1] == len(streamed) == count == survey(folder / name).decoded
    assert all(np.array_equal(a, b) for a, b in zip(frames, streamed, strict=True))
    assert bool(notes) == (name in ODD)


@pytest.mark.parametrize("name", WHOLE)
def test_nothing_is_said_of_whole_videos(folder, name):
    assert survey(folder / name).problem == ""


@pytest.mark.parametrize("name, said", ODD.items())
def test_survey(folder, name, said):
    assert said in survey(folder / name).problem


def arguments(command: str, name: str) -> list[str]:
    if command == "evaluate":
        return ["evaluate", "list.txt", "--weights", "w.pth", "--size", "32"]
    if command == "stream":
        return [
            "stream",
            name,
            "--weights",
            "online.pth",
            "--shift-order",
            "causal",
            "--size",
            "32",
            "--out",
            "out.mp4",
        ]
    return ["predict", name, "--weights", "w.pth", "--size", "32", "--json"]


@pytest.mark.parametrize("command", ["predict", "stream", "evaluate"])
@pytest.mark.parametrize("name", ["cut.mp4", "two.ts", "sizes.ts", "still.png"])
def test_commands(folder, capfd, monkeypatch, tmp_path, command, name):
    """One line on stderr, exit code 0; with --strict that line and exit code 2, and nothing is written."""
    monkeypatch.chdir(folder)
    (folder / "list.txt").write_text(f"whole.mp4 0\n{name} 1\n")
    assert main(arguments(command, name)) == 0
    out, err = capfd.readouterr()
    assert err.count("\n") == 1 and err.startswith("note: ") and name in err
    assert ODD[name] in err or command == "evaluate", err
    if command == "predict":
        json.loads(out)
    if command == "stream":
        assert f"{survey(folder / name).decoded} frames, " in out
        (folder / "out.mp4").unlink()
    before = sorted(folder.iterdir())
    assert main([*arguments(command, name), "--strict"]) == 2
    out, err = capfd.readouterr()
    assert err.count("\n") == 1 and ODD[name] in err
    assert sorted(folder.iterdir()) == before
    assert "top" not in out


@pytest.mark.parametrize("command", ["predict", "stream", "evaluate"])
def test_a_whole_video_passes_strict(folder, capfd, monkeypatch, command):
    monkeypatch.chdir(folder)
    (folder / "list.txt").write_text("whole.mp4 0\n")
    assert main([*arguments(command, "whole.mp4"), "--strict"]) == 0
    assert capfd.readouterr().err == ""


def test_evaluate_leaves_them_out(folder, capfd, monkeypatch):
    monkeypatch.chdir(folder)
    (folder / "list.txt").write_text("cut.mp4 0\nwhole.mp4 1\ntwo.ts 2\n")
    assert main([*arguments("evaluate", ""), "--strict", "--skip-bad"]) == 0
    out = capfd.readouterr().out
    assert "2 clips were skipped" in out and "cut.mp4" in out and "two.ts" in out


def test_train_says_it(folder, capfd, monkeypatch, tmp_path):
    monkeypatch.chdir(folder)
    (folder / "list.txt").write_text("cut.mp4 0\nwhole.mp4 1\ntwo.ts 2\n")
    changes = ["arch=tsm_resnet10", "num_classes=3", "num_segments=2", "size=32", "epochs=1", "batch=3", "warmup=0"]
    assert main(["train", "list.txt", "--out", str(tmp_path / "run"), "--set", *changes]) == 0
    notes = [line for line in capfd.readouterr().err.splitlines() if line.startswith("note: ") and "hold what" in line]
    assert len(notes) == 1 and "2 videos do not hold what they say" in notes[0] and "cut.mp4" in notes[0]


def test_a_size_that_changes_in_one_stream(tmp_path):
    """Its packets are as they should be, so that only the decoded frames show it."""
    two_sizes(tmp_path / "two.mkv")
    notes = VideoNotes()
    frames = read_frames(tmp_path / "two.mkv", lambda count: [0, count - 1], notes=notes)
    streamed = list(frames_of(str(tmp_path / "two.mkv"))[0])
    assert "96x64, then 48x32" in notes.report()
    assert np.array_equal(frames[1], streamed[-1])
