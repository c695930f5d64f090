"""Labelling a stream after each of its frames."""

from __future__ import annotations

import time
from collections import deque

import numpy as np

from paddle_tsm.data.clip import views_of
from paddle_tsm.data.presets import Preset
from paddle_tsm.inference.probabilities import class_probabilities
from paddle_tsm.inference.stream_predictor import StreamPredictor


class FrameLabeller:
    """Labels a stream by the mean of the logits of its last `average` frames.

    stream: what runs the network. pixels: the preset of its frames. names: the classes'. frames, seconds: how many
    frames it has labelled, and how long that took.
    """

    def __init__(self, stream: StreamPredictor, pixels: Preset, names: list[str], average: int):
        self.stream, self.pixels, self.names = stream, pixels, names
        self.recent: deque[np.ndarray] = deque(maxlen=average)
        self.frames, self.seconds = 0, 0.0

    def __call__(self, frame: np.ndarray) -> tuple[int, str, float]:
        """(class, its name and probability in words, its probability) after this frame, RGB [H, W, 3] uint8."""
        start = time.perf_counter()
        self.recent.append(self.stream.step(views_of(self.pixels, [frame]))[0])
        self.seconds, self.frames = self.seconds + time.perf_counter() - start, self.frames + 1
        probabilities = class_probabilities(np.stack(self.recent), "logits")
        best = int(probabilities.argmax())
        return best, f"{self.names[best]}  {100 * probabilities[best]:.1f} %", float(probabilities[best])
