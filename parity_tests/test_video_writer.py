"""A written video is complete or does not exist, and nothing else is left in its folder."""

import numpy as np
import pytest

from paddle_tsm.videos.video_file import read_frames
from paddle_tsm.videos.video_writer import MOTION_JPEG, MPEG4, Encoder, complete_video

FRAMES = np.repeat(np.arange(0, 250, 50, dtype="uint8"), 64 * 48 * 3).reshape(5, 48, 64, 3)


@pytest.mark.parametrize("encoder, suffix", [(MPEG4, ".mp4"), (MPEG4, ".avi"), (MOTION_JPEG, ".avi")])
def test_frames_come_back_in_order(tmp_path, encoder, suffix):
    path = tmp_path / f"clip{suffix}"
    with complete_video(path, 8.0, encoder) as append:
        for frame in FRAMES:
            append(frame)
        assert not path.exists()
    frames = np.stack(read_frames(path, range))
    assert frames.shape == FRAMES.shape
    assert np.abs(frames.astype(int) - FRAMES).max() < 8
    assert list(tmp_path.iterdir()) == [path]


def test_the_channels_are_blue_green_red(tmp_path):
    frame = np.zeros((48, 64, 3), "uint8")
    frame[..., 0] = 250
    with complete_video(tmp_path / "blue.avi", 8.0, MOTION_JPEG) as append:
        append(frame)
    (found,) = read_frames(tmp_path / "blue.avi", range)  # RGB
    assert found[..., 2].min() > 200 and found[..., :2].max() < 50


def write(path, frames=FRAMES, **options):
    with complete_video(path, 8.0, **options) as append:
        for frame in frames:
            append(frame)


@pytest.mark.parametrize(
    "name, frames, options, message",
    [
        ("clip.mkv", FRAMES, {}, "clip.mkv: wanted a name that ends in .mp4 or .avi"),
        ("none/clip.mp4", FRAMES, {}, "none: no such folder; make it first"),
        ("clip.mp4", [], {}, "clip.mp4: there was no frame to write"),
        ("clip.mp4", [FRAMES[0], FRAMES[1, :32]], {}, "clip.mp4: got a frame of 64x32, wanted 64x48 like the first"),
        (
            "clip.avi",
            FRAMES,
            {"encoder": Encoder("Motion JPEG", "videoio", "XXXX", MOTION_JPEG.backend)},
            "clip.avi: OpenCV cannot encode Motion JPEG here; wanted an opencv-python with videoio",
        ),
    ],
)
def test_what_cannot_be_written_leaves_nothing(tmp_path, name, frames, options, message):
    with pytest.raises(ValueError) as error:
        write(tmp_path / name, frames, **options)
    assert str(error.value).removeprefix(f"{tmp_path}/") == message
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_video_leaves_the_older_one(tmp_path):
    path = tmp_path / "clip.mp4"
    write(path)
    before = path.read_bytes()
    with pytest.raises(KeyboardInterrupt), complete_video(path, 8.0) as append:
        append(FRAMES[0])
        raise KeyboardInterrupt
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]
