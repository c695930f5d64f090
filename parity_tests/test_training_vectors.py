"""Both packages train as mmaction2 itself did: every loss, gradient norm and logit, and every tensor at the end.

The files hold real steps of mmaction2 1.2.0 in float64. In `float32_constants` momentum, decay and BatchNorm's
constants are numbers that float32 holds exactly; the others have momentum 0.9 and decay 1e-4.
"""

import dataclasses

import numpy as np
import pytest

import paddle_tsm.optim
import paddle_tsm.optim.parameter_groups
import paddle_tsm.training.loss
import paddle_tsm.training.train_step
import torch_ref.loss
import torch_ref.optim
import torch_ref.parameter_groups
import torch_ref.train_step
from paddle_tsm.layouts.key_table import expand
from paddle_tsm.layouts.network_file import interpret
from paddle_tsm.parity.paddle_side import PaddleSide
from paddle_tsm.parity.torch_side import TorchSide
from parity_tests import recipe
from parity_tests.recorded import names, recorded

LIMIT = 1e-9
TRAINED = names("mmaction2_train_*")
SHORT = "mmaction2_train_float32_constants_r18_t4"
CONSTANTS = {"float32(1e-5)": float(np.float32(1e-5)), "1 - float32(0.9)": 1 - float(np.float32(0.9))}


class PaddlePackage:
    optim, loss, train_step = paddle_tsm.optim, paddle_tsm.training.loss, paddle_tsm.training.train_step
    groups, side = paddle_tsm.optim.parameter_groups, PaddleSide


class TorchPackage:
    optim, loss, train_step = torch_ref.optim, torch_ref.loss, torch_ref.train_step
    groups, side = torch_ref.parameter_groups, TorchSide


def network_of(vector, **options):
    """The recorded network, read off its keys."""
    return interpret(vector.checkpoint(), **vector.options(), dropout=0.0, **options)


def build(package, vector, found):
    """The float64 model in training mode and its optimizer, as mmaction2 had them."""
    meta = vector.meta
    model = package.side(found.network, found.tensors, "float64").model
    model.train()
    layers = model.sublayers() if hasattr(model, "sublayers") else model.modules()
    for layer in layers:
        if type(layer).__name__ == "BatchNorm":
            layer.eps = CONSTANTS.get(meta["bn_eps"], meta["bn_eps"])
            layer.momentum = CONSTANTS.get(meta["bn_momentum"], meta["bn_momentum"])
    optimizer = package.optim.tsm_sgd(
        model, meta["lr"], meta["momentum"], meta["weight_decay"], max_norm=meta["max_norm"]
    )
    return model, optimizer


def train(package, vector, found, steps, before_step=lambda optimizer: None):
    """Train as recorded; returns the results under the names of the file, and the final tensors by recorded name."""
    meta = vector.meta
    model, optimizer = build(package, vector, found)
    step, taken = optimizer.step, []

    def observed_step():
        taken.append(before_step(optimizer))
        step()

    optimizer.step = observed_step
    results = []
    for i in range(steps):
        frames = meta["batch"] * meta["num_segments"]
        x = recipe.clip((frames, 3, meta["size"], meta["size"]), meta["seed"] + 1 + i).astype("float64")
        labels = (i + np.arange(meta["batch"])) % meta["num_classes"]
        results.append(package.train_step.train_step(model, optimizer, [(x, labels)], package.loss.cross_entropy))
    assert len(taken) == steps
    state = {name: np.asarray(tensor.numpy(), "float64") for name, tensor in model.state_dict().items()}
    curves = {
        "losses": np.array([result.loss for result in results]),
        "grad_norms": np.array([result.grad_norm for result in results]),
        "logits": np.stack([result.logits for result in results]),
    }
    return curves, {entry.key: state[entry.canonical] for entry in expand(found.layout, found.network)}


def curve_errors(vector, curves) -> dict[str, float]:
    """Each curve's largest relative error: of the value, for a step's logits of the largest of them."""
    found = {}
    for name, values in curves.items():
        expected = vector.outputs[name][: len(values)]
        assert values.shape == expected.shape and np.isfinite(values).all()
        scale = np.abs(expected).max((1, 2), keepdims=True) if name == "logits" else np.abs(expected)
        found[name] = float((np.abs(values - expected) / scale).max())
    return found


def final_errors(vector, final) -> dict[str, float]:
    """Of each kind of tensor the largest error of a sum or a norm, over the norm."""
    assert set(final) == set(vector.meta["final"])
    worst = {"weights": 0.0, "running_mean": 0.0, "running_var": 0.0, "num_batches_tracked": 0.0}
    for name, expected in vector.meta["final"].items():
        kind = name.rsplit(".", 1)[-1]
        kind = kind if kind in worst else "weights"
        assert np.isfinite(final[name]).all()
        for gap in (final[name].sum() - expected["sum"], np.linalg.norm(final[name]) - expected["l2"]):
            worst[kind] = max(worst[kind], abs(gap) / expected["l2"])
    return worst


PACKAGES = pytest.mark.parametrize("package", [TorchPackage, PaddlePackage])


@PACKAGES
@pytest.mark.parametrize("name", TRAINED)
def test_training(name, package):
    vector = recorded(name)
    curves, final = train(package, vector, network_of(vector), vector.meta["steps"])
    found = curve_errors(vector, curves) | final_errors(vector, final)
    print({part: f"{error:.1e}" for part, error in found.items()})
    beyond = {part: error for part, error in found.items() if not error <= LIMIT}
    if name == BEYOND_ITS_NOISE and package is PaddlePackage:
        noise = noise_of_the_reference(vector)
        assert noise["logits"] > LIMIT, "the record no longer needs an exception"
        beyond = {part: error for part, error in beyond.items() if part != "logits" or error > noise["logits"]}
    assert beyond == {}


# In this record rounding grows tenfold a step (BatchNorms over 12 values): PyTorch itself, its weights moved by one
# unit in the last place, is 2.8e-9 away from what it recorded. Only the last step's logits are held to that instead of
# 1e-9.
BEYOND_ITS_NOISE = "mmaction2_train_float32_constants_mv2_t4"


def noise_of_the_reference(vector) -> dict[str, float]:
    """The largest errors of torch_ref when every weight starts one unit in the last place away, over three draws."""
    worst = {}
    for seed in range(3):
        rng = np.random.default_rng(seed)
        found = network_of(vector)
        moved = {
            name: np.nextafter(array.astype("float64"), rng.choice([-np.inf, np.inf], array.shape))
            if array.dtype.kind == "f"
            else array
            for name, array in found.tensors.items()
        }
        curves, _ = train(TorchPackage, vector, dataclasses.replace(found, tensors=moved), vector.meta["steps"])
        for part, error in curve_errors(vector, curves).items():
            worst[part] = max(worst.get(part, 0.0), error)
    return worst


@PACKAGES
@pytest.mark.parametrize("name", TRAINED)
def test_parameter_groups(name, package):
    vector = recorded(name)
    found = network_of(vector)
    there = {entry.canonical: entry.key for entry in expand(found.layout, found.network)}
    _, optimizer = build(package, vector, found)
    groups = [
        {"lr": group["lr"], "weight_decay": group["weight_decay"], "params": sorted(there[n] for n in group["names"])}
        for group in optimizer.param_groups
    ]
    expected = [group | {"params": sorted(group["params"])} for group in vector.meta["param_groups"]]
    assert groups == expected


def failing(package, before_step=lambda optimizer: None) -> set[str]:
    """The curves that fail when the recorded ResNet-18 is trained three steps with a fault."""
    vector = recorded(SHORT)
    curves, _ = train(package, vector, network_of(vector), 3, before_step)
    return {part for part, error in curve_errors(vector, curves).items() if not error <= LIMIT}


@PACKAGES
def test_without_a_fault_nothing_fails(package):
    assert failing(package) == set()


@PACKAGES
def test_biased_running_variance_fails(package):
    vector = recorded(SHORT)
    _, final = train(package, vector, network_of(vector, running_var="biased"), vector.meta["steps"])
    assert {part for part, error in final_errors(vector, final).items() if not error <= LIMIT} == {"running_var"}


@PACKAGES
@pytest.mark.parametrize("group", ["batch norm", "fc bias"])
def test_decayed_bias_fails(package, group, monkeypatch):
    """The biases of the BatchNorms, or the classifier's, with decay; nothing else changes."""
    table = []
    for row in package.groups.GROUP_RULES:
        if row.name == group:
            table.append(dataclasses.replace(row, tensors=("bias",), decay=1))
            row = dataclasses.replace(row, tensors=("weight",) if group == "batch norm" else ())
        table.append(row)
    monkeypatch.setattr(package.groups, "GROUP_RULES", tuple(table))
    assert failing(package) == {"losses", "grad_norms", "logits"}


@PACKAGES
def test_clip_off_fails(package):
    def off(optimizer):
        optimizer.max_norm = None

    assert failing(package, off) == {"losses", "grad_norms", "logits"}


@PACKAGES
def test_clip_of_each_group_fails(package):
    """The losses and logits; the gradients' norm would differ in any case, since it is taken after this clip."""

    def each_group(optimizer):
        for group in optimizer.param_groups:
            package.optim.clip_gradients(group["params"], 20.0)
        optimizer.max_norm = None

    assert {"losses", "logits"} <= failing(package, each_group)
