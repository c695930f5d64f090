"""A copy of a video, written frame by frame by PyAV, with the sound of its source."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from fractions import Fraction

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from paddle_tsm.videos.sound_track import SoundTrack
from paddle_tsm.videos.video_writer import check_size, no_frame, unfinished_video

H264, MPEG4 = "libx264", "mpeg4"
# Nearly without loss. An .avi has no times, so that it cannot hold frames in another order than they are shown in.
OPTIONS = {H264: {"crf": "18", "preset": "fast", "bf": "0"}, MPEG4: {"qscale": "3"}}


def copy_encoder() -> str:
    """H264 where PyAV has that encoder, else MPEG4."""
    return H264 if H264 in av.codecs_available else MPEG4


@contextlib.contextmanager
def complete_copy(
    path: str | os.PathLike, rate: float, source: str | os.PathLike | None
) -> Iterator[Callable[[np.ndarray], None]]:
    """Yield a function that appends one frame, [H, W, 3] uint8 in BGR (OpenCV's order), to the video.

    source: the video whose sound is kept for as long as there are frames; None for none. Everything else is as for
    `complete_video`. The last row or column of an odd size is there twice, because H.264 has even sizes only. Raises
    OSError that names `path` where the disk is full.
    """
    with unfinished_video(path) as unfinished:
        copy: VideoCopy | None = None

        def append(frame: np.ndarray) -> None:
            nonlocal copy
            copy = copy or VideoCopy(unfinished, rate, source, frame.shape[:2])
            check_size(path, frame, copy.size)
            copy.append(frame)

        try:
            yield append
            if copy is None:
                raise no_frame(path)
            copy.end()
        except BaseException:
            if copy is not None:
                with contextlib.suppress(OSError):  # the same error again
                    copy.container.close()
            raise


class VideoCopy:
    """The file that is being written. size: (height, width) of the frames that are appended."""

    def __init__(self, path: str, rate: float, source: str | os.PathLike | None, size: tuple[int, ...]):
        self.size, self._frames, self._rate = size, 0, Fraction(rate).limit_denominator(1001)
        self.container = av.open(path, "w")
        name = copy_encoder()
        self._stream = self.container.add_stream(name, rate=self._rate, options=OPTIONS[name])
        self._stream.height, self._stream.width = (length + length % 2 for length in size)
        self._stream.pix_fmt = "yuv420p"
        # what the conversion from RGB is; players guess otherwise for large frames
        self._stream.codec_context.colorspace = Colorspace.SMPTE170M
        self._stream.codec_context.color_range = ColorRange.MPEG
        self._sound = None if source is None else SoundTrack(source, self.container)

    def append(self, frame: np.ndarray) -> None:
        """Encode one frame, BGR [height, width, 3] uint8, and write what is heard until its end."""
        height, width = self.size
        if height % 2 or width % 2:
            frame = cv2.copyMakeBorder(frame, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="bgr24")
        picture.pts, picture.time_base = self._frames, 1 / self._rate
        self._frames += 1
        self.container.mux(self._stream.encode(picture))
        if self._sound is not None:
            self._sound.write_until(float(self._frames / self._rate))

    def end(self) -> None:
        """Write what the encoders still hold, and the file's index."""
        self.container.mux(self._stream.encode(None))
        if self._sound is not None:
            self._sound.end()
        self.container.close()
