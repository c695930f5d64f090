"""The scores of a whole list, piece by piece: in one process or in several, and gone on with after a break."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from typing import Any

import numpy as np

from paddle_tsm.data.clip_reader import ClipReader
from paddle_tsm.evaluation.score import Scored, clips_a_unit, merged, score_pieces
from paddle_tsm.evaluation.time_spent import TimeSpent
from paddle_tsm.lists.bad_clips import BadClip, SkippedClips
from paddle_tsm.processes.list_work import PieceResult, pieces_of, work_through
from paddle_tsm.processes.processes import Processes


def score_list(
    open_run: Callable[[], Callable[[np.ndarray], np.ndarray]],
    reader: ClipReader,
    processes: Processes,
    folder: str | None,
    *,
    batch: int,
    workers: int,
    skipped: SkippedClips,
    progress: Callable[[int, int], None],
    spent: TimeSpent,
) -> Scored:
    """The scores of all the reader's clips, in the first process; without a clip in the others.

    Which clips share a batch depends on the list, `batch` and the number of views alone, so that the scores have the
    same bits in any number of processes, whatever the engine. open_run: loads what runs the network, and is not called
    where this process has nothing to score. folder: see `work_through`. progress: is called with (clips done, clips of
    this process). batch, workers, skipped, spent: see `score_pieces`.
    """

    def work(pieces: Sequence[range]) -> Iterator[PieceResult]:
        bad = SkippedClips()
        with spent.on("loading"):
            run = open_run()
        options: dict[str, Any] = {"skipped": bad, "progress": progress, "spent": spent}
        scores = score_pieces(run, reader, pieces, batch=batch, workers=workers, **options)
        with closing(scores):
            for piece, scored in zip(pieces, scores):
                yield result_of(scored, reader, piece, bad)

    pieces = pieces_of(len(reader), clips_a_unit(batch, reader.preset.views))
    results = work_through(pieces, work, processes, folder)
    for result in results:
        for bad in result.facts["bad"]:
            skipped.add(BadClip(*bad))
        if reader.source.notes is not None:
            for path, problem in result.facts["notes"].items():
                reader.source.notes.add(path, problem)
    return merged(map(scored_of, results))


def result_of(scored: Scored, reader: ClipReader, piece: range, bad: SkippedClips) -> PieceResult:
    """The scores of a piece, with what is to be said of its clips. bad: of all pieces of this process."""
    entries, notes = [reader.entries[index] for index in piece], reader.source.notes
    own = {(entry.where, entry.path) for entry in entries}
    assert scored.logits is not None
    return PieceResult(
        {"indices": scored.indices, "scores": scored.scores, "logits": scored.logits},
        {
            "labels": scored.labels,
            "bad": [one.args for one in bad if (one.where, one.path) in own],
            "notes": {e.path: problem for e in entries if (problem := notes.problem_of(e.path))} if notes else {},
        },
    )


def scored_of(result: PieceResult) -> Scored:
    """The scores that `result_of` was given."""
    arrays, labels = result.arrays, [tuple(labels) for labels in result.facts["labels"]]
    return Scored(arrays["indices"], arrays["scores"], labels, arrays["logits"])
