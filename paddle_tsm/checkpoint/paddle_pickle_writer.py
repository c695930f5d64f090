"""Write what paddle.load reads: a protocol 4 pickle of {name: array}.

Source: paddle/framework/io.py (_pickle_save) and ndarray.__reduce__. Names are written as numpy.core.*, which both
NumPy 1 and NumPy 2 can load; NumPy 2's own spelling numpy._core.* cannot be loaded by NumPy 1.
"""

import struct
from typing import BinaryIO

import numpy as np

from paddle_tsm.checkpoint.error import CheckpointError
from paddle_tsm.checkpoint.pickle_emitter import PickleEmitter, little_endian, raw
from paddle_tsm.checkpoint.torch_globals import BFLOAT16

_SUPPORTED = "b1 i1 i2 i4 i8 u1 f2 f4 f8 c8 c16".split()


def write_paddle_pickle(path: str, file: BinaryIO, tree: object) -> None:
    """Write `tree` to `file`, with bfloat16 as uint16 as Paddle does. Raises CheckpointError for a type that it cannot
    hold.
    """
    emitter = PickleEmitter(path, file.write, 4, _emit_array)
    emitter.emit(tree)
    emitter.finish()


def _emit_array(emitter, array):
    array = little_endian(array)
    if array.dtype == BFLOAT16:
        array = array.view(np.uint16)
        code = "u2"
    else:
        code = array.dtype.str[1:]
        if code == "u2":
            raise CheckpointError(
                f"{emitter.path}: cannot write uint16, which Paddle would read as bfloat16; convert it to int32"
            )
        if code not in _SUPPORTED:
            raise CheckpointError(
                f"{emitter.path}: cannot write an array of {array.dtype} for Paddle, "
                f"wanted one of {' '.join(_SUPPORTED)}"
            )
    emitter.name("numpy.core.multiarray", "_reconstruct")
    emitter.name("numpy", "ndarray")
    emitter.write(b"(K\0tC\x01b\x87R(K\x01")
    emitter.emit(tuple(array.shape))
    emitter.name("numpy", "dtype")
    emitter.write(b"(")
    emitter.emit(code)
    emitter.write(b"\x89\x88tR(K\x03")
    emitter.emit("|" if array.dtype.itemsize == 1 else "<")
    emitter.write(b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0tb\x89")
    if array.nbytes < 2**32:
        emitter.write(b"B" + struct.pack("<I", array.nbytes))
    else:
        emitter.write(b"\x8e" + struct.pack("<Q", array.nbytes))
    emitter.write(raw(array))
    emitter.write(b"tb")
