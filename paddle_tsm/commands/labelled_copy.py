"""The copy of a video that `paddle-tsm predict --out` writes."""

from __future__ import annotations

from collections.abc import Callable


def write_labelled(source: str, out: str, lines_at: Callable[[float], list[str]]) -> None:
    """Write a copy of the video. lines_at: gives the lines on the frame that is shown at a time, in seconds."""
    from paddle_tsm.commands.messages import print_encoder
    from paddle_tsm.inference.labelled_video import frames_of, labelled_video
    from paddle_tsm.terminal.literal_text import status

    frames, rate = frames_of(source)
    print_encoder("predict", out)
    with labelled_video(out, rate, source) as write, status(f"writing {out}"):
        for number, frame in enumerate(frames):
            write(frame, lines_at(number / rate))
