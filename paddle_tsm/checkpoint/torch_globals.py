"""The names of PyTorch that a saved state_dict uses, as inert objects, and the rule that turns them into arrays.

Sources: torch/_utils.py (_rebuild_tensor_v2, _v3, _rebuild_parameter), torch/serialization.py (persistent ids),
torch/storage.py (names of the storage classes).
"""

import ml_dtypes
import numpy as np

from paddle_tsm.checkpoint.error import CheckpointError
from paddle_tsm.checkpoint.inert_objects import AllowedName, InertObject, PlainClass, SkippedObject
from paddle_tsm.checkpoint.numpy_globals import numpy_table
from paddle_tsm.checkpoint.pickle_machine import VIEW_FACTOR
from paddle_tsm.checkpoint.shape import MAX_DIMENSIONS, element_count

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
# In these tables several entries share a line, so that each fits the eye; a formatter would give each a line.
STORAGE_DTYPES = {
    "FloatStorage": np.dtype(np.float32), "DoubleStorage": np.dtype(np.float64), "HalfStorage": np.dtype(np.float16),
    "BFloat16Storage": BFLOAT16, "LongStorage": np.dtype(np.int64), "IntStorage": np.dtype(np.int32),
    "ShortStorage": np.dtype(np.int16), "CharStorage": np.dtype(np.int8), "ByteStorage": np.dtype(np.uint8),
    "BoolStorage": np.dtype(np.bool_), "ComplexFloatStorage": np.dtype(np.complex64),
    "ComplexDoubleStorage": np.dtype(np.complex128),
}  # fmt: skip
# The storages of quantised tensors, and the bytes of an element. They are read past: without scale and zero point their
# numbers mean nothing, so that no array is made of them.
QUANTISED_STORAGES = {
    "QInt8Storage": 1, "QUInt8Storage": 1, "QInt32Storage": 4, "QUInt4x2Storage": 1, "QUInt2x4Storage": 1,
}  # fmt: skip
TORCH_DTYPES = {
    "float32": "f4", "float": "f4", "float64": "f8", "double": "f8", "float16": "f2", "half": "f2", "int8": "i1",
    "int16": "i2", "int32": "i4", "int64": "i8", "uint8": "u1", "uint16": "u2", "uint32": "u4", "uint64": "u8",
    "bool": "b1", "complex64": "c8", "complex128": "c16",
}  # fmt: skip
UNSUPPORTED_DTYPES = (
    "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu", "float4_e2m1fn_x2",
    "complex32", "qint8", "quint8", "qint32", "quint4x2", "quint2x4", "bits8", "bits16",
)  # fmt: skip


class StorageType(AllowedName):
    """torch.FloatStorage and its like. dtype: None for the untyped storage, which counts bytes."""

    __slots__ = ("dtype",)

    def __init__(self, name, dtype):
        super().__init__(name)
        self.dtype = dtype


class TorchDtype(AllowedName):
    """torch.float32 and its like. dtype: None where NumPy has no such type."""

    __slots__ = ("dtype",)

    def __init__(self, name, dtype):
        super().__init__(name)
        self.dtype = dtype


class Storage(InertObject):
    """A flat run of numbers. size: in bytes. data: its bytes, None until their place in the file is known."""

    __slots__ = ("dtype", "size", "data", "path")

    def __init__(self, path, dtype, size, data=None):
        self.path = path
        self.dtype = dtype
        self.size = size
        self.data = data

    def plain(self):
        dtype = np.dtype(np.uint8) if self.dtype is None else self.dtype
        return strided_array(self, dtype, 0, (self.size // dtype.itemsize,), (1,))


class TensorView(InertObject):
    """A tensor: a storage with offset, shape and strides in elements, which were checked against its size."""

    __slots__ = ("storage", "dtype", "offset", "shape", "strides")

    def __init__(self, storage, dtype, offset, shape, strides):
        self.storage = storage
        self.dtype = dtype
        self.offset = offset
        self.shape = shape
        self.strides = strides

    def plain(self):
        return strided_array(self.storage, self.dtype, self.offset, self.shape, self.strides)

    def build(self, machine, state):
        """Take the flags and hooks that PyTorch 0.1 gave a Parameter. No number depends on them, so they are
        dropped.
        """
        if type(state) is not tuple:
            machine.refuse("gives a tensor a state that is not flags and hooks; nothing was run")


def strided_array(storage, dtype, offset, shape, strides):
    """The array, read-only and without a copy. `checked_view` has checked the sizes."""
    if storage.data is None:
        raise CheckpointError(f"{storage.path}: a tensor's data is missing from the file; it is cut short or damaged")
    if 0 in shape:
        array = np.empty(shape, dtype)
        array.flags.writeable = False
        return array
    return np.ndarray(
        shape,
        dtype,
        buffer=storage.data,
        offset=offset * dtype.itemsize,
        strides=tuple(s * dtype.itemsize for s in strides),
    )


def checked_view(machine, storage, dtype, offset, shape, strides):
    """The TensorView, if the storage holds every element that it reaches. Raises CheckpointError.

    The largest index is offset + sum((size_i - 1) * stride_i).
    """
    if not isinstance(storage, Storage) or dtype is None or dtype.type is np.void:
        machine.refuse("holds a tensor without a storage of plain numbers; the file is damaged")
    count = element_count(shape) if type(shape) is tuple else None
    if count is None or type(strides) is not tuple or any(type(n) is not int or not 0 <= n < 2**48 for n in strides):
        machine.refuse(
            f"holds a tensor whose shape and strides are not at most {MAX_DIMENSIONS} sensible sizes; "
            "the file is damaged"
        )
    if len(shape) != len(strides) or type(offset) is not int or not 0 <= offset < 2**48:
        machine.refuse("holds a tensor whose shape, strides and offset do not fit together; the file is damaged")
    last = offset
    for size, stride in zip(shape, strides, strict=True):
        last += (size - 1) * stride
    if count == 0:
        return TensorView(storage, dtype, 0, shape, strides)
    if (last + 1) * dtype.itemsize > storage.size:
        machine.refuse(
            f"holds a tensor {list(shape)} that reaches beyond its storage of {storage.size} bytes; the file is damaged"
        )
    machine.budget.views -= count * dtype.itemsize
    if machine.budget.views < 0:
        machine.refuse(
            f"holds tensors that claim more than {VIEW_FACTOR} times the file's size; refused, no memory was taken"
        )
    return TensorView(storage, dtype, offset, shape, strides)


def _rebuild_tensor(machine, arguments):
    """(storage, offset, size, stride[, requires_grad, hooks[, metadata]])"""
    if not 4 <= len(arguments) <= 7:
        machine.refuse(f"rebuilds a tensor from {len(arguments)} values, wanted 4 to 7; the file is damaged")
    storage = arguments[0]
    return checked_view(machine, storage, getattr(storage, "dtype", None), *arguments[1:4])


def _rebuild_tensor_v3(machine, arguments):
    """(storage, offset, size, stride, requires_grad, hooks, dtype[, metadata]), the storage untyped"""
    if not 7 <= len(arguments) <= 8 or not isinstance(arguments[6], TorchDtype):
        machine.refuse("rebuilds a tensor without its dtype; the file is damaged")
    if arguments[6].dtype is None:
        machine.refuse(
            f"holds a tensor of {arguments[6].name}, which NumPy does not have; save it as float32 or bfloat16"
        )
    return checked_view(machine, arguments[0], arguments[6].dtype, *arguments[1:4])


def _rebuild_from_type(machine, arguments):
    """(rebuilding function, class, its arguments, attributes): a tensor that was given attributes"""
    if len(arguments) == 4 and isinstance(arguments[0], SkippedObject):
        return arguments[0].make()
    if (
        len(arguments) != 4
        or not isinstance(arguments[0], AllowedName)
        or not arguments[0].name.startswith("torch._utils._rebuild")
    ):
        machine.refuse("rebuilds a tensor by something other than PyTorch's own functions; nothing was run")
    if type(arguments[2]) is not tuple:
        machine.refuse("rebuilds a tensor without arguments; the file is damaged")
    return arguments[0].call(machine, arguments[2])


def _parameter(machine, arguments):
    """(tensor[, requires_grad[, hooks[, state]]])"""
    if arguments and isinstance(arguments[0], SkippedObject):
        return arguments[0]
    if not 1 <= len(arguments) <= 4 or not isinstance(arguments[0], TensorView):
        machine.refuse("rebuilds a Parameter from something other than a tensor; the file is damaged")
    return arguments[0]


def _size(machine, arguments):
    if len(arguments) != 1 or type(arguments[0]) is not tuple:
        machine.refuse("holds a torch.Size that is not a tuple of sizes; the file is damaged")
    return arguments[0]


def _device(machine, arguments):
    if not 1 <= len(arguments) <= 2 or not isinstance(arguments[0], str):
        machine.refuse("holds a torch.device without a name; the file is damaged")
    return ":".join(str(a) for a in arguments if isinstance(a, (str, int)))


def torch_table() -> dict[tuple[str, str], InertObject]:
    """{(module, name): object} for zip, legacy and tar files alike."""
    table = numpy_table()
    for name in ("_rebuild_tensor", "_rebuild_tensor_v2"):
        table["torch._utils", name] = AllowedName(f"torch._utils.{name}", _rebuild_tensor)
    table["torch._utils", "_rebuild_tensor_v3"] = AllowedName("torch._utils._rebuild_tensor_v3", _rebuild_tensor_v3)
    for name in ("_rebuild_parameter", "_rebuild_parameter_with_state"):
        table["torch._utils", name] = AllowedName(f"torch._utils.{name}", _parameter)
    table["torch.nn.parameter", "Parameter"] = AllowedName("torch.nn.parameter.Parameter", _parameter)
    table["torch.nn.parameter", "Buffer"] = AllowedName("torch.nn.parameter.Buffer")
    table["torch", "Tensor"] = table["torch._tensor", "Tensor"] = AllowedName("torch.Tensor")
    table["torch._tensor", "_rebuild_from_type_v2"] = AllowedName(
        "torch._tensor._rebuild_from_type_v2", _rebuild_from_type
    )
    table["torch", "Size"] = AllowedName("torch.Size", _size)
    table["torch", "device"] = AllowedName("torch.device", _device)
    for name, dtype in STORAGE_DTYPES.items():
        for module in ("torch", "torch.cuda"):
            table[module, name] = StorageType(f"torch.{name}", dtype)
            tensor = name.replace("Storage", "Tensor")
            table[module, tensor] = AllowedName(f"torch.{tensor}")
    for name, size in QUANTISED_STORAGES.items():
        table["torch", name] = StorageType(f"torch.{name}", np.dtype(f"V{size}"))
    for name in ("UntypedStorage", "_UntypedStorage", "TypedStorage", "_TypedStorage"):
        table["torch.storage", name] = StorageType(f"torch.storage.{name}", None)
    for name, code in TORCH_DTYPES.items():
        table["torch", name] = TorchDtype(f"torch.{name}", np.dtype(code))
    table["torch", "bfloat16"] = TorchDtype("torch.bfloat16", BFLOAT16)
    # mmengine keeps the loss curves of a training in these. They are read as dicts of arrays and go aside.
    table["mmengine.logging.history_buffer", "HistoryBuffer"] = PlainClass(
        "mmengine.logging.history_buffer.HistoryBuffer"
    )
    for name in UNSUPPORTED_DTYPES:
        table["torch", name] = TorchDtype(f"torch.{name}", None)
    return table
