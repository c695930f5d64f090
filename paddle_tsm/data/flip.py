"""Mirrored clips, and what that does to their labels."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


def mirror(frame: np.ndarray) -> np.ndarray:
    """[H, W, 3] with left and right exchanged."""
    return np.ascontiguousarray(frame[:, ::-1])


@dataclass(frozen=True)
class FlipRule:
    """How often a training clip is mirrored, and the classes that change places when it is ("left" and "right")."""

    probability: float = 0.5
    label_map: dict[int, int] = field(default_factory=dict)

    def __post_init__(self):
        if not 0 <= self.probability <= 1:
            raise ValueError(f"flip probability: got {self.probability}, wanted 0 to 1")
        if any(self.label_map.get(there) != here for here, there in self.label_map.items()):
            raise ValueError(f"flip labels: got {self.label_map}, wanted pairs that change places: {{86: 87, 87: 86}}")

    def draw(self, rng: np.random.Generator) -> bool:
        """Whether to mirror this clip. One draw, whatever the probability."""
        return bool(rng.random() < self.probability)

    def labels(self, labels: tuple[int, ...]) -> tuple[int, ...]:
        """The labels of the mirrored clip."""
        return tuple(self.label_map.get(label, label) for label in labels)
