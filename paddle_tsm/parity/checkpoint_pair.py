"""Parity of checkpoint files: A in PyTorch against B (or A itself) in Paddle."""

from __future__ import annotations

import numpy as np

from paddle_tsm.layouts.network_file import NetworkFile, read_network
from paddle_tsm.parity.comparison import Report, Training, run_parity, run_training
from paddle_tsm.parity.option_differences import (
    changed_tensors,
    in_one_order,
    option_differences,
    remaining,
    unsaid_order,
)
from paddle_tsm.runtime import import_paddle
from paddle_tsm.terminal.extras import how_to_install


def compare_files(
    a: NetworkFile,
    b: NetworkFile,
    x: np.ndarray,
    step=lambda part: None,
    training: Training | None = None,
    given: dict | None = None,
) -> Report:
    """A in PyTorch against B in Paddle on x: float64 [N*T, 3, H, W]; with `training`, gradients and steps too.

    Both run in A's shift order. given: the options of both networks that the caller named.
    Raises ValueError where the two are not networks of the same shape and number of frames, or torch is not installed.
    """
    check_comparable(a, b, given)
    differences = [] if a is b else option_differences(a, b, given)
    b, remarks = (b, []) if a is b else in_one_order(a, b)
    (network_a, tensors_a), (network_b, tensors_b) = a.as_asked(), b.as_asked()
    changed = [] if a is b else changed_tensors(tensors_a, tensors_b)
    hint = unsaid_order(a, b, given) if changed else None
    torch_side, paddle_side = sides()
    report = run_parity(
        lambda dtype: torch_side(network_a, tensors_a, dtype),
        lambda dtype: paddle_side(network_b, tensors_b, dtype),
        x,
        same_weights=not changed,
        step=step,
    )
    report.options = remaining(differences, a, b)
    report.remarks = remarks + ([hint] if hint else [])
    if training is not None:
        run_training(
            report,
            lambda dtype, change: torch_side(network_a, change(tensors_a), dtype),
            lambda dtype, change: paddle_side(network_b, change(tensors_b), dtype),
            training,
            step,
        )
    return report


def check_comparable(a: NetworkFile, b: NetworkFile, given: dict | None = None) -> None:
    """Raise ValueError where the two networks have other tensors or take clips of other lengths."""
    differing = [name for name, shape in a.network.shapes().items() if b.network.shapes().get(name) != shape]
    if differing or a.network.shapes().keys() != b.network.shapes().keys():
        raise ValueError(
            f"{a.checkpoint.path} is a {a.network.arch} with {a.network.num_classes} classes, {b.checkpoint.path} a "
            f"{b.network.arch} with {b.network.num_classes}: they cannot be compared"
        )
    if a.network.num_segments != b.network.num_segments:
        found = [one for one in option_differences(a, b, given) if one.name == "num_segments"]
        raise ValueError(f"{found[0]}: no clip has both lengths; --num-segments says one for both")


def sides() -> tuple[type, type]:
    """The classes (TorchSide, PaddleSide). Raises ValueError where torch is not installed."""
    try:
        from paddle_tsm.parity.torch_side import TorchSide
    except ImportError as error:
        raise ValueError(f"parity needs PyTorch ({error}); install it with: {how_to_install('torch')}") from error
    import_paddle()
    from paddle_tsm.parity.paddle_side import PaddleSide

    return TorchSide, PaddleSide


def read_pair(path_a, path_b=None, **options) -> tuple[NetworkFile, NetworkFile]:
    """The two files, read strictly; without `path_b` the first one twice. `options` as for `read_network`."""
    a = read_network(path_a, **options)
    return a, read_network(path_b, **options) if path_b else a
