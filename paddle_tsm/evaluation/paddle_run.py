"""A Paddle model as a function from NumPy to NumPy. The logits of a clip do not depend on the batch that it is in."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import paddle

from paddle_tsm.models.numpy_input import as_tensor
from paddle_tsm.models.recognizer import Recognizer


def run_of(model: Recognizer) -> Callable[[np.ndarray], np.ndarray]:
    """A function run(x) of x [N*T, 3, H, W] of any float type, which returns the logits [N, K] in the dtype of the
    weights, without gradients.

    Each call puts `model` into evaluation mode and leaves it there, so a training must call `model.train()` afterwards.

    On a CPU the network runs on one clip at a time, so that the logits of a clip have the same bits as those of
    `model(clip)`. Matrix products and oneDNN's convolutions sum in another order for another number of frames, and a
    ResNet-50 at 224 pixels gains next to nothing from a batch. On a GPU the whole batch is computed at once, and the
    logits agree only up to the noise of float32.
    """
    weight = model.classifier_layer().weight

    def run(x: np.ndarray) -> np.ndarray:
        model.eval()
        with paddle.no_grad():
            x = as_tensor(x, weight.dtype)
            if not weight.place.is_cpu_place():
                return model(x).numpy()
            return np.concatenate([model(clip).numpy() for clip in equal_parts(x, x.shape[0] // model.num_segments)])

    return run


def equal_parts(tensor: paddle.Tensor, count: int) -> Iterator[paddle.Tensor]:
    """Yield `count` equal parts of the tensor along its first axis."""
    length = tensor.shape[0] // count
    return (tensor[i * length : (i + 1) * length] for i in range(count))
