"""Frames from a folder of images, whose names are a template of the frame's number, such as `img_{:05d}.jpg`.

A template with two places, such as `flow_{}_{:05d}.jpg`, is of optical flow: each frame is two grey images, in whose
names the first place is "x" and "y". They hold how far everything moves to the right and down (MIT's ops/dataset.py
1f6a834).
"""

from __future__ import annotations

import io
import os
import string
from collections.abc import Iterable

import cv2
import numpy as np
from PIL import Image

FLOW = "pillow-flow"  # the reader of optical flow
FLOW_TEMPLATE = "flow_{}_{:05d}.jpg"  # MIT's names of UCF101's and HMDB51's optical flow, and those of this package


def is_of_flow(template: str) -> bool:
    """Whether the template has two places: x or y, and the number."""
    return sum(place is not None for _, place, _, _ in string.Formatter().parse(template)) == 2


def image_names(template: str, number: int) -> tuple[str, ...]:
    """The names of the images of the frame with this number: one, or those of x and y of optical flow."""
    if is_of_flow(template):
        return template.format("x", number), template.format("y", number)
    return (template.format(number),)


def check_template(template: str) -> None:
    """Raise ValueError unless `template` gives each image a name of its own."""
    try:
        names = {name for number in (1, 2) for name in image_names(template, number)}
        wanted = 4 if is_of_flow(template) else 2
    except (ValueError, IndexError, KeyError) as error:
        raise ValueError(f"frame template: got {template!r} ({error}), wanted one like 'img_{{:05d}}.jpg'") from None
    if len(names) < wanted:
        raise ValueError(f"frame template: got {template!r}, wanted a place for the number, as in 'img_{{:05d}}.jpg'")


def read_frames(
    folder: str | os.PathLike, template: str, numbers: Iterable[int], reader: str = "opencv"
) -> list[np.ndarray]:
    """The frames with these numbers, in this order: RGB [H, W, 3] uint8, or optical flow [H, W, 2]. A file is read
    once.

    reader: "opencv" as in mmaction2 or "pillow" as in MIT and PaddleVideo, whose JPEG decoders may differ; FLOW for
    optical flow, which a template with one place finds in the first two channels of RGB images (MIT's Something V2).
    Raises ValueError that names an image that is missing or damaged.
    """
    numbers = [int(number) for number in numbers]
    frames = {}
    for number in dict.fromkeys(numbers):
        paths = [os.path.join(folder, name) for name in image_names(template, number)]
        if reader == FLOW:
            frames[number] = read_flow(paths)
        else:
            (path,) = paths
            frames[number] = {"opencv": decode_opencv, "pillow": decode_pillow}[reader](read_image(path), path)
    return [frames[number] for number in numbers]


def read_image(path: str) -> bytes:
    """The content of an image's file. Raises ValueError where it is missing."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise ValueError(f"{path}: missing frame ({error.strerror})") from None


def read_flow(paths: list[str]) -> np.ndarray:
    """[H, W, 2] uint8: x and y, from a grey image of each, or from the first two channels of one RGB image."""
    if len(paths) == 1:
        return np.ascontiguousarray(decode_pillow(read_image(paths[0]), paths[0])[..., :2])
    x, y = (decode_pillow(read_image(path), path, "L") for path in paths)
    if x.shape != y.shape:
        raise ValueError(
            f"{paths[1]}: is {y.shape[1]}x{y.shape[0]}, and {os.path.basename(paths[0])} {x.shape[1]}x{x.shape[0]}"
        )
    return np.dstack([x, y])


def decode_opencv(data: bytes, path: str) -> np.ndarray:
    """Decode an image as mmcv's `imfrombytes` does. OpenCV fills a JPEG that was cut off with grey; here that is an
    error."""
    cut_off = data[:2] == b"\xff\xd8" and b"\xff\xd9" not in data[-512:]
    frame = cv2.imdecode(np.frombuffer(data, "uint8"), cv2.IMREAD_COLOR) if data and not cut_off else None
    if frame is None:
        raise ValueError(f"{path}: damaged frame; wanted an image that OpenCV reads")
    return cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)


def decode_pillow(data: bytes, path: str, mode: str = "RGB") -> np.ndarray:
    """Decode an image as MIT and PaddleVideo do. mode: Pillow's, "L" for grey."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            return np.asarray(image.convert(mode))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path}: damaged frame ({error}); wanted an image that Pillow reads") from None
