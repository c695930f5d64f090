"""Mixup and CutMix: the clips of a batch are blended with one another.

They are computed in NumPy, so that one generator gives both frameworks the same batch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Blend:
    """What is drawn for one batch of N clips.

    lam: the share of a clip's own label, from 0 to 1. order: the clip that each clip is blended with, int [N]. centre:
    (column, row) of CutMix's box in pixels; None for mixup.
    """

    lam: float
    order: tuple[int, ...]
    centre: tuple[int, int] | None = None


def draw_mixup(clips: int, rng: np.random.Generator, alpha: float) -> Blend:
    """One lam ~ Beta(alpha, alpha) and one permutation for a batch of so many clips."""
    lam, order = rng.beta(alpha, alpha), rng.permutation(clips)
    return Blend(float(lam), tuple(order.tolist()))


def draw_cutmix(clips: int, height: int, width: int, rng: np.random.Generator, alpha: float) -> Blend:
    """One permutation, one lam ~ Beta(alpha, alpha) and one box, whose centre is uniform in the image."""
    order, lam = rng.permutation(clips), rng.beta(alpha, alpha)
    column, row = int(rng.integers(width)), int(rng.integers(height))
    return Blend(float(lam), tuple(order.tolist()), (column, row))


def mixup(
    x: np.ndarray, labels: np.ndarray, num_classes: int, rng: np.random.Generator, alpha: float = 0.2
) -> tuple[np.ndarray, np.ndarray]:
    """Each clip is mixed with another one: lam * x + (1 - lam) * x[order], and so are the labels.

    See `draw_mixup` (arXiv:1710.09412; mmaction2 models/utils/blending_utils.py 4d6c934 `MixupBlending`). What
    PaddleVideo calls VideoMix is the same (loader/pipelines/mix.py ed245e9 `Mixup`).
    x: [N*T, C, H, W]. labels: the classes, int [N]. Returns x in its own dtype, and probabilities, float64
    [N, num_classes]. Raises ValueError for a class outside [0, num_classes), and where N does not divide the frames.
    """
    by_clip(x, labels)  # an unfit batch draws nothing
    return blended(x, labels, num_classes, draw_mixup(len(labels), rng, alpha))


def cutmix(
    x: np.ndarray, labels: np.ndarray, num_classes: int, rng: np.random.Generator, alpha: float = 0.2
) -> tuple[np.ndarray, np.ndarray]:
    """A box of each clip, the same in all its frames, is replaced by another clip's; the labels are mixed by its area.

    See `draw_cutmix` (arXiv:1905.04899; mmaction2 models/utils/blending_utils.py 4d6c934 `CutmixBlending`). Arguments,
    results and errors are those of `mixup`.
    """
    by_clip(x, labels)
    height, width = x.shape[-2:]
    return blended(x, labels, num_classes, draw_cutmix(len(labels), height, width, rng, alpha))


def blended(x: np.ndarray, labels: np.ndarray, num_classes: int, blend: Blend) -> tuple[np.ndarray, np.ndarray]:
    """The batch and its probabilities as `blend` says. Arguments, results and errors are those of `mixup`; raises
    ValueError also where `blend` is for another number of clips.
    """
    target, clips, order, lam = one_hot(labels, num_classes), by_clip(x, labels), np.array(blend.order), blend.lam
    if len(order) != len(labels):
        raise ValueError(f"blend: got one of {len(order)} clips for a batch of {len(labels)}")
    if blend.centre is None:
        mixed = (lam * clips + (1 - lam) * clips[order]).astype(x.dtype)
    else:
        h, w = x.shape[-2:]
        rows, columns = box(h, w, lam, *blend.centre)
        mixed = clips.copy()
        mixed[..., rows, columns] = clips[order][..., rows, columns]
        lam = 1 - (rows.stop - rows.start) * (columns.stop - columns.start) / (h * w)  # the box was cut at the edges
    return mixed.reshape(x.shape), lam * target + (1 - lam) * target[order]


def box(h: int, w: int, lam: float, column: int, row: int) -> tuple[slice, slice]:
    """The rows and columns of a box with about 1 - lam of an image's area around a centre, cut at the edges."""
    half_h, half_w = (int(size * math.sqrt(1 - lam)) // 2 for size in (h, w))
    return slice(max(row - half_h, 0), min(row + half_h, h)), slice(max(column - half_w, 0), min(column + half_w, w))


def one_hot(labels: np.ndarray, num_classes: int) -> np.ndarray:
    """float64 [N, num_classes], 1 for each clip's class. Raises ValueError for a class outside [0, num_classes)."""
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.size and not (0 <= labels.min() and labels.max() < num_classes):
        raise ValueError(f"labels: got {labels.tolist()}, wanted [N] classes from 0 to {num_classes - 1}")
    return np.eye(num_classes)[labels]


def by_clip(x: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """[N*T, C, H, W] -> [N, T, C, H, W], with N labels. Raises ValueError where N does not divide the frames."""
    if x.ndim != 4 or len(labels) == 0 or len(x) % len(labels):
        raise ValueError(f"clips: got {list(x.shape)} for {len(labels)} labels, wanted [N*T, C, H, W] for N labels")
    return x.reshape(len(labels), -1, *x.shape[1:])
