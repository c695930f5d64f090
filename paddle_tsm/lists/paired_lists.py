"""Two lists of the same clips: RGB frames in one, their optical flow in the other."""

from __future__ import annotations

import os

from paddle_tsm.lists.annotations import Entry


def check_pairs(frames: list[Entry], flow: list[Entry]) -> str | None:
    """Raise ValueError unless both lists have the same number of clips, with the same labels, in the same order.

    Returns a remark where two clips in the same place have different names, else None: MIT, too, pairs by the place
    alone (test_models.py 1f6a834).
    """
    if len(frames) != len(flow):
        raise ValueError(
            f"{flow[0].list_file}: has {len(flow)} clips, {frames[0].list_file} has {len(frames)}; wanted the flow of "
            "the same clips in the same order"
        )
    for one, other in zip(frames, flow):
        if one.labels != other.labels:
            raise ValueError(
                f"{other.where}: {other.path} has labels {list(other.labels)}, and {one.path} ({one.where}) has "
                f"{list(one.labels)}; wanted the flow of the same clips in the same order"
            )
    for one, other in zip(frames, flow):
        if name_of(one) != name_of(other):
            return f"{other.where}: the flow of {one.path} is taken from {other.path}, which has another name"
    return None


def name_of(entry: Entry) -> str:
    """The last part of a clip's path, without a video's ending."""
    name = os.path.basename(os.path.normpath(entry.path))
    return os.path.splitext(name)[0] if entry.num_frames is None else name


def both_good(
    pairs: list[tuple[Entry, Entry]], good: tuple[list[Entry], list[Entry]]
) -> tuple[list[Entry], list[Entry]]:
    """The clips of both lists that are good in both."""
    frames, flow = (set(entries) for entries in good)
    kept = [(one, other) for one, other in pairs if one in frames and other in flow]
    return [one for one, _ in kept], [other for _, other in kept]
