"""Small real videos in which neither a frame nor all frames together tell the class: only their order does.

A *bag* is STEPS pictures of one shape. Each picture has its own x, y, size and angle, and these are drawn without
regard to the class. The class says by which of the four the pictures are sorted, and in which direction. Sorted by x,
the shape moves to the right; sorted by size, it grows; the other three change without order. So the clips of all
classes hold the same pictures. A network that cannot see their order is right once in eight times, whatever it has
learned; within a pair of opposite classes it is right once in two. Played backward, a clip is the clip of the opposite
class.

The files keep this exactly. They are Motion JPEG of a fixed quality, in which each frame is coded by itself. A codec
that predicts frames from others would leave traces of the order in every frame. Each picture is repeated, so that each
of STEPS equal parts of the video holds one picture. TSM's samplers take a frame of each part, so they lose no picture.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import cv2
import numpy as np

from paddle_tsm.data.datasets import exchanged_labels
from paddle_tsm.lists.split_files import write_list
from paddle_tsm.videos.video_writer import MOTION_JPEG, complete_video

AXES = ("x", "y", "size", "angle")


@dataclass(frozen=True)
class Motion:
    """A class of clips. axis: the index in AXES of what the pictures are sorted by. rises: whether it rises through the
    clip; otherwise it falls."""

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
MAX_CORRELATION = 0.3  # of the orders of two axes: a clip must not look like one of another axis
RATE = 8.0  # frames a second
# lowest and highest x, y and size, as fractions of the edge, and angle, in degrees
RANGES = np.array([[0.37, 0.63], [0.37, 0.63], [0.18, 0.38], [-55, 55]])
# Outlines as points (x to the right, y downward), the tip at a distance of 1 from the middle. All are long, so that one
# sees their angle, and symmetric, so that a mirrored clip shows the same shape.
OUTLINES = {
    "arrow": [(0, -1), (0.45, -0.2), (0.18, -0.2), (0.18, 1), (-0.18, 1), (-0.18, -0.2), (-0.45, -0.2)],
    "wedge": [(0, -1), (0.4, 1), (-0.4, 1)],
    "kite": [(0, -1), (0.4, -0.3), (0, 1), (-0.4, -0.3)],
    "bar": [(-0.25, -1), (0.25, -1), (0.25, 1), (-0.25, 1)],
}


def draw_orders(rng: np.random.Generator) -> np.ndarray:
    """The rank of each picture on each axis, int [STEPS, 4]. The orders are independent; they are drawn again until no
    two of them correlate by more than MAX_CORRELATION.
    """
    spread = (STEPS**3 - STEPS) / 12  # the sum of squares of an order around its mean
    while True:
        orders = rng.permuted(np.tile(np.arange(STEPS)[:, None], (1, len(AXES))), axis=0)
        centred = orders - (STEPS - 1) / 2
        if np.abs(np.triu(centred.T @ centred, 1)).max() <= MAX_CORRELATION * spread:
            return orders


def bag_generator(bag: int, seed: int) -> np.random.Generator:
    """The generator that draws one bag of the data set `seed`, and nothing else."""
    return np.random.default_rng([seed, bag])


def draw_states(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, int]:
    """Draw what a bag shows: (orders int [STEPS, 4]; x, y, size and angle of each picture, float [STEPS, 4]; the place
    of its shape in OUTLINES).
    """
    orders = draw_orders(rng)
    low, high = RANGES.T
    states = low + (orders + rng.uniform(0.25, 0.75, orders.shape)) / STEPS * (high - low)
    return orders, states, int(rng.integers(len(OUTLINES)))


@dataclass(frozen=True)
class Scene:
    """What the pictures of a bag show. orders: see `draw_orders`. states: x, y, size and angle of the shape in each
    picture, float [STEPS, 4]. outline: its points. colour: BGR. background: uint8 [H, W, 3].
    """

    orders: np.ndarray
    states: np.ndarray
    outline: np.ndarray
    colour: list[int]
    background: np.ndarray


def draw_scene(rng: np.random.Generator, size: tuple[int, int], field: int) -> Scene:
    """Draw a scene of `size` (width, height). field: how many times as wide and high the picture is as the part of it
    in which the shape moves; where this part lies is drawn.
    """
    orders, states, shape = draw_states(rng)
    outline = np.array(list(OUTLINES.values())[shape])
    colour = rng.integers(150, 256, 3).tolist()
    background = cv2.resize(rng.integers(0, 90, (6 * field, 6 * field, 3), dtype="uint8"), size)
    states[:, :2] = (states[:, :2] + rng.uniform(0, field - 1, 2)) / field
    states[:, 2] /= field
    return Scene(orders, states, outline, colour, background)


def draw_bag(rng: np.random.Generator, size: tuple[int, int], field: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Draw a bag of pictures of `size` (width, height). Returns (orders int [STEPS, 4], pictures [STEPS, H, W, 3] uint8
    BGR). field: see `draw_scene`.
    """
    scene = draw_scene(rng, size, field)
    pictures = [draw_shape(scene.background.copy(), scene.outline, scene.colour, state) for state in scene.states]
    return scene.orders, np.stack(pictures)


def draw_shape(picture: np.ndarray, outline: np.ndarray, colour: list[int], state: np.ndarray) -> np.ndarray:
    """Draw the filled `outline` into the picture, in place; `state` is its x, y, size and angle."""
    height, width = picture.shape[:2]
    x, y, length, angle = state * (width, height, min(width, height), np.pi / 180)
    # y points down, so this turns clockwise
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    points = (outline @ turn * length + (x, y)) * 16  # OpenCV counts in sixteenths of a pixel
    return cv2.fillPoly(picture, [np.round(points).astype("int32")], colour, cv2.LINE_AA, shift=4)


def sort_bag(orders: np.ndarray, pictures: np.ndarray, label: int, frames: int) -> np.ndarray:
    """The bag as a clip of class `label`: [frames, H, W, 3] uint8 BGR. `frames` is a multiple of STEPS."""
    motion = MOTIONS[label]
    rising = np.argsort(orders[:, motion.axis])
    return np.repeat(pictures[rising if motion.rises else rising[::-1]], frames // STEPS, axis=0)


def write_motion_videos(
    folder: str | os.PathLike,
    clips_per_class: int,
    val_per_class: int,
    *,
    frames: int = 16,
    size: tuple[int, int] = (64, 64),
    seed: int = 0,
    field: int = 1,
) -> list[str]:
    """Write the videos `clips/*.avi`, the lists `train.txt` and `val.txt` (`path label`, with paths relative to
    `folder`) and `classes.txt` (one name a line). Returns the paths of the two lists and of `classes.txt`.

    The lists are written last, so the videos of a list that exists are complete. A clip depends only on `seed` and its
    number. Training and validation share no picture. clips_per_class, val_per_class: clips of each class for training
    and for validation. frames: of a clip, a multiple of STEPS. size: (width, height), even and at least 32. field: see
    `draw_scene`. Raises ValueError for counts and sizes that do not meet this.
    """
    check_counts_and_sizes(clips_per_class, val_per_class, frames, size)
    folder = os.fspath(folder)
    os.makedirs(os.path.join(folder, "clips"), exist_ok=True)
    lines: list[str] = []
    for bag in range(clips_per_class + val_per_class):
        orders, pictures = draw_bag(bag_generator(bag, seed), size, field)
        for label, name in enumerate(CLASSES):
            path = f"clips/{len(lines):05d}_{name}.avi"
            with complete_video(os.path.join(folder, path), RATE, MOTION_JPEG) as append:
                for frame in sort_bag(orders, pictures, label, frames):
                    append(frame)
            lines.append(f"{path} {label}")
    cut = clips_per_class * len(CLASSES)
    lists = {"train.txt": lines[:cut], "val.txt": lines[cut:], "classes.txt": list(CLASSES)}
    for name, content in lists.items():
        write_list(os.path.join(folder, name), content)
    return [os.path.join(folder, name) for name in lists]


def check_counts_and_sizes(clips_per_class: int, val_per_class: int, frames: int, size: tuple[int, int]) -> None:
    """Raise ValueError for arguments of `write_motion_videos` from which no data set can be made."""
    if clips_per_class < 1 or val_per_class < 1:
        raise ValueError(f"clips of a class: got {clips_per_class} and {val_per_class}, wanted at least 1 of each")
    if frames < STEPS or frames % STEPS:
        raise ValueError(f"frames of a clip: got {frames}, wanted a multiple of {STEPS}")
    if min(size) < 32 or any(edge % 2 for edge in size):
        raise ValueError(f"size of a clip: got {size[0]}x{size[1]}, wanted even edges of at least 32")
