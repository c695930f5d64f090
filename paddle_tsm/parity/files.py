"""Parity of checkpoint files: A in PyTorch against B (or A itself) in Paddle."""

from __future__ import annotations

import numpy as np

from paddle_tsm.extras import how_to_install
from paddle_tsm.layouts.network_file import NetworkFile, read_network
from paddle_tsm.parity.run import Report, Training, run_parity, run_training
from paddle_tsm.runtime import import_paddle


def noise_clip(num_segments: int, size: int, clips: int = 1, seed: int = 0) -> np.ndarray:
    """A standard normal input, float64 values that float32 holds exactly: [clips * T, 3, size, size]."""
    shape = (clips * num_segments, 3, size, size)
    return np.random.default_rng(seed).standard_normal(shape, dtype="float32").astype("float64")


def compare_files(
    a: NetworkFile, b: NetworkFile, x: np.ndarray, step=lambda part: None, training: Training | None = None
) -> Report:
    """A in PyTorch against B in Paddle on x: float64 [N*T, 3, H, W]; with `training`, gradients and steps too.

    Raises ValueError where the two are not networks of the same shape, or torch is not installed.
    """
    differing = [name for name, shape in a.network.shapes().items() if b.network.shapes().get(name) != shape]
    if differing or a.network.shapes().keys() != b.network.shapes().keys():
        raise ValueError(
            f"{a.checkpoint.path} is a {a.network.arch} with {a.network.num_classes} classes, {b.checkpoint.path} a "
            f"{b.network.arch} with {b.network.num_classes}: they cannot be compared"
        )
    try:
        from paddle_tsm.parity.torch_side import TorchSide
    except ImportError as error:
        raise ValueError(f"parity needs PyTorch ({error}); install it with: {how_to_install('torch')}") from error
    import_paddle()
    from paddle_tsm.parity.paddle_side import PaddleSide

    report = run_parity(
        lambda dtype: TorchSide(*a.as_asked(), dtype),
        lambda dtype: PaddleSide(*b.as_asked(), dtype),
        x,
        same_weights=a is b or not changed_tensors(a, b),
        step=step,
    )
    if training is not None:
        (network_a, tensors_a), (network_b, tensors_b) = a.as_asked(), b.as_asked()
        run_training(
            report,
            lambda dtype, change: TorchSide(network_a, change(tensors_a), dtype),
            lambda dtype, change: PaddleSide(network_b, change(tensors_b), dtype),
            training, step,
        )
    return report


def changed_tensors(a: NetworkFile, b: NetworkFile) -> list[str]:
    """Names of the tensors that the two files do not both hold with the same values, in forward order."""
    (_, ours), (_, theirs) = a.as_asked(), b.as_asked()
    return [
        name for name in ours
        if name not in theirs or not np.array_equal(ours[name].astype("float64"), theirs[name].astype("float64"), equal_nan=True)
    ]


def read_pair(path_a, path_b=None, **options) -> tuple[NetworkFile, NetworkFile]:
    """The two files, read strictly; without `path_b` the first one twice. `options` as for `read_network`."""
    a = read_network(path_a, **options)
    return a, read_network(path_b, **options) if path_b else a
