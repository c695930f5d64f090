"""NumPy arrays as input of a Paddle network."""

from __future__ import annotations

import numpy as np
import paddle


def as_tensor(array: np.ndarray, dtype: str | paddle.dtype) -> paddle.Tensor:
    """A tensor with the array's values, cast to `dtype` unless they are integers."""
    tensor = paddle.to_tensor(np.ascontiguousarray(array))
    return tensor if array.dtype.kind in "iu" else tensor.astype(dtype)
