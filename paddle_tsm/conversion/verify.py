"""Proof of a conversion: both networks on one clip, before the new file takes its name."""

from __future__ import annotations

import numpy as np

from paddle_tsm.checkpoint import CheckpointError, read_checkpoint
from paddle_tsm.layouts.network_file import NetworkFile, interpret
from paddle_tsm.layouts.record import Record
from paddle_tsm.parity.compare import distance
from paddle_tsm.parity.tolerance import TOLERANCES
from paddle_tsm.runtime import import_paddle


def written_difference(
    found: NetworkFile, path: str, plan, name: str, counters: dict[str, int] | None = None, allow_nan: bool = False
) -> float | None:
    """The largest difference of the logits, over their largest magnitude, between the source as its system runs it and
    the file at `path`, read back, as its own does; float64, one random clip of 64x64.

    counters: the step counters recorded for the file, whose layout cannot hold them. None, with `allow_nan`, where the
    source's weights or any layer's outputs are NaN or infinite: nothing is proven but that each tensor reads back.
    Raises CheckpointError where the difference is beyond the limit, where a tensor reads back with other values than
    were meant (a ReLU may hide a wrong weight from the logits), and, without `allow_nan`, where the source's network
    does not stay finite. `name` is what the file will be called.
    """
    import_paddle()
    from paddle_tsm.parity.paddle_side import PaddleSide

    checkpoint = read_checkpoint(path)
    back = interpret(checkpoint, plan.layout.name, Record(step_counters=counters), **plan.network.options())
    for tensor, array in plan.tensors.items():
        written = back.tensors.get(tensor)
        if written is None or not np.array_equal(array.astype("float64"), written.astype("float64"), equal_nan=True):
            raise CheckpointError(
                f"{name}: {tensor} reads back with other values; nothing was kept; please report this"
            )
    shape = (found.network.num_segments, 3, 64, 64)
    x = np.random.default_rng(0).standard_normal(shape)
    broken = []  # Paddle's ReLU turns NaN into 0: logits may be finite behind a layer that is not
    before = PaddleSide(found.network, found.tensors, "float64").watch_layers(
        x, lambda layer, output: None if np.isfinite(output).all() else broken.append(layer)
    )
    if not np.isfinite(before).all():
        broken.append("the mean of the frames' logits")
    if broken and not allow_nan:
        raise CheckpointError(
            f"{found.checkpoint.path}: {broken[0]} gives NaN or infinite values on a random clip, so that nothing can be "
            "proven; did the network diverge, or is a running_var below 0? --allow-nan (allow_nan=True) to go on without proof"
        )
    if broken or not all(map(is_finite, found.tensors.values())):
        return None
    after = PaddleSide(back.network, back.tensors, "float64").outputs(x)["logits"]
    difference = distance(before, after)[1]
    limit = TOLERANCES["float64" if plan.kind != "absorbed" else "absorbed"].limit
    if not difference <= limit:
        raise CheckpointError(
            f"{name}: the written network differs from the source by {difference:.1e} of its largest logit, limit {limit:.0e}; "
            "nothing was kept; please report this"
        )
    return difference


def is_finite(array: np.ndarray) -> bool:
    """Whether no value is NaN or infinite; whole numbers never are."""
    return array.dtype.kind not in "fV" or bool(np.isfinite(array).all())
