"""The scores of the clips of a list. The views of several clips share a forward pass; then each clip's are averaged.

No framework is imported here. The network is a function `run`, whatever engine it uses.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice

import numpy as np

from paddle_tsm.data.clip_reader import ClipReader
from paddle_tsm.data.read_ahead import read_ahead
from paddle_tsm.data.scores import average_views
from paddle_tsm.evaluation.time_spent import TimeSpent
from paddle_tsm.lists.bad_clips import BadClip, SkippedClips

# Views that are read before they are needed, which limits the memory: a view of 8 frames of 224x224 takes 4.8 MB.
VIEWS_AHEAD = 64


@dataclass(frozen=True)
class Scored:
    """The scores of M clips of a list for K classes.

    indices: the clips' places in the list, int [M]. scores: float64 [M, K]. labels: a tuple of labels for each clip.
    logits: the mean of the views' logits, float64 [M, K]; None for the scores of an ensemble.
    """

    indices: np.ndarray
    scores: np.ndarray
    labels: list[tuple[int, ...]]
    logits: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.indices)

    def only(self, indices: Iterable[int]) -> Scored:
        """The scores of those clips whose index is in `indices`, in the order that they have here."""
        wanted = set(map(int, indices))
        rows = [row for row, index in enumerate(self.indices) if int(index) in wanted]
        logits = None if self.logits is None else self.logits[rows]
        return Scored(self.indices[rows], self.scores[rows], [self.labels[row] for row in rows], logits)


def score_clips(
    run: Callable[[np.ndarray], np.ndarray],
    reader: ClipReader,
    indices: Sequence[int] | None = None,
    *,
    batch: int = 8,
    workers: int = 2,
    skipped: SkippedClips | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Scored:
    """The scores of the reader's clips, averaged over their views in float64 as `reader.preset.average` says.

    indices: the clips to score, so that one of several processes can take its share; None for all. All else: see
    `score_pieces`.
    """
    indices = range(len(reader)) if indices is None else indices
    scores = score_pieces(run, reader, [indices], batch=batch, workers=workers, skipped=skipped, progress=progress)
    with closing(scores):
        return next(scores)


def score_pieces(
    run: Callable[[np.ndarray], np.ndarray],
    reader: ClipReader,
    pieces: Sequence[Sequence[int]],
    *,
    batch: int,
    workers: int,
    skipped: SkippedClips | None = None,
    progress: Callable[[int, int], None] | None = None,
    spent: TimeSpent | None = None,
) -> Generator[Scored, None, None]:
    """Yield the scores of each piece of the list, as soon as they are there. No batch has clips of two pieces.

    run: takes n views, float32 [n*T, 3, H, W], and returns their logits [n, K]. batch: the largest n. workers: threads
    that read. The scores do not depend on `workers`; they depend on `batch` only if `run` does, which
    `paddle_run.run_of` does not. pieces: the indices of the clips of each. A clip that cannot be read raises BadClip;
    where the reader returns the BadClip (its `skip_bad`) and there is a `skipped` to count it, the clip is left out.
    progress: is called with (clips done, all clips), and counts clips that are left out, too. spent: counts where the
    time goes. Raises ValueError for a reader of training clips, for a batch below 1, for the same index twice, and for
    logits that are NaN, infinite or not [n, K].
    """
    if reader.train:
        raise ValueError("reader: got one of training clips, wanted train=False")
    if batch < 1:
        raise ValueError(f"batch: got {batch}, wanted at least 1 view")
    indices = [int(index) for piece in pieces for index in piece]
    if len(set(indices)) < len(indices):
        raise ValueError("indices: got a clip twice")
    ahead = max(1, min(2 * workers, VIEWS_AHEAD // reader.preset.views))
    done, spent = 0, spent or TimeSpent()
    with closing(read_ahead(reader, indices, workers, ahead)) as samples:
        for piece in pieces:
            averages = ViewAverages(reader, done, len(indices), progress)
            own = averages.readable(spent.waited_for(islice(samples, len(piece))), skipped)
            for batched in batches(own, reader.num_segments, batch):
                with spent.on("network"):
                    logits = run(np.concatenate([views for _, views in batched]))
                averages.add(batched, logits)
            done += len(piece)
            yield averages.scored([int(index) for index in piece])


def clips_a_unit(batch: int, views: int) -> int:
    """The smallest number of clips of `views` views each that fills its last batch of `batch` views."""
    return batch // math.gcd(batch, views)


def batches(
    clips: Iterable[tuple[int, np.ndarray]], segments: int, size: int
) -> Iterator[list[tuple[int, np.ndarray]]]:
    """Cut the views of successive clips into batches of `size` views; the last batch may have fewer.

    clips: pairs (index, views [V*T, 3, H, W]), T = `segments`. A batch is a list of such pairs, each with those views
    of the clip that are in the batch.
    """
    batch, free = [], size
    for index, views in clips:
        while len(views):
            taken, views = views[: free * segments], views[free * segments :]
            batch.append((index, taken))
            free -= len(taken) // segments
            if free == 0:
                yield batch
                batch, free = [], size
    if batch:
        yield batch


class ViewAverages:
    """Collects the logits of views. As soon as a clip has those of all its views, it keeps only their averages.

    done, total: clips that are done already, and all clips, for `progress`.
    """

    def __init__(self, reader: ClipReader, done: int, total: int, progress: Callable[[int, int], None] | None) -> None:
        self.reader, self.done, self.total, self.progress = reader, done, total, progress
        self.missing: dict[int, int] = {}  # index of a clip -> how many of its views have no logits yet
        self.logits: dict[int, list[np.ndarray]] = {}
        self.scores: dict[int, np.ndarray] = {}
        self.mean_logits: dict[int, np.ndarray] = {}
        self.labels: dict[int, tuple[int, ...]] = {}

    def readable(self, samples: Iterable, skipped: SkippedClips | None) -> Iterator[tuple[int, np.ndarray]]:
        """Yield (index, views [V*T, 3, H, W]) of each clip that could be read."""
        for sample in samples:
            if isinstance(sample, BadClip):
                if skipped is None:  # the clip would be missing and nothing would say so
                    raise sample
                skipped.add(sample)
                self.step()
                continue
            views, self.labels[sample[2]], index = sample
            self.missing[index], self.logits[index] = len(views) // self.reader.num_segments, []
            yield index, views

    def add(self, batched: list[tuple[int, np.ndarray]], logits: np.ndarray) -> None:
        """Add the logits [n, K] of a batch of n views. Raises ValueError for another shape, NaN and infinity."""
        counts = [len(views) // self.reader.num_segments for _, views in batched]
        if logits.ndim != 2 or len(logits) != sum(counts):
            raise ValueError(f"logits: got shape {list(logits.shape)} for {sum(counts)} views, wanted a row a view")
        for (index, _), rows in zip(batched, np.split(logits, np.cumsum(counts)[:-1])):
            if not np.isfinite(rows).all():
                entry = self.reader.entries[index]
                raise ValueError(
                    f"{entry.where}: {entry.path}: the network's logits are NaN or infinite; has it diverged?"
                )
            self.logits[index].append(rows)
            self.missing[index] -= len(rows)
            if self.missing[index] == 0:
                logits_of_clip = np.concatenate(self.logits.pop(index)).astype("float64")
                self.scores[index] = average_views(logits_of_clip, self.reader.preset.average)
                self.mean_logits[index] = average_views(logits_of_clip, "logits")
                self.step()

    def step(self) -> None:
        """Count a clip that is done, and tell `progress`."""
        self.done += 1
        if self.progress:
            self.progress(self.done, self.total)

    def scored(self, indices: list[int]) -> Scored:
        """The scores of the clips that could be read, in the order of `indices`."""
        kept = [index for index in indices if index in self.scores]
        scores, logits = (
            np.stack([values[index] for index in kept]) if kept else np.empty((0, 0))
            for values in (self.scores, self.mean_logits)
        )
        return Scored(np.array(kept, "int64"), scores, [self.labels[index] for index in kept], logits)


def merged(shares: Iterable[Scored]) -> Scored:
    """What `score_clips` returned in several processes as one, in the order of the list. Raises ValueError for a clip
    that two of them have.
    """
    shares = [share for share in shares if len(share)]
    if not shares:
        return Scored(np.empty(0, "int64"), np.empty((0, 0)), [], np.empty((0, 0)))
    indices = np.concatenate([share.indices for share in shares])
    if len(np.unique(indices)) < len(indices):
        raise ValueError("shares: got a clip in two of them")
    order = np.argsort(indices)
    labels = [label for share in shares for label in share.labels]
    scores = np.concatenate([share.scores for share in shares])
    logits = np.concatenate([share.logits for share in shares if share.logits is not None])
    return Scored(indices[order], scores[order], [labels[i] for i in order], logits[order])
