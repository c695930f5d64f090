"""Mixup and CutMix of a batch of clips, in NumPy: the same generator gives both frameworks the same batch."""

import math

import numpy as np


def mixup(x: np.ndarray, labels: np.ndarray, num_classes: int, rng: np.random.Generator, alpha: float = 0.2):
    """Every clip mixed with another one: lam * x + (1 - lam) * x[order], and the labels likewise.

    One lam ~ Beta(alpha, alpha) and one permutation for the batch (arXiv:1710.09412; mmaction2
    models/utils/blending_utils.py 4d6c934 `MixupBlending`).
    x: [N*T, C, H, W]; labels: classes, int [N]. Returns x in its dtype and float64 probabilities [N, num_classes].
    """
    target, clips = one_hot(labels, num_classes), by_clip(x, labels)
    lam, order = rng.beta(alpha, alpha), rng.permutation(len(labels))
    mixed = lam * clips + (1 - lam) * clips[order]
    return mixed.astype(x.dtype).reshape(x.shape), lam * target + (1 - lam) * target[order]


def cutmix(x: np.ndarray, labels: np.ndarray, num_classes: int, rng: np.random.Generator, alpha: float = 0.2):
    """One box of every clip, the same in all its frames, replaced by another clip's; labels by the box's share.

    One permutation, lam ~ Beta(alpha, alpha) and box for the batch (arXiv:1905.04899; mmaction2
    models/utils/blending_utils.py 4d6c934 `CutmixBlending`). Arguments and results as for `mixup`.
    """
    target, clips = one_hot(labels, num_classes), by_clip(x, labels)
    order, lam = rng.permutation(len(labels)), rng.beta(alpha, alpha)
    h, w = x.shape[-2:]
    rows, columns = random_box(h, w, lam, rng)
    mixed = clips.copy()
    mixed[..., rows, columns] = clips[order][..., rows, columns]
    lam = 1 - (rows.stop - rows.start) * (columns.stop - columns.start) / (h * w)  # what the edges left of the box
    return mixed.reshape(x.shape), lam * target + (1 - lam) * target[order]


def random_box(h: int, w: int, lam: float, rng: np.random.Generator) -> tuple[slice, slice]:
    """Rows and columns of a box with about 1 - lam of an image's area, its centre uniform, cut at the edges."""
    half_h, half_w = (int(size * math.sqrt(1 - lam)) // 2 for size in (h, w))
    column, row = int(rng.integers(w)), int(rng.integers(h))
    return slice(max(row - half_h, 0), min(row + half_h, h)), slice(max(column - half_w, 0), min(column + half_w, w))


def one_hot(labels: np.ndarray, num_classes: int) -> np.ndarray:
    """float64 [N, num_classes]. Raises ValueError for a class outside [0, num_classes)."""
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.size and not (0 <= labels.min() and labels.max() < num_classes):
        raise ValueError(f"labels: got {labels.tolist()}, wanted [N] classes from 0 to {num_classes - 1}")
    return np.eye(num_classes)[labels]


def by_clip(x: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """[N*T, C, H, W] -> [N, T, C, H, W]. Raises ValueError where the frames do not share out among the labels."""
    if x.ndim != 4 or len(labels) == 0 or len(x) % len(labels):
        raise ValueError(f"clips: got {list(x.shape)} for {len(labels)} labels, wanted [N*T, C, H, W] for N labels")
    return x.reshape(len(labels), -1, *x.shape[1:])
