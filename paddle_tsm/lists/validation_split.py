"""Clips that are held out of a training to validate on: a share of each class, drawn from a seed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from paddle_tsm.lists.annotations import Entry


def split_clips(entries: Sequence[Entry], share: float, seed: int) -> tuple[list[Entry], list[Entry]]:
    """(the clips to train on, the clips to validate on), both in their order.

    share: of the clips of each class, in [0, 1), rounded. Of two clips or more, one at least is on either side; a
    single clip is trained on. With 0 nothing is held out. The draw of a class depends on the seed, its label and its
    number of clips alone.
    """
    of_label: dict[int, list[int]] = {}
    for index, entry in enumerate(entries if share else ()):
        of_label.setdefault(entry.label, []).append(index)
    held_out: set[int] = set()
    for label, own in of_label.items():
        count = min(max(int(share * len(own) + 0.5), 1), len(own) - 1)
        order = np.random.default_rng([seed, label]).permutation(len(own))
        held_out.update(own[place] for place in order[:count])
    training = [entry for index, entry in enumerate(entries) if index not in held_out]
    return training, [entries[index] for index in sorted(held_out)]
