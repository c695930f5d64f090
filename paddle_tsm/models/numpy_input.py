"""NumPy arrays as input of a Paddle network."""

import numpy as np
import paddle


def as_tensor(array: np.ndarray, dtype):
    """The array as a tensor: whole numbers as they are, others as `dtype`."""
    tensor = paddle.to_tensor(np.ascontiguousarray(array))
    return tensor if array.dtype.kind in "iu" else tensor.astype(dtype)
