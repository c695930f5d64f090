"""The generated videos: only the order of the frames tells the class, before and after they are files."""

import os
from pathlib import Path

import numpy as np
import pytest

from paddle_tsm.data.motion_videos import (
    CLASSES,
    MOTIONS,
    OPPOSITE,
    STEPS,
    draw_bag,
    write_motion_videos,
)
from paddle_tsm.videos.video_file import read_frames
from parity_tests.motion_clips import motion_clip


def frames_as_bytes(clip) -> list[bytes]:
    return [frame.tobytes() for frame in clip]


def test_every_class_shows_the_same_pictures():
    """So that a network which does not see their order is right once in eight times, whatever it learned."""
    for bag in range(3):
        clips = [frames_as_bytes(motion_clip(0, 8 * bag + label)[0]) for label in range(8)]
        assert all(sorted(clip) == sorted(clips[0]) for clip in clips)
        assert len({tuple(clip) for clip in clips}) == 8, "two classes show one order"
        assert len(set(clips[0])) == STEPS


def test_backward_is_the_opposite():
    for index in range(16):
        clip, label = motion_clip(0, index)
        opposite, other = motion_clip(0, index - label + OPPOSITE[label])
        assert other == OPPOSITE[label] != label and OPPOSITE[other] == label
        np.testing.assert_array_equal(clip[::-1], opposite)


def test_the_motion_is_what_its_name_says():
    """Measured in the pictures: the bright shape's middle and area."""

    def middle(frame):
        bright = frame.max(axis=2) > 140
        y, x = np.nonzero(bright)
        return x.mean(), y.mean(), bright.sum()

    for bag in range(4):
        for label, motion in enumerate(MOTIONS[:6]):  # the turns are not told from middle and area
            values = np.array([middle(frame) for frame in motion_clip(0, 8 * bag + label)[0][::2]])[:, motion.axis]
            slope = np.polyfit(range(len(values)), values, 1)[0]
            assert bool(slope > 0) is motion.rises, motion.name


def test_axes_are_independent():
    """Over many bags no axis follows another: the order by one says nothing of the order by another."""
    rng = np.random.default_rng(0)
    orders = np.stack([draw_bag(rng, (32, 32))[0] for _ in range(400)]).reshape(-1, 4).astype(float)
    off = np.corrcoef(orders.T) - np.eye(4)
    assert np.abs(off).max() < 4 / np.sqrt(len(orders))


def test_files(tmp_path):
    paths = write_motion_videos(tmp_path / "a", 2, 1, size=(48, 32))
    assert [os.path.basename(path) for path in paths] == ["train.txt", "val.txt", "classes.txt"]
    lines = [Path(path).read_text().splitlines() for path in paths[:2]]
    assert [len(part) for part in lines] == [16, 8]
    train, val = ({line.split()[0] for line in part} for part in lines)
    assert not train & val
    for line in lines[0][:8]:
        path, label = line.split()
        frames = np.stack(read_frames(tmp_path / "a" / path, range))
        clip, expected = motion_clip(0, int(label), size=(48, 32))
        assert int(label) == expected and CLASSES[expected] in path
        assert frames.shape == clip.shape
        assert np.abs(frames[..., ::-1].astype(int) - clip).mean() < 8  # Motion JPEG loses a little
    write_motion_videos(tmp_path / "b", 2, 1, size=(48, 32))
    for name in sorted(train):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    write_motion_videos(tmp_path / "c", 2, 1, size=(48, 32), seed=1)
    assert any((tmp_path / "a" / name).read_bytes() != (tmp_path / "c" / name).read_bytes() for name in train)


def test_decoded_frames_keep_no_trace_of_the_order(tmp_path):
    """A codec that predicts frames from others would leave one: the same picture must decode to the same bits in every
    class.
    """
    (path, *_) = write_motion_videos(tmp_path, 1, 1, size=(32, 32))
    with open(path) as file:
        clips = [frames_as_bytes(read_frames(tmp_path / line.split()[0], range)) for line in file]
    assert all(sorted(clip) == sorted(clips[0]) for clip in clips)


@pytest.mark.parametrize(
    "counts, options",
    [
        ((0, 1), {}),
        ((1, 0), {}),
        ((1, 1), {"frames": 12}),
        ((1, 1), {"frames": 4}),
        ((1, 1), {"size": (16, 64)}),
        ((1, 1), {"size": (33, 64)}),
    ],
)
def test_what_cannot_be_written(tmp_path, counts, options):
    with pytest.raises(ValueError, match="wanted"):
        write_motion_videos(tmp_path / "x", *counts, **options)
    assert not (tmp_path / "x").exists()
