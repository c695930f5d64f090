"""The widths of the folds: whole numbers here, a product of float32 numbers in Paddle's operator.

PaddleVideo passes the ratio 1 / T, which float32 rounds. C / T and its double must not come out below the whole number
that they are, nor reach the next one.
"""

import numpy as np
import paddle
import pytest

from paddle_tsm.models.layers.shift import fold_ends
from paddle_tsm.networks.families import ARCHITECTURES
from paddle_tsm.networks.network import Network
from torch_ref.shift import shifted_folds


def streams() -> list[int]:
    """The channels of every residual stream of every architecture."""
    networks = [Network(arch) for arch in ARCHITECTURES]
    return sorted({tensor.shape[axis] for n in networks for tensor in n.tensors() for axis in tensor.stream_axes})


def kernel_ends(channels: int, frames: int) -> tuple[int, int]:
    """Where the two folds end in Paddle's operator (phi/kernels/cpu/temporal_shift_kernel.cc)."""
    ratio = np.float32(1 / frames)
    return int(np.float32(channels) * ratio), int(np.float32(2 * channels) * ratio)


def ends_that_paddle_shows(channels: int, frames: int) -> tuple[int, int]:
    """The same, read off what the operator moves."""
    x = paddle.arange(1, frames + 1, dtype="float32").reshape([frames, 1, 1, 1]).expand([frames, channels, 1, 1])
    first_frame = paddle.nn.functional.temporal_shift(x, frames, 1 / frames)[0].flatten().tolist()
    return first_frame.count(0.0), first_frame.count(0.0) + first_frame.count(2.0)


def test_the_model_of_the_kernel_is_the_kernel():
    pairs = [(c, t) for c in streams() for t in (3, 5, 7, 8, 10, 11, 16, 24, 41, 49, 64)]
    pairs += [(t, t) for t in range(3, 128)]  # the operator takes no ratio of 1 / 2
    assert [ends_that_paddle_shows(*pair) for pair in pairs] == [kernel_ends(*pair) for pair in pairs]


@pytest.mark.parametrize("channels", streams())
def test_whole_numbers_are_the_kernels(channels):
    """For every stream of every network, and every number of frames."""
    for frames in range(2, 2 * channels + 2):  # with more frames nothing shifts
        ends = kernel_ends(channels, frames)
        assert fold_ends(channels, frames, "past_first") == ends, frames
        (first, _), (second, _), _ = shifted_folds(channels, frames, "past_first")
        assert (first, first + second) == ends, frames


def test_widths_at_which_they_would_differ():
    """They exist, so that the test above can fail. 49 channels and frames are none of them: 1 / 49 alone is rounded
    down so far, in float64, that Python's product is 0.
    """
    differing = [t for t in range(2, 128) if fold_ends(t, t, "past_first") != kernel_ends(t, t)]
    assert differing and not set(differing) & set(streams())
    assert int(49 * (1 / 49)) == 0 and kernel_ends(49, 49) == fold_ends(49, 49, "past_first") == (1, 2)
