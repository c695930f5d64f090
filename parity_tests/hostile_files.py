"""Checkpoint files as bytes: small valid ones of each format, and forged or damaged ones.

Built opcode by opcode, header by header, so that a test says exactly what is wrong with its file. Nothing here is
ever given to pickle except by the test that proves the canary works.
"""

import json
import struct
import zlib
from dataclasses import dataclass

MAGIC = 0x1950A86A20F9469CFC6C
STORAGE = struct.pack("<q", 24) + b"\0" * 96  # 24 floats as a legacy file holds them


# Pickle assembler -----------------------------------------------------------------------------------------------


def text(value):
    data = value.encode("utf-8")
    return b"X" + struct.pack("<I", len(data)) + data


def number(value):
    if -(2**31) <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    size = value.bit_length() // 8 + 1
    return b"\x8a" + bytes([size]) + value.to_bytes(size, "little", signed=True)


def tuple_of(*items):
    return b"(" + b"".join(items) + b"t"


def name(module, attribute):
    return f"c{module}\n{attribute}\n".encode()


def call(function, *items):
    return function + tuple_of(*items) + b"R"


def dict_of(**items):
    return b"}(" + b"".join(text(key) + value for key, value in items.items()) + b"u"


def named(**items):
    """A dict with dots in its names: double underscores become dots."""
    return b"}(" + b"".join(text(key.replace("__", ".")) + value for key, value in items.items()) + b"u"


def pickled(body, protocol=2):
    return b"\x80" + bytes([protocol]) + body + b"."


def numpy_array(shape, code, data):
    array = call(
        name("numpy.core.multiarray", "_reconstruct"), name("numpy", "ndarray"), tuple_of(number(0)), b"C\x01b"
    )
    dtype = call(name("numpy", "dtype"), text(code), b"\x89", b"\x88")
    dtype += tuple_of(number(3), text("<"), b"N", b"N", b"N", number(-1), number(-1), number(0)) + b"b"
    content = b"B" + struct.pack("<I", len(data)) + data
    return array + tuple_of(number(1), tuple_of(*map(number, shape)), dtype, b"\x89", content) + b"b"


def torch_tensor(key, count, offset, shape, strides, kind="FloatStorage", legacy=False, function="_rebuild_tensor_v2"):
    identifier = [text("storage"), name("torch", kind), text(key), text("cpu"), number(count)] + [b"N"] * legacy
    hooks = name("collections", "OrderedDict") + b")R"
    sizes = tuple_of(*map(number, shape)), tuple_of(*map(number, strides))
    return call(name("torch._utils", function), tuple_of(*identifier) + b"Q", number(offset), *sizes, b"\x89", hooks)


# Containers -----------------------------------------------------------------------------------------------------


@dataclass
class ZipPart:
    """One entry; what is None follows from the data, what is given is what the headers claim."""

    name: str
    data: bytes
    method: int = 0
    flags: int = 0
    size: int | None = None
    packed: int | None = None
    header: int | None = None
    local_name: str | None = None


def zip_file(parts, claimed_entries=None, directory_offset=None):
    body = b""
    directory = b""
    for part in parts:
        raw = part.name.encode("utf-8", "surrogateescape")
        local = raw if part.local_name is None else part.local_name.encode()
        size = len(part.data) if part.size is None else part.size
        packed = len(part.data) if part.packed is None else part.packed
        header = len(body) if part.header is None else part.header
        sizes = (zlib.crc32(part.data), packed, size)
        body += struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 20, part.flags, part.method, 0, 33, *sizes, len(local), 0)
        body += local + part.data
        directory += struct.pack("<4sHHHHHHIII", b"PK\x01\x02", 20, 20, part.flags, part.method, 0, 33, *sizes)
        directory += struct.pack("<HHHHHII", len(raw), 0, 0, 0, 0, 0, header) + raw
    count = len(parts) if claimed_entries is None else claimed_entries
    start = len(body) if directory_offset is None else directory_offset
    return body + directory + struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, count, count, len(directory), start, 0)


def torch_zip(pickle, data=(("0", b"\0" * 96),), byteorder=b"little"):
    parts = [ZipPart("archive/data.pkl", pickle), ZipPart("archive/byteorder", byteorder)]
    parts += [ZipPart(f"archive/data/{key}", content) for key, content in data]
    return zip_file([*parts, ZipPart("archive/version", b"3\n")])


def torch_legacy(pickle, keys=("0",), data=STORAGE, magic=MAGIC, protocol=1001, little=b"\x88"):
    head = pickled(number(magic)) + pickled(number(protocol)) + pickled(dict_of(little_endian=little))
    return head + pickle + pickled(b"](" + b"".join(map(text, keys)) + b"e") + data


def tar_member(member, data, kind=b"0", size=None):
    block = bytearray(512)
    block[: len(member)] = member.encode()
    block[124:136] = b"%011o\0" % (len(data) if size is None else size)
    block[156:157] = kind
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block) + data + b"\0" * (-len(data) % 512)


def tar_storages(count=24, views=b"]", claimed=None):
    head = pickled(tuple_of(number(1), text("cpu"), name("torch", "FloatStorage")))
    size = struct.pack("<q", count if claimed is None else claimed)
    return pickled(number(1)) + head + size + bytes(range(4 * count)) + pickled(views)


def tar_tensors(shape=(4, 6), strides=(6, 1), offset=0, storage=1):
    head = pickled(tuple_of(number(2), number(storage), name("torch", "FloatTensor")))
    numbers = struct.pack(f"<ii{2 * len(shape) + 1}q", len(shape), 0, *shape, *strides, offset)
    return pickled(number(1)) + head + numbers


def torch_tar(pickle, storages=None, tensors=None, extra=b""):
    members = tar_member("storages", tar_storages() if storages is None else storages)
    members += tar_member("tensors", tar_tensors() if tensors is None else tensors)
    return members + tar_member("pickle", pickle) + extra + b"\0" * 1024


def safetensors(header, data=b"", length=None):
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


# Valid files ----------------------------------------------------------------------------------------------------


def valid_files():
    """{format: bytes}: each holds layer.weight [4, 6] and layer.bias [6] (tar: the weight alone)."""
    weight = struct.pack("<24f", *range(24))
    bias = struct.pack("<6f", *range(6))

    def network(legacy):
        return named(
            layer__weight=torch_tensor("0", 24, 0, (4, 6), (6, 1), legacy=legacy),
            layer__bias=torch_tensor("1", 6, 0, (6,), (1,), legacy=legacy),
        )

    legacy_data = struct.pack("<q", 24) + weight + struct.pack("<q", 6) + bias
    header = {
        "layer.weight": {"dtype": "F32", "shape": [4, 6], "data_offsets": [0, 96]},
        "layer.bias": {"dtype": "F32", "shape": [6], "data_offsets": [96, 120]},
        "__metadata__": {"format": "pt"},
    }
    arrays = named(layer__weight=numpy_array((4, 6), "f4", weight), layer__bias=numpy_array((6,), "f4", bias))
    epoch = {"epoch": number(3)}
    return {
        "torch-zip": torch_zip(pickled(dict_of(state_dict=network(False), **epoch)), [("0", weight), ("1", bias)]),
        "torch-legacy": torch_legacy(pickled(dict_of(state_dict=network(True), **epoch)), ("0", "1"), legacy_data),
        "torch-tar": torch_tar(pickled(named(layer__weight=number(2) + b"Q"))),
        "safetensors": safetensors(header, weight + bias),
        "pdparams": pickled(arrays, 4),
    }


# Pickles that want to run something -----------------------------------------------------------------------------


def canary_pickles(canary):
    """{name: bytes}: pickles that create the file ``canary`` if pickle loads them."""
    arguments = text(canary) + text("w")
    return {
        "reduce of a global": pickled(name("io", "open") + b"(" + arguments + b"tR"),
        "reduce of a stack global": pickled(text("io") + text("open") + b"\x93(" + arguments + b"tR", 4),
        "inst": pickled(b"(" + arguments + b"iio\nopen\n"),
        "obj": pickled(b"(" + name("io", "FileIO") + arguments + b"o"),
        "reduce inside a network": pickled(named(layer__weight=name("io", "open") + b"(" + arguments + b"tR")),
        "exec": pickled(call(name("builtins", "exec"), text(f"open({canary!r}, 'w').close()"))),
        "eval by its Python 2 name": pickled(call(name("__builtin__", "eval"), text(f"open({canary!r}, 'w').close()"))),
        "getattr": pickled(
            call(call(name("builtins", "getattr"), name("io", "FileIO"), text("__call__")), text(canary), text("w"))
        ),
        "dotted stack global": pickled(text("os") + text("path.os.mkdir") + b"\x93" + tuple_of(text(canary)) + b"R", 4),
        "newobj_ex": pickled(name("io", "FileIO") + tuple_of(text(canary)) + b"}\x92", 4),
    }


def refused_pickles(canary):
    """{name: bytes}: pickles that a checkpoint must not hold, beside ``canary_pickles``."""
    doubled = b"]q\0" + b"".join(b"](h" + bytes([i]) + b"h" + bytes([i]) + b"eq" + bytes([i + 1]) for i in range(60))
    tuples = b"Nq\0" + b"".join(b"h" + bytes([i]) + b"h" + bytes([i]) + b"\x86q" + bytes([i + 1]) for i in range(60))
    encode = name("_codecs", "encode")
    many = (
        b"]("
        + encode
        + b"q\0"
        + text("a" * 60_000)
        + b"q\1"
        + text("latin1")
        + b"q\2"
        + b"h\0h\1h\2\x86R" * 20_000
        + b"e"
    )
    long_list = b"](" + b"N" * 100_000 + b"eq\0" + name("builtins", "tuple") + b"q\1"
    array = numpy_array((2,), "f4", b"\0" * 8)
    return {
        "newobj": pickled(name("io", "FileIO") + tuple_of(text(canary)) + b"\x81"),
        "build on a global": pickled(name("collections", "OrderedDict") + dict_of(__class__=text("x")) + b"b"),
        "build on a string": pickled(text("x") + dict_of(a=text("x")) + b"b"),
        "build on an array twice": pickled(named(a__b=array + tuple_of(number(1)) + b"b")),
        "call of a number": pickled(number(1) + b")R"),
        "call of a type name": pickled(name("numpy", "ndarray") + b")R"),
        "call without a tuple": pickled(name("collections", "OrderedDict") + b"]R"),
        "ext1": pickled(b"\x82\x01"),
        "ext2": pickled(b"\x83\x01\x00"),
        "ext4": pickled(b"\x84\x01\x00\x00\x00"),
        "persistent id as text": pickled(b"P0\n"),
        "persistent id of the wrong form": pickled(text("x") + b"Q"),
        "persistent id of another kind": pickled(tuple_of(text("module"), text("x"), text("y")) + b"Q"),
        "object array": pickled(named(a__b=numpy_array((1,), "O8", b"\0" * 8))),
        "array of records": pickled(named(a__b=numpy_array((1,), "V8", b"\0" * 8))),
        "array larger than its bytes": pickled(named(a__b=numpy_array((2**40,), "f4", b"\0" * 8))),
        "array of negative size": pickled(named(a__b=numpy_array((-2, -1), "f4", b"\0" * 8))),
        "empty array of absurd shape": pickled(named(a__b=numpy_array((0, 2**40, 2**40), "f4", b""))),
        "array never filled": pickled(
            named(a__b=call(name("numpy.core.multiarray", "_reconstruct"), name("numpy", "ndarray"), b")", b"N"))
        ),
        "subclass of an array": pickled(
            call(name("numpy.core.multiarray", "_reconstruct"), name("numpy", "matrix"), b")", b"N")
        ),
        "huge memo index": pickled(b"Nr\xff\xff\xff\xff0" + text("x")),
        "bytes of 2^62": pickled(b"\x8e" + struct.pack("<Q", 2**62), 4),
        "text of 2^62": pickled(b"\x8d" + struct.pack("<Q", 2**62), 4),
        "bytearray of 2^62": pickled(b"\x96" + struct.pack("<Q", 2**62), 4),
        "frame of 2^62": pickled(b"\x95" + struct.pack("<Q", 2**62) + b"N", 4),
        "long of 2^31": pickled(b"\x8b\xff\xff\xff\x7f"),
        "text that is not UTF-8": pickled(b"X\x02\x00\x00\x00\xff\xfe"),
        "long text that is not UTF-8": pickled(dict_of(a=b"X" + struct.pack("<I", 5000) + b"\xff" * 5000, b=array)),
        "global that is not UTF-8": pickled(b"c\xff\n\xfe\n"),
        "global without an end": pickled(b"c" + b"a" * 5000),
        "lists nested deep": pickled(b"]" * 100_000 + b"a" * 99_999),
        "tuples nested deep": pickled(b"N" + b"\x85" * 200_000),
        "marks nested deep": pickled(b"(" * 300_000),
        "list that contains itself": pickled(b"]q\0h\0a"),
        "billion laughs": pickled(dict_of(a=doubled, b=array)),
        "tuples to hash for ever": pickled(b"}" + tuples + b"Ns"),
        "huge integer as key": pickled(b"}\x8a\x40" + b"\x7f" * 64 + b"Ns"),
        "one text encoded again and again": pickled(many),
        "one list copied again and again": pickled(long_list + b"](" + b"h\1h\0\x85R" * 20_000 + b"e"),
        "operations without end": pickled(b"N0" * 400_000 + b"N"),
        "protocol 5": b"\x80\x05N.",
        "stack left over": pickled(b"NN"),
        "stack empty": pickled(b""),
        "item without a dict": pickled(text("a") + b"Ns"),
        "odd number of items": pickled(b"}(" + text("a") + b"u"),
        "memo never filled": pickled(b"h\x07"),
        "no mark": pickled(b"t"),
        "unknown opcode": pickled(b"\xff"),
        "newline in a name": pickled(b"X\x03\x00\x00\x00a\nb" + text("c\nd\x1b[31m") + b"\x93", 4),
        "float8": pickled(dict_of(a=name("torch", "float8_e4m3fn"))),
        "nothing but a number": pickled(number(1)),
        "an empty dict": pickled(b"}"),
    }


def refused_tensors():
    """{name: torch_tensor arguments}: tensors that do not fit a storage of 24 floats."""
    return {
        "stride bomb": (24, 0, (10**6, 10**6), (0, 0)),
        "larger than the storage": (24, 0, (5, 6), (6, 1)),
        "offset beyond the storage": (24, 20, (5,), (1,)),
        "huge offset": (24, 2**60, (1,), (1,)),
        "huge stride": (24, 0, (2,), (2**60,)),
        "negative stride": (24, 23, (4,), (-1,)),
        "negative size": (24, 0, (-4, -6), (6, 1)),
        "negative offset": (24, -1, (1,), (1,)),
        "shape and strides of different length": (24, 0, (4, 6), (1,)),
        "forty dimensions": (24, 0, (1,) * 40, (1,) * 40),
        "empty of absurd shape": (24, 0, (0, 2**47, 2**47), (1, 1, 1)),
        "storage larger than the file": (2**40, 0, (4, 6), (6, 1)),
        "storage of negative size": (-24, 0, (4, 6), (6, 1)),
    }


# Forged containers ----------------------------------------------------------------------------------------------


def refused_zips():
    """{name: bytes}"""
    good = pickled(named(a__b=torch_tensor("0", 24, 0, (4, 6), (6, 1))))
    data = ZipPart("archive/data/0", b"\0" * 96)
    pkl = ZipPart("archive/data.pkl", good)
    bomb = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = bomb.compress(b"N" * (32 << 20)) + bomb.flush()
    squeezer = zlib.compressobj(9, zlib.DEFLATED, -15)
    squeezed = squeezer.compress(b"\0" * 96) + squeezer.flush()
    end64 = struct.pack("<4sIQI", b"PK\x06\x07", 0, 2**62, 1)
    whole = zip_file([pkl, data])
    return {
        "two data.pkl": zip_file([pkl, ZipPart("other/data.pkl", good), data]),
        "no data.pkl": zip_file([data]),
        "no entry": zip_file([]),
        "duplicate names": zip_file([pkl, data, data]),
        "absolute name": zip_file([pkl, data, ZipPart("/etc/passwd", b"x")]),
        "name that leaves the archive": zip_file([pkl, data, ZipPart("archive/../../x", b"x")]),
        "backslash in a name": zip_file([pkl, data, ZipPart("archive\\x", b"x")]),
        "drive in a name": zip_file([pkl, data, ZipPart("C:x", b"x")]),
        "name that is not UTF-8": zip_file([pkl, data, ZipPart("archive/\udcff", b"x")]),
        "overlapping entries": zip_file(
            [pkl, data, ZipPart("archive/data/1", b"\0" * 96, header=30 + 16 + len(good), local_name="archive/data/0")]
        ),
        "one body for two names": zip_file(
            [ZipPart("archive/data/0", b"\0" * 96), ZipPart("archive/data.pkl", good, header=0)]
        ),
        "entry reaching into the directory": zip_file(
            [pkl, ZipPart("archive/data/0", b"\0" * 96, size=130, packed=130)]
        ),
        "entry larger than the file": zip_file([pkl, ZipPart("archive/data/0", b"\0" * 96, size=2**31, packed=2**31)]),
        "header beyond the file": zip_file([pkl, ZipPart("archive/data/0", b"\0" * 96, header=2**31)]),
        "packed and unpacked sizes differ": zip_file([pkl, ZipPart("archive/data/0", b"\0" * 96, size=2**31)]),
        "local name differs": zip_file([pkl, ZipPart("archive/data/0", b"\0" * 96, local_name="archive/data/1")]),
        "encrypted": zip_file([ZipPart("archive/data.pkl", good, flags=1), data]),
        "deflate bomb": zip_file([ZipPart("archive/data.pkl", packed, method=8, size=32 << 20), data]),
        "deflate bomb that lies": zip_file(
            [ZipPart("archive/data.pkl", packed, method=8, size=50 * len(packed)), data]
        ),
        "deflated rubbish": zip_file([ZipPart("archive/data.pkl", b"\xff" * 100, method=8, size=200), data]),
        "pickle over the limit": zip_file([ZipPart("archive/data.pkl", b"x", method=8, size=2**30), data]),
        "deflated tensor": zip_file([pkl, ZipPart("archive/data/0", squeezed, method=8, size=96)]),
        "unknown compression": zip_file([ZipPart("archive/data.pkl", good, method=12), data]),
        "missing storage": zip_file([pkl]),
        "short storage": torch_zip(good, [("0", b"\0" * 92)]),
        "big-endian": torch_zip(good, byteorder=b"big"),
        "TorchScript": zip_file(
            [pkl, data, ZipPart("archive/constants.pkl", pickled(b")")), ZipPart("archive/code/m.py", b"x")]
        ),
        "too many entries claimed": zip_file([pkl, data], claimed_entries=60000),
        "directory beyond the file": zip_file([pkl, data], directory_offset=2**31),
        "zip64 directory beyond the file": whole[:-22] + end64 + whole[-22:],
        "local headers only": whole[: len(whole) // 3] + b"\0" * 30,
        "quantized storage": torch_zip(
            pickled(named(a__b=torch_tensor("0", 24, 0, (4, 6), (6, 1), kind="QInt8Storage")))
        ),
    }


def refused_legacy():
    """{name: bytes}"""
    good = pickled(named(a__b=torch_tensor("0", 24, 0, (4, 6), (6, 1), legacy=True)))
    floats = b"\0" * 96
    return {
        "wrong protocol": torch_legacy(good, protocol=1002),
        "big-endian": torch_legacy(good, little=b"\x89"),
        "byte order missing": torch_legacy(good, little=b"N"),
        "storage never listed": torch_legacy(good, keys=()),
        "storage nobody uses": torch_legacy(good, keys=("0", "1")),
        "storage listed twice": torch_legacy(good, keys=("0", "0"), data=(struct.pack("<q", 24) + floats) * 2),
        "storage of another size": torch_legacy(good, data=struct.pack("<q", 23) + floats),
        "storage of huge size": torch_legacy(good, data=struct.pack("<q", 2**60) + floats),
        "storage of negative size": torch_legacy(good, data=struct.pack("<q", -1) + floats),
        "keys that are no list": torch_legacy(good)[: -104 - 13] + pickled(number(3)),
    }


def refused_tars():
    """{name: bytes}"""
    good = pickled(named(a__b=number(2) + b"Q"))
    return {
        "no tensors": tar_member("storages", tar_storages()) + tar_member("pickle", good) + b"\0" * 1024,
        "member twice": torch_tar(good, extra=tar_member("pickle", good)),
        "symbolic link": torch_tar(good, extra=tar_member("x", b"", kind=b"2")),
        "member larger than the file": torch_tar(good, extra=tar_member("x", b"", size=2**32)),
        "storage larger than the file": torch_tar(good, storages=tar_storages(claimed=2**50)),
        "storage of negative size": torch_tar(good, storages=tar_storages(claimed=-1)),
        "number of storages huge": torch_tar(good, storages=pickled(number(2**40))),
        "number of storages negative": torch_tar(good, storages=pickled(number(-1))),
        "view beyond its storage": torch_tar(
            good, storages=tar_storages(views=b"](" + tuple_of(*map(number, (5, 1, 20, 5))) + b"e")
        ),
        "view of nothing": torch_tar(
            good, storages=tar_storages(views=b"](" + tuple_of(*map(number, (5, 7, 0, 5))) + b"e")
        ),
        "tensor beyond its storage": torch_tar(good, tensors=tar_tensors(shape=(5, 6))),
        "tensor of negative size": torch_tar(good, tensors=tar_tensors(shape=(-1, 6))),
        "tensor stride bomb": torch_tar(good, tensors=tar_tensors(shape=(10**6, 10**6), strides=(0, 0))),
        "tensor without a storage": torch_tar(good, tensors=tar_tensors(storage=9)),
        "tensor of many dimensions": torch_tar(good, tensors=tar_tensors(shape=(1,) * 60, strides=(1,) * 60)),
        "unknown tensor": torch_tar(pickled(named(a__b=number(99) + b"Q"))),
        "whole module": torch_tar(pickled(tuple_of(text("x"), text("y"), text("z")) + b"Q")),
    }


def refused_safetensors():
    """{name: bytes}"""

    def one(data=b"\0" * 8, **changes):
        entry = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}
        return safetensors({"a.b": {k: v for k, v in entry.items() if v is not None}}, data)

    entry = '{"dtype":"F32","shape":[2],"data_offsets":[0,8]}'
    two = {"a.b": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}

    def second(begin, end, data):
        return safetensors({**two, "a.c": {"dtype": "F32", "shape": [2], "data_offsets": [begin, end]}}, b"\0" * data)

    return {
        "header longer than the file": safetensors(two, b"\0" * 8, length=2**31),
        "header of 2^63": safetensors(two, b"\0" * 8, length=2**63),
        "header over the limit": safetensors(b"{" + b" " * (5 << 20) + b"}"),
        "header that is not JSON": safetensors(b'{"a": '),
        "header that is not UTF-8": safetensors(b'{"\xff": 1}'),
        "header nested deep": safetensors(b'{"a":' + b"[" * 200_000 + b"]" * 200_000 + b"}"),
        "header with a number of many digits": safetensors(b'{"a":' + b"9" * 100_000 + b"}"),
        "header followed by a list": safetensors(b"{}[]"),
        "key named twice": safetensors(f'{{"a.b":{entry},"a.b":{entry}}}'.encode(), b"\0" * 8),
        "field named twice": safetensors(
            b'{"a.b":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}', b"\0" * 8
        ),
        "entry that is a list": safetensors({"a.b": [1, 2]}, b"\0" * 8),
        "no dtype": one(dtype=None),
        "no shape": one(shape=None),
        "no offsets": one(data_offsets=None),
        "field nobody knows": one(extra=1),
        "dtype unknown": one(dtype="F8_E4M3"),
        "dtype a list": one(dtype=["F32"]),
        "shape text": one(shape="2"),
        "shape negative": one(shape=[-2]),
        "shape a float": one(shape=[2.0]),
        "shape a bool": one(shape=[True, 2]),
        "shape huge": one(shape=[2**62, 4]),
        "shape of absurd emptiness": one(data=b"", shape=[0, 2**50, 2**50], data_offsets=[0, 0]),
        "shape of many dimensions": one(shape=[1] * 40 + [2]),
        "shape too small": one(shape=[1]),
        "shape too large": one(shape=[3]),
        "offsets three": one(data_offsets=[0, 4, 8]),
        "offsets backwards": one(data_offsets=[8, 0]),
        "offsets negative": one(data_offsets=[-8, 0]),
        "offsets beyond the file": one(data_offsets=[0, 2**40], shape=[2**38]),
        "offsets not from zero": one(data_offsets=[4, 12], data=b"\0" * 12),
        "offsets floats": one(data_offsets=[0.0, 8.0]),
        "data left over": one(data=b"\0" * 12),
        "data missing": one(data=b"\0" * 4),
        "hole between tensors": second(12, 20, 20),
        "tensors that overlap": second(4, 12, 12),
        "two tensors on one place": second(0, 8, 8),
        "metadata not text": safetensors({"__metadata__": {"a": 1}, **two}, b"\0" * 8),
        "metadata a list": safetensors({"__metadata__": [1], **two}, b"\0" * 8),
        "no tensor": safetensors({}),
        "huge header of empty entries": safetensors(b"{" + b",".join(b'"%x":{}' % i for i in range(190_000)) + b"}"),
        "huge header of numbers": safetensors(b'{"a":[' + b"1," * 1_000_000 + b"1]}"),
        "huge header of lists": safetensors(b'{"a":[' + b"[]," * 650_000 + b"[]]}"),
    }


def other_files():
    """{name: bytes}: what people pass by mistake."""
    return {
        "gzip": b"\x1f\x8b\x08\x00" + b"\0" * 30,
        "HDF5": b"\x89HDF\r\n\x1a\n" + b"\0" * 30,
        "web page": b"<!DOCTYPE html><html></html>",
        "Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
        "NumPy array": b"\x93NUMPY\x01\x00" + b"\0" * 30,
        "zeros": b"\0" * 4096,
        "one byte": b"\x80",
        "text": b"hello\nworld\n",
        "protocol 0 pickle": b"(dp0\n.",
    }
