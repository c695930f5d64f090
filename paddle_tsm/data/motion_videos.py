"""Small real videos in which neither a frame nor all frames together tell the class: only their order does.

A clip is a bag of STEPS pictures of one shape, each with its own x, y, size and angle, drawn without regard to the
class. The class says by which of the four they are sorted, and which way: sorted by x the shape moves to the right, by
size it grows, and the other three change without order. So the clips of all classes hold the same pictures. A network
that cannot see their order is right once in eight times, whatever it learned; within a pair of opposite classes, once
in two. Played backward, a clip is the clip of the opposite class.

The files keep this exactly. They are Motion JPEG at a fixed quality, where each frame is coded by itself: a codec that
predicts frames from others would leave traces of the order in every frame. A picture is shown for several frames, as
many as make each of STEPS equal parts of the video hold one picture, so that sampling a frame of each part, as TSM's
samplers do, loses none.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass

import cv2
import numpy as np

from paddle_tsm.data.datasets import exchanged_labels
from paddle_tsm.data.split_files import write_list

AXES = ("x", "y", "size", "angle")


@dataclass(frozen=True)
class Motion:
    """A class: what `axis` counts in AXES rises through the clip, or falls."""

    name: str
    axis: int
    rises: bool


MOTIONS = (
    Motion("left", 0, False),
    Motion("right", 0, True),
    Motion("up", 1, False),
    Motion("down", 1, True),
    Motion("shrinking", 2, False),
    Motion("growing", 2, True),
    Motion("counter-clockwise", 3, False),
    Motion("clockwise", 3, True),
)
CLASSES = tuple(motion.name for motion in MOTIONS)
OPPOSITE = exchanged_labels((0, 1), (2, 3), (4, 5), (6, 7))  # label -> label of the clip played backward

STEPS = 8  # pictures of a clip
ALIKE = 0.3  # the orders of two axes correlate no more than this, so that none looks like another's class
RATE = 8.0  # frames a second
RANGES = np.array([[0.37, 0.63], [0.37, 0.63], [0.18, 0.38], [-55, 55]])  # x, y, size in parts of the edge; degrees
# long outlines, which show their angle: x right, y down, the tip 1 from the middle; the same seen in a mirror
OUTLINES = {
    "arrow": [(0, -1), (0.45, -0.2), (0.18, -0.2), (0.18, 1), (-0.18, 1), (-0.18, -0.2), (-0.45, -0.2)],
    "wedge": [(0, -1), (0.4, 1), (-0.4, 1)],
    "kite": [(0, -1), (0.4, -0.3), (0, 1), (-0.4, -0.3)],
    "bar": [(-0.25, -1), (0.25, -1), (0.25, 1), (-0.25, 1)],
}


def draw_orders(rng: np.random.Generator) -> np.ndarray:
    """The rank of each picture on each axis, [STEPS, 4]: independent orders, drawn again until no two are alike."""
    spread = (STEPS**3 - STEPS) / 12  # the sum of squares of one centred order
    while True:
        orders = rng.permuted(np.tile(np.arange(STEPS)[:, None], (1, len(AXES))), axis=0)
        centred = orders - (STEPS - 1) / 2
        if np.abs(np.triu(centred.T @ centred, 1)).max() <= ALIKE * spread:
            return orders


def draw_bag(rng: np.random.Generator, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """(orders [STEPS, 4], pictures [STEPS, H, W, 3] uint8 BGR); `size` is (width, height)."""
    orders = draw_orders(rng)
    low, high = RANGES.T
    states = low + (orders + rng.uniform(0.25, 0.75, orders.shape)) / STEPS * (high - low)
    outline = np.array(list(OUTLINES.values())[rng.integers(len(OUTLINES))])
    colour = rng.integers(150, 256, 3).tolist()
    background = cv2.resize(rng.integers(0, 90, (6, 6, 3), dtype="uint8"), size)
    return orders, np.stack([draw_shape(background.copy(), outline, colour, state) for state in states])


def draw_shape(picture: np.ndarray, outline: np.ndarray, colour: list[int], state: np.ndarray) -> np.ndarray:
    """Fill `outline` into the picture, in place, with the x, y, size and angle of `state`."""
    height, width = picture.shape[:2]
    x, y, length, angle = state * (width, height, min(width, height), np.pi / 180)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])  # clockwise, since y is down
    points = (outline @ turn * length + (x, y)) * 16  # OpenCV takes 16ths of a pixel
    return cv2.fillPoly(picture, [np.round(points).astype("int32")], colour, cv2.LINE_AA, shift=4)


def sort_bag(orders: np.ndarray, pictures: np.ndarray, label: int, frames: int) -> np.ndarray:
    """The bag as a clip of class `label`, [frames, H, W, 3]."""
    motion = MOTIONS[label]
    shown = np.argsort(orders[:, motion.axis])
    return np.repeat(pictures[shown if motion.rises else shown[::-1]], frames // STEPS, axis=0)


def write_clip(path, frames: np.ndarray, folder) -> None:
    """Write [T, H, W, 3] BGR frames as Motion JPEG, whole or not at all; `folder` takes the unfinished file.

    Raises ValueError where OpenCV cannot.
    """
    unfinished = os.path.join(folder, "clip.avi")  # OpenCV goes by the suffix
    height, width = frames.shape[1:3]
    writer = cv2.VideoWriter(
        unfinished,
        cv2.CAP_OPENCV_MJPEG,
        cv2.VideoWriter_fourcc(*"MJPG"),
        RATE,
        (width, height),
        [cv2.VIDEOWRITER_PROP_QUALITY, 90],
    )
    if not writer.isOpened():
        raise ValueError(f"{path}: OpenCV cannot write Motion JPEG here; wanted an opencv-python with videoio")
    for frame in frames:
        writer.write(frame)
    writer.release()
    os.replace(unfinished, path)


def write_motion_videos(
    folder,
    clips_per_class: int,
    val_per_class: int,
    *,
    frames: int = 16,
    size: tuple[int, int] = (64, 64),
    seed: int = 0,
) -> list[str]:
    """Write the data set: `clips/*.avi`, the lists `train.txt` and `val.txt` (`path label`, paths relative to `folder`)
    and `classes.txt` (a name a line); returns the paths of these three.

    The lists are written last, so that one that exists is of whole videos. A clip depends on (seed, its number) alone;
    training and validation share no picture. `frames` of a clip: a multiple of STEPS. size: (width, height).
    Raises ValueError for counts below 1 or other sizes.
    """
    check_wanted(clips_per_class, val_per_class, frames, size)
    folder = os.fspath(folder)
    os.makedirs(os.path.join(folder, "clips"), exist_ok=True)
    lines = []
    with tempfile.TemporaryDirectory(dir=folder, prefix=".unfinished-") as unfinished:
        for bag in range(clips_per_class + val_per_class):
            orders, pictures = draw_bag(np.random.default_rng([seed, bag]), size)
            for label, name in enumerate(CLASSES):
                path = f"clips/{len(lines):05d}_{name}.avi"
                write_clip(os.path.join(folder, path), sort_bag(orders, pictures, label, frames), unfinished)
                lines.append(f"{path} {label}")
    cut = clips_per_class * len(CLASSES)
    lists = {"train.txt": lines[:cut], "val.txt": lines[cut:], "classes.txt": list(CLASSES)}
    for name, content in lists.items():
        write_list(os.path.join(folder, name), content)
    return [os.path.join(folder, name) for name in lists]


def check_wanted(clips_per_class: int, val_per_class: int, frames: int, size: tuple[int, int]) -> None:
    """Raise ValueError for what cannot be written."""
    if clips_per_class < 1 or val_per_class < 1:
        raise ValueError(f"clips of a class: got {clips_per_class} and {val_per_class}, wanted at least 1 of each")
    if frames < STEPS or frames % STEPS:
        raise ValueError(f"frames of a clip: got {frames}, wanted a multiple of {STEPS}")
    if min(size) < 32 or any(edge % 2 for edge in size):
        raise ValueError(f"size of a clip: got {size[0]}x{size[1]}, wanted even edges of at least 32")
