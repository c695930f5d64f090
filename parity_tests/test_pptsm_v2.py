"""PP-TSMv2 in both packages, against what PaddleVideo computed: its training form, its fused form, and near misses."""

import numpy as np
import paddle
import pytest
import torch

import paddle_tsm
import paddle_tsm.optim
import torch_ref
import torch_ref.optim
from paddle_tsm.checkpoint import Checkpoint
from paddle_tsm.checkpoint.wrapper import locate_network
from paddle_tsm.layouts.network_file import NetworkFile, interpret
from paddle_tsm.networks.branch_fusion import fuse_branches
from paddle_tsm.networks.shift_order import exchanged_channels
from paddle_tsm.parity.compare import compare, distance
from paddle_tsm.parity.paddle_side import PaddleSide
from paddle_tsm.parity.tolerance import TOLERANCES, float32_limit
from paddle_tsm.parity.torch_side import TorchSide
from parity_tests.recorded import Recorded, names, recorded

SIDES = [TorchSide, PaddleSide]
FLOAT64 = TOLERANCES["float64"].limit
GAIN = names("paddlevideo_pptsm_v2_*_gain")
# 8 frames of 224 pixels
VECTORS = [
    pytest.param(name, marks=pytest.mark.slow) if name.endswith("_224") else name
    for name in names("paddlevideo_pptsm_v2_*", "paddlevideo_pptsmv2_*")
]
# recorded name -> the layer whose output it is. Two recordings name the stages in two ways.
LAYERS = (
    {"stem": "stem2", "attention": "stage3.0.attention", "attention_logits": "stage3.0.attention.fc"}
    | {"stage3_input": "stage3.0.shift", "last_conv": "last_conv"}
    | {f"stage{s}": f"stage{s}.{end}" for s, end in enumerate((1, 1, 5, 1), 1)}
    | {f"stages_{s - 1}": f"stage{s}.{end}" for s, end in enumerate((1, 1, 5, 1), 1)}
)
NOT_LAYERS = {"logits_f32", "logits_f64", "logits_rep_f64", "rep_logits_f64", "teacher_logits_f64"}


def read(vector: Recorded, seed_offset: int = 0, choice: str | None = None) -> NetworkFile:
    """The network of a recording's checkpoint, past-first as PaddleVideo runs it; of a distillation, the student."""
    wrapper, tensors, aside = locate_network(vector.name, vector.tensors(seed_offset), choice)
    return interpret(Checkpoint(vector.name, "pdparams", tensors, wrapper, aside, {}), **vector.options())


def recorded_layers(side, vector: Recorded) -> dict[str, np.ndarray]:
    """The logits, and the output of each layer that was recorded, as it was: its mean over height and width."""
    layers, outputs = dict(side.named_layers()), {}
    watched = {key: layers[LAYERS[key.removesuffix("_f64")]] for key in vector.outputs.keys() - NOT_LAYERS}
    outputs["logits_f64"] = side.forward(vector.input().astype("float64"), watched, outputs.__setitem__)
    return {key: array if array.ndim == 2 else array.mean((2, 3)) for key, array in outputs.items()}


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", VECTORS)
def test_forward(name, side):
    vector = recorded(name)
    other = read(vector, seed_offset=1)
    wrong = side(other.network, other.tensors, "float64").outputs(vector.input().astype("float64"))["logits"]
    logits = vector.outputs["logits_f64"]
    assert not compare("logits of other weights", logits, wrong, 1e-3).passed, "the comparison cannot fail"

    found = read(vector)
    outputs = recorded_layers(side(found.network, found.tensors, "float64"), vector)
    assert outputs.keys() >= vector.outputs.keys() - NOT_LAYERS and len(outputs) >= 8
    for key, output in outputs.items():
        row = compare(key, vector.outputs[key], output, FLOAT64)
        assert row.passed, row

    expected = vector.outputs["logits_f32"]
    row = compare(
        "float32",
        expected,
        side(found.network, found.tensors, "float32").outputs(vector.input())["logits"],
        float32_limit(distance(logits, expected)[1]),
    )
    assert row.passed, row


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", VECTORS)
def test_fused_form(name, side):
    """PaddleVideo's logits after its own fusion; every recorded layer's output is still the same."""
    vector, found = recorded(name), read(recorded(name))
    network, tensors = fuse_branches(found.network, found.tensors)
    assert network.fused and not any(".branches." in key for key in tensors)
    outputs = recorded_layers(side(network, tensors, "float64"), vector)
    after = next(vector.outputs[key] for key in ("logits_rep_f64", "rep_logits_f64") if key in vector.outputs)
    for key, output in outputs.items():
        row = compare(key, after if key == "logits_f64" else vector.outputs[key], output, FLOAT64)
        assert row.passed, row
    unfused = {key: found.tensors[key] if ".fused." in key else array for key, array in tensors.items()}
    wrong = side(network, unfused, "float64").outputs(vector.input().astype("float64"))["logits"]
    assert not compare("the convolutions that the file keeps", after, wrong, 1e-3).passed


@pytest.mark.parametrize("name", names("paddlevideo_pptsmv2_*"))
def test_fused_convolutions(name):
    """Shape, sum and norm of each, as PaddleVideo recorded them."""
    vector, found = recorded(name), read(recorded(name))
    _, fused = fuse_branches(found.network, found.tensors)
    canonical = {found.named.keys[entry.key]: entry.canonical for entry in found.entries}
    prefix = "Student." if "Student" in found.checkpoint.wrapper else ""
    assert len(vector.meta["rep"]) == 16  # the weight and the bias of each block of the last two stages
    for key, wanted in vector.meta["rep"].items():
        array, kept = (tensors[canonical[key.removeprefix(prefix)]] for tensors in (fused, found.tensors))
        assert list(array.shape) == wanted["shape"]
        sums = np.array([wanted["sum"], wanted["l2"]])
        row = compare(key, sums, np.array([array.sum(), np.sqrt((array**2).sum())]), FLOAT64)
        assert row.passed, row
        assert not compare(key, sums, np.array([kept.sum(), np.sqrt((kept**2).sum())]), 1e-3).passed


@pytest.mark.parametrize("side", SIDES)
def test_the_logits_of_the_attention_tell_a_transposed_weight(side):
    """Its weight is square, so that no shape does; the network's logits hardly do with the usual BatchNorm scales."""
    vector = recorded("paddlevideo_pptsmv2_t16_attention_student")
    found = read(vector)
    wrong = recorded_layers(side(found.network, transposed(found.tensors), "float64"), vector)
    key = "attention_logits_f64"
    assert not compare(key, vector.outputs[key], wrong[key], 1e-2).passed


@pytest.mark.parametrize("side", SIDES)
def test_the_teacher_of_a_distillation(side):
    """It is a PP-TSM in the same file, which --network takes."""
    vector = recorded("paddlevideo_pptsmv2_t16_attention_distilled")
    found = read(vector, choice="Teacher")
    assert (found.network.arch, found.network.num_classes) == ("pptsm_resnet50", 101)
    outputs = side(found.network, found.tensors, "float64").outputs(vector.input().astype("float64"))
    row = compare("teacher", vector.outputs["teacher_logits_f64"], outputs["logits"], FLOAT64)
    assert row.passed, row


def without_scale(side):
    side.model.dropout.factor_at_inference = side.model.dropout.chance = 1.0


def without_se(side):
    identity = torch.nn.Identity if isinstance(side, TorchSide) else paddle.nn.Identity
    for block in side.model.stage3:
        block.se = identity()


def transposed(tensors):
    return tensors | {"stage3.0.attention.fc.weight": tensors["stage3.0.attention.fc.weight"].T}


def without_attention(tensors):
    return {name: array for name, array in tensors.items() if ".attention." not in name}


NEAR_MISSES = {  # name -> (options of the network, change of its tensors, change of the model)
    "no shift": ({"is_shift": False}, None, None),
    "the shift reversed": ({"shift_order": "future_first"}, None, None),
    "another ratio": ({"shift_div": 12}, None, None),
    "no attention": ({"temporal_attention": False}, without_attention, None),
    "attention transposed": ({}, transposed, None),
    "no factor at inference": ({}, None, without_scale),
    "no squeeze and excitation": ({}, None, without_se),
}


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize(
    "name, miss",
    [(name, miss) for name in GAIN for miss in NEAR_MISSES if "attention" not in miss or "noatt" not in name],
)
def test_near_misses(name, miss, side):
    """Each is seen in the logits of the recordings with larger BatchNorm scales."""
    vector, found = recorded(name), read(recorded(name))
    options, change_tensors, change_model = NEAR_MISSES[miss]
    tensors = change_tensors(found.tensors) if change_tensors else found.tensors
    changed = side(found.network.with_options(**options), tensors, "float64")
    if change_model:
        change_model(changed)
    row = compare(miss, vector.outputs["logits_f64"], changed.outputs(vector.input().astype("float64"))["logits"], 1e-3)
    assert not row.passed, row


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", GAIN)
def test_the_other_shift_order(name, side):
    """Exact, training form and fused: the channels that the shift moves are exchanged in all that reads or writes
    them, and nothing else is.
    """
    vector, found = recorded(name), read(recorded(name))
    network, tensors = found.as_asked()
    assert (found.network.shift_order, network.shift_order) == ("past_first", "future_first")
    outputs = recorded_layers(side(network, tensors, "float64"), vector)
    order = exchanged_channels(256, network.shift_div)
    moved = {"stage2_f64", "attention_f64", "stage3_input_f64"} & outputs.keys()
    assert len(moved) >= 2
    for key, output in outputs.items():
        expected = vector.outputs[key]
        if key in moved:
            assert not compare(key, expected, output, 1e-2).passed
            expected = expected[:, order]
        row = compare(key, expected, output, FLOAT64)
        assert row.passed, row
    fused = side(*fuse_branches(network, tensors), "float64").outputs(vector.input().astype("float64"))["logits"]
    assert compare("fused", vector.outputs["logits_f64"], fused, FLOAT64).passed


@pytest.mark.parametrize("group", ["dw.branches.0.bn", "dw.branches.1.conv", "se.fc1", "se.fc2", "pw1"])
def test_the_exchange_runs_over_every_layer_behind_the_shift(group):
    """Leaving any of them out is seen."""
    vector, found = recorded(GAIN[0]), read(recorded(GAIN[0]))
    network, tensors = found.as_asked()
    kept = {name: array for name, array in found.tensors.items() if name.startswith(f"stage3.0.{group}")}
    assert kept
    wrong = PaddleSide(network, tensors | kept, "float64").outputs(vector.input().astype("float64"))["logits"]
    assert not compare(group, vector.outputs["logits_f64"], wrong, 1e-6).passed


@pytest.mark.parametrize("package", [paddle_tsm, torch_ref])
def test_parameter_groups(package):
    """PaddleVideo's: the attention's weight learns 5 times as fast, its bias 10 times and without decay, and no
    BatchNorm decays.
    """
    model = package.create_model("pptsm_v2", num_classes=5, num_segments=4, temporal_attention=True)
    groups = package.optim.tsm_sgd(model, lr=1.0, weight_decay=0.5, fc_lr5=False).param_groups
    rates = {name: (group["lr"], group["weight_decay"]) for group in groups for name in group["names"]}
    assert rates["stage3.0.attention.fc.weight"] == (5, 0.5)
    assert rates["stage3.0.attention.fc.bias"] == (10, 0)
    assert rates["fc.weight"] == rates["last_conv.weight"] == rates["stage3.0.se.fc1.weight"] == (1, 0.5)
    assert {rates[name] for name in rates if ".bn." in name} == {(1, 0)}
    assert rates.keys() == dict(model.named_parameters()).keys()
