"""The probabilities of one video after the other. The next ones are decoded while the network runs on one."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from threading import Event

import numpy as np

from paddle_tsm.data.clip import views_of
from paddle_tsm.data.presets import Preset
from paddle_tsm.data.read_ahead import read_ahead
from paddle_tsm.evaluation.time_spent import TimeSpent
from paddle_tsm.inference.probabilities import class_probabilities
from paddle_tsm.inference.video_classes import Run, need_rgb
from paddle_tsm.sources.address_copy import NoFile
from paddle_tsm.sources.copied_source import as_file
from paddle_tsm.sources.source_events import SourceEvents
from paddle_tsm.sources.source_patience import Patience
from paddle_tsm.sources.video_sources import VideoSource
from paddle_tsm.videos.video_check import check_video
from paddle_tsm.videos.video_file import read_frames
from paddle_tsm.videos.video_notes import VideoNotes

READERS = 2  # threads, each with a video of its own; more of them would hold the views of more videos


@dataclass
class PredictedVideo:
    """What was found in one source. probabilities: [K]; None where it could not be read, and `problem` says why.
    remarks: what was wrong with it all the same.
    """

    source: VideoSource
    probabilities: np.ndarray | None = None
    problem: str = ""
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class ViewReader:
    """`reader[source]` is (every view of the video as network input, or None; what is known of it so far)."""

    preset: Preset
    num_segments: int
    strict: bool
    patience: Patience
    ended: Event  # is set where nobody waits for the views any more
    threads: int | None  # of the decoder, see `read_frames`

    def __getitem__(self, source: VideoSource) -> tuple[np.ndarray | None, PredictedVideo]:
        found = PredictedVideo(source)
        events = SourceEvents(found.remarks.append, lambda: None, self.ended.is_set)
        try:
            with as_file(source, self.patience, events) as path:
                return self._views(source, path, found.remarks), found
        except NoFile:
            found.problem = f"{source.shown}: has no end; wanted --window, or `paddle-tsm stream`"
        except (ValueError, OSError) as error:
            text = str(error)
            found.problem = text if source.shown in text else f"{source.shown}: {text}"
        return None, found

    def _views(self, source: VideoSource, path: str, remarks: list[str]) -> np.ndarray:
        """Every view of the video file. A copy is called by the name of its source."""
        notes = VideoNotes()
        try:
            notes = check_video(path, self.strict)
            sampling = self.preset.test_sampling
            frames = read_frames(path, lambda count: sampling(count, self.num_segments), self.threads, notes)
        except ValueError as error:
            raise ValueError(str(error).replace(path, source.shown)) from None
        if notes:
            remarks.append(notes.report().removeprefix(f"{path}: "))
        return views_of(self.preset, frames)


def predicted_videos(
    run: Run,
    preset: Preset,
    num_segments: int,
    sources: Sequence[VideoSource],
    strict: bool,
    patience: Patience,
    spent: TimeSpent,
) -> Generator[PredictedVideo, None, None]:
    """What is found in each source, in their order. strict: a video that does not hold what its container says counts
    as one that cannot be read. spent: counts where the time goes.
    """
    need_rgb(preset)
    ended = Event()
    threads = 1 if len(sources) > 1 else None  # two videos at once are faster than two threads on one
    reader = ViewReader(preset, num_segments, strict, patience, ended, threads)
    try:
        for views, found in spent.waited_for(read_ahead(reader, sources, READERS, ahead=READERS)):
            if views is not None:
                with spent.on("network"):
                    logits = run(views)
                found.probabilities = class_probabilities(logits, preset.average)
            yield found
    finally:
        ended.set()
