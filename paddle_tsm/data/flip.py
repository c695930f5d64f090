"""Mirrored clips and their labels."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


def mirror(frame: np.ndarray) -> np.ndarray:
    """A copy of the frame [H, W, C] with left and right exchanged."""
    return frame[:, ::-1].copy()


def mirror_flow(picture: np.ndarray) -> np.ndarray:
    """The picture of optical flow [H, W, 2] with left and right exchanged. What moved to the right then moves to the
    left, so that x becomes 255 - x: MIT `GroupRandomHorizontalFlip` and `GroupOverSample`, ops/transforms.py 1f6a834.
    """
    mirrored = mirror(picture)
    mirrored[..., 0] = 255 - mirrored[..., 0]
    return mirrored


@dataclass(frozen=True)
class FlipRule:
    """How often a training clip is mirrored, and which labels are exchanged when it is.

    probability: from 0 to 1. label_map: label -> label of the mirrored clip, for the classes that tell left from right.
    Raises ValueError for another probability and for labels that are not exchanged in pairs.
    """

    probability: float = 0.5
    label_map: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"flip probability: got {self.probability}, wanted 0 to 1")
        if any(self.label_map.get(there) != here for here, there in self.label_map.items()):
            raise ValueError(f"flip labels: got {self.label_map}, wanted pairs that change places: {{86: 87, 87: 86}}")

    def draw(self, rng: np.random.Generator) -> bool:
        """Whether to mirror a clip. Takes one number from `rng`, whatever the probability."""
        return bool(rng.random() < self.probability)

    def labels(self, labels: tuple[int, ...]) -> tuple[int, ...]:
        """The labels of a clip with `labels` after it was mirrored."""
        return tuple(self.label_map.get(label, label) for label in labels)
