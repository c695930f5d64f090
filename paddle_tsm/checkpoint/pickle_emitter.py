"""Writes the few pickle opcodes that a checkpoint needs straight to a file.

`pickle.Pickler` keeps every byte string that it wrote, and ndarray.__reduce__ makes one for each array, so that it
needs a second copy of the whole checkpoint. Here the memory of an array goes to the file as it is, and PyTorch's names
are written without PyTorch. Opcodes: CPython's Lib/pickletools.py.
"""

import struct

import numpy as np

from paddle_tsm.checkpoint.error import CheckpointError

_MAX_DEPTH = 100
_MAX_VALUES = 1_000_000


class PickleEmitter:
    """`emit(value)` writes a value of plain containers, numbers, text and arrays.

    write: the function that takes the bytes. protocol: 2, which torch.save uses, or 4, which paddle.save uses.
    array(emitter, value): the function that writes an array. Raises CheckpointError for other types.
    """

    def __init__(self, path, write, protocol, array):
        self.path = path
        self.write = write
        self.protocol = protocol
        self.array = array
        self.depth = 0
        self.values = 0
        write(b"\x80" + bytes([protocol]))

    def finish(self):
        self.write(b".")

    def name(self, module, name):
        self.write(f"c{module}\n{name}\n".encode())

    def emit(self, value):
        self.values += 1
        if self.values > _MAX_VALUES:  # a container that many others share is written each time
            raise CheckpointError(f"{self.path}: what is to be written unfolds to more than {_MAX_VALUES} values")
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or isinstance(value, bool):
            self.write({None: b"N", True: b"\x88", False: b"\x89"}[value])
        elif isinstance(value, int):
            self._integer(value)
        elif isinstance(value, float):
            self.write(b"G" + struct.pack(">d", value))
        elif isinstance(value, str):
            data = value.encode("utf-8", "surrogatepass")
            self.write(b"X" + struct.pack("<I", len(data)) + data)
        elif isinstance(value, (bytes, bytearray)):
            self._bytes(bytes(value))
        elif isinstance(value, np.ndarray):
            self.array(self, value)
        else:
            self._container(value)

    def _container(self, value):
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise CheckpointError(
                f"{self.path}: what is to be written is nested more than {_MAX_DEPTH} deep or contains itself"
            )
        if isinstance(value, dict):
            self.write(b"}(")
            self._pairs(value)
        elif isinstance(value, list):
            self.write(b"](")
            for item in value:
                self.emit(item)
            self.write(b"e")
        elif isinstance(value, tuple):
            self.write(b"(")
            for item in value:
                self.emit(item)
            self.write(b"t")
        else:
            raise CheckpointError(
                f"{self.path}: cannot write a {type(value).__name__}, "
                "wanted arrays, numbers, text and containers of these"
            )
        self.depth -= 1

    def ordered_dict(self, value):
        """Write a dict as a collections.OrderedDict, which is what PyTorch calls a state_dict."""
        self.name("collections", "OrderedDict")
        self.write(b")R(")
        self._pairs(value)

    def _pairs(self, value):
        for key, item in value.items():
            if isinstance(key, (tuple, np.ndarray)):
                raise CheckpointError(
                    f"{self.path}: cannot write a dictionary key of type {type(key).__name__}, wanted text or a number"
                )
            self.emit(key)
            self.emit(item)
        self.write(b"u")

    def _integer(self, value):
        if -(2**31) <= value < 2**31:
            self.write(b"J" + struct.pack("<i", value))
            return
        size = value.bit_length() // 8 + 1
        if size > 255:
            raise CheckpointError(f"{self.path}: cannot write an integer of {size} bytes")
        self.write(b"\x8a" + bytes([size]) + value.to_bytes(size, "little", signed=True))

    def _bytes(self, value):
        if self.protocol >= 3:
            self.write(b"B" + struct.pack("<I", len(value)) + value)
            return
        self.name("_codecs", "encode")
        self.write(b"(")
        self.emit(value.decode("latin-1"))
        self.emit("latin1")
        self.write(b"tR")


def little_endian(array: np.ndarray) -> np.ndarray:
    """`array` as a C-contiguous little-endian array: itself where it is one. A 0-d array stays 0-d."""
    array = np.asarray(array, dtype=array.dtype.newbyteorder("<") if array.dtype.byteorder == ">" else array.dtype)
    return array if array.flags.c_contiguous else array.copy(order="C")


def raw(array: np.ndarray) -> memoryview | bytes:
    """The memory of a C-contiguous array as bytes, without a copy (memoryview does not know bfloat16)."""
    return array.reshape(-1).view(np.uint8).data if array.size else b""
