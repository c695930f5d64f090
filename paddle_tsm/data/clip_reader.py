"""A list of clips as a data set: from an entry of the list to network input and labels.

The random numbers of a clip are drawn from (seed, epoch, index of the clip). So its augmentation depends neither on the
order in which clips are read nor on the number of workers, and a resumed training draws what the unbroken one would
have drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from paddle_tsm.data.clip import train_clip, views_of
from paddle_tsm.data.presets import Preset
from paddle_tsm.data.train_draw import RandomDraw, TrainDraw
from paddle_tsm.lists.annotations import Entry
from paddle_tsm.lists.bad_clips import BadClip, bad_clip
from paddle_tsm.lists.frame_source import FrameSource


@dataclass(frozen=True)
class ClipReader:
    """The clips of `entries`, for Paddle's DataLoader or any loop.

    `reader[index]`, or in training `reader[epoch, index]`, is (clip, labels, index). With `train` the clip is float32
    [T, 3, size, size], and its labels are exchanged by the preset's flip rule where it was mirrored. Otherwise the clip
    is every view, float32 [views * T, 3, test_size, test_size], and its labels are the entry's. A clip that cannot be
    read raises BadClip; with `skip_bad`, the BadClip is returned instead, for `SkippedClips` to count.

    draws: (epoch, index) -> what was drawn for that training clip before; None: it is drawn now.
    """

    entries: list[Entry]
    preset: Preset
    num_segments: int = 8
    train: bool = False
    source: FrameSource = FrameSource()
    seed: int = 0
    skip_bad: bool = False
    draws: Mapping[tuple[int, int], TrainDraw] | None = None

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, key: int | tuple[int, int]) -> tuple[np.ndarray, tuple[int, ...], int] | BadClip:
        epoch, index = key if isinstance(key, tuple) else (0, key)
        entry = self.entries[index]
        try:
            clip, mirrored = self.read(entry, self.draw(epoch, index) if self.train else None)
        except BadClip as bad:
            if self.skip_bad:
                return bad
            raise
        return clip, self.preset.flip.labels(entry.labels) if mirrored else entry.labels, index

    def draw(self, epoch: int, index: int) -> TrainDraw:
        """What decides the training clip `index` in this epoch."""
        if self.draws is not None:
            return self.draws[epoch, index]
        return RandomDraw(self.preset, self.num_segments, np.random.default_rng([self.seed, epoch, index]))

    def read(self, entry: Entry, draw: TrainDraw | None) -> tuple[np.ndarray, bool]:
        """(network input, whether it was mirrored): a training clip where there is a `draw`, else every test view."""
        preset, segments = self.preset, self.num_segments
        if draw is None:
            frames = self.source.read(entry, lambda count: preset.test_sampling(count, segments), preset.reader)
            return self._checked(entry, views_of, preset, frames), False
        frames = self.source.read(entry, draw.frames, preset.reader)
        return self._checked(entry, train_clip, preset, frames, draw)

    @staticmethod
    def _checked(entry: Entry, transform: Callable, *arguments):
        """transform(*arguments). Raises BadClip for frames that it refuses, such as those narrower than a crop."""
        try:
            return transform(*arguments)
        except ValueError as error:
            raise bad_clip(entry, error) from error
