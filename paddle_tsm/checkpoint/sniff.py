"""The format of a file by its first bytes. Its name says nothing."""

from paddle_tsm.checkpoint.error import CheckpointError
from paddle_tsm.checkpoint.mapped_file import MappedFile
from paddle_tsm.checkpoint.torch_legacy import MAGIC
from paddle_tsm.checkpoint.torch_tar import is_tar

_KNOWN = "PyTorch zip or legacy (.pth, .pth.tar), safetensors or .pdparams"
_LEGACY = b"\x8a\x0a" + MAGIC.to_bytes(10, "little")
# Other files that people pass by mistake, and what to do with them.
_OTHERS = (
    (b"\x89HDF\r\n", "is an HDF5 file"),
    (b"\x1f\x8b", "is compressed with gzip; unpack it first"),
    (b"BZh", "is compressed with bzip2; unpack it first"),
    (b"\xfd7zXZ", "is compressed with xz; unpack it first"),
    (b"7z\xbc\xaf", "is a 7z archive; unpack it first"),
    (b"version https://git-lfs", "is a Git LFS pointer, not the file itself; run git lfs pull"),
    (b"<!DOCTYPE", "is a web page, the download went wrong; download it again"),
    (b"<html", "is a web page, the download went wrong; download it again"),
    (b"<?xml", "is an XML page, the download went wrong; download it again"),
    (b"\x93NUMPY", "is a NumPy array"),
    (
        b"\x00\x00\x00\x00",
        "looks like Paddle's inference weights (.pdiparams) or a damaged file; use the .pdparams it was made from",
    ),
)


def sniff(file: MappedFile) -> str:
    """The format: "torch-zip", "torch-legacy", "torch-tar", "safetensors", "pdparams" or "index" (of shards).

    Raises CheckpointError for any other file, and says what it seems to be.
    """
    start = bytes(file.view[:32])
    if start[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        return "torch-zip"
    # Asked before the pickles: a header of 128, 384, ... bytes begins with a pickle's first byte. A pickle's first
    # eight bytes, read as a number, are never this small.
    if len(start) >= 9 and start[8:9] == b"{" and int.from_bytes(start[:8], "little") < 2**32:
        return "safetensors"
    if start[:1] == b"\x80" and start[1:2] and start[1] <= 5:
        return "torch-legacy" if _LEGACY in start else "pdparams"
    if is_tar(file.view):
        return "torch-tar"
    if start.lstrip(b" \t\r\n")[:1] == b"{":
        return "index"
    for signature, what in _OTHERS:
        if start.startswith(signature):
            raise CheckpointError(f"{file.path}: {what}; wanted {_KNOWN}")
    raise CheckpointError(f"{file.path}: begins with {start[:8]!r}, which no known checkpoint does; wanted {_KNOWN}")
