"""Scores of a list's clips: views of many clips share a forward pass, and each clip's are averaged as its preset says.

No framework is imported here: the network is a function `run`, of whatever engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np

from paddle_tsm.data.bad_clips import BadClip, SkippedClips
from paddle_tsm.data.clip_reader import ClipReader
from paddle_tsm.data.read_ahead import read_ahead
from paddle_tsm.data.scores import average_views

VIEWS_AHEAD = 64  # that are read before they are needed; a view of 8 frames of 224 takes 4.8 MB


@dataclass(frozen=True)
class Scored:
    """`indices`: which clips of the list, int [M]; `scores`: float64 [M, K]; `labels`: of each clip, M tuples."""

    indices: np.ndarray
    scores: np.ndarray
    labels: list[tuple[int, ...]]

    def __len__(self) -> int:
        return len(self.indices)

    def only(self, indices: Iterable[int]) -> Scored:
        """Those of these clips that are there, in this one's order."""
        wanted = set(map(int, indices))
        rows = [row for row, index in enumerate(self.indices) if int(index) in wanted]
        return Scored(self.indices[rows], self.scores[rows], [self.labels[row] for row in rows])


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

    run: float32 [n*T, 3, H, W] -> logits [n, K], 1 <= n <= `batch`, the views of a forward pass. The scores depend on
    `batch` only as far as `run` does on n (`paddle_run.run_of`: not at all), not on `workers`, the threads that read.
    indices: which clips (all), so that a process of several takes its share; none gives no rows. A bad clip is raised,
    or, where the reader returns it (`skip_bad`) and `skipped` is there to count it, left out. progress(done, total)
    counts clips, also those left out.
    Raises ValueError for a reader of training clips, and for logits that are NaN, infinite, or not [n, K].
    """
    if reader.train:
        raise ValueError("reader: got one of training clips, wanted train=False")
    if batch < 1:
        raise ValueError(f"batch: got {batch}, wanted at least 1 view")
    indices = list(range(len(reader))) if indices is None else [int(index) for index in indices]
    if len(set(indices)) < len(indices):
        raise ValueError("indices: got a clip twice")
    found = AveragedScores(reader, len(indices), progress)
    ahead = max(1, min(2 * workers, VIEWS_AHEAD // reader.preset.views))
    with closing(read_ahead(reader, indices, workers, ahead)) as samples:
        for block in blocks(found.readable(samples, skipped), reader.num_segments, batch):
            found.add(block, run(np.concatenate([views for _, views in block])))
    return found.scored(indices)


def blocks(clips: Iterable[tuple], segments: int, batch: int) -> Iterator[list[tuple]]:
    """Blocks of `batch` views (the last may have less), each a list of (clip's index, its views that are in the block).

    clips: pairs (index, views [V*T, 3, H, W])."""
    block, free = [], batch
    for index, views in clips:
        while len(views):
            taken, views = views[: free * segments], views[free * segments :]
            block.append((index, taken))
            free -= len(taken) // segments
            if free == 0:
                yield block
                block, free = [], batch
    if block:
        yield block


class AveragedScores:
    """Gathers the views' logits of clips until a clip has all of its own, then keeps their average."""

    def __init__(self, reader: ClipReader, total: int, progress):
        self.reader, self.total, self.progress = reader, total, progress
        self.done = 0
        self.missing: dict[int, int] = {}  # clip -> views that have no logits yet
        self.logits: dict[int, list[np.ndarray]] = {}
        self.scores: dict[int, np.ndarray] = {}
        self.labels: dict[int, tuple[int, ...]] = {}

    def readable(self, samples, skipped: SkippedClips | None) -> Iterator[tuple[int, np.ndarray]]:
        """(index, views) of the clips that could be read."""
        for sample in samples:
            if isinstance(sample, BadClip):
                if skipped is None:  # nobody would know
                    raise sample
                skipped.add(sample)
                self.step()
                continue
            views, self.labels[sample[2]], index = sample
            self.missing[index], self.logits[index] = len(views) // self.reader.num_segments, []
            yield index, views

    def add(self, block: list[tuple[int, np.ndarray]], logits: np.ndarray) -> None:
        """Take the logits [n, K] of a block of n views."""
        counts = [len(views) // self.reader.num_segments for _, views in block]
        if logits.ndim != 2 or len(logits) != sum(counts):
            raise ValueError(f"logits: got shape {list(logits.shape)} for {sum(counts)} views, wanted a row a view")
        for (index, _), rows in zip(block, np.split(logits, np.cumsum(counts)[:-1])):
            if not np.isfinite(rows).all():
                entry = self.reader.entries[index]
                raise ValueError(
                    f"{entry.where}: {entry.path}: the network's logits are NaN or infinite; has it diverged?"
                )
            self.logits[index].append(rows)
            self.missing[index] -= len(rows)
            if self.missing[index] == 0:
                every = np.concatenate(self.logits.pop(index)).astype("float64")
                self.scores[index] = average_views(every, self.reader.preset.average)
                self.step()

    def step(self) -> None:
        self.done += 1
        if self.progress:
            self.progress(self.done, self.total)

    def scored(self, indices: list[int]) -> Scored:
        """What was gathered, in the order of `indices`."""
        kept = [index for index in indices if index in self.scores]
        scores = np.stack([self.scores[index] for index in kept]) if kept else np.empty((0, 0))
        return Scored(np.array(kept, "int64"), scores, [self.labels[index] for index in kept])


def merged(parts: Iterable[Scored]) -> Scored:
    """The shares of several processes as one, in the list's order. Raises ValueError for a clip that is in two."""
    parts = [part for part in parts if len(part)]
    if not parts:
        return Scored(np.empty(0, "int64"), np.empty((0, 0)), [])
    indices = np.concatenate([part.indices for part in parts])
    if len(np.unique(indices)) < len(indices):
        raise ValueError("shares: got a clip in two of them")
    order = np.argsort(indices)
    labels = [label for part in parts for label in part.labels]
    return Scored(indices[order], np.concatenate([part.scores for part in parts])[order], [labels[i] for i in order])
