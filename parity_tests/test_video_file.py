"""Frames of video files and of frame folders: the right ones, or an error that names the file."""

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest

from paddle_tsm.data.centre_clip import read_centre_clip
from paddle_tsm.demo.material import write_demo_video
from paddle_tsm.videos import frame_folder, video_file


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """200 frames of 320x240, MPEG-4, a key frame every 12."""
    path = tmp_path_factory.mktemp("video") / "clip.mp4"
    write_demo_video(str(path), frames=200)
    return str(path)


def decode_all(path):
    """Every frame in RGB, decoded in order, without any seek."""
    capture, frames = cv2.VideoCapture(str(path)), []
    while True:
        ok, frame = capture.read()
        if not ok:
            return frames
        frames.append(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB))


def numbered_video(path, frames, fourcc="MJPG", size=(64, 48), fps=25.0):
    """A video whose frames are told apart by their brightness."""
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*fourcc), fps, size)
    assert writer.isOpened()
    for i in range(frames):
        writer.write(np.full((size[1], size[0], 3), 20 + 3 * (i % 70), "uint8"))
    writer.release()
    return str(path)


@pytest.mark.parametrize(
    "indices",
    [
        [0],
        [199],
        [5, 5, 3],
        list(range(200)),
        [12, 37, 62, 87, 112, 137, 162, 187],
        [0, 100, 199],
        [150],
        [199, 0, 77],
    ],
)
def test_the_frames_asked_for(clip, indices):
    every = decode_all(clip)
    assert len(every) == 200
    frames = video_file.read_frames(clip, lambda count: np.array(indices) if count == 200 else pytest.fail(str(count)))
    assert len(frames) == len(indices)
    assert all(np.array_equal(frame, every[index]) for frame, index in zip(frames, indices))
    assert not np.array_equal(every[indices[0]], every[(indices[0] + 20) % 200]), "the frames are told apart"


def rotate(path, out, degrees):
    """Write the mp4 with a rotation in its track header, as telephones do."""
    data = bytearray(Path(path).read_bytes())
    at = data.index(b"tkhd") + 4 + 40  # version 0: the matrix follows 40 bytes
    one = 1 << 16
    matrix = {90: (0, one, 0, -one, 0, 0), 180: (-one, 0, 0, 0, -one, 0), 270: (0, -one, 0, one, 0, 0)}[degrees]
    assert struct.unpack(">9i", data[at : at + 36])[0] == one, "no identity matrix here"
    struct.pack_into(">9i", data, at, *matrix, 0, 0, 1 << 30)
    out.write_bytes(data)
    return str(out)


def test_rotation_is_applied(clip, tmp_path):
    upright = video_file.read_frames(clip, lambda count: [3, 190])
    for degrees, turns in ((90, -1), (180, 2), (270, 1)):
        turned = video_file.read_frames(rotate(clip, tmp_path / f"{degrees}.mp4", degrees), lambda count: [3, 190])
        for a, b in zip(upright, turned):
            assert np.array_equal(np.rot90(a, turns), b)
            assert not np.array_equal(np.rot90(a, 1 if degrees == 180 else -turns), b)


def test_one_frame(tmp_path):
    path = numbered_video(tmp_path / "one.avi", 1)
    assert read_centre_clip(path, 8, 32).shape == (8, 3, 32, 32)


def claim_frames(path, out, count):
    """Write the avi with another frame count in its headers."""
    data = bytearray(Path(path).read_bytes())
    main, stream = data.index(b"avih") + 8, data.index(b"strh") + 8
    assert struct.unpack_from("<I", data, main + 16)[0] == struct.unpack_from("<I", data, stream + 32)[0] == 10
    struct.pack_into("<I", data, main + 16, count)
    struct.pack_into("<I", data, stream + 32, count)
    out.write_bytes(data)
    return str(out)


def test_a_container_that_lies(tmp_path):
    """The file claims 20 frames and holds 10. The indices are chosen for the true number."""
    true = numbered_video(tmp_path / "true.avi", 10)
    false = claim_frames(true, tmp_path / "false.avi", 20)
    assert cv2.VideoCapture(false).get(cv2.CAP_PROP_FRAME_COUNT) == 20
    seen = []
    frames = video_file.read_frames(false, lambda count: seen.append(count) or [count - 1])
    assert seen == [10] and np.array_equal(frames[0], decode_all(true)[9])


def test_a_cut_off_video(tmp_path):
    path = numbered_video(tmp_path / "whole.avi", 100)
    data = Path(path).read_bytes()
    (tmp_path / "cut.avi").write_bytes(data[: len(data) // 2])
    frames = video_file.read_frames(tmp_path / "cut.avi", lambda count: [0, count - 1])
    assert len(frames) == 2 and not np.array_equal(*frames)


@pytest.mark.parametrize(
    "content, message",
    [
        (None, "no such video file"),
        (b"", "the file is empty"),
        (b"not a video at all" * 100, "OpenCV cannot open it"),
    ],
)
def test_unreadable_files_are_named(tmp_path, content, message, capfd):
    path = tmp_path / "bad.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=f"bad.mp4: {message}"):
        video_file.read_frames(path, lambda count: [0])
    assert capfd.readouterr().err == "", "FFmpeg's own messages name no file"


def test_an_mp4_without_its_index(clip, tmp_path):
    """An mp4 without its end has no index, so no frame of it can be decoded."""
    data = Path(clip).read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match="cut.mp4: OpenCV cannot open it"):
        video_file.read_frames(tmp_path / "cut.mp4", lambda count: [0])


@pytest.fixture
def folder(tmp_path):
    for i in range(1, 6):
        cv2.imwrite(str(tmp_path / f"img_{i:05d}.jpg"), np.full((20, 30, 3), (10 * i, 0, 200), "uint8"))
    return tmp_path


@pytest.mark.parametrize("reader", ["opencv", "pillow"])
def test_frame_folder(folder, reader):
    frames = frame_folder.read_frames(folder, "img_{:05d}.jpg", [1, 5, 5], reader)
    assert [frame.shape for frame in frames] == [(20, 30, 3)] * 3 and frames[1] is frames[2]
    assert frames[0][0, 0, 0] > 190 and abs(int(frames[1][0, 0, 2]) - 50) < 4, "RGB, not BGR"
    with pytest.raises(ValueError, match="img_00006.jpg: missing frame"):
        frame_folder.read_frames(folder, "img_{:05d}.jpg", [6], reader)
    path = folder / "img_00002.jpg"
    whole = path.read_bytes()
    for damage in (b"", b"no image", whole[: len(whole) // 2]):
        path.write_bytes(damage)
        with pytest.raises(ValueError, match="img_00002.jpg: damaged frame"):
            frame_folder.read_frames(folder, "img_{:05d}.jpg", [2], reader)


@pytest.mark.parametrize("template", ["frame.jpg", "{:05x", "{}-{}-{}.jpg", "{name}.jpg", "{:s}.jpg"])
def test_templates_that_name_no_frame(template):
    with pytest.raises(ValueError, match="frame template: got"):
        frame_folder.check_template(template)


def test_templates_in_use():
    names = {"img_{:05d}.jpg": "img_00007.jpg", "{:06d}.jpg": "000007.jpg", "{:05}.png": "00007.png"}
    for template, name in names.items():
        frame_folder.check_template(template)
        assert frame_folder.image_names(template, 7) == (name,)
    assert frame_folder.image_names("flow_{}_{:05d}.jpg", 7) == ("flow_x_00007.jpg", "flow_y_00007.jpg")
