"""The scores of `paddle-tsm evaluate`, with a progress bar for each network."""

from __future__ import annotations

import argparse
from functools import partial
from typing import Any

from paddle_tsm.data.clip_reader import ClipReader
from paddle_tsm.evaluation.score import Scored
from paddle_tsm.evaluation.score_several import score_several
from paddle_tsm.evaluation.time_spent import TimeSpent, shares_in_words
from paddle_tsm.inference.engine_choice import EngineChoice
from paddle_tsm.inference.evaluated_networks import EvaluatedNetwork
from paddle_tsm.lists.bad_clips import SkippedClips
from paddle_tsm.processes.processes import Processes
from paddle_tsm.terminal.progress_bar import video_progress


def score_with_progress(
    args: argparse.Namespace,
    networks: list[EvaluatedNetwork],
    inputs: list[tuple],
    skipped: SkippedClips,
    processes: Processes,
    folder: str | None,
    spent: TimeSpent,
) -> list[Scored]:
    """The scores of each network, see `score_several`, with a progress bar for each. inputs: (modality, its clips,
    where their frames are) of each modality. spent: counts where the time goes.
    """
    engine = EngineChoice(args.engine, args.precision, args.threads)
    own = [next(one for one in inputs if network in one[0].networks) for network in networks]
    readers = [
        ClipReader(entries, modality.preset, network.num_segments, source=source, skip_bad=args.skip_bad)
        for network, (modality, entries, source) in zip(networks, own)
    ]
    share = f", the first of {processes.count} processes" if processes.count > 1 else ""
    tasks: dict[int, int] = {}

    def progress(number: int, done: int, total: int) -> None:
        bar.update(tasks[number], completed=done, total=total, state=shares_in_words(spent.seconds()))

    def open_run(number: int):
        title = "evaluating" if len(networks) == 1 else f"checkpoint {number + 1} of {len(networks)}"
        tasks[number] = bar.add_task(title + share, total=None)
        return networks[number].run(engine, readers[number].preset.test_size)

    open_runs = [partial(open_run, number) for number in range(len(networks))]
    options: dict[str, Any] = {
        "batch": args.batch,
        "workers": args.workers,
        "skipped": skipped,
        "progress": progress,
        "spent": spent,
    }
    with video_progress() as bar:
        return score_several(open_runs, readers, args.list, processes, folder, **options)
