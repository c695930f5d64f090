"""Files whose names stand in what a program put around them: read, and what was stripped is said."""

import json
from dataclasses import replace

import numpy as np
import paddle
import pytest
import torch

import paddle_tsm
import torch_ref
from paddle_tsm.cli import main
from paddle_tsm.layouts.network_file import interpret, read_network
from parity_tests.recorded import recorded

CLASSES = 5


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return torch_ref.create_model("tsm_resnet10", num_classes=CLASSES)


class Lightning(torch.nn.Module):
    """Lightning's module keeps the network in an attribute of the user's choice."""

    def __init__(self, model, attribute="model"):
        super().__init__()
        setattr(self, attribute, model)


class PaddleWrapper(paddle.nn.Layer):
    """Paddle's parallel engines keep the network as `_layers`."""

    def __init__(self, model):
        super().__init__()
        self._layers = model


def inspected(capsys, path, *flags):
    capsys.readouterr()
    assert main(["inspect", str(path), "--json", *flags]) == 0
    return json.loads(capsys.readouterr().out)


def wrapped(model):
    """name -> (state_dict of the wrapped network, what must be said)."""
    compiled = torch.compile(model, backend="eager")
    averaged = torch.optim.swa_utils.AveragedModel(model)
    return {
        "torch.compile": (compiled.state_dict(), ["_orig_mod. stripped"]),
        "data parallel of compiled": (
            torch.nn.DataParallel(compiled).state_dict(),
            ["_orig_mod. and module. stripped"],
        ),
        "compiled data parallel": (
            torch.compile(torch.nn.DataParallel(model), backend="eager").state_dict(),
            ["_orig_mod.", "module."],
        ),
        "Lightning": (Lightning(model).state_dict(), ["model. stripped"]),
        "Lightning of compiled": (Lightning(compiled).state_dict(), ["_orig_mod. and model. stripped"]),
        "another attribute": (Lightning(Lightning(model, "tsm"), "net").state_dict(), ["net. and tsm. stripped"]),
        "AveragedModel": (averaged.state_dict(), ["module. stripped", "n_averaged left out"]),
    }


@pytest.mark.parametrize("name", list(wrapped(torch.nn.Linear(1, 1))))
def test_what_stands_around_every_name_is_stripped_and_said(tmp_path, capsys, model, name):
    state, words = wrapped(model)[name]
    assert not set(state) & set(model.state_dict()), "the test must wrap"
    torch.save(state, tmp_path / "x.pth")
    notes = " ".join(inspected(capsys, tmp_path / "x.pth")["keys"])
    assert all(word in notes for word in words), notes
    found = read_network(tmp_path / "x.pth")
    assert found.layout.name == "canonical" and list(found.tensors) == list(model.state_dict())
    for key, tensor in model.state_dict().items():
        assert np.array_equal(found.tensors[key], tensor.numpy()), key
    assert main(["convert", str(tmp_path / "x.pth"), str(tmp_path / "y.safetensors")]) == 0
    printed = capsys.readouterr().out
    assert all(word in printed for word in words), printed


def test_a_part_that_was_compiled(tmp_path, model):
    """Only the stage was compiled: its keys alone have the prefix, in their middle."""
    part = torch_ref.create_model("tsm_resnet10", num_classes=CLASSES)
    part.load_state_dict(model.state_dict())
    part.layer3 = torch.compile(part.layer3, backend="eager")
    assert any(key.startswith("layer3._orig_mod.0.") for key in part.state_dict())
    torch.save(part.state_dict(), tmp_path / "x.pth")
    assert list(read_network(tmp_path / "x.pth").tensors) == list(model.state_dict())


def test_paddles_layers(tmp_path, capsys):
    ours = paddle_tsm.create_model("tsm_resnet10", num_classes=CLASSES)
    paddle.save(PaddleWrapper(ours).state_dict(), str(tmp_path / "x.pdparams"))
    assert inspected(capsys, tmp_path / "x.pdparams")["keys"] == ["_layers. stripped from the keys"]
    loaded = paddle_tsm.load_model(tmp_path / "x.pdparams")
    np.testing.assert_array_equal(loaded.fc.weight.numpy(), ours.fc.weight.numpy())


def in_front(checkpoint, front):
    """The checkpoint with `front` before every key."""
    return replace(checkpoint, tensors={f"{front}{key}": array for key, array in checkpoint.tensors.items()})


@pytest.mark.parametrize("vector", ["mmaction2_r18_t8", "mit_r18_t8", "paddlevideo_tsm_r50_t8", "online_mv2_jester"])
def test_every_systems_keys(vector):
    """Before recorded keys of each system, with its layout named (--from) and read off."""
    checkpoint = recorded(vector).checkpoint()
    plain = interpret(checkpoint)
    for front in ("module.", "_orig_mod.", "model.", "model._orig_mod.", "module.model.", "_layers."):
        for layout in (plain.layout.name, "auto"):
            found = interpret(in_front(checkpoint, front), layout)
            assert found.layout is plain.layout and found.named.stripped, front
            assert found.network == plain.network and list(found.tensors) == list(plain.tensors)


def test_mits_own_prefix_is_not_called_stripped(tmp_path):
    tensors = recorded("mit_r18_t8").tensors()
    for name, keys in (("whole", tensors), ("bare", [key.removeprefix("module.") for key in tensors])):
        state = {key: torch.from_numpy(np.array(array)) for key, array in zip(keys, tensors.values())}
        torch.save(state, tmp_path / f"{name}.pth")
        assert read_network(tmp_path / f"{name}.pth").named.notes() == []


def test_mmengines_average(tmp_path, r18_file, capsys):
    """mmengine's ExponentialMovingAverage: a buffer `steps` beside `module.`, in the file next to the trained
    network.
    """
    state = torch.load(r18_file, weights_only=True)["state_dict"]
    average = {f"module.{key}": value + 1 for key, value in state.items()}
    torch.save({"state_dict": state, "ema_state_dict": {"steps": torch.tensor(7), **average}}, tmp_path / "x.pth")
    notes = inspected(capsys, tmp_path / "x.pth", "--network", "ema_state_dict")["keys"]
    assert "steps left out" in " ".join(notes) and "module. stripped" in " ".join(notes)
    out = tmp_path / "y.pth"
    assert main(["convert", str(tmp_path / "x.pth"), str(out), "--network", "ema_state_dict", "--to", "mmaction2"]) == 0
    written = torch.load(out, weights_only=True)["state_dict"]
    assert list(written) == list(state)
    assert all(torch.equal(written[key], state[key] + 1) for key in state)


def test_only_a_counter_is_left_out(tmp_path, model):
    """A tensor called `steps`, and any other name, are still accounted for."""
    for extra in ({"steps": torch.zeros(3)}, {"count": torch.tensor(1)}):
        torch.save({**model.state_dict(), **extra}, tmp_path / "x.pth")
        with pytest.raises(ValueError, match=f"1 unexpected: {next(iter(extra))}"):
            read_network(tmp_path / "x.pth")


def test_two_keys_of_one_name(tmp_path, model):
    state = model.state_dict()
    torch.save({**state, "fc._orig_mod.bias": state["fc.bias"]}, tmp_path / "x.pth")
    with pytest.raises(ValueError, match="fc.bias and fc._orig_mod.bias are both fc.bias"):
        read_network(tmp_path / "x.pth")


def test_a_network_saved_with_its_loss(tmp_path, capsys, model):
    """What is beside the network keeps the prefix from being shared: the error says which key that is."""
    torch.save({**Lightning(model).state_dict(), "criterion.weight": torch.zeros(CLASSES)}, tmp_path / "x.pth")
    assert main(["inspect", str(tmp_path / "x.pth")]) == 2
    error = capsys.readouterr().err
    assert (
        "keys begin with model., but not criterion.weight: save the network alone" in error and error.count("\n") == 1
    )


@pytest.mark.parametrize("vector, inside", [("mit_r18_t8", "fc"), ("mit_mv2_t8", "classifier")])
def test_dropout_is_an_option_of_running(tmp_path, vector, inside):
    """MIT names its classifier after the training's dropout (ops/models.py `_prepare_tsn`: without, it stays the
    backbone's own last layer); the dropout asked for changes no key of the file."""
    given = {key: torch.from_numpy(np.array(array)) for key, array in recorded(vector).tensors().items()}
    without = {key.replace("new_fc", f"base_model.{inside}"): value for key, value in given.items()}
    assert set(without) != set(given)
    for name, state, usual in (("with", given, 0.5), ("without", without, 0.0)):
        path = tmp_path / f"{name}.pth.tar"
        torch.save({"state_dict": state}, path)
        assert read_network(path).network.dropout == usual
        assert [read_network(path, dropout=asked).network.dropout for asked in (0.0, 0.3)] == [0.0, 0.3]
        for package in (paddle_tsm, torch_ref):
            assert package.load_model(path, dropout=0.5 - usual).dropout.p == 0.5 - usual


@pytest.mark.parametrize("vector", ["mmaction2_r18_t8", "mit_r18_t8", "online_mv2_jester", "paddlevideo_tsm_r50_t8"])
@pytest.mark.parametrize(
    "options", [{"dropout": 0.0}, {"dropout": 0.8}, {"partial_bn": True}, {"running_var": "biased"}]
)
def test_no_option_of_running_is_a_part_of_the_keys(vector, options):
    found = interpret(recorded(vector).checkpoint(), **options)
    assert {name: getattr(found.network, name) for name in options} == options
