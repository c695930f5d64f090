"""Which parts of a frame become network input.

A test rule takes (height, width, size) and gives (left, top, mirrored) of each square crop, in the order in which the
system stacks its views. A training rule takes (height, width, size, rng) and gives one box (left, top, right, bottom),
which is then scaled to the network's size.

Sources: mmaction2 `mmaction/datasets/transforms/processing.py` 4d6c934, MIT `ops/transforms.py` 1f6a834, PaddleVideo
`paddlevideo/loader/pipelines/augmentations.py` ed245e9.
"""

from __future__ import annotations

import numpy as np

SCALES = (1, 0.875, 0.75, 0.66)  # of the short edge


def _check(h: int, w: int, size: int) -> None:
    if size < 1 or min(h, w) < size:
        raise ValueError(f"cannot cut {size}x{size} from a frame {w} wide and {h} high; scale it up or ask for less")


def centre_floor(h: int, w: int, size: int) -> list[tuple[int, int, bool]]:
    """An odd margin's larger half is right or below: mmaction2 `CenterCrop`."""
    _check(h, w, size)
    return [((w - size) // 2, (h - size) // 2, False)]


def centre_round(h: int, w: int, size: int) -> list[tuple[int, int, bool]]:
    """Half a pixel goes to the even side: MIT (torchvision `CenterCrop`), PaddleVideo."""
    _check(h, w, size)
    return [(round((w - size) / 2), round((h - size) / 2), False)]


def three_halves(h: int, w: int, size: int) -> list[tuple[int, int, bool]]:
    """Both ends and the middle of the long edge, in steps of half the margin: mmaction2 `ThreeCrop`.

    Raises ValueError unless the short edge is `size`.
    """
    _check(h, w, size)
    if min(h, w) != size:
        raise ValueError(f"three crops of {size} need a short edge of {size}, got a frame {w} wide and {h} high")
    x, y = (w - size) // 2, (h - size) // 2
    return [(0, 0, False), (2 * x, 2 * y, False), (x, y, False)]


def three_quarters(h: int, w: int, size: int) -> list[tuple[int, int, bool]]:
    """Left, right, centre, in steps of a quarter of the margin, at half height: MIT and PP-TSM `GroupFullResSample`,
    which despite its name cuts any size.
    """
    _check(h, w, size)
    x, y = (w - size) // 4, (h - size) // 4
    return [(0, 2 * y, False), (4 * x, 2 * y, False), (2 * x, 2 * y, False)]


def five(h: int, w: int, size: int) -> list[tuple[int, int, bool]]:
    """Four corners and the centre: MIT `GroupOverSample` without its mirror images."""
    _check(h, w, size)
    return [(left, top, False) for left, top in _grid(h, w, size, size)[:5]]


def ten(h: int, w: int, size: int) -> list[tuple[int, int, bool]]:
    """Four corners and the centre, each followed by its mirror image: mmaction2 `TenCrop`, MIT `GroupOverSample`."""
    _check(h, w, size)
    return [(left, top, mirrored) for left, top in _grid(h, w, size, size)[:5] for mirrored in (False, True)]


def multi_scale(h: int, w: int, size: int, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """One of the sizes `SCALES`, at one of 13 fixed places: mmaction2 `MultiScaleCrop`, MIT `GroupMultiScaleCrop`."""
    crop_w, crop_h = _scaled_size(h, w, size, rng)
    places = _grid(h, w, crop_h, crop_w)
    left, top = places[rng.integers(len(places))]
    return left, top, left + crop_w, top + crop_h


def multi_scale_fractional(h: int, w: int, size: int, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """`multi_scale` at fractions of a pixel, each edge rounded (half to even) as Pillow does, without the corners that
    coincide: PaddleVideo `MultiScaleCrop`."""
    crop_w, crop_h = _scaled_size(h, w, size, rng)
    x, y = (w - crop_w) / 4, (h - crop_h) / 4
    corners = [(0, 0, True), (4, 0, x != 0), (0, 4, y != 0), (4, 4, x != 0 and y != 0), (2, 2, x != 0 or y != 0)]
    places = [(i, j) for i, j, kept in corners if kept] + _STEPS[5:]
    i, j = places[rng.integers(len(places))]
    return round(i * x), round(j * y), round(i * x + crop_w), round(j * y + crop_h)


def random_resized(h: int, w: int, size: int, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """8 to 100 % of the area at a ratio between 3:4 and 4:3; the centre square where ten tries fail: mmaction2 and
    PaddleVideo `RandomResizedCrop`. `size` plays no part."""
    ratios = np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3), size=10))
    areas = rng.uniform(0.08, 1.0, size=10) * (h * w)
    widths, heights = (np.round(np.sqrt(edge)).astype(int).tolist() for edge in (areas * ratios, areas / ratios))
    for crop_w, crop_h in zip(widths, heights):
        if 1 <= crop_h <= h and 1 <= crop_w <= w:  # upstream fails where a tiny frame gives an edge of 0
            left, top = int(rng.integers(w - crop_w + 1)), int(rng.integers(h - crop_h + 1))
            return left, top, left + crop_w, top + crop_h
    edge = min(h, w)
    left, top = (w - edge) // 2, (h - edge) // 2
    return left, top, left + edge, top + edge


# quarters of the margin, in upstream's order: corners and centre, middles of the edges, centres of the quarters
_STEPS = [(0, 0), (4, 0), (0, 4), (4, 4), (2, 2), (0, 2), (4, 2), (2, 4), (2, 0), (1, 1), (3, 1), (1, 3), (3, 3)]


def _grid(h: int, w: int, crop_h: int, crop_w: int) -> list[tuple[int, int]]:
    """The 13 fixed places (left, top), in whole quarters of the margin."""
    x, y = (w - crop_w) // 4, (h - crop_h) // 4
    return [(i * x, j * y) for i, j in _STEPS]


def _scaled_size(h: int, w: int, size: int, rng: np.random.Generator) -> tuple[int, int]:
    """(width, height) of a crop: two neighbouring scales. One within 3 pixels of `size` is `size`: it is not scaled."""
    edges = [int(min(h, w) * scale) for scale in SCALES]
    edges = [size if abs(edge - size) < 3 else edge for edge in edges]
    pairs = [(w_, h_) for i, h_ in enumerate(edges) for j, w_ in enumerate(edges) if abs(i - j) <= 1]
    return pairs[rng.integers(len(pairs))]
