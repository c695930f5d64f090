"""Objects beside the weights, as `torch.save` of a training writes them: skipped, never run, and never taken for
weights.
"""

import argparse
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import json
import pathlib
import random
import re
import types
import uuid
import warnings

import numpy as np
import paddle
import pytest
import torch

import paddle_tsm
import torch_ref
from paddle_tsm.checkpoint import CheckpointError, read_checkpoint
from paddle_tsm.checkpoint.inert_objects import Skipped
from paddle_tsm.cli import main
from parity_tests import hostile_files as hostile


class Config:
    """Any class of a training program. One of its objects refers to itself, as a config's parent does."""

    def __init__(self):
        self.lr, self.child = 0.1, {"parent": self}


class Dict(dict):
    def __getattr__(self, name):
        return self[name]


class Numbers(list):
    pass


class Slots:
    __slots__ = ("lr",)

    def __init__(self):
        self.lr = 0.1


class WithNames(tuple):
    def __new__(cls, *, lr):
        return super().__new__(cls, (lr,))

    def __getnewargs_ex__(self):
        return (), {"lr": self[0]}


class Mode(enum.Enum):
    TRAIN = 1


class Level(enum.IntEnum):
    HIGH = 2


@dataclasses.dataclass(frozen=True)
class Recipe:
    lr: float = 0.1


Pair = collections.namedtuple("Pair", "a b")

SKIPPED = {
    "namespace": argparse.Namespace(lr=0.1, out=pathlib.PurePosixPath("a"), names=["x"], weight=torch.ones(3)),
    "simple namespace": types.SimpleNamespace(a=1),
    "path": pathlib.Path("a/b"), "path of Windows": pathlib.PureWindowsPath("c:/a"),
    "datetime": datetime.datetime(2024, 1, 2, tzinfo=datetime.timezone.utc), "timedelta": datetime.timedelta(3),
    "enum": Mode.TRAIN, "int enum": Level.HIGH, "dataclass": Recipe(), "object": Config(), "slots": Slots(),
    "dict subclass": Dict(a=1), "list subclass": Numbers([1, 2]), "named tuple": Pair(1, 2), "names": WithNames(lr=1),
    "deque": collections.deque([1, 2], maxlen=4), "set": {1, 2}, "frozenset": frozenset([1]), "slice": slice(1, 2),
    "partial": functools.partial(torch.optim.SGD, lr=0.1), "class": torch.optim.SGD,
    "function": torch.nn.functional.relu, "method": Config().__init__, "built-in": len, "type": int,
    "decimal": decimal.Decimal("1.5"), "uuid": uuid.UUID(int=1), "fraction": fractions.Fraction(1, 2),
    "regular expression": re.compile("a"), "module": torch.nn.Linear(2, 2),
    "random": random.Random(0), "generator": np.random.default_rng(0), "array type": np.float32,
    "array of objects": np.array([1, "a"], dtype=object), "array of text": np.array(["a"]), "text": np.str_("a"),
    "date": np.datetime64("2020-01-01"), "records": np.zeros(2, dtype=[("a", "f4")]), "matrix": np.ma.ones(2),
    "sparse": torch.ones(2, 2).to_sparse(),
}  # fmt: skip
READ = {
    "np.float64": (np.float64(0.5), 0.5), "np.int64": (np.int64(3), 3), "np.bool": (np.bool_(True), True),
    "ordered": (collections.OrderedDict(a=1), {"a": 1}), "counter": (collections.Counter("aab"), {"a": 2, "b": 1}),
    "defaultdict": (collections.defaultdict(list, a=[1]), {"a": [1]}),
}  # fmt: skip


@pytest.fixture(scope="module")
def state():
    torch.manual_seed(0)
    return torch_ref.create_model("tsm_resnet10", num_classes=5).state_dict()


def saved(path, tree, legacy, protocol):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of modules whose source PyTorch does not find
        torch.save(tree, path, _use_new_zipfile_serialization=not legacy, pickle_protocol=protocol)
    return path


@pytest.mark.parametrize("legacy, protocol", [(False, 2), (False, 4), (True, 2), (True, 4)])
def test_every_object_beside_the_weights(tmp_path, legacy, protocol):
    weights = {"conv1.weight": torch.rand(2, 3), "bn1.bias": torch.rand(2)}
    # each alone: the reader of one must not depend on what another left
    for name, value in {**SKIPPED, **{name: value for name, (value, _) in READ.items()}}.items():
        inside = {"state_dict": weights, "x": value, "list": [1, value], "last": 7}
        found = read_checkpoint(saved(tmp_path / "x.pth", inside, legacy, protocol))
        assert list(found.tensors) == list(weights), name
        assert all(np.array_equal(found.tensors[key], tensor.numpy()) for key, tensor in weights.items()), name
        assert found.aside["last"] == 7 and found.aside["list"][0] == 1, name
        for read in (found.aside["x"], found.aside["list"][1]):
            if name in READ:
                assert read == READ[name][1] and type(read) is type(READ[name][1]), name
            else:
                assert type(read) is Skipped, (name, read)


def test_keys_of_other_kinds(tmp_path):
    tree = {"a.b": torch.ones(2), "best": {1.5: 2, (1, 2): 3, Mode.TRAIN: 1, "top1": 0.5}}
    aside = read_checkpoint(saved(tmp_path / "x.pth", {"state_dict": tree, "best": tree["best"]} | {
        "state_dict": {"a.b": tree["a.b"]}}, False, 2)).aside  # fmt: skip
    assert aside["best"]["top1"] == 0.5
    saved(tmp_path / "y.pth", {"a.b": torch.ones(2), (1, 2): torch.ones(2)}, False, 2)
    with pytest.raises(CheckpointError, match="wanted a network"):  # a tensor without a name is not lost in silence
        read_checkpoint(tmp_path / "y.pth")


def test_nothing_of_an_object_is_run(tmp_path):
    """Each pickle that would make a file, beside a network: the network is read, and there is no file."""
    for label, data in hostile.canary_pickles(str(tmp_path / "canary")).items():
        value = data[2:-1]
        network = hostile.named(a__b=hostile.torch_tensor("0", 24, 0, (4, 6), (6, 1)))
        tree = hostile.dict_of(state_dict=network, x=value)
        path = tmp_path / "x.pth"
        path.write_bytes(hostile.torch_zip(hostile.pickled(tree, 4)))
        try:
            found = read_checkpoint(path)
            assert list(found.tensors) == ["a.b"], label
        except CheckpointError:
            assert label in ("inst", "obj"), label
        assert not (tmp_path / "canary").exists(), label


def test_a_user_s_file(tmp_path, state, capsys):
    """Loaded and converted with its proof; `inspect` names what is beside the weights."""
    beside = {"args": argparse.Namespace(lr=0.1), "path": pathlib.Path("x"), "time": datetime.datetime.now()}
    saved(tmp_path / "x.pth", {"state_dict": state, "epoch": 3, **beside}, False, 2)
    for package in (paddle_tsm, torch_ref):
        loaded = package.load_model(tmp_path / "x.pth").state_dict()
        assert np.array_equal(loaded["conv1.weight"].numpy(), state["conv1.weight"].numpy())
    assert main(["inspect", str(tmp_path / "x.pth"), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)["beside it"]
    assert shown[:2] == ["args (a argparse.Namespace, skipped)", "epoch"]
    assert main(["convert", str(tmp_path / "x.pth"), str(tmp_path / "y.safetensors")]) == 0
    assert "both networks run" in capsys.readouterr().out


def test_paddles_files(tmp_path):
    paddle.save(
        {"a.b": paddle.ones([2]), "a.c": paddle.ones([2]), "args": argparse.Namespace(lr=1)},
        str(tmp_path / "x.pdparams"),
    )
    with pytest.raises(CheckpointError, match="args: is a argparse.Namespace, wanted an array"):
        read_checkpoint(tmp_path / "x.pdparams")
    paddle.save({"net": {"a.b": paddle.ones([2])}, "args": argparse.Namespace(lr=1)}, str(tmp_path / "x.pdparams"))
    assert list(read_checkpoint(tmp_path / "x.pdparams").tensors) == ["a.b"]


def test_an_object_among_the_weights_is_named(tmp_path, state, capsys):
    """It is not left out in silence, whatever the network needs."""
    saved(tmp_path / "x.pth", {**state, "fc.bias": Config()}, False, 2)
    with pytest.raises(CheckpointError, match=rf"fc.bias: is a {__name__}.Config, wanted an array"):
        read_checkpoint(tmp_path / "x.pth")
    saved(tmp_path / "x.pth", {"model": torch.nn.Linear(2, 2), "epoch": 3}, False, 2)
    with pytest.raises(CheckpointError, match="model, a torch.nn.modules.linear.Linear.* save only the state_dict"):
        read_checkpoint(tmp_path / "x.pth")


def test_long_names_take_no_memory(tmp_path):
    """One long text as the name of many objects: neither name is copied for each of them."""
    import tracemalloc

    long = b"X" + (4000).to_bytes(4, "little") + b"a" * 4000
    body = long + b"q\0" + long + b"q\x010" + b"0](" + b"h\0h\1\x93" * 60_000 + b"e"
    network = hostile.named(a__b=hostile.torch_tensor("0", 24, 0, (4, 6), (6, 1)))
    path = tmp_path / "x.pth"
    path.write_bytes(hostile.torch_zip(hostile.pickled(hostile.dict_of(state_dict=network, x=body), 4)))
    tracemalloc.start()
    assert len(read_checkpoint(path).aside["x"]) == 60_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 96 << 20, f"{peak >> 20} MiB"


class Quantisable(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.quant = torch.ao.quantization.QuantStub()
        self.conv, self.fc = torch.nn.Conv2d(3, 4, 3), torch.nn.Linear(4, 2)

    def forward(self, x):
        return self.fc(self.conv(self.quant(x)).mean((2, 3)))


def quantised(kind: str) -> dict:
    """The state_dict of a quantised network, as PyTorch's own programs make it."""
    weight = torch.ones(2, 2)
    if kind == "per tensor":
        return {"fc.weight": torch.quantize_per_tensor(weight, 0.1, 0, torch.qint8), "fc.bias": torch.ones(2)}
    if kind == "per channel":
        scales = torch.full((2,), 0.1)
        return {"fc.weight": torch.quantize_per_channel(weight, scales, torch.zeros(2), 0, torch.quint8)}
    if kind == "qint32":
        return {"fc.weight": torch.quantize_per_tensor(weight, 0.1, 0, torch.qint32), "conv.weight": weight}
    model = Quantisable().eval()
    if kind == "dynamic":
        return torch.ao.quantization.quantize_dynamic(model, {torch.nn.Linear}).state_dict()
    model.qconfig = torch.ao.quantization.get_default_qconfig("x86")
    model = torch.ao.quantization.prepare(model)
    model(torch.rand(2, 3, 8, 8))
    return torch.ao.quantization.convert(model).state_dict()


@pytest.mark.filterwarnings("ignore")  # PyTorch moves quantisation to another package
@pytest.mark.parametrize("kind", ["per tensor", "per channel", "qint32", "dynamic", "static"])
@pytest.mark.parametrize("legacy", [False, True])
def test_a_quantised_network_is_told(tmp_path, capsys, kind, legacy):
    path = saved(tmp_path / "x.pth", {"state_dict": quantised(kind)}, legacy, 2)
    for command in (["inspect", str(path)], ["convert", str(path), str(tmp_path / "y.pth")]):
        assert main(command) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and "is quantised, wanted weights in floating point" in error, error
        assert "before it is quantised" in error and "tensor.dequantize()" in error
    assert not (tmp_path / "y.pth").exists()


@pytest.mark.filterwarnings("ignore")
def test_dequantised_or_beside_a_float_network_it_is_read(tmp_path, state):
    """What the message advises, and a quantised copy that stands beside the network."""
    rounded = {
        key: torch.quantize_per_tensor(value, 0.01, 0, torch.qint8).dequantize() if key.endswith("v1.weight") else value
        for key, value in state.items()
    }
    saved(tmp_path / "x.pth", rounded, False, 2)
    assert paddle_tsm.load_model(tmp_path / "x.pth")
    saved(tmp_path / "y.pth", {"state_dict": state, "int8": quantised("per tensor")["fc.weight"]}, False, 2)
    assert list(read_checkpoint(tmp_path / "y.pth").tensors) == list(state)
