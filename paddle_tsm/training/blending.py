"""Mixup and CutMix: the clips of a batch are blended with one another.

They are computed in NumPy, so that one generator gives both frameworks the same batch.
"""

import math

import numpy as np


def mixup(
    x: np.ndarray, labels: np.ndarray, num_classes: int, rng: np.random.Generator, alpha: float = 0.2
) -> tuple[np.ndarray, np.ndarray]:
    """Each clip is mixed with another one: lam * x + (1 - lam) * x[order], and so are the labels.

    One lam ~ Beta(alpha, alpha) and one permutation are drawn for the batch (arXiv:1710.09412; mmaction2
    models/utils/blending_utils.py 4d6c934 `MixupBlending`).
    x: [N*T, C, H, W]. labels: the classes, int [N]. Returns x in its own dtype, and probabilities, float64
    [N, num_classes]. Raises ValueError for a class outside [0, num_classes), and where N does not divide the frames.
    """
    target, clips = one_hot(labels, num_classes), by_clip(x, labels)
    lam, order = rng.beta(alpha, alpha), rng.permutation(len(labels))
    mixed = lam * clips + (1 - lam) * clips[order]
    return mixed.astype(x.dtype).reshape(x.shape), lam * target + (1 - lam) * target[order]


def cutmix(
    x: np.ndarray, labels: np.ndarray, num_classes: int, rng: np.random.Generator, alpha: float = 0.2
) -> tuple[np.ndarray, np.ndarray]:
    """A box of each clip, the same in all its frames, is replaced by another clip's; the labels are mixed by its area.

    One permutation, one lam ~ Beta(alpha, alpha) and one box are drawn for the batch (arXiv:1905.04899; mmaction2
    models/utils/blending_utils.py 4d6c934 `CutmixBlending`). Arguments, results and errors are those of `mixup`.
    """
    target, clips = one_hot(labels, num_classes), by_clip(x, labels)
    order, lam = rng.permutation(len(labels)), rng.beta(alpha, alpha)
    h, w = x.shape[-2:]
    rows, columns = random_box(h, w, lam, rng)
    mixed = clips.copy()
    mixed[..., rows, columns] = clips[order][..., rows, columns]
    lam = 1 - (rows.stop - rows.start) * (columns.stop - columns.start) / (
        h * w
    )  # the area of the box after it was cut at the edges
    return mixed.reshape(x.shape), lam * target + (1 - lam) * target[order]


def random_box(h: int, w: int, lam: float, rng: np.random.Generator) -> tuple[slice, slice]:
    """The rows and columns of a box with about 1 - lam of an image's area.

    Its centre is uniform in the image, and the box is cut at the edges.
    """
    half_h, half_w = (int(size * math.sqrt(1 - lam)) // 2 for size in (h, w))
    column, row = int(rng.integers(w)), int(rng.integers(h))
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
