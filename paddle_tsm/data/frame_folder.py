"""Frames from a folder of images, whose names are a template of the frame's number, such as `img_{:05d}.jpg`."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable

import cv2
import numpy as np
from PIL import Image


def check_template(template: str) -> None:
    """Raise ValueError unless `template` gives each frame a name of its own."""
    try:
        names = {template.format(1), template.format(2)}
    except (ValueError, IndexError, KeyError) as error:
        raise ValueError(f"frame template: got {template!r} ({error}), wanted one like 'img_{{:05d}}.jpg'") from None
    if len(names) < 2:
        raise ValueError(f"frame template: got {template!r}, wanted a place for the number, as in 'img_{{:05d}}.jpg'")


def frame_path(folder: str | os.PathLike, template: str, number: int) -> str:
    """The path of the image with this number."""
    return os.path.join(folder, template.format(int(number)))


def read_frames(
    folder: str | os.PathLike, template: str, numbers: Iterable[int], reader: str = "opencv"
) -> list[np.ndarray]:
    """The images with these numbers, in this order: RGB [H, W, 3] uint8. A file is read once.

    reader: "opencv" as in mmaction2 or "pillow" as in MIT and PaddleVideo, whose JPEG decoders may differ. Raises
    ValueError that names an image that is missing or damaged.
    """
    decode = {"opencv": decode_opencv, "pillow": decode_pillow}[reader]
    numbers = [int(number) for number in numbers]
    frames = {}
    for number in dict.fromkeys(numbers):
        path = frame_path(folder, template, number)
        try:
            with open(path, "rb") as file:
                data = file.read()
        except OSError as error:
            raise ValueError(f"{path}: missing frame ({error.strerror})") from None
        frames[number] = decode(data, path)
    return [frames[number] for number in numbers]


def decode_opencv(data: bytes, path: str) -> np.ndarray:
    """Decode an image as mmcv's `imfrombytes` does. OpenCV fills a JPEG that was cut off with grey; here that is an
    error."""
    cut_off = data[:2] == b"\xff\xd8" and b"\xff\xd9" not in data[-512:]
    frame = cv2.imdecode(np.frombuffer(data, "uint8"), cv2.IMREAD_COLOR) if data and not cut_off else None
    if frame is None:
        raise ValueError(f"{path}: damaged frame; wanted an image that OpenCV reads")
    return cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)


def decode_pillow(data: bytes, path: str) -> np.ndarray:
    """Decode an image as MIT and PaddleVideo do."""
    try:
        with Image.open(io.BytesIO(data)) as image:
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"{path}: damaged frame ({error}); wanted an image that Pillow reads") from None
