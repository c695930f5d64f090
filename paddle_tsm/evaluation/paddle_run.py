"""A Paddle network as a function from NumPy to NumPy that gives a clip the same bits in whatever batch it comes."""

from __future__ import annotations

import numpy as np
import paddle

from paddle_tsm.models.layers.non_local import NonLocal
from paddle_tsm.models.numpy_input import as_tensor
from paddle_tsm.models.recognizer import Recognizer


def run_of(model: Recognizer):
    """run(x), x [N*T, 3, H, W] of any float type -> logits [N, K], in the weights' dtype, without gradients.

    Each call puts `model` into evaluation mode and leaves it there: whoever trains on calls `model.train()`.

    On CPU a clip's logits are those of `model(clip)` alone, to the bit. Paddle's convolutions, BatchNorms and pools
    treat each frame by itself, whatever the batch; a matrix product does not: MKL adds up in another order for another
    number of rows (measured: up to 4e-7 of the largest logit). So the classifier is run on one clip's frames at a time,
    and a network with non-local blocks, which are products (and differ with two threads), on one clip at a time. On a
    GPU the convolutions' algorithm may depend on the batch, too: there the agreement is that of float32's noise.
    """
    alone = any(isinstance(layer, NonLocal) for layer in model.sublayers())

    def run(x: np.ndarray) -> np.ndarray:
        model.eval()
        with paddle.no_grad():
            x = as_tensor(x, model.classifier_layer().weight.dtype)
            clips = x.shape[0] // model.num_segments
            if alone:
                return np.concatenate([model(clip).numpy() for clip in parts(x, clips)])
            features = model.extract_features(x)
            return np.concatenate([head(model, part).numpy() for part in parts(features, clips)])

    return run


def parts(tensor, count: int):
    """The tensor's first axis in `count` equal parts, one after another."""
    rows = tensor.shape[0] // count
    return (tensor[i * rows : (i + 1) * rows] for i in range(count))


def head(model: Recognizer, features):
    """One clip's features [T, C] -> logits [1, K], with the operations of `Recognizer.forward`."""
    frame_logits = model.classifier_layer()(features)
    return frame_logits.reshape([1, *frame_logits.shape]).mean(1)
