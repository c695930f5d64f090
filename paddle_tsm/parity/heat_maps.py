"""The heat maps of `paddle-tsm explain` (Grad-CAM) in both packages, compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from paddle_tsm.parity.compare import ComparisonRow, compare, distance
from paddle_tsm.parity.network_side import NetworkSide
from paddle_tsm.parity.tolerance import TOLERANCES, float32_limit


def compare_heat_maps(
    reference: Callable[[str], NetworkSide],
    other: Callable[[str], NetworkSide],
    x: np.ndarray,
    progress: Callable[[str], None] = lambda part: None,
) -> list[ComparisonRow]:
    """Two rows for each stage in float64, then two in float32: its heat maps, and the weights of its channels.

    reference, other: functions from "float64" or "float32" to a new side. x: float64 [N*T, C, H, W]. The heat maps are
    of the classes that the reference finds the most probable. A map may be 0 everywhere, and then equal ones say
    little; together with the stage's output, the weights say what it is made of.

    In float32 a ReLU whose input is 0 within rounding may take its other branch in one framework, and the maps in front
    of it then leap by far more than rounding, where those behind it and all in float64 are equal. Another clip tells.
    """
    progress("heat maps")
    first, second = reference("float64"), other("float64")
    classes = first.outputs(x)["logits"].argmax(1)
    exact = first.heat_maps(x, classes)
    limits = dict.fromkeys(exact, TOLERANCES["float64"].limit)
    rows = rows_of(exact, second.heat_maps(x, classes), limits)
    del first, second  # before those in float32 are built
    x32 = x.astype("float32")
    found = reference("float32").heat_maps(x32, classes)
    limits = {name: float32_limit(distance(exact[name], array)[1]) for name, array in found.items()}
    return rows + rows_of(found, other("float32").heat_maps(x32, classes), limits)


def rows_of(
    reference: Mapping[str, np.ndarray], other: Mapping[str, np.ndarray], limits: Mapping[str, float]
) -> list[ComparisonRow]:
    """A row for each of the reference's arrays."""
    return [compare(name, array, other[name], limits[name]) for name, array in reference.items()]
