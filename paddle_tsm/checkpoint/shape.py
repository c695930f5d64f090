"""The shapes that a file claims for its tensors."""

from collections.abc import Sequence

MAX_DIMENSIONS = 32
_MAX_ELEMENTS = 2**58  # times 16 bytes, this still fits the signed 64-bit sizes that NumPy computes with


def element_count(shape: Sequence) -> int | None:
    """The number of elements of an array of this shape; None where the shape makes no sense.

    A shape has at most 32 sizes, none negative, and their product is limited. The limit leaves zeros out of the
    product, because NumPy refuses [0, 2^40, 2^40], too.
    """
    if len(shape) > MAX_DIMENSIONS:
        return None
    count = 1
    for size in shape:
        if type(size) is not int or size < 0:
            return None
        count *= max(size, 1)
        if count > _MAX_ELEMENTS:
            return None
    return 0 if 0 in shape else count
