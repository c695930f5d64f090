"""The most probable classes of many videos, piece by piece: in one process or in several, and gone on with after a
break.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import islice

from paddle_tsm.data.presets import Preset
from paddle_tsm.evaluation.time_spent import TimeSpent
from paddle_tsm.inference.predicted_videos import PredictedVideo, predicted_videos
from paddle_tsm.inference.predictor import Predictor
from paddle_tsm.inference.probabilities import top_classes
from paddle_tsm.processes.list_work import PieceResult, pieces_of, work_through
from paddle_tsm.processes.processes import Processes
from paddle_tsm.sources.source_patience import Patience
from paddle_tsm.sources.video_sources import VideoSource


@dataclass(frozen=True)
class NamedVideo:
    """What is said of one source. video: its name for results. top: see `top_classes`; None where it could not be read,
    and `problem` says why. remarks: what was wrong with it all the same.
    """

    video: str
    top: list[dict] | None
    problem: str
    remarks: list[str]


@dataclass(frozen=True)
class VideoClasses:
    """How videos become the names of their classes. names: of all classes. top: how many are kept of each video.
    strict, patience: see `predicted_videos`.
    """

    predictor: Predictor
    preset: Preset
    names: list[str]
    top: int
    strict: bool
    patience: Patience

    def of(self, sources: Sequence[VideoSource], spent: TimeSpent) -> Generator[NamedVideo, None, None]:
        """What is said of each source, in their order. spent: counts where the time goes."""
        frames, rest = self.predictor.network.num_segments, (self.strict, self.patience, spent)
        with closing(predicted_videos(self.predictor, self.preset, frames, sources, *rest)) as found:
            yield from map(self.named, found)

    def named(self, one: PredictedVideo) -> NamedVideo:
        """Its most probable classes."""
        top = None if one.probabilities is None else top_classes(one.probabilities, self.names, self.top)
        return NamedVideo(one.source.shown, top, one.problem, one.remarks)


def predict_list(
    classes: VideoClasses,
    sources: Sequence[VideoSource],
    processes: Processes,
    folder: str | None,
    *,
    found: Callable[[NamedVideo, int], None],
    spent: TimeSpent,
) -> list[NamedVideo]:
    """What is said of each source, in their order, in the first process; [] in the others.

    Every video is run by itself, so that its probabilities have the same bits in any number of processes, where these
    have as many threads. folder: see `work_through`. found: is called with what is said of a source, and the number of
    the sources of this process, as soon as it is there. spent: counts where the time goes.
    """

    def work(pieces: Sequence[range]) -> Iterator[PieceResult]:
        own = [sources[number] for piece in pieces for number in piece]
        with closing(classes.of(own, spent)) as named:
            for piece in pieces:
                kept = []
                for one in islice(named, len(piece)):
                    found(one, len(own))
                    kept.append(asdict(one))
                yield PieceResult(facts=kept)

    results = work_through(pieces_of(len(sources)), work, processes, folder)
    return [NamedVideo(**one) for result in results for one in result.facts]
