"""Shapes that a file claims."""

MAX_DIMENSIONS = 32
_MAX_ELEMENTS = 2**58  # times 16 bytes this still fits the signed 64-bit sizes NumPy computes with


def element_count(shape):
    """The product of ``shape`` (a sequence); None unless it is at most 32 integers from 0 whose product is sensible.

    Zeros are left out of the product that must be sensible: NumPy refuses [0, 2^40, 2^40] too.
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
