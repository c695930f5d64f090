"""From a video, or from frames that are decoded already, to the probabilities of its classes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

import numpy as np

from paddle_tsm.data.clip import views_of
from paddle_tsm.data.presets import Preset
from paddle_tsm.inference.probabilities import class_probabilities
from paddle_tsm.videos.frame_folder import FLOW
from paddle_tsm.videos.video_file import read_frames
from paddle_tsm.videos.video_notes import VideoNotes

Run = Callable[[np.ndarray], np.ndarray]  # float32 [views*T, 3, H, W] -> logits [views, K]


def need_rgb(preset: Preset) -> None:
    """Raise ValueError where the preset makes its input of optical flow, which a video does not hold."""
    if preset.reader == FLOW:
        raise ValueError(
            "the network takes optical flow, a video holds RGB frames; `paddle-tsm prepare flow` makes folders of flow "
            "and a list of them, for `paddle-tsm evaluate`"
        )


def probabilities_of_video(
    run: Run, preset: Preset, num_segments: int, path: str | os.PathLike, notes: VideoNotes
) -> np.ndarray:
    """[K], the mean over the preset's views of a video file. Raises ValueError as `read_frames` does."""
    need_rgb(preset)
    frames = read_frames(path, lambda count: preset.test_sampling(count, num_segments), notes=notes)
    return class_probabilities(run(views_of(preset, frames)), preset.average)


def probabilities_of_frames(
    run: Run, preset: Preset, num_segments: int, frames: np.ndarray | Sequence[np.ndarray]
) -> np.ndarray:
    """The same of all the frames of a video, RGB uint8 [frames, H, W, 3]. Raises ValueError for other ones."""
    need_rgb(preset)
    shapes = {(np.shape(frame), getattr(frame, "dtype", type(frame))) for frame in frames}
    fits = [len(shape) == 3 and shape[2] == 3 and dtype == np.uint8 for shape, dtype in shapes]
    if len(shapes) != 1 or not all(fits):
        got = ", ".join(f"{dtype} {list(shape)}" for shape, dtype in list(shapes)[:2]) or "no frame"
        raise ValueError(f"frames: got {got}; wanted uint8 [frames, H, W, 3], RGB, all of one size")
    chosen = [np.ascontiguousarray(frames[int(index)]) for index in preset.test_sampling(len(frames), num_segments)]
    return class_probabilities(run(views_of(preset, chosen)), preset.average)
