"""Proof of a conversion: both networks run on one clip, before the new file takes its name."""

from __future__ import annotations

import numpy as np

from paddle_tsm.checkpoint import CheckpointError, read_checkpoint
from paddle_tsm.conversion.plan import ConversionPlan
from paddle_tsm.layouts.network_file import NetworkFile, interpret
from paddle_tsm.layouts.record import Record
from paddle_tsm.networks.shift_order import in_order
from paddle_tsm.parity.compare import distance
from paddle_tsm.parity.tolerance import TOLERANCES
from paddle_tsm.runtime import import_paddle


def verify_written(
    found: NetworkFile,
    path: str,
    plan: ConversionPlan,
    name: str,
    counters: dict[str, int] | None = None,
    allow_nan: bool = False,
) -> float | None:
    """Compare the source's network with the file that was written to `path`, each as its own system runs it.

    Both run in float64 on one random clip of 64x64. Where weights were computed for the file, the network runs with
    them as they were before they were rounded, and the file must hold exactly their rounded values. Returns the largest
    difference of their logits, over the largest logit. Where branches were fused, each fused convolution is compared by
    itself, too (see `compare_branches`). Returns None, with `allow_nan`, where weights or any layer's
    outputs are NaN or infinite; then only the written tensors are proven. name: what the file will be called. counters:
    the step counters in its record, which its layout cannot hold.

    Raises CheckpointError where a tensor reads back with other values than were meant (a ReLU may hide a wrong weight
    from the logits), where the difference is beyond the limit, and, without `allow_nan`, where an output of the
    source's network is not finite.
    """
    import_paddle()
    from paddle_tsm.parity.paddle_side import PaddleSide  # here, because Paddle must be imported first

    back = read_back(path, plan, name, counters)
    x = np.random.default_rng(0).standard_normal((found.network.num_segments, found.network.in_channels, 64, 64))
    # Every layer is watched: Paddle's ReLU turns NaN into 0, and the logits may then be finite all the same.
    not_finite: list[str] = []
    before = PaddleSide(found.network, found.tensors, "float64").watch_layers(
        x, lambda layer, output: None if np.isfinite(output).all() else not_finite.append(layer)
    )
    if not np.isfinite(before).all():
        not_finite.append("the mean of the frames' logits")
    if not_finite and not allow_nan:
        raise CheckpointError(
            f"{found.checkpoint.path}: {not_finite[0]} gives NaN or infinite values on a random clip, so that nothing "
            "can be proven; did the network diverge, or is a running_var below 0? --allow-nan (allow_nan=True) goes on "
            "without proof"
        )
    if not_finite or not all(map(is_finite, found.tensors.values())):
        return None
    after = PaddleSide(back.network, plan.unrounded or back.tensors, "float64").outputs(x)["logits"]
    difference = distance(before, after)[1]
    limit = TOLERANCES["float64" if plan.kind != "absorbed" else "absorbed"].limit
    if not difference <= limit:
        raise CheckpointError(
            f"{name}: the written network differs from the source by {difference:.1e} of its largest logit, limit "
            f"{limit:.0e}; nothing was kept; please report this"
        )
    if plan.kind == "fused":
        compare_branches(found, plan, name)
    return difference


def compare_branches(found: NetworkFile, plan: ConversionPlan, name: str) -> None:
    """Compare each fused convolution with the sum of its branches on one random input, in float64.

    Behind many layers, a network that was never trained nearly forgets its input: the logits alone would not show a
    wrong weight in an early layer. Raises CheckpointError, which names the layer, beyond the limit.
    """
    import paddle

    from paddle_tsm.models.layers.parallel_convolution import ParallelBranches
    from paddle_tsm.parity.paddle_side import PaddleSide

    assert plan.unrounded is not None
    in_own_order = in_order(plan.network, plan.unrounded, found.network.shift_order)
    after = dict(PaddleSide(*in_own_order, "float64").model.named_sublayers())
    before = PaddleSide(found.network, found.tensors, "float64").model
    rng, limit = np.random.default_rng(0), TOLERANCES["float64"].limit
    for layer, parallel in before.named_sublayers():
        if not isinstance(parallel, ParallelBranches):
            continue
        x = paddle.to_tensor(rng.standard_normal((1, parallel.in_channels, 8, 8)))
        with paddle.no_grad():
            difference = distance(parallel.sum_of_branches(x).numpy(), after[layer].sum_of_branches(x).numpy())[1]
        if not difference <= limit:
            raise CheckpointError(
                f"{name}: the fused convolution of {layer} differs from the sum of its branches by {difference:.1e} of "
                f"its largest value, limit {limit:.0e}; nothing was kept; please report this"
            )


def read_back(path: str, plan: ConversionPlan, name: str, counters: dict[str, int] | None) -> NetworkFile:
    """The written file, read again. Raises CheckpointError where a tensor has other values than the plan's."""
    record = Record(step_counters=counters)
    back = interpret(read_checkpoint(path), plan.layout.name, record, **plan.network.options())
    for tensor, array in plan.tensors.items():
        written = back.tensors.get(tensor)
        if written is None or not np.array_equal(array.astype("float64"), written.astype("float64"), equal_nan=True):
            raise CheckpointError(
                f"{name}: {tensor} reads back with other values; nothing was kept; please report this"
            )
    return back


def is_finite(array: np.ndarray) -> bool:
    """Whether no value of the array is NaN or infinite. Integers never are."""
    return array.dtype.kind not in "fV" or bool(np.isfinite(array).all())
