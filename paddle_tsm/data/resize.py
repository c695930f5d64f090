"""Frames scaled as each system scales them, always bilinearly: [H, W, C] uint8 in, [h, w, C] uint8 out.

OpenCV does not antialias and Pillow does, so their results differ by many grey levels when a frame becomes smaller.
Their long edges differ, too: a frame of 398x224 with its short edge scaled to 256 is 455 wide in mmaction2 and 454 in
MIT.
"""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image


def opencv_to(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scale a frame to `size` (width, height) with OpenCV, as mmcv's `imresize` does."""
    return cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR)


def pillow_to(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Scale a frame to `size` (width, height) with Pillow, which antialiases. Optical flow, C = 2, is scaled plane by
    plane: Pillow would take the second channel for an opacity.
    """
    if frame.shape[1::-1] == tuple(size):
        return frame
    if frame.ndim == 3 and frame.shape[2] == 2:
        return np.dstack([pillow_to(frame[..., i], size) for i in range(2)])
    return np.asarray(Image.fromarray(np.ascontiguousarray(frame)).resize(size, Image.Resampling.BILINEAR))


def opencv_short(frame: np.ndarray, short: int) -> np.ndarray:
    """Scale the short edge to `short`; both edges are rounded: mmaction2 (mmcv `rescale_size`)."""
    h, w = frame.shape[:2]
    scale = short / min(h, w)
    return opencv_to(frame, (int(w * scale + 0.5), int(h * scale + 0.5)))


def pillow_short(frame: np.ndarray, short: int) -> np.ndarray:
    """Scale the short edge to `short`; the long edge is rounded down: MIT (torchvision `Resize`), PaddleVideo's TSM."""
    h, w = frame.shape[:2]
    return pillow_to(frame, (short, int(short * h / w)) if w <= h else (int(short * w / h), short))


def pillow_four_thirds(frame: np.ndarray, short: int) -> np.ndarray:
    """Scale to a short edge of `short` and a ratio of 4:3, whatever the frame's own ratio is: PaddleVideo's PP-TSM
    (`Scale` with its default fixed_ratio, `augmentations.py`, ed245e9).

    A frame whose short edge is already `short` is returned as it is.
    """
    h, w = frame.shape[:2]
    if min(h, w) == short:
        return frame
    long = int(short * 4.0 / 3.0)
    return pillow_to(frame, (short, long) if w <= h else (long, short))
