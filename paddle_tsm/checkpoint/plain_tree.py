"""The inert objects that a pickle leaves become dicts, lists, tuples, numbers, text and arrays."""

import numpy as np

from paddle_tsm.checkpoint.error import CheckpointError
from paddle_tsm.checkpoint.inert_objects import InertObject, LongText, Skipped

_ATOMS = frozenset((str, int, float, bool, complex, bytes, type(None), Skipped))
_MAX_DEPTH = 100
_MAX_LONG_TEXT = 16 << 20
_VALUE = 64  # bytes that every value counts as, beside its content
_SLACK = 64 << 20


def plain_tree(file, value, on_array=None):
    """`value` with every inert object replaced by the plain value that it stands for. An OrderedDict becomes a dict.

    file: the MappedFile that the value was read from. on_array: a function that is applied to every array.

    An object that is referred to twice is converted once and stays one object, but its size counts twice: whoever
    walks the result visits it twice, and a small file can nest references so that the walk never ends ("billion
    laughs").

    Raises CheckpointError for cycles, for more than 100 levels, and for a value that, walked so, has more than 8 times
    the size of the file and 64 MiB.
    """
    try:
        return _Conversion(file, on_array).convert(value, 0)[0]
    except UnicodeDecodeError:
        raise CheckpointError(f"{file.path}: holds text that is not UTF-8; the file is damaged") from None


class _Conversion:
    def __init__(self, file, on_array):
        self.path = file.path
        self.limit = 8 * file.size + _SLACK
        self.on_array = on_array
        self.done = {}  # id of the source -> (result, unfolded size); None while it is being converted
        self.long_text = 0

    def convert(self, value, depth):
        """(plain value, its size in bytes when every reference is unfolded)"""
        kind = type(value)
        if kind in _ATOMS:
            return value, _VALUE + (len(value) if kind in (str, bytes) else 0)
        if depth > _MAX_DEPTH:
            raise CheckpointError(f"{self.path}: is nested more than {_MAX_DEPTH} deep, wanted a few levels")
        key = id(value)
        if key in self.done:
            found = self.done[key]
            if found is None:
                raise CheckpointError(f"{self.path}: holds a container that contains itself; no network does")
            return found
        self.done[key] = None
        found = self._converted(value, depth)
        if found[1] > self.limit:
            raise CheckpointError(f"{self.path}: unfolds to more than {self.limit} bytes; refused, no memory was taken")
        self.done[key] = found
        return found

    def _converted(self, value, depth):
        if isinstance(value, dict):
            items = {key: self.convert(item, depth + 1) for key, item in value.items()}
            return {key: item for key, (item, _) in items.items()}, _VALUE + sum(
                size + _VALUE for _, size in items.values()
            )
        if type(value) in (list, tuple):
            items = [self.convert(item, depth + 1) for item in value]
            return type(value)(item for item, _ in items), _VALUE + sum(size for _, size in items)
        if type(value) is memoryview:
            return bytes(value), _VALUE + len(value)
        if isinstance(value, InertObject):
            return self._from_inert(value, depth)
        raise CheckpointError(
            f"{self.path}: holds a {type(value).__name__}, wanted arrays, numbers, text and containers of these"
        )

    def _from_inert(self, value, depth):
        if isinstance(value, LongText):
            self.long_text += len(value.view)
            if self.long_text > _MAX_LONG_TEXT:
                raise CheckpointError(f"{self.path}: holds more than {_MAX_LONG_TEXT} bytes of text, wanted a network")
        result = value.plain()
        if not isinstance(result, np.ndarray):
            return self.convert(result, depth + 1)
        if self.on_array is not None:
            result = self.on_array(result)
        return result, _VALUE + result.nbytes
