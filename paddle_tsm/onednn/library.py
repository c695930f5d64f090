"""oneDNN's C interface, version 3: the library in Paddle's wheel, its engine, and a stream for each thread.

Source: the declarations of oneDNN 3.6, include/oneapi/dnnl/dnnl.h and dnnl_types.h. The library and the rest of Paddle
use one OpenMP, so that they share their threads.
"""

from __future__ import annotations

import ctypes
import re
import sys
import threading
from collections.abc import Callable
from functools import cache

from paddle_tsm import runtime

CPU, IN_ORDER = 1, 1  # dnnl_engine_kind_t, dnnl_stream_flags_t
POINTER = ctypes.c_void_p
KIND = re.compile("(?:.*_(?=primitive_desc_))?(.+?)_(?:create|clone)")  # what a function makes


class OneDNNError(RuntimeError):
    """oneDNN refused what it was asked for."""


@cache
def found() -> ctypes.CDLL | None:
    """The library; None where Paddle's wheel has none, or one of another interface."""
    path = runtime.paddles_file(runtime.ONEDNN)
    try:
        opened = None if path is None else ctypes.CDLL(str(path))
        return _with_types(opened) if opened is not None and _major_version(opened) == 3 else None
    except (OSError, AttributeError):  # another system's file, or a function that is not in it
        return None


def library() -> ctypes.CDLL:
    """The library. Raises OneDNNError where there is none."""
    opened = found()
    if opened is None:
        raise OneDNNError("oneDNN: Paddle's wheel has none of version 3 on this system")
    return opened


def _major_version(opened: ctypes.CDLL) -> int:
    opened.dnnl_version.restype = ctypes.POINTER(ctypes.c_int)
    return opened.dnnl_version()[0]


def _with_types(opened: ctypes.CDLL) -> ctypes.CDLL:
    """The library, told the types of the functions for which ctypes' own guess is wrong."""
    opened.dnnl_primitive_desc_query_md.restype = POINTER
    opened.dnnl_memory_desc_get_size.restype = ctypes.c_size_t
    opened.dnnl_memory_set_data_handle.argtypes = [POINTER, POINTER]
    opened.dnnl_memory_desc_clone.argtypes = [POINTER, POINTER]
    return opened


def call(function: str, *arguments: object) -> None:
    """Call `dnnl_<function>`. Raises OneDNNError unless it succeeds."""
    status = getattr(library(), f"dnnl_{function}")(*arguments)
    if status:
        raise OneDNNError(f"oneDNN: {function} gave status {status}")


class Handle(ctypes.c_void_p):
    """An object of oneDNN's, which is destroyed with this one."""

    destroy: Callable[[Handle], int] | None = None

    def __del__(self, ends: Callable[[], bool] = sys.is_finalizing) -> None:
        if self and self.destroy is not None and not ends():  # the end of the program frees everything at once
            self.destroy(self)


def new(function: str, *arguments: object) -> Handle:
    """The object that `dnnl_<function>` makes; where to put it is that function's first argument."""
    made = Handle()
    call(function, ctypes.byref(made), *arguments)
    kind = KIND.match(function)
    assert kind is not None, function
    made.destroy = getattr(library(), f"dnnl_{kind[1]}_destroy")
    return made


@cache
def engine() -> ctypes.c_void_p:
    """The processor."""
    return new("engine_create", CPU, ctypes.c_size_t(0))


class _Streams(threading.local):
    """A stream for each thread. What a stream is given is done in order."""

    def __init__(self) -> None:
        self.stream = new("stream_create", engine(), IN_ORDER)


@cache
def streams() -> _Streams:
    """The threads' streams: `streams().stream` is this thread's."""
    return _Streams()
