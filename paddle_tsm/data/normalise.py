"""Pixels to network input: [H, W, 3] uint8 RGB -> [3, H, W] float32, ImageNet's mean and deviation."""

from __future__ import annotations

import numpy as np

# on the 0-255 scale: mmaction2 configs/_base_/models/tsm_r50.py 4d6c934
MEAN_255 = np.array([123.675, 116.28, 103.53], "float32")
STD_255 = np.array([58.395, 57.12, 57.375], "float32")
# on the 0-1 scale: MIT ops/models.py 1f6a834, PaddleVideo configs/recognition/tsm 18a7898
MEAN_1 = np.array([0.485, 0.456, 0.406], "float32")
STD_1 = np.array([0.229, 0.224, 0.225], "float32")


def normalise_255(frame: np.ndarray) -> np.ndarray:
    """(x - mean) / std on the 0-255 scale: mmaction2."""
    return ((frame.astype("float32") - MEAN_255) / STD_255).transpose(2, 0, 1)


def normalise_1(frame: np.ndarray) -> np.ndarray:
    """(x / 255 - mean) / std: MIT and PaddleVideo. The same values but for rounding."""
    return ((frame.astype("float32") / np.float32(255) - MEAN_1) / STD_1).transpose(2, 0, 1)
