"""PP-TSM on MobileNets: both packages against what PaddleVideo computed, and faults that the comparison must find."""

import re

import numpy as np
import paddle
import pytest
import torch

import paddle_tsm
from paddle_tsm.checkpoint import Checkpoint, CheckpointError, write_checkpoint
from paddle_tsm.conversion.convert import convert
from paddle_tsm.layouts.key_table import expand
from paddle_tsm.layouts.network_file import interpret, read_network
from paddle_tsm.layouts.registry import LAYOUTS
from paddle_tsm.networks.families import FAMILIES
from paddle_tsm.networks.network import Network
from paddle_tsm.networks.shift_order import exchanged_channels
from paddle_tsm.parity.compare import compare, distance
from paddle_tsm.parity.paddle_side import PaddleSide
from paddle_tsm.parity.tolerance import TOLERANCES, float32_limit
from paddle_tsm.parity.torch_side import TorchSide
from parity_tests.recorded import names, recorded

FLOAT64 = TOLERANCES["float64"].limit
SIDES = [TorchSide, PaddleSide]
VECTORS = names("paddlevideo_pptsm_mv*")
GAIN = [name for name in VECTORS if name.endswith("_gain")]
# recorded array -> the layer whose output it is the spatial mean of
LAYERS = {
    "pptsm_mobilenet_v2": {"conv1": "first", "backbone": "conv9"},
    "pptsm_mobilenet_v3": {"conv": "conv", "backbone": "head", "last_second_conv": "head", "last_conv": "widen"},
}
NO_STREAMS = ("backbone", "last_second_conv", "last_conv", "logits")
BLOCK = re.compile(r"block(?:s_)?(\d+)")  # MobileNetV3's, of which two recordings have two names


def layer_of(network: Network, stage_ends: dict[str, str], array: str) -> str:
    """The name of the layer that a recorded array belongs to; a stage's is the last one of the stage."""
    block = BLOCK.fullmatch(array)
    if block:
        return f"blocks.{block.group(1)}"
    return (LAYERS[network.family.name] | stage_ends)[array]


def run(built, vector, dtype="float64"):
    """Recorded array -> what the side `built` computes of it from the recorded input, and "logits"."""
    arrays = [key.removesuffix("_f64") for key in vector.outputs if not key.startswith("logits")]
    layers, results = dict(built.named_layers()), {}
    watched = {array: layers[layer_of(built.network, built.model.stage_ends, array)] for array in arrays}
    x = vector.input().astype(dtype)
    logits = built.forward(x, watched, lambda array, y: results.update({array: y.mean((2, 3))}))
    assert results.keys() == set(arrays)
    return results | {"logits": logits}


def outputs(side, vector, dtype="float64", change=lambda model: None, **options):
    """`run` of the recorded network, of which some options are changed, or whose model `change` alters."""
    found = interpret(vector.checkpoint(), **vector.options())
    built = side(found.network.with_options(**options), found.tensors, dtype)
    change(built.model)
    return run(built, vector, dtype)


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", VECTORS)
def test_forward(side, name):
    """Every recorded array and the logits in float64, and the logits in float32 within upstream's own noise."""
    vector = recorded(name)
    logits = vector.outputs["logits_f64"]
    other = interpret(vector.checkpoint(seed_offset=1), **vector.options())
    wrong = side(other.network, other.tensors, "float64").outputs(vector.input().astype("float64"))["logits"]
    assert not compare("logits of other weights", logits, wrong, 1e-3).passed, "the comparison cannot fail"

    results = outputs(side, vector)
    for key, expected in vector.outputs.items():
        if key.endswith("_f64"):
            row = compare(key, expected, results[key.removesuffix("_f64")], FLOAT64)
            assert row.passed, row
    expected = vector.outputs["logits_f32"]
    row = compare(
        "logits", expected, outputs(side, vector, "float32")["logits"], float32_limit(distance(logits, expected)[1])
    )
    assert row.passed, row


FAULTS = {
    "shift left out": {"is_shift": False},
    "shift reversed": {"shift_order": "future_first"},
    "half of the shift": {"shift_div": 16},
    "twice the shift": {"shift_div": 4},
    "shifted shortcut": {"shift_place": "block"},
}


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", GAIN)
@pytest.mark.parametrize("fault", FAULTS)
def test_faults_of_the_shift_are_found(side, name, fault):
    """By the logits alone, at ten million times the limit."""
    vector = recorded(name)
    wrong = outputs(side, vector, **FAULTS[fault])["logits"]
    assert distance(vector.outputs["logits_f64"], wrong)[1] > 1e7 * FLOAT64


def squeeze_excitations(model):
    """Those of a model of either package."""
    layers = model.modules() if isinstance(model, torch.nn.Module) else model.sublayers()
    found = [layer for layer in layers if type(layer).__name__ == "SqueezeExcitation"]
    assert len(found) == 8
    return found


def without_squeeze_excitation(model):
    for layer in squeeze_excitations(model):
        layer.forward = lambda x: x


def set_gate(slope):
    """A change of the slope of every gate."""

    def change(model):
        for layer in squeeze_excitations(model):
            if isinstance(model, torch.nn.Module):
                layer.sigma = lambda x: (slope * x + 0.5).clamp(0, 1)
            else:
                layer.gate = lambda x: paddle.nn.functional.hardsigmoid(x, slope=slope)

    return change


def set_factor(factor):
    """A change of what dropout multiplies by in evaluation."""

    def change(model):
        assert 0.799 < getattr(model.dropout, "chance", 0) + getattr(model.dropout, "factor_at_inference", 0) < 0.801
        model.dropout.chance = model.dropout.factor_at_inference = factor

    return change


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    "change",
    [without_squeeze_excitation, set_gate(1 / 6), set_factor(1.0)],
    ids=["squeeze and excitation left out", "PyTorch's hard sigmoid", "0.8 left out"],
)
def test_faults_of_mobilenet_v3_are_found(side, change):
    vector = recorded("paddlevideo_pptsm_mv3_t8_gain")
    logits = vector.outputs["logits_f64"]
    assert distance(logits, outputs(side, vector, change=change)["logits"])[1] > 1e7 * FLOAT64
    same = outputs(side, vector, change=set_factor(float(np.float32(0.8))))["logits"]
    assert compare("a change to what was there", logits, same, FLOAT64).passed


@pytest.mark.parametrize("change", [set_factor(0.8), set_gate(0.2)], ids=["0.8", "0.2"])
def test_constants_are_float32_in_every_precision(change):
    """PaddleVideo's network of float64 tells 0.8 and 0.2 from the float32 numbers that are nearest to them."""
    vector = recorded("paddlevideo_pptsm_mv3_t8_gain")
    logits = vector.outputs["logits_f64"]
    right, wrong = (outputs(TorchSide, vector, change=to)["logits"] for to in (lambda model: None, change))
    assert not compare("with the numbers of float64", logits, wrong, FLOAT64).passed
    assert distance(logits, wrong)[1] > 100 * distance(logits, right)[1]


@pytest.mark.parametrize("name", GAIN)
def test_the_other_order(name):
    """The same logits; two folds of channels of every stream are exchanged, which renaming alone does not do."""
    vector = recorded(name)
    found = interpret(vector.checkpoint(), **vector.options())
    network, tensors = found.as_asked()
    assert (found.network.shift_order, network.shift_order) == ("past_first", "future_first")
    for side in SIDES:
        for array, ours in run(side(network, tensors, "float64"), vector).items():
            expected = vector.outputs[f"{array}_f64"]
            if array not in NO_STREAMS:
                assert not compare(array, expected, ours, 1e-2).passed
                ours = ours[:, exchanged_channels(ours.shape[1], network.shift_div)]
            assert compare(array, expected, ours, FLOAT64).passed, array
    renamed = TorchSide(network, found.tensors, "float64").outputs(vector.input().astype("float64"))["logits"]
    assert distance(vector.outputs["logits_f64"], renamed)[1] > 1e7 * FLOAT64


@pytest.mark.parametrize("name", [name for name in VECTORS if name.endswith("_t16")])
def test_the_other_order_is_refused_where_the_folds_differ(name, tmp_path):
    """1 / 16 of 24 channels are one channel in one fold and two in the other, which mmaction2's order cannot have."""
    vector = recorded(name)
    path = tmp_path / "x.pdparams"
    write_checkpoint(path, vector.tensors())
    with pytest.raises(CheckpointError, match="of 24 channels, shift_div 16 shifts 1 and 2 past-first, but 1 and 1"):
        read_network(path, num_segments=16, shift_order="future_first")
    network = paddle_tsm.load_model(path, num_segments=16).network
    assert (network.shift_div, network.shift_order) == (16, "past_first")
    plan = convert(path, tmp_path / "x.safetensors", num_segments=16).plan
    assert (plan.kind, plan.network.shift_order) == ("exact", "past_first")
    assert paddle_tsm.load_model(tmp_path / "x.safetensors").network == network


@pytest.mark.parametrize("prefix", ["backbone.", "", "module.backbone.", "_layers.backbone.", "model.backbone."])
@pytest.mark.parametrize("name", GAIN)
def test_prefixes(name, prefix):
    """PaddleVideo writes the recognizer, or its backbone alone; other programs put more around them."""
    vector = recorded(name)
    tensors = {key.replace("backbone.", prefix, 1): array for key, array in vector.tensors().items()}
    found = interpret(Checkpoint("x.pdparams", "pdparams", tensors, (), {}, {}))
    plain = interpret(vector.checkpoint())
    assert (found.layout.name, found.network) == ("pptsm", plain.network)
    assert all(np.array_equal(found.tensors[key], array) for key, array in plain.tensors.items())
    stripped = prefix.removesuffix("backbone.")
    assert found.named.stripped == ((stripped,) if stripped else ())


@pytest.mark.parametrize("name", GAIN)
def test_what_is_missing_of_a_backbone_alone_is_named(name):
    vector = recorded(name)
    tensors = {key.removeprefix("backbone."): array for key, array in vector.tensors().items()}
    *_, last = tensors
    del tensors[last]
    with pytest.raises(ValueError, match=f"no classifier found|missing: backbone.{re.escape(last)}"):
        interpret(Checkpoint("x.pdparams", "pdparams", tensors, (), {}, {}))


@pytest.mark.parametrize("family", LAYERS)
def test_no_other_family_has_such_names(family):
    """No canonical name matches another family's signature, and few of PaddleVideo's bare names match its own."""
    network = Network(family, shift_order="past_first")
    own = network.family
    entries = expand(LAYOUTS["pptsm"], network)
    for entry in entries:
        matching = [other.name for other in FAMILIES if re.match(other.signature, entry.canonical)]
        assert matching == [own.name], entry
    bare = [entry.key.removeprefix("backbone.") for entry in entries]
    assert 10 * sum(bool(re.match(own.signature, key)) for key in bare) < len(bare)
