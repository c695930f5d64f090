"""Parity of checkpoint files: A in PyTorch against B (or A itself) in Paddle."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from paddle_tsm.layouts.network_file import NetworkFile, read_network
from paddle_tsm.networks.network import Network
from paddle_tsm.parity.comparison import run_parity
from paddle_tsm.parity.heat_maps import compare_heat_maps
from paddle_tsm.parity.network_side import NetworkSide
from paddle_tsm.parity.network_stages import tensors_by_stage
from paddle_tsm.parity.option_differences import OptionDifference, option_differences
from paddle_tsm.parity.report.report import Report
from paddle_tsm.parity.report.tensor_table import file_table
from paddle_tsm.parity.shift_orders import changed_tensors, hint_of_other_order, in_one_order
from paddle_tsm.parity.training_comparison import TrainingRequest, compare_training
from paddle_tsm.runtime import import_paddle
from paddle_tsm.terminal.extras import how_to_install

SideClass = Callable[[Network, dict[str, np.ndarray], str], NetworkSide]  # (network, canonical tensors, precision)


def read_pair(
    path_a: str | os.PathLike, path_b: str | os.PathLike | None = None, **options: Any
) -> tuple[NetworkFile, NetworkFile]:
    """The two files, read strictly; without `path_b` the first one twice. options: those of `read_network`."""
    a = read_network(path_a, **options)
    return a, read_network(path_b, **options) if path_b else a


def compare_files(
    a: NetworkFile,
    b: NetworkFile,
    x: np.ndarray,
    progress: Callable[[str], None] = lambda part: None,
    training: TrainingRequest | None = None,
    given: dict | None = None,
    heat_maps: bool = False,
) -> Report:
    """A in PyTorch against B in Paddle on x: float64 [N*T, 3, H, W]; with `training`, also what it asks for.

    Both run in A's shift order. progress: called with the name of each part before it begins. given: the options of
    both networks that the caller named. heat_maps: compare those of `paddle-tsm explain`, too. Raises ValueError where
    the two networks have different shapes or numbers of frames, or where torch is not installed.
    """
    check_comparable(a, b, given)
    same_file = a is b
    differences = [] if same_file else option_differences(a, b, given)
    b, remarks = (b, []) if same_file else in_one_order(a, b)
    (network_a, tensors_a), (network_b, tensors_b) = a.as_asked(), b.as_asked()
    changed = [] if same_file else changed_tensors(tensors_a, tensors_b)
    hint = hint_of_other_order(a, b, given) if changed else None
    torch_side, paddle_side = sides()
    report = run_parity(
        lambda dtype: torch_side(network_a, tensors_a, dtype),
        lambda dtype: paddle_side(network_b, tensors_b, dtype),
        x,
        same_weights=not changed,
        progress=progress,
    )
    if heat_maps:
        report.rows += compare_heat_maps(
            lambda dtype: torch_side(network_a, tensors_a, dtype),
            lambda dtype: paddle_side(network_b, tensors_b, dtype),
            x,
            progress,
        )
    report.options = differences_as_run(differences, a, b)
    report.remarks = remarks + ([hint] if hint else [])
    describe(report, a, b)
    if training is not None:
        compare_training(
            report,
            lambda dtype, change: torch_side(network_a, change(tensors_a), dtype),
            lambda dtype, change: paddle_side(network_b, change(tensors_b), dtype),
            training,
            progress,
        )
    return report


def describe(report: Report, a: NetworkFile, b: NetworkFile) -> None:
    """Say in the report what is compared, for its page."""
    network = a.asked_network()
    names = [os.path.basename(str(found.checkpoint.path)) for found in (a, b)]
    report.title = f"{names[0]} in PyTorch, {names[1]} in Paddle"
    report.about = f"{network.arch}, {network.num_segments} frames"
    report.groups = tensors_by_stage(network)
    report.tables = [file_table(found, name) for found, name in zip([a] if a is b else [a, b], names)]


def check_comparable(a: NetworkFile, b: NetworkFile, given: dict | None = None) -> None:
    """Raise ValueError where the two networks have different tensors or take clips of different lengths."""
    if a.network.arch == b.network.arch and a.network.fused != b.network.fused:
        training, fused = (b, a) if a.network.fused else (a, b)
        raise ValueError(
            f"{fused.checkpoint.path} is the fused form of a {a.network.arch}, {training.checkpoint.path} the training "
            "form; wanted one form of both: `paddle-tsm convert --fuse` makes the fused one, and proves it"
        )
    if dict(a.network.shapes()) != dict(b.network.shapes()):
        raise ValueError(
            f"{a.checkpoint.path} is a {a.network.arch} with {a.network.num_classes} classes, {b.checkpoint.path} a "
            f"{b.network.arch} with {b.network.num_classes}: they cannot be compared"
        )
    if a.network.num_segments != b.network.num_segments:
        found = next(one for one in option_differences(a, b, given) if one.name == "num_segments")
        raise ValueError(f"{found}: no clip has both lengths; --num-segments gives one for both")


def differences_as_run(differences: list[OptionDifference], a: NetworkFile, b: NetworkFile) -> list[OptionDifference]:
    """The differences that are left when B runs in A's order, if it does."""
    same_order = a.asked_order == b.asked_order
    return [one for one in differences if not (one.name == "shift_order" and same_order)]


def sides() -> tuple[SideClass, SideClass]:
    """The classes (TorchSide, PaddleSide). Raises ValueError where torch is not installed."""
    # imported here, because one needs torch, which is optional, and the other sets Paddle up
    try:
        from paddle_tsm.parity.torch_side import TorchSide
    except ImportError as error:
        raise ValueError(f"parity needs PyTorch ({error}); install it with: {how_to_install('torch')}") from error
    import_paddle()
    from paddle_tsm.parity.paddle_side import PaddleSide

    return TorchSide, PaddleSide
