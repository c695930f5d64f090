"""Which parts of a frame become network input. All lengths are in pixels.

A test rule takes (height, width, size) and returns (left, top, mirrored) for each square crop of `size`, in the order
in which the system stacks its views. A training rule takes (height, width, size, rng) and returns one box (left, top,
right, bottom), which is then scaled to the network's size. Test rules raise ValueError for a frame smaller than `size`.

Sources: mmaction2 `mmaction/datasets/transforms/processing.py` 4d6c934, MIT `ops/transforms.py` 1f6a834, PaddleVideo
`paddlevideo/loader/pipelines/augmentations.py` ed245e9.
"""

from __future__ import annotations

import numpy as np

SCALES = (1, 0.875, 0.75, 0.66)  # edges of a multi-scale crop, as fractions of the frame's short edge
FLOW_SCALES = SCALES[:3]  # of optical flow


def _check(h: int, w: int, size: int) -> None:
    """Raise ValueError unless a crop of `size` fits into the frame."""
    if size < 1 or min(h, w) < size:
        raise ValueError(f"cannot cut {size}x{size} from a frame {w} wide and {h} high; scale it up or ask for less")


def centre_floor(h: int, w: int, size: int) -> list[tuple[int, int, bool]]:
    """The centre crop; half a pixel is rounded down, toward the left and the top: mmaction2 `CenterCrop`."""
    _check(h, w, size)
    return [((w - size) // 2, (h - size) // 2, False)]


def centre_round(h: int, w: int, size: int) -> list[tuple[int, int, bool]]:
    """The centre crop; half a pixel is rounded to an even number: MIT (torchvision `CenterCrop`), PaddleVideo."""
    _check(h, w, size)
    return [(round((w - size) / 2), round((h - size) / 2), False)]


def three_halves(h: int, w: int, size: int) -> list[tuple[int, int, bool]]:
    """Both ends of the long edge and its middle, in steps of half the margin: mmaction2 `ThreeCrop`.

    Also raises ValueError where the short edge is not `size`.
    """
    _check(h, w, size)
    if min(h, w) != size:
        raise ValueError(f"three crops of {size} need a short edge of {size}, got a frame {w} wide and {h} high")
    x, y = (w - size) // 2, (h - size) // 2
    return [(0, 0, False), (2 * x, 2 * y, False), (x, y, False)]


def three_quarters(h: int, w: int, size: int) -> list[tuple[int, int, bool]]:
    """Left, right and centre at half height, in steps of a quarter of the margin: MIT and PP-TSM `GroupFullResSample`,
    which despite its name takes crops of any size.
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
    """A random size out of SCALES at one of 13 fixed places: mmaction2 `MultiScaleCrop`, MIT `GroupMultiScaleCrop`."""
    return _fixed_box(h, w, size, rng, SCALES)


def multi_scale_flow(h: int, w: int, size: int, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """`multi_scale` with FLOW_SCALES: MIT ops/models.py `get_augmentation` for the modality Flow."""
    return _fixed_box(h, w, size, rng, FLOW_SCALES)


def multi_scale_fractional(h: int, w: int, size: int, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """`multi_scale` with places at fractions of a pixel: PaddleVideo `MultiScaleCrop`.

    Each edge is rounded as Pillow does, half to even. Corners that coincide are one place.
    """
    crop_w, crop_h = _scaled_size(h, w, size, rng, SCALES)
    x, y = (w - crop_w) / 4, (h - crop_h) / 4
    corners = [(0, 0, True), (4, 0, x != 0), (0, 4, y != 0), (4, 4, x != 0 and y != 0), (2, 2, x != 0 or y != 0)]
    places = [(i, j) for i, j, kept in corners if kept] + _STEPS[5:]
    i, j = places[rng.integers(len(places))]
    return round(i * x), round(j * y), round(i * x + crop_w), round(j * y + crop_h)


def random_resized(h: int, w: int, size: int, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """A box of 8 to 100 % of the area, with a ratio of width to height between 3:4 and 4:3: mmaction2 and PaddleVideo
    `RandomResizedCrop`. Where ten drawn boxes do not fit it is the centre square. `size` has no influence."""
    ratios = np.exp(rng.uniform(np.log(3 / 4), np.log(4 / 3), size=10))
    areas = rng.uniform(0.08, 1.0, size=10) * (h * w)
    widths, heights = (np.round(np.sqrt(edge)).astype(int).tolist() for edge in (areas * ratios, areas / ratios))
    for crop_w, crop_h in zip(widths, heights):
        if 1 <= crop_h <= h and 1 <= crop_w <= w:  # with a tiny frame an edge may be 0, where upstream fails
            left, top = int(rng.integers(w - crop_w + 1)), int(rng.integers(h - crop_h + 1))
            return left, top, left + crop_w, top + crop_h
    edge = min(h, w)
    left, top = (w - edge) // 2, (h - edge) // 2
    return left, top, left + edge, top + edge


# (left, top) in quarters of the margin, in upstream's order: the corners and the centre, the middles of the edges, the
# centres of the four quarters
_STEPS = [(0, 0), (4, 0), (0, 4), (4, 4), (2, 2), (0, 2), (4, 2), (2, 4), (2, 0), (1, 1), (3, 1), (1, 3), (3, 3)]


def _grid(h: int, w: int, crop_h: int, crop_w: int) -> list[tuple[int, int]]:
    """(left, top) of the 13 fixed places; a quarter of the margin is rounded down to whole pixels."""
    x, y = (w - crop_w) // 4, (h - crop_h) // 4
    return [(i * x, j * y) for i, j in _STEPS]


def _fixed_box(
    h: int, w: int, size: int, rng: np.random.Generator, scales: tuple[float, ...]
) -> tuple[int, int, int, int]:
    """A box of a random size at one of the 13 fixed places."""
    crop_w, crop_h = _scaled_size(h, w, size, rng, scales)
    places = _grid(h, w, crop_h, crop_w)
    left, top = places[rng.integers(len(places))]
    return left, top, left + crop_w, top + crop_h


def _scaled_size(h: int, w: int, size: int, rng: np.random.Generator, scales: tuple[float, ...]) -> tuple[int, int]:
    """(width, height) of a crop, whose two scales are the same or neighbours in `scales`. An edge less than 3 pixels
    from `size` becomes `size`, so that it need not be scaled.
    """
    edges = [int(min(h, w) * scale) for scale in scales]
    edges = [size if abs(edge - size) < 3 else edge for edge in edges]
    pairs = [(w_, h_) for i, h_ in enumerate(edges) for j, w_ in enumerate(edges) if abs(i - j) <= 1]
    return pairs[rng.integers(len(pairs))]
