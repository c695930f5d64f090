"""The names of NumPy and the standard library that pickled arrays use, as inert objects.

Sources: ndarray.__reduce__, dtype.__reduce__ in numpy/_core/src/multiarray; paddle/framework/io.py (reduce_varbase
wraps a tensor as builtins.tuple of name and array); collections.OrderedDict.__reduce__ of Python 2 and 3.
"""

from collections import OrderedDict

import ml_dtypes
import numpy as np

from paddle_tsm.checkpoint.error import CheckpointError
from paddle_tsm.checkpoint.inert_objects import AllowedName, InertObject, LongText, PlainClass, SkippedObject
from paddle_tsm.checkpoint.pickle_operations import checked_key
from paddle_tsm.checkpoint.shape import MAX_DIMENSIONS, element_count

_CODES = "b1 i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 c8 c16".split()


class DtypeState(InertObject):
    """A numpy.dtype. The opcode BUILD gives it its byte order."""

    __slots__ = ("dtype",)

    def __init__(self, dtype):
        self.dtype = dtype

    def build(self, machine, state):
        # (version, byte order, subarray, names, fields, itemsize, alignment, flags[, metadata])
        if type(state) is not tuple or len(state) not in (8, 9) or state[2:5] != (None, None, None):
            machine.refuse("describes an array of records, wanted plain numbers")
        if state[1] not in ("<", "|", ">", "="):
            machine.refuse("names a byte order that is none; the file is damaged")
        if state[1] == ">":
            self.dtype = self.dtype.newbyteorder(">")

    def plain(self):
        return str(self.dtype)


class ArrayState(InertObject):
    """An array that `_reconstruct` begins. The opcode BUILD gives it shape, dtype, order and bytes."""

    __slots__ = ("array", "_path")

    def __init__(self, machine):
        self.array: np.ndarray | SkippedObject | None = None
        self._path = machine.path

    def build(self, machine, state):
        if self.array is not None or type(state) is not tuple or len(state) != 5:
            machine.refuse(
                "holds an array whose state is not (version, shape, dtype, order, bytes); the file is damaged"
            )
        _, shape, dtype, fortran, data = state
        if isinstance(dtype, SkippedObject):
            self.array = dtype
            return
        if not isinstance(dtype, DtypeState):
            machine.refuse("holds an array without a dtype; the file is damaged")
        count = checked_count(machine, shape)
        data = array_bytes(machine, data)
        if count * dtype.dtype.itemsize != len(data):
            machine.refuse(
                f"holds an array {list(shape)} of {dtype.dtype} with {len(data)} bytes, "
                f"wanted {count * dtype.dtype.itemsize}"
            )
        array = np.ndarray(shape, dtype.dtype, buffer=data, order="F" if fortran else "C")
        if not dtype.dtype.isnative:
            machine.spend_bytes(len(data))
            array = array.astype(dtype.dtype.newbyteorder("="))
        array.flags.writeable = False
        self.array = array

    def plain(self):
        if self.array is None:
            raise CheckpointError(f"{self._path}: holds an array without its data; the file is damaged")
        return self.array.plain() if isinstance(self.array, SkippedObject) else self.array


class NamedTensor(InertObject):
    """A tensor that is no entry of a state_dict, which Paddle writes as (name, array). The name is dropped."""

    __slots__ = ("array",)

    def __init__(self, array):
        self.array = array

    def plain(self):
        return self.array


def checked_count(machine, shape):
    """The number of elements of an array of this shape. Refuses a shape that makes no sense."""
    count = element_count(shape) if type(shape) is tuple else None
    if count is None:
        machine.refuse(
            f"holds an array whose shape is not a tuple of at most {MAX_DIMENSIONS} sensible sizes; the file is damaged"
        )
    return count


def array_bytes(machine, data):
    """The bytes of an array: a slice of the file or, where protocol 2 wrote them as text, a copy."""
    if isinstance(data, str):  # a short Python 2 string
        try:
            return data.encode("latin-1")
        except UnicodeEncodeError:
            machine.refuse("holds an array whose bytes are text; the file is damaged")
    if not isinstance(data, (bytes, memoryview)):
        machine.refuse(f"holds an array whose bytes are a {type(data).__name__}; object arrays are refused")
    return data


def _dtype(machine, arguments):
    code = arguments[0] if arguments else None
    if isinstance(code, AllowedName) and code.name == "ml_dtypes.bfloat16":
        return DtypeState(np.dtype(ml_dtypes.bfloat16))
    if isinstance(code, SkippedObject):
        return code.make()
    if not isinstance(code, str):  # its repr could be made endless
        machine.refuse(f"names a dtype by a {type(code).__name__}, wanted text; the file is damaged")
    if code not in _CODES:  # objects, which can be anything, text, dates, records: no weights
        return SkippedObject("a NumPy array of type", code)
    return DtypeState(np.dtype(code))


def _reconstruct(machine, arguments):
    if len(arguments) == 3 and isinstance(arguments[0], SkippedObject):
        return arguments[0].make()  # a subclass of ndarray
    if len(arguments) != 3 or not isinstance(arguments[0], AllowedName) or arguments[0].name != "numpy.ndarray":
        machine.refuse("rebuilds an array that is not a numpy.ndarray; refused")
    return ArrayState(machine)


def _scalar(machine, arguments):
    if len(arguments) == 2 and isinstance(arguments[0], SkippedObject):
        return arguments[0].make()
    if len(arguments) != 2 or not isinstance(arguments[0], DtypeState):
        machine.refuse("holds a NumPy number without a dtype; the file is damaged")
    data = array_bytes(machine, arguments[1])
    if len(data) != arguments[0].dtype.itemsize:
        machine.refuse("holds a NumPy number of the wrong length; the file is damaged")
    value = np.ndarray((), arguments[0].dtype, buffer=data).item()
    return value


def _encode(machine, arguments):
    """_codecs.encode(text, "latin1"), which is how protocol 2 writes bytes."""
    if len(arguments) != 2 or arguments[1] not in ("latin1", "latin-1"):
        machine.refuse("encodes text otherwise than as latin1; refused")
    text = arguments[0]
    if not isinstance(text, (str, LongText)):
        machine.refuse("encodes something that is not text; the file is damaged")
    machine.spend_bytes(len(text) if isinstance(text, str) else len(text.view) // 2)
    try:
        return (text if isinstance(text, str) else text.plain()).encode("latin-1")
    except UnicodeError:
        machine.refuse("holds bytes written as text that are not latin1; the file is damaged")


def _ordered_dict(machine, arguments):
    result = OrderedDict()
    if not arguments:
        return result
    if len(arguments) != 1 or type(arguments[0]) is not list:  # Python 2: a list of [key, value]
        machine.refuse("builds an OrderedDict from something other than a list of pairs; the file is damaged")
    machine.spend_bytes(8 * len(arguments[0]))
    for pair in arguments[0]:
        if type(pair) not in (list, tuple) or len(pair) != 2:
            machine.refuse("builds an OrderedDict from something other than a list of pairs; the file is damaged")
        result[checked_key(machine, pair[0])] = pair[1]
    return result


def _counter(machine, arguments):
    """collections.Counter, in which PyTorch's MultiStepLR keeps its milestones. It is read as a dict."""
    if len(arguments) > 1 or (arguments and type(arguments[0]) is not dict):
        machine.refuse("builds a Counter from something other than a dict; the file is damaged")
    return arguments[0] if arguments else {}


def _default_dict(machine, arguments):
    """collections.defaultdict, read as a dict. What makes its defaults is dropped."""
    return {}


def _tuple(machine, arguments):
    if len(arguments) != 1 or type(arguments[0]) not in (tuple, list):
        machine.refuse("builds a tuple from something other than a sequence; the file is damaged")
    items = arguments[0]
    if type(items) is list:
        machine.spend_bytes(8 * len(items))
        items = tuple(items)
    if len(items) == 2 and isinstance(items[0], str) and isinstance(items[1], ArrayState):
        return NamedTensor(items[1])
    return items


def _getattr(machine, arguments):
    """getattr(class, name), as mmengine pickles the statistics of a HistoryBuffer. Only the name is kept."""
    if len(arguments) == 2 and isinstance(arguments[0], SkippedObject):
        return arguments[0].make()  # a method of an object that is skipped
    if len(arguments) != 2 or not isinstance(arguments[0], PlainClass) or not isinstance(arguments[1], str):
        machine.refuse("calls getattr, which is not to be called; nothing was run")
    return AllowedName(f"{arguments[0].name}.{arguments[1]}")


def numpy_table() -> dict[tuple[str, str], InertObject]:
    """{(module, name): object}, with both spellings of NumPy's core and of Python's builtins."""
    table: dict[tuple[str, str], InertObject] = {
        ("numpy", "ndarray"): AllowedName("numpy.ndarray"),
        ("numpy", "dtype"): AllowedName("numpy.dtype", _dtype),
        ("ml_dtypes", "bfloat16"): AllowedName("ml_dtypes.bfloat16"),
        ("_codecs", "encode"): AllowedName("_codecs.encode", _encode),
        ("collections", "OrderedDict"): AllowedName("collections.OrderedDict", _ordered_dict),
        ("collections", "defaultdict"): AllowedName("collections.defaultdict", _default_dict),
        ("collections", "Counter"): AllowedName("collections.Counter", _counter),
    }
    for module in ("numpy.core.multiarray", "numpy._core.multiarray"):
        table[module, "_reconstruct"] = AllowedName("numpy._reconstruct", _reconstruct)
        table[module, "scalar"] = AllowedName("numpy.scalar", _scalar)
    for module in ("builtins", "__builtin__"):
        table[module, "tuple"] = AllowedName("builtins.tuple", _tuple)
        table[module, "getattr"] = AllowedName("builtins.getattr", _getattr)
    return table
