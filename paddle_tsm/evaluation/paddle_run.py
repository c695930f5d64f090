"""A Paddle model as a function from NumPy to NumPy. The logits of a clip do not depend on the batch that it is in."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import paddle

from paddle_tsm.models.layers.non_local import NonLocal
from paddle_tsm.models.numpy_input import as_tensor
from paddle_tsm.models.recognizer import Recognizer


def run_of(model: Recognizer) -> Callable[[np.ndarray], np.ndarray]:
    """A function run(x) of x [N*T, 3, H, W] of any float type, which returns the logits [N, K] in the dtype of the
    weights, without gradients.

    Each call puts `model` into evaluation mode and leaves it there, so a training must call `model.train()` afterwards.

    On a CPU the logits of a clip have the same bits as those of `model(clip)`. Paddle's convolutions, BatchNorms and
    pools compute each frame by itself, whatever the batch is. A matrix product does not: MKL sums in another order for
    another number of rows. So the classifier runs on the frames of one clip at a time. Non-local blocks are matrix
    products, too, so a network that has them runs on one clip at a time. On a GPU even the algorithm of a convolution
    may depend on the batch, and the logits agree only up to the noise of float32.
    """
    clip_by_clip = any(isinstance(layer, NonLocal) for layer in model.sublayers())

    def run(x: np.ndarray) -> np.ndarray:
        model.eval()
        with paddle.no_grad():
            x = as_tensor(x, model.classifier_layer().weight.dtype)
            clips = x.shape[0] // model.num_segments
            if clip_by_clip:
                return np.concatenate([model(clip).numpy() for clip in equal_parts(x, clips)])
            features = model.extract_features(x)
            return np.concatenate([classify(model, clip).numpy() for clip in equal_parts(features, clips)])

    return run


def equal_parts(tensor: paddle.Tensor, count: int) -> Iterator[paddle.Tensor]:
    """Yield `count` equal parts of the tensor along its first axis."""
    length = tensor.shape[0] // count
    return (tensor[i * length : (i + 1) * length] for i in range(count))


def classify(model: Recognizer, features: paddle.Tensor) -> paddle.Tensor:
    """The logits [1, K] of one clip from its features [T, C], by the operations of `Recognizer.forward`."""
    frame_logits = model.classifier_layer()(model.dropout(features))
    return frame_logits.reshape([1, *frame_logits.shape]).mean(1)
