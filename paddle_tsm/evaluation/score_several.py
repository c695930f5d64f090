"""The scores of several networks on the clips that could be read for all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from paddle_tsm.data.bad_clips import SkippedClips
from paddle_tsm.data.clip_reader import ClipReader
from paddle_tsm.evaluation.score import Scored, score_clips


def score_several(
    runs: Iterable[Callable[[np.ndarray], np.ndarray]],
    readers: list[ClipReader],
    list_file: str,
    *,
    batch: int,
    workers: int,
    skipped: SkippedClips,
    progress: Callable[[int, int], None],
) -> list[Scored]:
    """The scores of each network; clips that another one could not read are left out of all.

    Networks with different numbers of frames read different frames of a clip. runs: made one after another, so that one
    network at a time is loaded. progress(number of the network, clips done). batch, workers, skipped: of `score_clips`.
    Raises ValueError where no clip of `list_file` can be read.
    """
    scored = []
    for number, (run, reader) in enumerate(zip(runs, readers)):
        scored.append(
            score_clips(
                run,
                reader,
                batch=batch,
                workers=workers,
                skipped=skipped,
                progress=lambda done, total, number=number: progress(number, done),
            )
        )
        del run  # frees the network before the next one is loaded
    common = set.intersection(*(set(one.indices.tolist()) for one in scored))
    if not common:
        raise ValueError(f"{list_file}: none of the clips can be read; the first: {next(iter(skipped))}")
    return [one.only(common) for one in scored]
