"""The scores of several networks on the clips that could be read for each of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial

import numpy as np

from paddle_tsm.data.clip_reader import ClipReader
from paddle_tsm.evaluation.score import Scored
from paddle_tsm.evaluation.score_list import score_list
from paddle_tsm.evaluation.time_spent import TimeSpent
from paddle_tsm.lists.bad_clips import SkippedClips
from paddle_tsm.processes.processes import Processes


def score_several(
    open_runs: Sequence[Callable[[], Callable[[np.ndarray], np.ndarray]]],
    readers: list[ClipReader],
    list_file: str,
    processes: Processes,
    folder: str | None,
    *,
    batch: int,
    workers: int,
    skipped: SkippedClips,
    progress: Callable[[int, int, int], None],
    spent: TimeSpent,
) -> list[Scored]:
    """The scores of each network on the clips that could be read for all of them, in the first process; [] in the
    others.

    Networks with different numbers of frames read different frames of a clip, so a damaged clip may fail for one and
    not for another. open_runs: load each network when it is needed, so that only one at a time is loaded. readers: one
    for each network. list_file: the name of the list, for messages. folder: where the finished pieces of each network
    are kept, in a folder of its own; None to keep none. progress: is called with (the number of the network from 0,
    clips done, clips of this process). batch, workers, skipped, spent: see `score_pieces`. Raises ValueError where no
    clip can be read for all networks.
    """
    scored = [
        score_list(
            open_run,
            reader,
            processes,
            folder and os.path.join(folder, str(number + 1)),
            batch=batch,
            workers=workers,
            skipped=skipped,
            progress=partial(progress, number),
            spent=spent,
        )
        for number, (open_run, reader) in enumerate(zip(open_runs, readers))
    ]
    if not processes.is_first:
        return []
    common = set.intersection(*(set(one.indices.tolist()) for one in scored))
    if not common:
        raise ValueError(f"{list_file}: none of the clips can be read; the first: {next(iter(skipped))}")
    return [one.only(common) for one in scored]
