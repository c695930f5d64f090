"""The entries of a zip archive, all checked before one is used.

Layout: APPNOTE.TXT 4.3 (local headers, central directory, zip64 records). `zipfile` is not used for reading: it
trusts sizes, allows entries to overlap and raises a dozen kinds of exception on damaged input.
"""

import struct
import zlib
from dataclasses import dataclass

from paddle_tsm.checkpoint.error import CheckpointError
from paddle_tsm.checkpoint.mapped_file import MappedFile

_MAX_ENTRIES = 20_000
_MAX_RATIO = 100


@dataclass(frozen=True)
class ZipEntry:
    name: str
    method: int
    packed: int  # bytes in the file
    size: int  # bytes when unpacked
    start: int  # where they begin


def zip_entries(file: MappedFile) -> dict[str, ZipEntry]:
    """{name: ZipEntry}, in the order of the file.

    Raises CheckpointError for names that repeat or leave the archive, entries that overlap, lie outside the file or
    are encrypted, and for anything the central directory and the local headers do not agree on.
    """
    count, offset, end = _directory(file)
    entries = {}
    position = offset
    spans = []
    for _ in range(count):
        position, name, entry, header = _central_entry(file, position, end)
        if name in entries:
            raise CheckpointError(f"{file.path}: zip holds two entries called {name}; the file is damaged or forged")
        entries[name] = entry
        spans.append((header, entry.start + entry.packed, name))
    spans.sort()
    for (_, stop, name), (start, _, other) in zip(spans, spans[1:] + [(offset, None, "the directory")], strict=False):
        if stop > start:
            raise CheckpointError(f"{file.path}: zip entry {name} overlaps {other}; the file is damaged or forged")
    return dict(sorted(entries.items(), key=lambda item: item[1].start))


def stored(file: MappedFile, entry: ZipEntry) -> memoryview:
    """The bytes of an uncompressed entry: a slice of the file. Raises CheckpointError for a compressed one."""
    if entry.method != 0:
        raise CheckpointError(
            f"{file.path}: zip entry {entry.name} is compressed, wanted stored as torch.save does; "
            "unpack and save it again"
        )
    return file.view[entry.start : entry.start + entry.size]


def stored_or_small(file: MappedFile, entry: ZipEntry, limit: int) -> memoryview:
    """The bytes of an entry of at most `limit` bytes. A compressed one is unpacked, if it grows at most 100 times."""
    if entry.size > limit:
        raise CheckpointError(f"{file.path}: zip entry {entry.name} has {entry.size} bytes, wanted at most {limit}")
    if entry.method != 8:
        return stored(file, entry)
    if entry.size > _MAX_RATIO * max(entry.packed, 1):
        raise CheckpointError(
            f"{file.path}: zip entry {entry.name} unpacks to {entry.size} bytes from {entry.packed}; refused"
        )
    unpacker = zlib.decompressobj(-15)
    try:
        data = unpacker.decompress(file.view[entry.start : entry.start + entry.packed], entry.size + 1)
    except zlib.error:
        data = b""
    if len(data) != entry.size:
        raise CheckpointError(
            f"{file.path}: zip entry {entry.name} does not unpack to its {entry.size} bytes; the file is damaged"
        )
    return memoryview(data)


def _damaged(file, what):
    return CheckpointError(f"{file.path}: {what}; the zip file is cut short or damaged, copy or download it again")


def _directory(file):
    """(number of entries, offset, end) of the central directory."""
    tail_start = max(0, file.size - 22 - 65535)
    found = bytes(file.view[tail_start:]).rfind(b"PK\x05\x06")
    position = tail_start + found
    if found < 0 or file.size - position < 22:
        raise _damaged(file, "the zip directory is missing")
    disk, start_disk, here, count, size, offset, _ = struct.unpack_from("<HHHHIIH", file.view, position + 4)
    end = position
    if position >= 20 and bytes(file.view[position - 20 : position - 16]) == b"PK\x06\x07":
        (record,) = struct.unpack_from("<Q", file.view, position - 12)
        if record > position - 20 - 56 or bytes(file.view[record : record + 4]) != b"PK\x06\x06":
            raise _damaged(file, "the zip64 directory is not where it should be")
        disk, start_disk, here, count, size, offset = struct.unpack_from("<IIQQQQ", file.view, record + 16)
        end = record
    if disk or start_disk or here != count:
        raise _damaged(file, "the zip spans several disks")
    if count > _MAX_ENTRIES or offset > end or size > end - offset or count * 46 > size:
        raise _damaged(file, f"the zip directory claims {count} entries in {size} bytes")
    return count, offset, offset + size


def _central_entry(file, position, end):
    """(next position, name, ZipEntry, offset of the local header)"""
    if end - position < 46 or bytes(file.view[position : position + 4]) != b"PK\x01\x02":
        raise _damaged(file, "a zip directory entry is damaged")
    fields = struct.unpack_from("<HHHHHHIIIHHHHHII", file.view, position + 4)
    flags, method = fields[2], fields[3]
    packed, size = fields[7], fields[8]
    name_length, extra_length, comment_length, header = fields[9], fields[10], fields[11], fields[15]
    stop = position + 46 + name_length + extra_length + comment_length
    if stop > end:
        raise _damaged(file, "a zip directory entry is damaged")
    raw_name = bytes(file.view[position + 46 : position + 46 + name_length])
    name = _checked_name(file, raw_name)
    extra = bytes(file.view[position + 46 + name_length : position + 46 + name_length + extra_length])
    size, packed, header = _zip64_sizes(file, extra, size, packed, header)
    if flags & 0x2041:
        raise CheckpointError(f"{file.path}: zip entry {name} is encrypted, wanted plain")
    start = _local_start(file, header, raw_name, method)
    if packed > file.size - start or (method == 0 and packed != size):
        raise _damaged(file, f"zip entry {name} claims {size} bytes, which the file does not hold")
    return stop, name, ZipEntry(name, method, packed, size, start), header


def _checked_name(file, raw):
    try:
        name = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise _damaged(file, "a zip entry's name is not UTF-8") from None
    if (
        not name
        or name.startswith(("/", "\\"))
        or "\\" in name
        or "\0" in name
        or ":" in name
        or ".." in name.split("/")
    ):
        raise CheckpointError(
            f"{file.path}: zip entry {name!r:.80} is no name torch.save writes; the file is damaged or forged"
        )
    return name


def _zip64_sizes(file, extra, size, packed, header):
    """The 64-bit values of extra field 1, present in this order for those that are all ones."""
    position = 0
    while len(extra) - position >= 4:
        tag, length = struct.unpack_from("<HH", extra, position)
        if tag == 1:
            values = extra[position + 4 : position + 4 + length]
            wide = [v[0] for v in struct.iter_unpack("<Q", values[: len(values) // 8 * 8])]
            result = []
            for value in (size, packed, header):
                if value == 0xFFFFFFFF:
                    if not wide:
                        raise _damaged(file, "a zip64 entry has no sizes")
                    value = wide.pop(0)
                result.append(value)
            return result
        position += 4 + length
    return size, packed, header


def _local_start(file, header, raw_name, method):
    """Where the data of an entry begins: behind its local header, whose name and method must be the directory's."""
    if header > file.size - 30 or bytes(file.view[header : header + 4]) != b"PK\x03\x04":
        raise _damaged(file, "a zip entry is not where the directory says")
    local_method, name_length, extra_length = struct.unpack_from("<8xH16xHH", file.view, header)[:3]
    start = header + 30 + name_length + extra_length
    if (
        start > file.size
        or local_method != method
        or bytes(file.view[header + 30 : header + 30 + name_length]) != raw_name
    ):
        raise _damaged(file, "a zip entry differs from the directory's account of it")
    return start
