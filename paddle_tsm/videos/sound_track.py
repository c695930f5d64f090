"""The sound of one video, written into a copy of it that grows frame by frame."""

from __future__ import annotations

import os
from collections.abc import Iterator

import av


class SoundTrack:
    """The first sound of the video `source`, added to `output`, a PyAV container that nothing is written to yet.

    Its packets are copied where the container can hold them, and else encoded anew as the container usually has it. A
    source that PyAV cannot read has no sound. Sound that is damaged ends where the damage begins.
    """

    def __init__(self, source: str | os.PathLike, output):
        self._output, self._track = output, None
        self._waiting: Iterator[tuple[float, object]] = iter(())
        try:
            container = av.open(os.fspath(source), metadata_errors="ignore")
        except av.FFmpegError:
            return
        if not container.streams.audio or not container.streams.video:
            return
        sound, picture = container.streams.audio[0], container.streams.video[0]
        # the copy's first frame is at 0 seconds, whatever the time of the source's first one is
        start = float((picture.start_time or 0) * picture.time_base)
        self._copied = sound.codec_context.codec.canonical_name in output.supported_codecs
        if self._copied:
            self._track = output.add_stream_from_template(sound)
        else:
            self._track = output.add_stream(output.default_audio_codec, rate=sound.codec_context.sample_rate)
        self._waiting = timed(container.demux(sound) if self._copied else container.decode(sound), start)

    def write_until(self, seconds: float) -> None:
        """Write what is heard before `seconds` of the copy."""
        for at, part in self._waiting:
            self._output.mux(self._packets(part))
            if at >= seconds:
                return

    def end(self) -> None:
        """Write what the encoder still holds."""
        if self._track is not None and not self._copied:
            self._output.mux(self._track.encode(None))

    def _packets(self, part):
        """The packets of the copy that hold this packet, or this frame, of the source."""
        assert self._track is not None  # without a track nothing waits
        if not self._copied:
            return self._track.encode(part)
        part.stream = self._track
        return part


def timed(parts: Iterator, start: float) -> Iterator[tuple[float, object]]:
    """(seconds since `start`, the part with its time counted from there) of packets or frames, but for earlier ones."""
    try:
        for part in parts:
            if part.pts is None:  # the packet that ends a stream
                continue
            part.pts -= round(start / part.time_base)
            if part.pts >= 0:
                if hasattr(part, "dts"):
                    part.dts = part.pts  # sound has no frames that are shown in another order than they are decoded
                yield float(part.pts * part.time_base), part
    except av.error.InvalidDataError:
        return
