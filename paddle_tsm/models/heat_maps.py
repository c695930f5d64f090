"""Where a network looks: Grad-CAM (Selvaraju et al., arXiv:1610.02391), for each frame of a clip."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import paddle
from paddle.nn import functional as F

from paddle_tsm.models.layer_output import changed_output
from paddle_tsm.models.numpy_input import as_tensor
from paddle_tsm.models.recognizer import Recognizer


@dataclass(frozen=True)
class GradCam:
    """The heat maps of N clips.

    maps: [N, T, h, w], 0 or more, where T is the number of the layer's frames, half of the clip's behind a temporal
    pool. weights: of the layer's channels, [N, T, C]. logits: [N, K]. classes: what was explained, int [N].
    """

    maps: np.ndarray
    weights: np.ndarray
    logits: np.ndarray
    classes: np.ndarray


def grad_cam(
    model: Recognizer, x: np.ndarray, layer: str | None = None, classes: Sequence[int] | None = None
) -> GradCam:
    """The heat map of each frame: relu(sum_k a[t, k] A[t, k]), a[t, k] = mean over h, w of dy / dA[t, k].

    A is what the layer gives, y the clip's logit of the class. As y is the mean over the frames, and the shift carries
    values from frame to frame, a frame's map shows what it adds to the decision about the whole clip.

    x: [N*T, 3, H, W] of any float type, the frames of a clip adjacent; it is cast to that of the weights. layer: a
    canonical name; None for the last stage. classes: one for each clip; None for those with the largest logits. The
    model computes in evaluation mode and is left as it was. Raises ValueError for an unknown layer, for one whose
    output has no height and width, and for other classes.
    """
    training = model.training
    model.eval()
    try:
        return explained(model, as_tensor(x, model.classifier_layer().weight.dtype), layer, classes)
    finally:
        if training:
            model.train()


def explained(model: Recognizer, x: paddle.Tensor, layer: str | None, classes: Sequence[int] | None) -> GradCam:
    """`grad_cam` for a model in evaluation mode."""
    name, given = layer or [*model.stage_ends][-1], []

    def cut(output: paddle.Tensor) -> paddle.Tensor:
        """The output as a leaf, so that nothing in front of it has a gradient."""
        leaf = output.detach()
        leaf.stop_gradient = False
        given.append(leaf)
        return leaf

    with changed_output(model, name, cut):
        logits = model(x)
    features = given[-1]
    if features.ndim != 4:
        raise ValueError(f"layer: got {name!r}, which gives {list(features.shape)}; wanted one with height and width")
    chosen = checked_classes(logits, classes)
    score = (logits * F.one_hot(paddle.to_tensor(chosen), logits.shape[1]).astype(logits.dtype)).sum()
    (gradient,) = paddle.grad([score], [features])
    weights = gradient.mean([2, 3], keepdim=True)
    maps = F.relu((weights * features).sum(1))
    clips = logits.shape[0]
    return GradCam(
        maps.reshape([clips, -1, *maps.shape[1:]]).numpy(),
        weights.reshape([clips, -1, weights.shape[1]]).numpy(),
        logits.numpy(),
        chosen,
    )


def checked_classes(logits: paddle.Tensor, classes: Sequence[int] | None) -> np.ndarray:
    """The classes to explain, int64 [N]. Raises ValueError for another number of them, and for unknown ones."""
    clips, count = logits.shape
    if classes is None:
        return logits.numpy().argmax(1)
    chosen = np.asarray(classes, "int64")
    if chosen.shape != (clips,) or not ((0 <= chosen) & (chosen < count)).all():
        raise ValueError(f"classes: got {list(classes)}, wanted one of 0 to {count - 1} for each of {clips} clips")
    return chosen
