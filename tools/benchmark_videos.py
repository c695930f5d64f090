"""The videos that `tools/benchmark.py data` makes."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import av
import cv2
import numpy as np

SMALL, LARGE = (320, 240), (1280, 720)
# kind -> (codec as FFmpeg calls it, (width, height), frames from one key frame to the next)
KINDS = {
    "H.264 320x240, GOP 12": ("libx264", SMALL, 12),
    "H.264 320x240, GOP 250": ("libx264", SMALL, 250),
    "H.264 1280x720, GOP 12": ("libx264", LARGE, 12),
    "H.264 1280x720, GOP 250": ("libx264", LARGE, 250),
    "MPEG-4 320x240, GOP 12": ("mpeg4", SMALL, 12),
    "MPEG-4 1280x720, GOP 12": ("mpeg4", LARGE, 12),
}


def make_kinds(folder: str, only: str) -> dict[str, str]:
    """Make a video of 10 seconds of each kind with `only` in its name. Returns {kind: path}."""
    paths = {}
    for number, (kind, (codec, size, gop)) in enumerate(KINDS.items()):
        if only not in kind:
            continue
        print(f"making {kind}", file=sys.stderr, flush=True)
        paths[kind] = f"{folder}/{number}.mp4"
        make_video(paths[kind], codec, size, gop)
    return paths


def make_video(path: str, codec: str, size: tuple[int, int], gop: int, frames: int = 300) -> None:
    """Write a video of 30 frames a second. codec, gop: as in KINDS. size: (width, height)."""
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, rate=30, options={"crf": "23"} if codec == "libx264" else {"b": "2M"})
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.gop_size = gop
        for picture in pictures(frames, *size):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))


def pictures(frames: int, width: int, height: int) -> Iterator[np.ndarray]:
    """Frames of a textured background that moves, a disc that moves over it, and a little noise: BGR, uint8."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (height // 8 + 20, width // 8 + 80, 3), "uint8")
    background = cv2.resize(coarse, (width + 640, height + 160), interpolation=cv2.INTER_CUBIC)
    for i in range(frames):
        left, top = 2 * i % 600, 40 + int(30 * np.sin(i / 20))
        picture = background[top : top + height, left : left + width].copy()
        cv2.circle(picture, (width * (i % 97) // 97, height * (i % 61) // 61), height // 6, (255, 20, i % 256), -1)
        yield cv2.add(picture, rng.integers(0, 4, (height, width, 3), "uint8"))
