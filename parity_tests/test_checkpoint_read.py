"""Reading gives what the program that wrote the file would give."""

import pickle
import struct
import subprocess
import sys
import tracemalloc
from collections import Counter, OrderedDict

import ml_dtypes
import numpy as np
import pytest

from paddle_tsm.checkpoint import CheckpointError, read_checkpoint
from parity_tests import hostile_files as hostile

TORCH_DTYPES = (
    "float16 float32 float64 bfloat16 int8 int16 int32 int64 uint8 uint16 uint32 uint64 bool complex64 complex128"
).split()
BFLOAT16 = np.dtype(ml_dtypes.bfloat16)


def torch_numbers(tensor):
    """A torch tensor as NumPy, bfloat16 through its bits."""
    import torch

    tensor = tensor.detach()
    if tensor.dtype == torch.bfloat16:
        return tensor.contiguous().view(torch.int16).numpy().view(BFLOAT16)
    return tensor.numpy()


def assert_same(found, wanted, name=""):
    assert isinstance(found, np.ndarray), f"{name}: {type(found)}"
    assert found.dtype == wanted.dtype, f"{name}: {found.dtype} instead of {wanted.dtype}"
    assert found.shape == wanted.shape, f"{name}: {found.shape} instead of {wanted.shape}"
    assert found.tobytes() == wanted.tobytes(), f"{name}: other numbers"
    assert not found.flags.writeable, f"{name}: can be written to"


def assert_reads_as(path, state_dict):
    checkpoint = read_checkpoint(path)
    assert list(checkpoint.tensors) == list(state_dict)
    for name, tensor in state_dict.items():
        assert_same(checkpoint.tensors[name], torch_numbers(tensor), name)
    return checkpoint


# PyTorch ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("new", [True, False], ids=["torch-zip", "torch-legacy"])
@pytest.mark.parametrize("dtype", TORCH_DTYPES)
def test_torch_dtypes(dtype, new, tmp_path):
    import torch

    if not new and dtype in ("uint16", "uint32", "uint64"):
        pytest.skip("PyTorch has no storage class for it")
    generator = torch.Generator().manual_seed(0)
    tensor = (torch.randn(4, 3, generator=generator) * 10).abs().to(getattr(torch, dtype))
    state_dict = {"a.weight": tensor, "a.scalar": tensor[1, 2].clone(), "a.empty": tensor[:0].clone()}
    torch.save(state_dict, tmp_path / "x", _use_new_zipfile_serialization=new)
    loaded = torch.load(tmp_path / "x", weights_only=True)
    assert assert_reads_as(tmp_path / "x", loaded).format == ("torch-zip" if new else "torch-legacy")


@pytest.mark.parametrize("new", [True, False], ids=["torch-zip", "torch-legacy"])
def test_torch_views(new, tmp_path):
    """Transposed, strided, expanded, cut, shared, and Parameters."""
    import torch

    whole = torch.arange(60.0).reshape(3, 4, 5)
    state_dict = OrderedDict(
        {
            "a.whole": whole,
            "a.transposed": whole.permute(2, 0, 1),
            "a.strided": whole[:, 1::2, ::3],
            "a.part": whole[1],
            "a.expanded": whole[:1, :1].expand(3, 4, 5),
            "a.parameter": torch.nn.Parameter(torch.ones(2, 2)),
            "a.noted": torch.zeros(2),
            "a.scalar": torch.tensor(7),
            "a.empty": torch.zeros(0, 3),
            "a.last": torch.zeros(3, 2).to(memory_format=torch.contiguous_format),
            "a.channels_last": torch.arange(120.0).reshape(2, 3, 4, 5).to(memory_format=torch.channels_last),
        }
    )
    state_dict["a.noted"].note = "x"  # an attribute changes how PyTorch pickles a tensor
    state_dict["a.parameter"].note = "x"
    torch.save(state_dict, tmp_path / "x", _use_new_zipfile_serialization=new)
    checkpoint = assert_reads_as(tmp_path / "x", torch.load(tmp_path / "x", weights_only=True))
    tensors = checkpoint.tensors
    assert np.shares_memory(tensors["a.whole"], tensors["a.transposed"])
    assert np.shares_memory(tensors["a.whole"], tensors["a.part"])
    assert not np.shares_memory(tensors["a.whole"], tensors["a.parameter"])


def test_torch_model_with_meta(tmp_path):
    """mmengine's and MIT's habits: meta, optimizer, scheduler, dtype and size objects beside the network."""
    import torch

    model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, [3, 5])
    model(torch.randn(2, 3, 8, 8)).sum().backward()
    optimizer.step()
    extra = {
        "meta": {
            "epoch": 3,
            "cfg": "x = 1\n" * 2000,
            "classes": ["é", "b"],
            "big": 2**70,
            "bytes": b"\0\xff",
            "none": None,
        },
        "dtype": torch.float32,
        "size": torch.Size([2, 3]),
        "device": torch.device("cpu"),
        "best_prec1": torch.tensor(12.5),
        "numpy": {"f": np.float64(0.1), "a": np.arange(3)},
    }
    data = {
        "state_dict": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "lr": scheduler.state_dict(),
        **extra,
    }
    torch.save(data, tmp_path / "x")
    checkpoint = assert_reads_as(tmp_path / "x", model.state_dict())
    assert checkpoint.wrapper == ("state_dict",) and "state_dict" not in checkpoint.aside
    assert checkpoint.aside["meta"] == extra["meta"]
    assert checkpoint.aside["dtype"] == "torch.float32" and checkpoint.aside["device"] == "cpu"
    assert checkpoint.aside["size"] == (2, 3)
    assert checkpoint.aside["best_prec1"].shape == () and checkpoint.aside["best_prec1"] == np.float32(12.5)
    assert checkpoint.aside["numpy"]["f"] == 0.1 and list(checkpoint.aside["numpy"]["a"]) == [0, 1, 2]
    assert checkpoint.aside["lr"]["milestones"] == Counter([3, 5])
    momentum = optimizer.state_dict()["state"][0]["momentum_buffer"]
    assert_same(checkpoint.aside["optimizer"]["state"][0]["momentum_buffer"], torch_numbers(momentum))


@pytest.mark.parametrize("new", [True, False], ids=["torch-zip", "torch-legacy"])
@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_torch_pickle_protocols(protocol, new, tmp_path):
    import torch

    state_dict = {"a.b": torch.arange(6.0), "a.c": torch.arange(6.0)[2:4]}
    torch.save(state_dict, tmp_path / "x", pickle_protocol=protocol, _use_new_zipfile_serialization=new)
    assert_reads_as(tmp_path / "x", state_dict)


def test_torch_tar(tmp_path):
    """PyTorch 0.1's layout; the reference is torch.load's own reader of it."""
    import torch

    views = b"](" + hostile.tuple_of(*map(hostile.number, (5, 1, 4, 12))) + b"e"
    tensors = hostile.tar_tensors(shape=(3, 2), strides=(2, 1), offset=6, storage=5)
    network = hostile.pickled(hostile.named(a__b=hostile.number(2) + b"Q"))
    for index, data in enumerate(
        [
            hostile.torch_tar(network),
            hostile.torch_tar(network, storages=hostile.tar_storages(views=views), tensors=tensors),
            hostile.tar_member("x", b"30 mtime=1500000000.123456789\n", kind=b"x") + hostile.torch_tar(network),
        ]
    ):
        path = tmp_path / str(index)
        path.write_bytes(data)
        loaded = torch.load(path, weights_only=False)
        checkpoint = assert_reads_as(path, loaded)
        assert checkpoint.format == "torch-tar"


def test_torch_legacy_storage_views(tmp_path):
    """PyTorch 0.2 could store a storage as a view of another: (view key, offset, size) in the persistent id."""
    import torch

    floats = struct.pack("<24f", *range(24))
    view = hostile.tuple_of(hostile.text("9"), hostile.number(6), hostile.number(12))
    tensor = hostile.torch_tensor("0", 24, 2, (3, 2), (2, 1), legacy=True)
    tensor = tensor.replace(b"NtQ", view + b"tQ")
    path = tmp_path / "x"
    path.write_bytes(
        hostile.torch_legacy(hostile.pickled(hostile.named(a__b=tensor)), data=struct.pack("<q", 24) + floats)
    )
    loaded = torch.load(path, weights_only=True)
    assert loaded["a.b"][0, 0] == 8
    assert_reads_as(path, loaded)


def test_torch_rebuild_tensor_of_old(tmp_path):
    import torch

    hooks = hostile.name("collections", "OrderedDict") + b")R"
    tensor = hostile.torch_tensor("0", 24, 0, (4, 6), (6, 1), function="_rebuild_tensor")
    tensor = tensor.replace(b"\x89" + hooks + b"tR", b"tR")
    path = tmp_path / "x"
    path.write_bytes(
        hostile.torch_zip(hostile.pickled(hostile.named(a__b=tensor)), [("0", struct.pack("<24f", *range(24)))])
    )
    assert_reads_as(path, {"a.b": torch.arange(24.0).reshape(4, 6)})


def test_python2_pickle(tmp_path):
    """Short strings, decimal integers, a list of pairs for an OrderedDict."""

    def string(value):
        return b"U" + bytes([len(value)]) + value

    tensor = hostile.torch_tensor("0", 24, 0, (4, 6), (6, 1)).replace(hostile.text("storage"), string(b"storage"))
    pairs = b"](](" + string(b"a.b") + tensor + b"ee"
    network = hostile.name("collections", "OrderedDict") + b"(" + pairs + b"tR"
    tree = (
        b"}(" + string(b"state_dict") + network + string(b"epoch") + b"I12345678901\n" + string(b"on") + b"I01\n" + b"u"
    )
    path = tmp_path / "x"
    path.write_bytes(hostile.torch_zip(hostile.pickled(tree)))
    checkpoint = read_checkpoint(path)
    assert list(checkpoint.tensors) == ["a.b"]
    assert checkpoint.aside == {"epoch": 12345678901, "on": True}


def test_deflated_pickle(tmp_path):
    """An archive that was unpacked and packed again may deflate data.pkl, not the tensors."""
    import zlib

    pickle = hostile.pickled(hostile.named(a__b=hostile.torch_tensor("0", 24, 0, (4, 6), (6, 1))))
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = packer.compress(pickle) + packer.flush()
    parts = [hostile.ZipPart("a/data.pkl", packed, method=8, size=len(pickle)), hostile.ZipPart("a/data/0", b"\0" * 96)]
    (tmp_path / "x").write_bytes(hostile.zip_file(parts))
    assert read_checkpoint(tmp_path / "x").tensors["a.b"].shape == (4, 6)


# Paddle -----------------------------------------------------------------------------------------------------------


def paddle_numbers(tensor):
    array = tensor.numpy()
    return array.view(BFLOAT16) if array.dtype == np.uint16 else array


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_pdparams(protocol, tmp_path):
    import paddle

    model = paddle.nn.Sequential(paddle.nn.Conv2D(3, 64, 7), paddle.nn.BatchNorm2D(64), paddle.nn.Linear(4, 5))
    path = str(tmp_path / "x.pdparams")
    paddle.save(model.state_dict(), path, protocol=protocol)
    checkpoint = read_checkpoint(path)
    loaded = paddle.load(path)
    assert checkpoint.format == "pdparams" and checkpoint.wrapper == ()
    assert list(checkpoint.tensors) == list(loaded)
    for name, tensor in loaded.items():
        assert_same(checkpoint.tensors[name], paddle_numbers(tensor), name)
    assert list(checkpoint.aside) == ["StructuredToParameterName@@"]


@pytest.mark.parametrize(
    "dtype", "float16 float32 float64 bfloat16 int8 int16 int32 int64 uint8 bool complex64".split()
)
def test_pdparams_dtypes(dtype, tmp_path):
    import paddle

    path = str(tmp_path / "x")
    tensor = paddle.arange(6).reshape([2, 3]).astype(dtype)
    paddle.save({"model": {"a.b": tensor, "a.s": tensor[1, 2], "a.e": tensor[:0]}, "epoch": 3}, path)
    checkpoint = read_checkpoint(path)
    assert checkpoint.wrapper == ("model",) and checkpoint.aside == {"epoch": 3}
    for name, wanted in paddle.load(path)["model"].items():
        assert_same(checkpoint.tensors[name], paddle_numbers(wanted), name)
    assert str(checkpoint.tensors["a.b"].dtype) == dtype


@pytest.mark.parametrize("kind", ["Momentum", "Adam", "AdamW", "SGD"])
def test_pdopt_is_no_network(kind, tmp_path):
    import paddle

    model = paddle.nn.Linear(2, 3)
    schedule = paddle.optimizer.lr.StepDecay(0.1, 3)
    optimizer = getattr(paddle.optimizer, kind)(schedule, parameters=model.parameters())
    model(paddle.ones([1, 2])).sum().backward()
    optimizer.step()
    paddle.save(optimizer.state_dict(), str(tmp_path / "x.pdopt"))
    with pytest.raises(CheckpointError, match="optimizer state" if kind != "SGD" else "a dictionary without a network"):
        read_checkpoint(tmp_path / "x.pdopt")

    paddle.save({"model": {"a.weight": model.weight}, "optimizer_state": optimizer.state_dict()}, str(tmp_path / "y"))
    checkpoint = read_checkpoint(tmp_path / "y")
    assert checkpoint.wrapper == ("model",)
    assert checkpoint.aside["optimizer_state"]["LR_Scheduler"]["last_epoch"] == 0


def test_pdparams_slices(tmp_path):
    """Protocols 2 and 3 cut arrays above 1 GiB; the reference is paddle.load on a small file of that form."""
    import paddle

    whole = np.arange(24, dtype=np.float32)
    tree = {
        "a.c": np.ones(2, np.float32),
        "a.b@@.0": whole[:10],
        "a.b@@.1": whole[10:],
        "UnpackBigParamInfor@@": {"a.b": {"OriginShape": (4, 6), "slices": ["a.b@@.0", "a.b@@.1"]}},
    }
    path = tmp_path / "x"
    path.write_bytes(pickle.dumps(tree, 2))
    checkpoint = read_checkpoint(path)
    loaded = paddle.load(str(path))
    assert set(checkpoint.tensors) == set(loaded) == {"a.b", "a.c"}
    assert_same(checkpoint.tensors["a.b"], loaded["a.b"].numpy())

    for damage in (
        {"OriginShape": (4, 7)},
        {"slices": ["a.b@@.0"] * 2},
        {"slices": []},
        {"slices": 3},
        {"OriginShape": [-4, -6]},
    ):
        plan = {**tree["UnpackBigParamInfor@@"]["a.b"], **damage}
        path.write_bytes(pickle.dumps({**tree, "UnpackBigParamInfor@@": {"a.b": plan}}, 2))
        with pytest.raises(CheckpointError, match="slices"):
            read_checkpoint(path)


@pytest.mark.parametrize("protocol", [2, 3])
def test_pdparams_slices_of_real_weights(protocol, tmp_path):
    """What paddle.save cuts is most of its file: nothing of the file's size is left to spare for what is joined."""
    import paddle

    whole = np.random.default_rng(0).standard_normal((512, 512)).astype("float32")
    flat = whole.reshape(-1)
    tree = {"a.c": np.ones(2, np.float32)} | {f"a.b@@.{i}": part for i, part in enumerate(np.array_split(flat, 3))}
    tree["UnpackBigParamInfor@@"] = {"a.b": {"OriginShape": whole.shape, "slices": [f"a.b@@.{i}" for i in range(3)]}}
    path = tmp_path / "x.pdparams"
    path.write_bytes(pickle.dumps(tree, protocol))
    np.testing.assert_array_equal(paddle.load(str(path))["a.b"].numpy(), whole)
    np.testing.assert_array_equal(read_checkpoint(path).tensors["a.b"], whole)


def test_slices_that_share_their_bytes_are_not_joined_without_end(tmp_path):
    part = np.ones(100_000, np.float32)
    names = [f"a.{i}" for i in range(200)]
    tree = {f"{name}@@.0": part for name in names}
    tree["UnpackBigParamInfor@@"] = {n: {"OriginShape": part.shape, "slices": [f"{n}@@.0"]} for n in names}
    path = tmp_path / "x"
    path.write_bytes(pickle.dumps(tree, 3))
    assert path.stat().st_size < 2 * part.nbytes
    with pytest.raises(CheckpointError, match="slices"):
        read_checkpoint(path)


@pytest.mark.parametrize("protocol", [2, 3, 4])
def test_numpy_pickles(protocol, tmp_path):
    """Either spelling of NumPy's core, Fortran order, big-endian arrays, long arrays (slices of the file)."""
    arrays = {
        "a.c": np.arange(6.0).reshape(2, 3),
        "a.f": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        "a.long": np.arange(5000, dtype=np.int32),
        "a.scalar": np.array(3.5, np.float32),
        "a.bf": np.arange(4).astype(BFLOAT16),
    }
    data = pickle.dumps({**arrays, "a.big": np.arange(3, dtype=">f4")}, protocol)
    if protocol < 4:  # protocol 4 counts the bytes of names
        assert b"numpy._core" in data or b"numpy.core" in data
        data = data.replace(b"numpy._core", b"numpy.core")
    (tmp_path / "x").write_bytes(data)
    tensors = read_checkpoint(tmp_path / "x").tensors
    for name, array in arrays.items():
        assert_same(tensors[name], array, name)
    assert_same(tensors["a.big"], np.arange(3, dtype=np.float32))


# safetensors ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [d for d in TORCH_DTYPES if d != "complex128"])
def test_safetensors(dtype, tmp_path):
    import safetensors.torch
    import torch

    tensor = torch.arange(6).reshape(2, 3).to(getattr(torch, dtype))
    state_dict = {"b.weight": tensor, "a.scalar": tensor[1, 2].clone(), "a.empty": torch.zeros(0, 3)}
    safetensors.torch.save_file(state_dict, tmp_path / "x", metadata={"format": "pt", "é": "ü"})
    checkpoint = read_checkpoint(tmp_path / "x")
    assert checkpoint.format == "safetensors" and checkpoint.metadata == {"format": "pt", "é": "ü"}
    loaded = safetensors.torch.load_file(tmp_path / "x")
    assert set(checkpoint.tensors) == set(loaded)
    for name, wanted in loaded.items():
        assert_same(checkpoint.tensors[name], torch_numbers(wanted), name)


# Which network ----------------------------------------------------------------------------------------------------

ARRAYS = {"a.weight": np.zeros((2, 2), np.float32), "a.bias": np.zeros(2, np.float32)}
PLAIN = {"weight": np.zeros((2, 2), np.float32), "bias": np.zeros(2, np.float32)}


@pytest.mark.parametrize(
    "tree, wrapper, aside",
    [
        (ARRAYS, (), {}),
        (PLAIN, (), {}),
        ({**ARRAYS, "epoch": 3, "name": "x"}, (), {"epoch": 3, "name": "x"}),
        ({"state_dict": ARRAYS}, ("state_dict",), {}),
        ({"model": PLAIN, "epoch": 3}, ("model",), {"epoch": 3}),
        (
            {"net": ARRAYS, "optimizer": {"state": ARRAYS, "param_groups": []}},
            ("net",),
            {"optimizer": {"state": ARRAYS, "param_groups": []}},
        ),
        (
            {"model": {"state_dict": {**ARRAYS, "n": 1}, "x": 2}},
            ("model", "state_dict"),
            {"model": {"state_dict": {"n": 1}, "x": 2}},
        ),
        ({"anything": ARRAYS}, ("anything",), {}),
        ({"state_dict": ARRAYS, "model": ARRAYS}, ("state_dict",), {"model": ARRAYS}),  # one object under two names
        (
            {"state_dict": ARRAYS, "message_hub": {"log.loss": np.zeros(3)}},
            ("state_dict",),
            {"message_hub": {"log.loss": np.zeros(3)}},
        ),
        (
            {"state_dict": ARRAYS, "rng": np.zeros(3), "x": np.zeros(3)},
            ("state_dict",),
            {"rng": np.zeros(3), "x": np.zeros(3)},
        ),
    ],
)
def test_wrapper(tree, wrapper, aside, tmp_path):
    (tmp_path / "x").write_bytes(pickle.dumps(tree, 4))
    checkpoint = read_checkpoint(tmp_path / "x")
    assert checkpoint.wrapper == wrapper
    assert {n.split(".")[-1] for n in checkpoint.tensors} == {"weight", "bias"}
    np.testing.assert_equal(checkpoint.aside, aside)


def test_several_networks(tmp_path):
    other = {name: array + 1 for name, array in ARRAYS.items()}
    tree = {"state_dict": ARRAYS, "ema_state_dict": other, "optimizer": {"state": {}, "param_groups": []}}
    (tmp_path / "x").write_bytes(pickle.dumps(tree, 4))
    with pytest.raises(
        CheckpointError, match=r"2 networks: state_dict, ema_state_dict; choose one .*convert .* DST --network KEY"
    ):
        read_checkpoint(tmp_path / "x")
    checkpoint = read_checkpoint(tmp_path / "x", network="ema_state_dict")
    assert checkpoint.wrapper == ("ema_state_dict",) and checkpoint.tensors["a.bias"][0] == 1
    assert "state_dict" in checkpoint.aside
    with pytest.raises(CheckpointError, match=r"no network 'model'; it holds: state_dict, ema_state_dict"):
        read_checkpoint(tmp_path / "x", network="model")


@pytest.mark.parametrize(
    "tree, message",
    [
        ({}, "an empty dictionary"),
        ({"a": 1}, "a dictionary without a network"),
        ([1, 2], "holds a list"),
        (np.zeros(3), "holds a ndarray"),
        ({"state": {}, "param_groups": []}, "optimizer state"),
        ({"fc.w_0_velocity_0": np.zeros(2), "fc.b_0_velocity_0": np.zeros(2)}, "optimizer state"),
        ({**ARRAYS, "a.list": [1]}, r"a\.list: is a list, wanted an array"),
    ],
)
def test_no_network(tree, message, tmp_path):
    (tmp_path / "x").write_bytes(pickle.dumps(tree, 4))
    with pytest.raises(CheckpointError, match=message):
        read_checkpoint(tmp_path / "x")


# How --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["torch-zip", "torch-legacy", "pdparams", "safetensors"])
def test_mapped_not_copied(kind, tmp_path):
    """32 MiB are read with next to no memory. The arrays outlive the file's name."""
    import safetensors.torch
    import torch

    state_dict = {f"a.{i}": torch.full((1 << 20,), float(i)) for i in range(8)}
    path = tmp_path / "x"
    if kind == "safetensors":
        safetensors.torch.save_file(state_dict, path)
    elif kind == "pdparams":
        path.write_bytes(pickle.dumps({name: tensor.numpy() for name, tensor in state_dict.items()}, 4))
    else:
        torch.save(state_dict, path, _use_new_zipfile_serialization=kind == "torch-zip")
    read_checkpoint(path)
    tracemalloc.start()
    checkpoint = read_checkpoint(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert checkpoint.format == kind
    assert peak < 1 << 20
    path.unlink()
    assert all(checkpoint.tensors[f"a.{i}"][-1] == i for i in range(8))


def test_needs_no_framework():
    """In a fresh interpreter neither torch nor paddle nor the safetensors library is loaded."""
    code = (
        "import sys, paddle_tsm.checkpoint\n"
        "loaded = {'torch', 'paddle', 'safetensors', 'torch_ref'} & set(sys.modules)\n"
        "sys.exit(f'loaded {loaded}' if loaded else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).returncode == 0


def test_format_goes_by_content(tmp_path):
    for kind, data in hostile.valid_files().items():
        for suffix in (".pdparams", ".pth", ".safetensors", ".txt", ""):
            path = tmp_path / f"{kind}{suffix}"
            path.write_bytes(data)
            checkpoint = read_checkpoint(path)
            assert checkpoint.format == kind and checkpoint.path == str(path)
            assert_same(checkpoint.tensors["layer.weight"], checkpoint.tensors["layer.weight"])
