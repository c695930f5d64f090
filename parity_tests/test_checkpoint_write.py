"""What is written loads in the program it is for, undoes reading, and appears complete or not at all."""

import os
import stat
import struct
import tracemalloc
import zipfile

import ml_dtypes
import numpy as np
import pytest

from paddle_tsm.checkpoint import CheckpointError, read_checkpoint, write_checkpoint
from paddle_tsm.files.atomic import atomic_file, atomic_path
from parity_tests.test_checkpoint_read import assert_same, paddle_numbers, torch_numbers

BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
DTYPES = [np.dtype(d) for d in "f2 f4 f8 i1 i2 i4 i8 u1 b1 c8".split()] + [BFLOAT16]
SUFFIXES = [".pth", ".pth.tar", ".pt", ".pdparams", ".safetensors"]


def network():
    """One tensor of each dtype and each awkward layout."""
    tensors = {f"d.{dtype}": np.arange(6).reshape(2, 3).astype(dtype) for dtype in DTYPES}
    whole = np.arange(60, dtype=np.float32).reshape(3, 4, 5)
    tensors |= {
        "a.transposed": whole.T,
        "a.strided": whole[:, ::2, 1::2],
        "a.reversed": whole[::-1],
        "a.expanded": np.broadcast_to(whole[:1], (3, 4, 5)),
        "a.big_endian": whole.astype(">f4"),
        "a.scalar": np.array(7, np.int64),
        "a.empty": np.zeros((0, 3), np.float32),
        "a.é": np.ones(1, np.float32),
    }
    return tensors


def native(array):
    return np.asarray(array, dtype=array.dtype.newbyteorder("=")) if array.dtype.byteorder == ">" else array


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_there_and_back(suffix, tmp_path):
    path = tmp_path / f"x{suffix}"
    write_checkpoint(path, network())
    checkpoint = read_checkpoint(path)
    assert list(checkpoint.tensors) == list(network())
    for name, array in network().items():
        assert_same(checkpoint.tensors[name], native(array), name)
    assert checkpoint.wrapper == () and checkpoint.aside == {}


def test_torch_loads_it(tmp_path):
    import torch

    meta = {"epoch": 3, "big": 2**70, "f": 0.1, "t": (1, [2.5, None]), "b": b"\0\xff", "ok": True, "text": "é\n"}
    write_checkpoint(tmp_path / "x.pth", network(), wrapper=("state_dict",), aside={"meta": meta, "rng": np.arange(3)})
    for options in ({}, {"mmap": True}):
        loaded = torch.load(tmp_path / "x.pth", weights_only=True, **options)
        assert type(loaded["state_dict"]).__name__ == "OrderedDict"
        assert loaded["meta"] == meta and loaded["rng"].tolist() == [0, 1, 2]
        assert list(loaded["state_dict"]) == list(network())
        for name, array in network().items():
            found = torch_numbers(loaded["state_dict"][name])
            assert found.dtype == native(array).dtype and found.tobytes() == array.astype(found.dtype).tobytes(), name


@pytest.mark.parametrize("code", ["u2", "u4", "u8", "c16"])
def test_torch_loads_rare_dtypes(code, tmp_path):
    import torch

    write_checkpoint(tmp_path / "x.pth", {"a.b": np.arange(6).astype(code)})
    loaded = torch.load(tmp_path / "x.pth", weights_only=True)["a.b"]
    assert loaded.numpy().dtype == np.dtype(code) and loaded.tolist() == list(range(6))
    assert_same(read_checkpoint(tmp_path / "x.pth").tensors["a.b"], np.arange(6).astype(code))


def test_torch_records_are_aligned_and_shared(tmp_path):
    weight = np.arange(6, dtype=np.float32)
    write_checkpoint(tmp_path / "x.pth", {"a.b": weight, "a.tied": weight.reshape(2, 3), "a.other": weight.copy()})
    with zipfile.ZipFile(tmp_path / "x.pth") as archive:
        assert archive.testzip() is None
        assert len([name for name in archive.namelist() if "/data/" in name]) == 2
    data = (tmp_path / "x.pth").read_bytes()
    for info in archive.infolist():
        name, extra = struct.unpack_from("<HH", data, info.header_offset + 26)
        assert (info.header_offset + 30 + name + extra) % 64 == 0
    tensors = read_checkpoint(tmp_path / "x.pth").tensors
    assert np.shares_memory(tensors["a.b"], tensors["a.tied"]) and not np.shares_memory(
        tensors["a.b"], tensors["a.other"]
    )


def test_paddle_loads_it(tmp_path):
    import paddle

    names = {name: f"w_{index}" for index, name in enumerate(network())}
    write_checkpoint(tmp_path / "x.pdparams", network(), aside={"StructuredToParameterName@@": names})
    table = paddle.load(str(tmp_path / "x.pdparams"), keep_name_table=True)["StructuredToParameterName@@"]
    assert table == names
    loaded = paddle.load(str(tmp_path / "x.pdparams"))
    assert list(loaded) == list(network())
    for name, array in network().items():
        found = paddle_numbers(loaded[name])
        assert found.dtype == native(array).dtype and found.tobytes() == native(array).tobytes(), name
    assert loaded["d.bfloat16"].dtype == paddle.bfloat16

    model = paddle.nn.Linear(3, 2)
    write_checkpoint(tmp_path / "y.pdparams", {name: tensor.numpy() + 1 for name, tensor in model.state_dict().items()})
    missing, unexpected = model.set_state_dict(paddle.load(str(tmp_path / "y.pdparams")))
    assert not missing and not unexpected and float(model.bias[0]) == 1


def test_safetensors_library_loads_it(tmp_path):
    import safetensors
    import safetensors.torch

    write_checkpoint(tmp_path / "x.safetensors", network(), metadata={"layout": "mit", "é": "ü"})
    loaded = safetensors.torch.load_file(tmp_path / "x.safetensors")
    assert set(loaded) == set(network())
    for name, array in network().items():
        assert torch_numbers(loaded[name]).tobytes() == native(array).tobytes(), name
    with safetensors.safe_open(tmp_path / "x.safetensors", "np") as file:
        assert file.metadata() == {"layout": "mit", "é": "ü"}
    assert read_checkpoint(tmp_path / "x.safetensors").metadata == {"layout": "mit", "é": "ü"}


@pytest.mark.parametrize("suffix", [".pth", ".pdparams"])
@pytest.mark.parametrize("wrapper", [(), ("state_dict",), ("model", "net")])
def test_reading_undoes_writing(suffix, wrapper, tmp_path):
    aside = {"before": 1, "meta": {"x": [1, 2.5, None, "é"]}, "rng": np.arange(3)}
    scalars = {"count": 3}
    if wrapper == ():
        aside = scalars
    elif wrapper == ("state_dict",):
        aside |= {"state_dict": scalars, "after": 2}
    else:
        aside |= {"model": {"net": scalars, "name": "x"}}
    write_checkpoint(tmp_path / f"x{suffix}", network(), wrapper=wrapper, aside=aside)
    checkpoint = read_checkpoint(tmp_path / f"x{suffix}")
    assert checkpoint.wrapper == wrapper
    np.testing.assert_equal(checkpoint.aside, aside)
    write_checkpoint(tmp_path / f"y{suffix}", checkpoint.tensors, wrapper=checkpoint.wrapper, aside=checkpoint.aside)
    assert (tmp_path / f"x{suffix}").read_bytes() == (tmp_path / f"y{suffix}").read_bytes()


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_same_bytes_every_time(suffix, tmp_path):
    write_checkpoint(tmp_path / f"x{suffix}", network())
    write_checkpoint(tmp_path / f"y{suffix}", network())
    assert (tmp_path / f"x{suffix}").read_bytes() == (tmp_path / f"y{suffix}").read_bytes()


@pytest.mark.parametrize("suffix", [".pth", ".pdparams", ".safetensors"])
def test_no_second_copy_in_memory(suffix, tmp_path):
    tensors = {f"a.{i}": np.full(1 << 20, i, np.float32) for i in range(8)}
    write_checkpoint(tmp_path / f"x{suffix}", {"a.b": np.zeros(1)})
    tracemalloc.start()
    write_checkpoint(tmp_path / f"x{suffix}", tensors)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20, f"{peak >> 20} MiB for 32 MiB of weights"


@pytest.mark.parametrize(
    "name, tensors, options, message",
    [
        ("x.txt", None, {}, r"unknown suffix, wanted one of \.safetensors \.pdparams \.pth \.pth\.tar \.pt"),
        ("x", None, {"format": "onnx"}, "unknown format 'onnx'"),
        ("x.pth", {}, {}, "no tensor to write"),
        ("x.pth", {"a": 1}, {}, "a: is a int, wanted a NumPy array"),
        ("x.pth", {1: np.zeros(1)}, {}, "wanted text"),
        ("x.safetensors", {"\ud800": np.zeros(1)}, {}, "no valid text"),
        ("x.safetensors", {"__metadata__": np.zeros(1)}, {}, "cannot be called"),
        ("x.safetensors", None, {"wrapper": ("state_dict",)}, "one flat network"),
        ("x.safetensors", None, {"aside": {"epoch": 1}}, "one flat network"),
        ("x.safetensors", None, {"metadata": {"epoch": 1}}, "text to text"),
        ("x.pdparams", {"a": np.zeros(1, np.uint16)}, {}, "Paddle would read as bfloat16"),
        ("x.pdparams", {"a": np.zeros(1, object)}, {}, "cannot write an array of object"),
        ("x.pth", {"a": np.zeros(1, "U3")}, {}, "cannot write an array of <U3"),
        ("x.safetensors", {"a": np.zeros(1, "c16")}, {}, "cannot write complex128"),
        ("x.safetensors", {"a": np.zeros(1, ml_dtypes.float8_e4m3fn)}, {}, "cannot write float8"),
        ("x.pth", None, {"wrapper": ("a",), "aside": {"x": {1, 2}}}, "cannot write a set"),
        ("x.pth", None, {"wrapper": ("a",), "aside": {(1, 2): 1}}, "dictionary key"),
        ("x.pth", None, {"aside": {"a.b": 1}}, "has the place or a name"),
        ("x.pth", None, {"wrapper": ("a",), "aside": {"a": 3}}, "has the place or a name"),
        ("missing/x.pth", None, {}, "cannot be written: No such file"),
        (".", None, {"format": "torch-zip"}, "cannot be written: Is a directory"),
    ],
)
def test_refused(name, tensors, options, message, tmp_path):
    with pytest.raises(CheckpointError, match=message) as caught:
        write_checkpoint(tmp_path / name, {"a.b": np.zeros(2)} if tensors is None else tensors, **options)
    assert str(caught.value).isprintable()
    assert os.listdir(tmp_path) == []


def test_aside_that_never_ends(tmp_path):
    cycle = []
    cycle.append(cycle)
    laughs = []
    for _ in range(60):
        laughs = [laughs, laughs]
    for aside in ({"x": cycle}, {"x": laughs}):
        with pytest.raises(CheckpointError, match="nested|unfolds"):
            write_checkpoint(tmp_path / "x.pth", {"a.b": np.zeros(2)}, wrapper=("m",), aside=aside)
    assert os.listdir(tmp_path) == []


# atomic_file ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_nothing_is_left_behind(error, tmp_path):
    path = tmp_path / "x"
    path.write_bytes(b"old")
    with pytest.raises(error), atomic_file(path) as file:
        file.write(b"new")
        raise error
    with pytest.raises(error), atomic_path(path) as temporary:
        with open(temporary, "wb") as file:
            file.write(b"new")
        raise error
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["x"]


def test_checked_before_it_takes_its_name(tmp_path):
    path = tmp_path / "x.pth"
    with atomic_path(path) as temporary:
        assert os.path.dirname(temporary) == str(tmp_path)
        assert os.path.basename(temporary).startswith(".x.pth") and temporary.endswith(".tmp")
        write_checkpoint(temporary, network(), format="torch-zip")
        assert list(read_checkpoint(temporary).tensors) == list(network())
        assert not path.exists()
    assert os.listdir(tmp_path) == ["x.pth"]


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_permissions_follow_the_umask(mask, tmp_path):
    old = os.umask(mask)
    try:
        with atomic_file(tmp_path / "x") as file:
            file.write(b"x")
    finally:
        os.umask(old)
    assert stat.S_IMODE(os.stat(tmp_path / "x").st_mode) == 0o666 & ~mask


def test_link_keeps_pointing(tmp_path):
    (tmp_path / "target").write_bytes(b"old")
    (tmp_path / "link").symlink_to("target")
    with atomic_file(tmp_path / "link") as file:
        file.write(b"new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "target").read_bytes() == b"new"


def test_arrays_outlive_a_rewrite(tmp_path):
    """The file that arrays are mapped from can be replaced under them."""
    path = tmp_path / "x.safetensors"
    write_checkpoint(path, {"a.b": np.zeros(1000)})
    before = read_checkpoint(path).tensors["a.b"]
    write_checkpoint(path, {"a.b": before + 1})
    assert before.max() == 0 and read_checkpoint(path).tensors["a.b"].min() == 1


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".pth", ".pdparams", ".safetensors"])
def test_above_4_gib(suffix, tmp_path):
    """zip64 sizes and offsets, 64-bit pickle lengths; needs 5 GB of disk."""
    import torch

    tensors = {"a.b": np.zeros((1 << 32) + 8, np.uint8), "a.c": np.arange(4.0)}
    tensors["a.b"][-1] = 7
    path = tmp_path / f"x{suffix}"
    write_checkpoint(path, tensors)
    found = [read_checkpoint(path).tensors]
    if suffix == ".pth":
        found.append(torch.load(path, weights_only=True, mmap=True))
    for loaded in found:
        assert loaded["a.b"][-1] == 7 and loaded["a.c"].tolist() == [0, 1, 2, 3]
    path.unlink()
