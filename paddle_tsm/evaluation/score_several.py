"""The scores of several networks on the clips that could be read for each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

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
    """The scores of each network on the clips that could be read for all of them.

    Networks with different numbers of frames read different frames of a clip, so a damaged clip may fail for one and
    not for another. runs: yields each network only when it is needed, so that only one at a time is loaded. readers:
    one for each network. list_file: the name of the list, for messages. progress: is called with (the number of the
    network from 0, clips done). batch, workers, skipped: see `score_clips`. Raises ValueError where no clip can be read
    for all networks.
    """
    scored = []
    for number, (run, reader) in enumerate(zip(runs, readers)):
        tell = partial(clips_done, progress, number)
        scored.append(score_clips(run, reader, batch=batch, workers=workers, skipped=skipped, progress=tell))
        del run  # frees the network before the next one is loaded
    common = set.intersection(*(set(one.indices.tolist()) for one in scored))
    if not common:
        raise ValueError(f"{list_file}: none of the clips can be read; the first: {next(iter(skipped))}")
    return [one.only(common) for one in scored]


def clips_done(progress: Callable[[int, int], None], number: int, done: int, total: int) -> None:
    """Tell `progress` how many clips are done for the network with this number."""
    progress(number, done)
