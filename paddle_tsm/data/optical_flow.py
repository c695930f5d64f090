"""Optical flow between successive frames, by OpenCV, as the grey pictures that flow networks are trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import cv2
import numpy as np

from paddle_tsm.networks.option_checks import must_be_one_of

BOUND = 20.0  # pixels of motion that the pictures tell apart, in either direction: the usual tools' (dense_flow)
METHODS = ("tvl1", "dis")
Flow = Callable[
    [np.ndarray, np.ndarray], np.ndarray
]  # two grey frames [H, W] uint8 -> motion [H, W, 2] float32, pixels


def usual_method() -> str:
    """TV-L1, on whose flow the published networks were trained, where this OpenCV has it; else DIS, which every OpenCV
    has.
    """
    return "tvl1" if has_tvl1() else "dis"


def has_tvl1() -> bool:
    """Whether this OpenCV has the module `optflow`."""
    return hasattr(cv2, "optflow") and hasattr(cv2.optflow, "DualTVL1OpticalFlow_create")


def new_flow(method: str) -> Flow:
    """A function that computes the flow from one frame to the next. It is for one thread.

    method: "tvl1" (Zach, Pock and Bischof, 2007) or "dis" (Kroeger et al., arXiv:1603.03590; OpenCV's medium preset).
    Raises ValueError for another method, and where this OpenCV does not have it.
    """
    must_be_one_of("method", method, METHODS)
    if method == "dis":
        dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        return lambda before, after: dis.calc(before, after, None)
    if not has_tvl1():
        raise ValueError(
            "method: this OpenCV has no TV-L1, which opencv-contrib-python has; wanted that package, or dis"
        )
    tvl1 = cv2.optflow.DualTVL1OpticalFlow_create()
    return lambda before, after: tvl1.calc(before, after, None)


def as_picture(motion: np.ndarray, bound: float = BOUND) -> np.ndarray:
    """Motion in pixels, of any shape, as uint8: -bound and less is 0, no motion 128, bound and more 255.

    Source: dense_flow (yjxiong/dense_flow, `convertFlowToImage`), with which the lists of TSN and TSM were made.
    """
    scaled = np.rint((np.clip(motion, -bound, bound) + bound) * (255 / (2 * bound)))
    return scaled.astype("uint8")


def flow_pictures(frames: Iterable[np.ndarray], method: str, bound: float = BOUND) -> Iterator[np.ndarray]:
    """Yield a picture [H, W, 2] uint8 (x to the right, y downward) for each frame but the first: how far everything has
    moved since the frame before.

    frames: RGB [H, W, 3] uint8. Raises ValueError where their size changes.
    """
    flow, before = new_flow(method), None
    for frame in frames:
        grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
        if before is not None:
            if before.shape != grey.shape:
                raise ValueError(f"frames of different sizes: {before.shape[::-1]}, then {grey.shape[::-1]}")
            yield as_picture(flow(before, grey), bound)
        before = grey
