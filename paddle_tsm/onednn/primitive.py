"""What oneDNN computes with: descriptions of memory, and primitives, each of which is one prepared computation."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache, wraps
from typing import Any, TypeVar

import numpy as np

from paddle_tsm.onednn.library import POINTER, Handle, OneDNNError, engine, library, new, streams

FLOAT32, ANY_FORMAT = 3, 1  # dnnl_data_type_t, dnnl_format_tag_t
TRAINING, INFERENCE, BACKWARD = 64, 96, 128  # dnnl_prop_kind_t
# dnnl_query_t: the description of a primitive's argument
SRC, DIFF_SRC, WEIGHTS, DIFF_WEIGHTS, DST, DIFF_DST, WORKSPACE = range(129, 136)
KEPT = 256  # how many prepared computations of one kind a thread keeps; each is 10 to 200 kilobytes of code

Made = TypeVar("Made")


class Description:
    """A description of memory (dnnl_memory_desc_t). size: bytes."""

    def __init__(self, handle: Handle):
        self.handle = handle
        self.size: int = library().dnnl_memory_desc_get_size(handle)

    def equals(self, other: Description) -> bool:
        """Whether both describe the same memory."""
        return bool(library().dnnl_memory_desc_equal(self.handle, other.handle))


def dims(values: Sequence[int]) -> Any:
    """A dnnl_dims_t."""
    return (ctypes.c_int64 * 12)(*values)


def strided(shape: Sequence[int], strides: Sequence[int]) -> Description:
    """Memory of float32 with these strides, which count values."""
    return Description(new("memory_desc_create_with_strides", len(shape), dims(shape), FLOAT32, dims(strides)))


def contiguous(shape: Sequence[int]) -> Description:
    """Memory of float32 in the order of the axes."""
    return strided(shape, [int(np.prod(shape[axis + 1 :])) for axis in range(len(shape))])


def channels_last(shape: Sequence[int]) -> Description:
    """Memory of float32 of the shape [N, C, H, W] in which the C values of a place are adjacent."""
    _, c, h, w = shape
    return strided(shape, (h * w * c, 1, w * c, c))


def any_format(shape: Sequence[int]) -> Description:
    """Memory of float32 whose order oneDNN chooses."""
    return Description(new("memory_desc_create_with_tag", len(shape), dims(shape), FLOAT32, ANY_FORMAT))


class _Argument(ctypes.Structure):
    """A dnnl_exec_arg_t."""

    _fields_ = [("number", ctypes.c_int), ("memory", POINTER)]


class Primitive:
    """A prepared computation, made by `dnnl_<kind>_primitive_desc_create` from these arguments (behind the engine).

    `bind` says which arguments it gets when it is called. Two threads must not use it at once, because it has memory of
    its own to work in.
    """

    def __init__(self, kind: str, *arguments: Any):
        self.kept = arguments
        plain = [argument.handle if isinstance(argument, Description) else argument for argument in arguments]
        self.desc = new(f"{kind}_primitive_desc_create", *([] if kind == "reorder" else [engine()]), *plain)
        self.handle = new("primitive_create", self.desc)

    def description(self, what: int) -> Description:
        """What it wants one of its arguments to be: SRC, WEIGHTS ..."""
        own = library().dnnl_primitive_desc_query_md(self.desc, what, 0)  # destroyed with the primitive
        return Description(new("memory_desc_clone", own))

    def bind(self, arguments: dict[int, Description]) -> Primitive:
        """Prepare its calls. arguments: the number of each argument (dnnl_types.h, DNNL_ARG_*), and its memory."""
        self.bound = Call(self.handle, arguments)
        return self

    def __call__(self, *addresses: int) -> None:
        """Compute. addresses: of the memory of each argument, in the order of `bind`."""
        self.bound.place(0, *addresses)
        self.bound.run()


class Call:
    """The arguments of a primitive's calls by one thread, the one that makes this. arguments: see `Primitive.bind`."""

    def __init__(self, handle: Handle, arguments: dict[int, Description]):
        self.memories = [new("memory_create", memory.handle, engine(), None) for memory in arguments.values()]
        pairs = [_Argument(number, memory) for number, memory in zip(arguments, self.memories, strict=True)]
        self._all = handle, streams().stream, len(pairs), (_Argument * len(pairs))(*pairs)
        self._addresses = [memory.value for memory in self.memories]
        self._execute, self._place = library().dnnl_primitive_execute, library().dnnl_memory_set_data_handle

    def place(self, first: int, *addresses: int) -> None:
        """Say where the memory of some arguments is: of the one with this number in the order of `arguments`, and of
        those behind it. An argument stays where it was put last.
        """
        for number, address in enumerate(addresses, first):
            self._place(self._addresses[number], address)

    def run(self) -> None:
        """Compute. Raises OneDNNError where oneDNN does not."""
        if status := self._execute(*self._all):
            raise OneDNNError(f"oneDNN: primitive_execute gave status {status}")


class _Kept(threading.local):
    """What each thread has made. The thread's end frees it."""

    def __init__(self, make: Callable):
        self.made = lru_cache(maxsize=KEPT)(make)


def kept_per_thread(make: Callable[..., Made]) -> Callable[..., Made]:
    """A function that makes something once for each thread and each set of its arguments, which are positional."""
    here = _Kept(make)

    @wraps(make)
    def kept(*arguments: Any) -> Made:
        return here.made(*arguments)

    return kept


class _Scratch(threading.local):
    """Memory that each thread uses again and again."""

    values = np.empty(0, np.uint8)


_scratch = _Scratch()


def scratch(size: int) -> int:
    """The address of `size` bytes, which this thread may use until it asks for memory again."""
    if _scratch.values.size < size:
        _scratch.values = np.empty(size, np.uint8)
    return _scratch.values.ctypes.data


class Reorder:
    """A copy from one order of values to another: reorder(source's address, target's address)."""

    def __init__(self, source: Description, target: Description):
        self.copy = Primitive("reorder", source, engine(), target, engine(), None).bind({1: source, 17: target})

    def __call__(self, source: int, target: int) -> None:
        self.copy(source, target)
