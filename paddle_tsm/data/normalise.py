"""Pixels to network input: [H, W, C] uint8 -> [C, H, W] float32.

RGB frames (C = 3) have ImageNet's mean and standard deviation. Pictures of optical flow (C = 2: x and y) have one for
both.
"""

from __future__ import annotations

import cv2
import numpy as np

# on the 0-255 scale: mmaction2 configs/_base_/models/tsm_r50.py 4d6c934
MEAN_255 = np.array([123.675, 116.28, 103.53], "float32")
STD_255 = np.array([58.395, 57.12, 57.375], "float32")
# on the 0-1 scale: MIT ops/models.py 1f6a834, PaddleVideo configs/recognition/tsm 18a7898
MEAN_1 = np.array([0.485, 0.456, 0.406], "float32")
STD_1 = np.array([0.229, 0.224, 0.225], "float32")
# of optical flow, on the 0-1 scale: MIT ops/models.py 1f6a834; its standard deviation is the mean of the three above
MEAN_FLOW = np.array([0.5, 0.5], "float32")
STD_FLOW = np.array([0.226, 0.226], "float32")

# The normalised value of each channel for each of the 256 values of a byte, [C, 256]. Looking it up is quicker than
# computing it for every pixel.
_BYTES = np.arange(256, dtype="float32")[:, None]
TABLE_255 = ((_BYTES - MEAN_255) / STD_255).T.copy()
TABLE_1 = ((_BYTES / np.float32(255) - MEAN_1) / STD_1).T.copy()
TABLE_FLOW = ((_BYTES / np.float32(255) - MEAN_FLOW) / STD_FLOW).T.copy()


def normalise_255(frame: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """(x - mean) / std on the 0-255 scale, as mmaction2 computes it; see `look_up`."""
    return look_up(frame, TABLE_255, out)


def normalise_1(frame: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """(x / 255 - mean) / std, as MIT and PaddleVideo compute it; only the rounding differs. See `look_up`."""
    return look_up(frame, TABLE_1, out)


def normalise_flow(picture: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """(x / 255 - 0.5) / 0.226, as MIT computes it for optical flow: [H, W, 2] uint8 -> [2, H, W] float32."""
    return look_up(picture, TABLE_FLOW, out)


def look_up(frame: np.ndarray, table: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """[H, W, C] uint8 -> [C, H, W] float32: replace each value of channel c by table[c, value].

    The result is written to `out`, a C-contiguous array, where that is given.
    """
    if out is None:
        out = np.empty((len(table), *frame.shape[:2]), "float32")
    assert frame.shape[2] == len(table), "a preset of RGB got optical flow, or one of flow got RGB"
    assert out.shape == (len(table), *frame.shape[:2]) and out.flags.c_contiguous, "OpenCV would write to a copy"
    for plane, values, target in zip(cv2.split(frame), table, out):
        cv2.LUT(plane, values, target)
    return out
