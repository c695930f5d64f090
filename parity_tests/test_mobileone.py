"""MobileOne-TSM: what mmaction2 computed, and what its options and keys mean.

The recorded networks are deep and drawn at random, so that the training forms of S1 to S4 nearly forget their input:
that a shift is reversed, only S0's logits and the fused forms' tell.
"""

import json
from dataclasses import replace

import numpy as np
import pytest

import paddle_tsm
import paddle_tsm.models.initial_weights
import torch_ref
import torch_ref.initial_weights
from paddle_tsm.checkpoint import Checkpoint, read_checkpoint
from paddle_tsm.cli import main
from paddle_tsm.demo.material import draw_weights, write_demo_checkpoint
from paddle_tsm.layouts.key_table import expand
from paddle_tsm.layouts.nearest_network import nearest_network
from paddle_tsm.layouts.network_file import interpret, read_network
from paddle_tsm.layouts.registry import LAYOUTS
from paddle_tsm.models.initial_weights import draw_initial_weights
from paddle_tsm.networks.families import ARCHITECTURES
from paddle_tsm.networks.flops import count_flops, halved
from paddle_tsm.networks.layers import ParallelConvolution
from paddle_tsm.networks.network import Network
from paddle_tsm.networks.shift_order import in_order
from paddle_tsm.parity.compare import compare, distance
from paddle_tsm.parity.paddle_side import PaddleSide
from paddle_tsm.parity.steps import compare_steps, seeded_batches
from paddle_tsm.parity.tolerance import TOLERANCES, float32_limit
from paddle_tsm.parity.torch_side import TorchSide
from parity_tests.recorded import names, recorded

FLOAT64 = TOLERANCES["float64"].limit
SIDES = [TorchSide, PaddleSide]
PREFIX = "mmaction2_mobileone_"
FAST = ("s0_t8", "s4_t8_deploy")
VECTORS = [
    pytest.param(name, marks=() if name.removeprefix(PREFIX) in FAST else pytest.mark.slow)
    for name in names(f"{PREFIX}*")
]


def read(vector, **options):
    return interpret(vector.checkpoint(), **(vector.options() | options))


def outputs(side, network, tensors, vector, dtype="float64"):
    return side(network, tensors, dtype).outputs(vector.input().astype(dtype))


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", VECTORS)
def test_forward(name, side):
    """Every recorded stage, the pooled features and the logits, and float32."""
    vector = recorded(name)
    found = read(vector)
    assert (found.layout.name, found.network.fused) == ("mmaction2", "deploy" in vector.meta["backbone"])
    results = outputs(side, found.network, found.tensors, vector)
    stages = [key for key in vector.outputs if key.startswith("stage")]
    assert stages == [f"stage{number}_f64" for number in range(5)]
    for key in stages:
        row = compare(key, vector.outputs[key], results[key.removesuffix("_f64")].mean((2, 3)), FLOAT64)
        assert row.passed, row
    logits = vector.outputs["logits_f64"]
    assert compare("features", vector.outputs["backbone_f64"], results["features"], FLOAT64).passed
    assert compare("logits", logits, results["logits"], FLOAT64).passed

    other = interpret(vector.checkpoint(seed_offset=1), **vector.options())
    wrong = outputs(side, other.network, other.tensors, vector)["logits"]
    assert distance(logits, wrong)[1] > 1e-3, "the comparison cannot fail"

    expected = vector.outputs["logits_f32"]
    limit = float32_limit(distance(logits, expected)[1])
    row = compare("logits", expected, outputs(side, found.network, found.tensors, vector, "float32")["logits"], limit)
    assert row.passed, row


def without_branch(tensors, norm):
    """The tensors with a branch that adds nothing."""
    changed = {f"{norm}.{last}": np.zeros_like(tensors[f"{norm}.{last}"]) for last in ("weight", "bias")}
    return tensors | changed


def without_excitation(tensors, block):
    """The tensors with a squeeze and excitation whose weights are all exactly 1."""
    weight, bias = f"{block}.se.fc2.weight", f"{block}.se.fc2.bias"
    return tensors | {weight: np.zeros_like(tensors[weight]), bias: np.full_like(tensors[bias], 50)}


FAULTS = {
    "no shift": lambda n, t: (n.with_options(is_shift=False), t),
    "reversed": lambda n, t: (n.with_options(shift_order="past_first"), t),
    "another ratio": lambda n, t: (n.with_options(shift_div=4), t),
    "every second block": lambda n, t: (n.with_options(shift_every=2), t),
    "no identity": lambda n, t: (n, without_branch(t, "stage3.2.identity")),
    "no 1x1 branch": lambda n, t: (n, without_branch(t, "stage2.0.branches.0.bn")),
    "three of four convolutions": lambda n, t: (n, without_branch(t, "stage4.1.branches.3.bn")),
    "no excitation of a depthwise block": lambda n, t: (n, without_excitation(t, "stage3.18")),
    "no excitation of the last block": lambda n, t: (n, without_excitation(t, "stage4.1")),
}
ONLY_IN = {"branch": "s0_t8", "identity": "s0_t8", "convolutions": "s0_t8", "excitation": "s4_t8_deploy"}


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("case", ["s0_t8", "s4_t8_deploy"])
def test_another_network_does_not_pass(case, side):
    vector = recorded(PREFIX + case)
    found = read(vector)
    expected, limits = vector.outputs["logits_f64"], {}
    for fault, change in FAULTS.items():
        if all(case == where for word, where in ONLY_IN.items() if word in fault):
            network, tensors = change(found.network, found.tensors)
            limits[fault] = distance(expected, outputs(side, network, tensors, vector)["logits"])[1]
    assert len(limits) == (7 if case == "s0_t8" else 6)
    assert min(limits.values()) > 1e-6, limits


@pytest.mark.parametrize("side", SIDES)
def test_the_published_groups_of_frames(side):
    """mmaction2's configuration of 16 frames shifts two groups of 8, and says so nowhere in its keys."""
    vector = recorded(PREFIX + "s4_t16_segments8")
    found = read(vector)
    assert (found.network.num_segments, found.network.shift_segments) == (16, 8)
    right = outputs(side, found.network, found.tensors, vector)
    assert compare("logits", vector.outputs["logits_f64"], right["logits"], FLOAT64).passed
    for groups in (None, 4):
        other = outputs(side, found.network.with_options(shift_segments=groups), found.tensors, vector)
        row = compare("stage1", vector.outputs["stage1_f64"], other["stage1"].mean((2, 3)), 1e-4)
        assert not row.passed, row
        assert not compare("logits", vector.outputs["logits_f64"], other["logits"], FLOAT64).passed


@pytest.mark.parametrize("package", [paddle_tsm, torch_ref])
def test_both_places_of_the_shift_are_one(package):
    networks = [Network("tsm_mobileone_s0", shift_place=place) for place in ("block", "blockres")]
    assert networks[0] == networks[1] == Network("tsm_mobileone_s0")
    with pytest.raises(ValueError, match="non_local: got 'gaussian' for tsm_mobileone_s0, which has none; wanted None"):
        package.create_model("tsm_mobileone_s0", non_local="gaussian")


@pytest.mark.parametrize("side", SIDES)
def test_the_colours_move_with_a_shift_div_of_3(side):
    """Red comes from the next frame and green from the previous one."""
    network = Network("tsm_mobileone_s0", num_classes=3, num_segments=4, shift_div=3)
    tensors = draw_weights(network)
    x = np.random.default_rng(0).standard_normal((4, 3, 32, 32))
    moved = x.copy()
    moved[:, 0], moved[:, 1] = np.roll(x[:, 0], -1, 0), np.roll(x[:, 1], 1, 0)
    moved[-1, 0] = moved[0, 1] = 0
    shifted = side(network, tensors, "float64").outputs(x)["stage0"]
    plain = side(network.with_options(is_shift=False), tensors, "float64")
    assert compare("stage0", plain.outputs(moved)["stage0"], shifted, FLOAT64).passed
    assert distance(plain.outputs(x)["stage0"], shifted)[1] > 0.1


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("fused", [False, True])
def test_the_other_order(side, fused):
    """Every channel is exchanged: between all blocks, and for squeeze and excitation."""
    network = Network("tsm_mobileone_s4", num_classes=3, num_segments=4, fused=fused)
    tensors = draw_weights(network)
    x = np.random.default_rng(0).standard_normal((4, 3, 32, 32))
    past, exchanged = in_order(network, tensors, "past_first")
    assert past.shift_order == "past_first"
    here, there = (side(n, t, "float64").outputs(x) for n, t in ((network, tensors), (past, exchanged)))
    assert compare("logits", here["logits"], there["logits"], FLOAT64).passed
    assert distance(here["features"], there["features"])[1] > 1e-2
    kept = {name for name, array in tensors.items() if array.ndim and np.array_equal(array, exchanged[name])}
    assert kept == {"fc.bias"} | {name for name in tensors if name.endswith("se.fc1.bias")} | constant(tensors)


def constant(tensors):
    """The names of tensors that an exchange cannot change, because their values are all the same."""
    return {name for name, array in tensors.items() if array.ndim and np.ptp(array) == 0}


@pytest.mark.parametrize("channels, shift_div", [(3, 3), (3, 6), (10, 8)])
def test_an_order_that_moves_the_input_has_no_other(channels, shift_div):
    network = Network("tsm_mobileone_s0", in_channels=channels, shift_div=shift_div, num_segments=16)
    with pytest.raises(ValueError, match="shift_order: got 'past_first' for a future_first network whose first block"):
        in_order(network, draw_weights(network), "past_first")


def test_published_figures():
    """13.72 M parameters and 48.65 G for a clip of 16 frames (mmaction2's README of TSM). Like mmaction2's other
    figures, the latter also counts two for each value that a BatchNorm returns; pools and gates are the rest.
    """
    network = Network("tsm_mobileone_s4", num_segments=16)
    weights = (shape for name, shape in network.shapes().items() if ".running_" not in name and ".num_" not in name)
    assert round(sum(int(np.prod(shape)) for shape in weights) / 1e6, 2) == 13.72
    normed = 0
    for layer in network.layers():
        if isinstance(layer, ParallelConvolution):
            count = len(layer.branches) + (layer.identity_norm is not None)
            normed += count * layer.fused.out_channels * halved(224, layer.place.halvings) ** 2 * network.num_segments
    assert abs((count_flops(network) + 2 * normed) / 48.65e9 - 1) < 1e-3
    assert count_flops(network.with_options(fused=True)) < count_flops(network)


@pytest.mark.parametrize(
    "layout, is_shift", [("mmaction2", True), ("mmaction2", False), ("mmpretrain", False), ("canonical", True)]
)
@pytest.mark.parametrize("fused", [True, False])
def test_keys_and_shapes_say_the_network(layout, is_shift, fused):
    """S1, S2 and S3 have the same keys, and the fused S0, too: their widths tell them apart. So do they in `inspect` of
    a file that lacks a tensor.
    """
    for arch in (arch for arch in ARCHITECTURES if "mobileone" in arch):
        network = Network(arch, num_classes=7, is_shift=is_shift, fused=fused)
        shapes = {entry.key: entry.shape for entry in expand(LAYOUTS[layout], network)}
        file = Checkpoint("x.pth", "torch-zip", no_memory(shapes), (), {}, {})
        found = interpret(file)
        assert (found.layout.name, found.network) == (layout, network)
        incomplete = dict(list(file.tensors.items())[1:])
        nearest = nearest_network(replace(file, tensors=incomplete))
        assert (nearest.layout.name, nearest.network.arch, len(nearest.missing)) == (layout, arch, 1)


def no_memory(shapes):
    return {key: np.broadcast_to(np.float32(1), shape) for key, shape in shapes.items()}


def test_initial_weights():
    """mmaction2's: Kaiming's normal over the outputs of every convolution, BatchNorm 1, the classifier 0.001."""
    drawn = {}
    for package, home in ((paddle_tsm, paddle_tsm.models.initial_weights), (torch_ref, torch_ref.initial_weights)):
        model = package.create_model("tsm_mobileone_s4", num_classes=400)
        arrays = {name: np.asarray(value.detach()) for name, value in home.initialise(model, 3).state_dict().items()}
        drawn[package.__name__] = arrays | {"fc.weight": arrays["fc.weight"].reshape(-1)[:0]}
        fc, depthwise, squeeze = (arrays[name] for name in ("fc.weight", DEPTHWISE, "stage4.1.se.fc1.weight"))
        assert abs(fc.std() / 0.001 - 1) < 0.01
        assert abs(depthwise.std() / np.sqrt(2 / (896 * 9)) - 1) < 0.05
        assert abs(squeeze.std() / np.sqrt(2 / 128) - 1) < 0.02
        assert (arrays["stage3.2.identity.weight"] == 1).all() and not arrays["stage4.1.se.fc2.bias"].any()
    ours, reference = drawn.values()
    assert all(np.array_equal(ours[name], reference[name]) for name in reference)


DEPTHWISE = "stage3.2.branches.1.conv.weight"


@pytest.mark.slow
def test_steps():
    """Two steps of training are the same in both packages; with Paddle's own running variance they are not.

    Clips of 32 pixels would leave 8 values for each BatchNorm of the last stage, which magnify rounding.
    """
    network = Network("tsm_mobileone_s0", num_classes=4, num_segments=4)
    weights, batches = draw_initial_weights(network.shapes(), 0), seeded_batches(network, 2, 2, 64)
    reference, biased = network, network.with_options(running_var="biased")
    for ours, passes in ((network, True), (biased, False)):
        sides = TorchSide(reference, weights, "float64"), PaddleSide(ours, weights, "float64")
        rows = compare_steps(*sides, batches, 1e-3).rows
        assert all(row.passed for row in rows) == passes, rows


@pytest.mark.parametrize("package", [paddle_tsm, torch_ref])
def test_a_training_starts_from_mmpretrains_file(tmp_path, package):
    """Keys of an ImageNet file: no shift, its own head, 1000 classes, in "state_dict"."""
    image = Network("tsm_mobileone_s0", num_classes=1000, is_shift=False)
    write_demo_checkpoint(str(tmp_path / "in1k.pth"), image, "mmpretrain")
    keys = read_checkpoint(tmp_path / "in1k.pth")
    assert keys.wrapper == ("state_dict",) and {"backbone.stage0.branch_scale.conv.weight", "head.fc.bias"} <= set(
        keys.tensors
    )
    model = package.create_model("tsm_mobileone_s0", num_classes=7)
    before = model.fc.bias.detach().numpy().copy()
    with pytest.raises(ValueError, match="has 1000 classes, the network to train has 7"):
        package.load_pretrained(model, tmp_path / "in1k.pth")
    package.load_pretrained(model, tmp_path / "in1k.pth", without_classifier=True)
    weights = {name: np.asarray(value.detach()) for name, value in model.state_dict().items()}
    assert np.array_equal(weights["fc.bias"], before)
    name = "stage3.7.branches.2.conv.weight"
    assert np.array_equal(weights[name], keys.tensors["backbone.stage3.7.branch_conv_list.2.conv.weight"])


def test_inspect_says_that_no_key_tells_the_groups(tmp_path, capsys):
    file = str(tmp_path / "s0.pth")
    write_demo_checkpoint(file, Network("tsm_mobileone_s0", num_classes=7))
    for flags, value, why in (
        ([], 8, "the weights are the same for groups of any length; the default"),
        (["--num-segments", "16", "--shift-segments", "8"], 8, "given"),
    ):
        assert main(["inspect", file, "--json", *flags]) == 0
        described = json.loads(capsys.readouterr().out)
        assert described["assumed"]["shift_segments"] == {"value": value, "why": why}
        assert described["read"]["shift_place"] == "block" and described["read"]["fused"] is False
    assert main(["convert", file, str(tmp_path / "c.safetensors"), *flags]) == 0
    assert read_network(tmp_path / "c.safetensors").network.shift_segments == 8
    assert main(["convert", str(tmp_path / "c.safetensors"), str(tmp_path / "d.pth"), "--to", "mmaction2"]) == 0


def test_who_shifts_groups_of_frames():
    """Only mmaction2 does: its backbone and its head have a number of frames each."""
    for arch in ("tsm_resnet50", "tsm_mobilenet_v2", "pptsm_resnet50", "tsm_mobileone_s0"):
        network = Network(arch, num_segments=16, shift_segments=8)
        reasons = {name: layout.why_not(network) for name, layout in LAYOUTS.items()}
        can = {name for name, reason in reasons.items() if reason is None}
        assert can == ({"canonical", "mmaction2"} if arch != "pptsm_resnet50" else {"canonical"}), reasons
    mit = LAYOUTS["mit"].why_not(Network("tsm_resnet50", num_segments=16, shift_segments=8))
    assert mit == "shifts over all frames of a clip, and this network within groups of 8"
    attends = Network("tsm_resnet50", num_segments=16, shift_segments=8, non_local="gaussian")
    assert "non-local" in LAYOUTS["mmaction2"].why_not(attends)
