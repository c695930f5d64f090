"""The distributions that initial weights are drawn from, which are mmaction2's. Each package draws by itself."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Distribution:
    """Normal(mean, std), for the tensors whose canonical name matches `pattern` and whose number of axes is in `axes`.

    std: with 0, every value is the mean; with None, it is Kaiming's, sqrt(2 / fan_out).
    """

    pattern: str
    axes: tuple[int, ...]
    mean: float = 0.0
    std: float | None = 0.0


# The first row that fits a tensor is used. Source: mmaction2 backbones/resnet.py, mobilenet_v2.py 4d6c934
# `init_weights`. The scale of every BatchNorm starts at 1, that of a block's last one too; only in a non-local block it
# starts at 0.
DISTRIBUTIONS = (
    Distribution(r".*num_batches_tracked", (0,)),
    Distribution(r".*running_mean", (1,)),
    Distribution(r".*running_var", (1,), mean=1.0),
    Distribution(r".*bias", (1,)),
    Distribution(r".*non_local\.norm\.weight", (1,)),  # so that a non-local block starts as the identity
    # mmcv cnn/bricks/non_local.py a8073c7 `init_weights`
    Distribution(r".*non_local\.(g|theta|phi)\.weight", (5,), std=0.01),
    Distribution(r".*weight", (1,), mean=1.0),
    Distribution(r".*weight", (2,), std=0.001),  # the classifier: mmaction2 heads/tsm_head.py 4d6c934 `init_std`
    Distribution(r".*weight", (4, 5), std=None),
)


def mean_and_std(name: str, shape: tuple[int, ...]) -> tuple[float, float]:
    """The mean and the standard deviation of the initial values of the tensor `name`. shape: as PyTorch stores it.

    Kaiming's variance is 2 / fan_out (arXiv:1502.01852, equation 14), and fan_out is the output channels times the
    kernel's size, for a depthwise convolution too. Raises ValueError for a tensor that no row of the table fits.
    """
    for row in DISTRIBUTIONS:
        if len(shape) in row.axes and re.fullmatch(row.pattern, name):
            fan_out = math.prod((*shape[:1], *shape[2:]))
            return row.mean, math.sqrt(2 / fan_out) if row.std is None else row.std
    raise ValueError(f"{name}: no initial distribution for {list(shape)}; wanted a row in DISTRIBUTIONS that fits")
