"""Proof of a conversion: both networks on one clip, before the new file takes its name."""

from __future__ import annotations

import numpy as np

from paddle_tsm.checkpoint import CheckpointError, read_checkpoint
from paddle_tsm.layouts.network_file import NetworkFile, interpret
from paddle_tsm.parity.compare import distance
from paddle_tsm.parity.tolerance import TOLERANCES
from paddle_tsm.runtime import import_paddle


def written_difference(found: NetworkFile, path: str, plan, name: str) -> float:
    """The largest difference of the logits, over their largest magnitude, between the source as its system runs it and
    the file at `path`, read back, as its own does; float64, one random clip of 64x64.

    Raises CheckpointError where it is beyond the limit, or where a tensor reads back with other values than were meant (a
    ReLU may hide a wrong weight from the logits). `name` is what the file will be called.
    """
    import_paddle()
    from paddle_tsm.parity.paddle_side import PaddleSide

    checkpoint = read_checkpoint(path)
    back = interpret(checkpoint, plan.layout.name, **plan.network.options())
    for tensor, array in plan.tensors.items():
        if not np.array_equal(array.astype("float64"), back.tensors[tensor].astype("float64"), equal_nan=True):
            raise CheckpointError(
                f"{name}: {tensor} reads back with other values; nothing was kept; please report this"
            )
    shape = (found.network.num_segments, 3, 64, 64)
    x = np.random.default_rng(0).standard_normal(shape)
    before = PaddleSide(found.network, found.tensors, "float64").outputs(x)["logits"]
    after = PaddleSide(back.network, back.tensors, "float64").outputs(x)["logits"]
    difference = distance(before, after)[1]
    limit = TOLERANCES["float64" if plan.kind != "folded" else "folded"].limit
    if not difference <= limit and np.isfinite(before).all():
        raise CheckpointError(
            f"{name}: the written network differs from the source by {difference:.1e} of its largest logit, limit {limit:.0e}; "
            "nothing was kept; please report this"
        )
    return difference
