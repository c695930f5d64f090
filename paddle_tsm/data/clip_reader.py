"""A list of clips as a data set: from a line to network input and label.

Random numbers are drawn from (seed, epoch, index of the clip), so a clip's augmentation depends neither on the order in
which clips are read nor on the number of workers, and a resumed run draws what the unbroken one drew.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from paddle_tsm.data import frame_folder, video_file
from paddle_tsm.data.annotations import Entry
from paddle_tsm.data.bad_clips import BadClip, bad_clip
from paddle_tsm.data.clip import train_clip, views_of
from paddle_tsm.data.presets import Preset
from paddle_tsm.data.video_survey import VideoNotes


@dataclass(frozen=True)
class FrameSource:
    """Where an entry's frames are: a video file, or, with a template, a folder whose first frame has number `first`.

    notes: gets the videos that do not hold what their container says."""

    template: str | None = None
    first: int = 1
    threads: int = 1  # of the video decoder; workers are better used than its threads
    notes: VideoNotes | None = None

    def __post_init__(self):
        if self.template is not None:
            frame_folder.check_template(self.template)

    def read(self, entry: Entry, choose, reader: str = "opencv") -> list[np.ndarray]:
        """The frames with the indices `choose(num_frames)`, RGB [H, W, 3] uint8. Raises BadClip."""
        try:
            if self.template is None:
                return video_file.read_frames(entry.path, choose, self.threads, self.notes)
            numbers = choose(self.num_frames(entry)) + (entry.offset + self.first)
            return frame_folder.read_frames(entry.path, self.template, numbers, reader)
        except BadClip:
            raise
        except (ValueError, OSError) as error:
            raise bad_clip(entry, error) from error

    def num_frames(self, entry: Entry) -> int:
        """Of a frame folder, as the list says."""
        if entry.num_frames is None:
            raise ValueError(f"{entry.path}: no frame count; wanted a list of form 'frames' or 'offset'")
        return entry.num_frames


@dataclass(frozen=True)
class ClipReader:
    """The clips of `entries`, for Paddle's DataLoader or any loop.

    `reader[index]`, or `reader[epoch, index]` in training, is (clip, labels, index): in training float32
    [T, 3, size, size], else every view, [views * T, 3, test_size, test_size]; the entry's labels, exchanged as the flip
    rule says where the clip was mirrored. A clip that cannot be read raises BadClip, or, with `skip_bad`, is returned
    as that BadClip, for `SkippedClips` to count.
    """

    entries: list[Entry]
    preset: Preset
    num_segments: int = 8
    train: bool = False
    source: FrameSource = FrameSource()
    seed: int = 0
    skip_bad: bool = False

    def __len__(self) -> int:
        return len(self.entries)

    def __getitem__(self, key):
        epoch, index = key if isinstance(key, tuple) else (0, key)
        entry = self.entries[index]
        try:
            clip, mirrored = self.read(entry, np.random.default_rng([self.seed, epoch, index]) if self.train else None)
        except BadClip as bad:
            if self.skip_bad:
                return bad
            raise
        return clip, self.preset.flip.labels(entry.labels) if mirrored else entry.labels, index

    def read(self, entry: Entry, rng: np.random.Generator | None) -> tuple[np.ndarray, bool]:
        """(network input, whether it was mirrored). With `rng` a training clip, else the views of the test."""
        preset, segments = self.preset, self.num_segments
        if rng is None:
            frames = self.source.read(entry, lambda count: preset.test_sampling(count, segments), preset.reader)
            return self._checked(entry, views_of, preset, frames), False
        frames = self.source.read(entry, lambda count: preset.train_sampling(count, segments, rng), preset.reader)
        return self._checked(entry, train_clip, preset, frames, rng)

    @staticmethod
    def _checked(entry: Entry, transform, *arguments):
        """What `transform` makes; frames that it cannot take (too narrow for the crops) are the clip's fault."""
        try:
            return transform(*arguments)
        except ValueError as error:
            raise bad_clip(entry, error) from error
