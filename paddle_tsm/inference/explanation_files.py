"""An explanation as a video, as a contact sheet and as plain numbers."""

from __future__ import annotations

import cv2

from paddle_tsm.drawing.heat_map import contact_sheet, enlarged, over
from paddle_tsm.files.atomic import atomic_file
from paddle_tsm.inference.explanation import Explanation
from paddle_tsm.videos.copied_video import complete_copy

VIDEO_SIDE = 320  # pixels of a frame, at least
SECONDS = 4.0  # of the video, in which each of the frames that the network saw stands for the same time


def write_video(path: str, found: Explanation) -> None:
    """Write the frames that the network saw with their heat over them, one after the other."""
    pictures, heat = enlarged(found.pictures, VIDEO_SIDE), enlarged(found.heat(), VIDEO_SIDE)
    with complete_copy(path, len(pictures) / SECONDS, None) as append:
        for picture, one in zip(pictures, heat):
            append(over(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), one))


def write_sheet(path: str, found: Explanation, title: list[str]) -> None:
    """Write the contact sheet as PNG. title: its first lines."""
    captions = [f"frame {index}" for index in found.indices]
    bars = [
        (f"{one.order}: {100 * float(one.probabilities[found.label]):.1f} %", float(one.probabilities[found.label]))
        for one in found.orders
    ]
    sheet = contact_sheet(enlarged(found.pictures), enlarged(found.heat()), captions, title, bars)
    written, png = cv2.imencode(".png", sheet, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    assert written
    with atomic_file(path) as file:
        file.write(png.tobytes())


def as_dict(found: Explanation) -> dict:
    """The explanation for JSON, without the pictures. The heat of a frame is its share of all heat, from 0 to 1."""
    each = found.maps.reshape(len(found.maps), -1).sum(1).astype("float64")
    return {
        "class": found.label,
        "name": found.name,
        "layer": found.layer,
        "cells": list(found.maps.shape[1:]),
        "frames": found.indices.tolist(),
        "heat_of_frames": (each / (each.sum() or 1.0)).tolist(),
        "orders": [
            {
                "order": one.order,
                "plays": one.plays,
                "probability": float(one.probabilities[found.label]),
                "same_class": one.same,
                "top": {
                    "class": one.top,
                    "name": found.names[one.top],
                    "probability": float(one.probabilities[one.top]),
                },
            }
            for one in found.orders
        ],
        "motion_share": found.motion,
    }
