"""A clip from a video file, as mmaction2's test pipeline cuts it: T frames, short edge 256, centre crop, normalised."""

from __future__ import annotations

import os

import cv2
import numpy as np

# ImageNet's mean and standard deviation on the 0-255 scale (mmaction2 configs/_base_/models/tsm_r50.py 4d6c934)
MEAN = np.array([123.675, 116.28, 103.53], "float32")
STD = np.array([58.395, 57.12, 57.375], "float32")


def uniform_indices(num_frames: int, num_segments: int) -> np.ndarray:
    """The middle frame of each of `num_segments` equal parts (mmaction2 `SampleFrames._get_test_clips`)."""
    part = num_frames / num_segments
    return (np.arange(num_segments) * part + part / 2).astype("int64") % num_frames


def read_frames(path, choose) -> list[np.ndarray]:
    """The RGB frames [H, W, 3] uint8 whose indices `choose(num_frames)` gives, in that order.

    Frames in between are skipped without being converted. Raises ValueError for a file that is no video.
    """
    if not os.path.isfile(path):
        raise ValueError(f"{path}: no such video file")
    frames = grab(path, choose(max(1, int(cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FRAME_COUNT)))))
    if any(frame is None for frame in frames):  # the container claims more frames than it holds
        count = count_frames(path)
        if count == 0:
            raise ValueError(f"{path}: no frame could be decoded; wanted a video that OpenCV reads")
        frames = grab(path, choose(count))
    return frames


def grab(path, indices) -> list:
    """The frames at `indices`, None for those that could not be decoded."""
    capture = cv2.VideoCapture(str(path))
    wanted, found = set(map(int, indices)), {}
    for index in range(max(wanted) + 1):
        if not capture.grab():
            break
        if index in wanted:
            ok, frame = capture.retrieve()
            found[index] = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB) if ok else None
    capture.release()
    return [found.get(int(index)) for index in indices]


def count_frames(path) -> int:
    """How many frames can be decoded."""
    capture, count = cv2.VideoCapture(str(path)), 0
    while capture.grab():
        count += 1
    capture.release()
    return count


def read_clip(path, num_segments: int, size: int = 224) -> np.ndarray:
    """The network input for one clip of a video: float32 [T, 3, size, size], T = num_segments."""
    frames = read_frames(path, lambda count: uniform_indices(count, num_segments))
    short = size * 256 // 224
    return np.stack([normalise(centre_crop(resize_short(frame, short), size)) for frame in frames])


def resize_short(frame: np.ndarray, short: int) -> np.ndarray:
    """[H, W, 3] with its short edge scaled to `short`, bilinear without antialiasing (mmcv `imrescale`)."""
    h, w = frame.shape[:2]
    scale = short / min(h, w)
    return cv2.resize(frame, (int(w * scale + 0.5), int(h * scale + 0.5)), interpolation=cv2.INTER_LINEAR)


def centre_crop(frame: np.ndarray, size: int) -> np.ndarray:
    """The middle [size, size, 3] of [H, W, 3]; an odd margin's larger half is right or below."""
    h, w = frame.shape[:2]
    top, left = (h - size) // 2, (w - size) // 2
    return frame[top : top + size, left : left + size]


def normalise(frame: np.ndarray) -> np.ndarray:
    """[H, W, 3] uint8 -> [3, H, W] float32, (x - MEAN) / STD."""
    return ((frame.astype("float32") - MEAN) / STD).transpose(2, 0, 1)
