"""Small videos of any container and size, for tests of sources."""

from __future__ import annotations

import io

import av
import numpy as np

RATE = 15


def video(
    container: str, frames: int = 30, size: tuple[int, int] = (96, 64), codec: str = "libx264", **options
) -> bytes:
    """The bytes of a video of noise, as FFmpeg's container of this name holds it. options: of the container.

    Every tenth frame is a key frame, so that half a video can be read. size: (width, height).
    """
    file, rng = io.BytesIO(), np.random.default_rng(0)
    with av.open(file, "w", format=container, options=options) as output:
        stream = output.add_stream(codec, rate=RATE, options={"g": "10"} if codec == "libx264" else {})
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        for _ in range(frames):
            picture = rng.integers(0, 255, (size[1], size[0], 3), dtype="uint8")
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        output.mux(stream.encode(None))
    return file.getvalue()
