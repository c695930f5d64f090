"""Write a file for torch.load(weights_only=True): a zip of data.pkl and one aligned record for each storage.

Source: torch/serialization.py (_save) and caffe2/serialize/inline_container.cc (records aligned to 64 bytes by a
padding field "FB" in the local header, so that they can be mapped).
"""

import io
import struct
import zipfile
from typing import BinaryIO

import numpy as np

from paddle_tsm.checkpoint.error import CheckpointError
from paddle_tsm.checkpoint.pickle_emitter import PickleEmitter, little_endian, raw
from paddle_tsm.checkpoint.torch_globals import STORAGE_DTYPES
from paddle_tsm.checkpoint.torch_zip import EXTRA

_ALIGNMENT = 64
_ROOT = "archive"
_TYPED = {dtype: name for name, dtype in STORAGE_DTYPES.items()}
_UNTYPED = (np.dtype(np.uint16), np.dtype(np.uint32), np.dtype(np.uint64))  # PyTorch has no storage class for these


def write_torch_zip(
    path: str, file: BinaryIO, network: dict[str, np.ndarray], tree: object, metadata: dict[str, str]
) -> None:
    """Write `tree` to `file`. The dict in it that *is* `network` is written as an OrderedDict.

    metadata: {str: str}, each as a member extra/NAME.json, where PyTorch puts what is not its own. Arrays that show the
    same memory become tensors that share a storage. Raises CheckpointError for other types.
    """
    storages: dict[tuple, tuple] = {}  # (address, dtype, count) -> (key, array)

    def emit_array(emitter, array):
        _emit_tensor(emitter, array, storages)

    buffer = io.BytesIO()
    emitter = _NetworkEmitter(path, buffer.write, 2, emit_array, network)
    emitter.emit(tree)
    emitter.finish()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        _write_record(archive, file, "data.pkl", buffer.getbuffer())
        _write_record(archive, file, "byteorder", b"little")
        for key, array in storages.values():
            _write_record(archive, file, f"data/{key}", raw(little_endian(array)))
        _write_record(archive, file, "version", b"3\n")
        for name, text in metadata.items():
            _write_record(archive, file, f"{EXTRA}{name}.json", text.encode())


class _NetworkEmitter(PickleEmitter):
    def __init__(self, path, write, protocol, array, network):
        super().__init__(path, write, protocol, array)
        self.network = network

    def _container(self, value):
        if value is self.network:
            self.ordered_dict(value)
        else:
            super()._container(value)


def _emit_tensor(emitter, array, storages):
    dtype = array.dtype.newbyteorder("=")
    if dtype not in _TYPED and dtype not in _UNTYPED:
        raise CheckpointError(
            f"{emitter.path}: cannot write an array of {array.dtype} for PyTorch, "
            f"wanted one of {', '.join(map(str, _TYPED))}"
        )
    identity = (
        (array.__array_interface__["data"][0], dtype, array.size)
        if array.flags.c_contiguous and array.size
        else len(storages)
    )
    key, _ = storages.setdefault(identity, (len(storages), array))
    untyped = dtype in _UNTYPED
    emitter.name("torch._utils", "_rebuild_tensor_v3" if untyped else "_rebuild_tensor_v2")
    emitter.write(b"((")
    emitter.emit("storage")
    emitter.name(*(("torch.storage", "UntypedStorage") if untyped else ("torch", _TYPED[dtype])))
    for value in (str(key), "cpu", array.size * (dtype.itemsize if untyped else 1)):
        emitter.emit(value)
    emitter.write(b"tQ")
    strides = []
    step = 1
    for size in reversed(array.shape):
        strides.append(step)
        step *= max(size, 1)
    for value in (0, tuple(array.shape), tuple(reversed(strides)), False):
        emitter.emit(value)
    emitter.ordered_dict({})
    if untyped:
        emitter.name("torch", dtype.name)
    emitter.write(b"tR")


def _write_record(archive, file, name, data):
    """One stored entry whose data begins at a multiple of 64 bytes."""
    info = zipfile.ZipInfo(f"{_ROOT}/{name}", date_time=(1980, 1, 1, 0, 0, 0))
    size = memoryview(data).nbytes
    large = size >= 0xFFFF0000
    start = file.tell() + 30 + len(info.filename) + (20 if large else 0) + 4
    padding = -start % _ALIGNMENT
    info.extra = struct.pack("<2sH", b"FB", padding) + b"Z" * padding
    info.file_size = size
    with archive.open(info, "w", force_zip64=large) as record:
        record.write(data)
