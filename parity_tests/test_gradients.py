"""Every parameter's gradient in both frameworks, for every option, in float64; and faults that must be found.

The deepest networks: python -m pytest -m slow parity_tests/test_gradients.py
"""

import dataclasses

import paddle
import pytest

from paddle_tsm.cli import main
from paddle_tsm.demo.material import draw_weights
from paddle_tsm.models.create import build
from paddle_tsm.networks.network import Network
from paddle_tsm.networks.non_local import MODES
from paddle_tsm.parity import paddle_side
from paddle_tsm.parity.gradients import compare_gradients
from paddle_tsm.parity.paddle_side import PaddleSide
from paddle_tsm.parity.seeded_input import noise_clip, seeded_labels
from paddle_tsm.parity.tolerance import TOLERANCES
from paddle_tsm.parity.torch_side import TorchSide

BLOCKS = ((2, 1), (3, 0))
R18 = Network("tsm_resnet18", num_classes=5, num_segments=4)
CASES = {
    "resnet18": {},
    "resnet34": {"arch": "tsm_resnet34"},
    "resnet50": {"arch": "tsm_resnet50"},
    "mobilenet_v2": {"arch": "tsm_mobilenet_v2"},
    "mobilenet_v2 block": {"arch": "tsm_mobilenet_v2", "shift_place": "block", "shift_order": "past_first"},
    "pptsm_mobilenet_v2": {"arch": "pptsm_mobilenet_v2", "shift_order": "past_first"},
    "pptsm_mobilenet_v3": {"arch": "pptsm_mobilenet_v3", "shift_order": "past_first"},
    "pptsm_resnet50": {"arch": "pptsm_resnet50", "shift_order": "past_first"},
    "mobileone_s0": {"arch": "tsm_mobileone_s0", "shift_div": 3},
    "shift_segments": {"shift_segments": 2},
    "no shift": {"is_shift": False},
    "block": {"shift_place": "block"},
    "past_first": {"shift_order": "past_first", "shift_div": 3},
    "causal": {"shift_order": "causal"},
    "causal block": {"shift_order": "causal", "shift_place": "block"},
    "shift_every": {"shift_every": 2},
    "temporal pool": {"temporal_pool": True},
    "temporal pool, non-local": {"temporal_pool": True, "non_local": {"mode": "dot_product", "blocks": BLOCKS}},
    "partial_bn": {"partial_bn": True},
    "partial_bn, non-local": {"partial_bn": True, "non_local": {"mode": "dot_product", "blocks": BLOCKS}},
    "biased": {"running_var": "biased"},
} | {
    f"non-local {mode}{', pooled' * sub}": {"non_local": {"mode": mode, "blocks": BLOCKS, "sub_sample": sub}}
    for mode in ("embedded_gaussian", "gaussian", "dot_product", "concatenation")
    for sub in (True, False)
}
DEEP = {
    "resnet101": {"arch": "tsm_resnet101"},
    "resnet101 block": {"arch": "tsm_resnet101", "shift_place": "block"},
    "resnet152": {"arch": "tsm_resnet152"},
    "pptsm_resnet101": {"arch": "pptsm_resnet101", "shift_order": "past_first"},
    "mobileone_s4": {"arch": "tsm_mobileone_s4"},
}


def compared(network, faulty_network=None, change_model=None, clips=4, size=32):
    """The gradients of a drawn network in both frameworks. [16, 3, 32, 32]: at least 16 values in every BatchNorm
    channel (8 behind the temporal pool).
    """
    tensors = draw_weights(network)
    other = PaddleSide(faulty_network or network, tensors, "float64")
    if change_model:
        change_model(other.model)
    x = noise_clip(network.num_segments, size, clips)
    return compare_gradients(
        TorchSide(network, tensors, "float64"), other, x, seeded_labels(clips, network.num_classes)
    )


def trainable(network):
    """Names of the parameters that learn."""
    names = [n for n in network.shapes() if not (".running_" in n or n.endswith("num_batches_tracked"))]
    if network.partial_bn:
        norms = [n.removesuffix(".running_mean") for n in network.shapes() if n.endswith(".running_mean")]
        frozen = [n for n in norms if ".non_local." not in n][1:]
        names = [n for n in names if n.rpartition(".")[0] not in frozen]
    return names


def check(options):
    network = dataclasses.replace(R18, **options)
    found = compared(network)
    assert TOLERANCES["gradients"].limit == 1e-9
    assert list(found.errors) == trainable(network)  # each of them, none skipped
    assert found.first is None and all(row.passed for row in found.rows), found.rows
    # what is 0 in exact arithmetic is the bias of a projection, or of a BatchNorm that only another one reads
    assert all(name.endswith(".bias") for name in found.vanishing)


@pytest.mark.parametrize("name", CASES)
def test_gradients(name):
    check(CASES[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", DEEP)
def test_gradients_of_the_deepest(name):
    check(DEEP[name])


def test_every_option_has_a_case():
    values = {(field, str(value)) for case in (CASES | DEEP).values() for field, value in case.items()}
    assert {
        ("temporal_pool", "True"),
        ("partial_bn", "True"),
        ("running_var", "biased"),
        ("shift_place", "block"),
        ("shift_order", "causal"),
        ("shift_order", "past_first"),
        ("is_shift", "False"),
    } <= values
    modes = {case["non_local"]["mode"] for case in CASES.values() if "non_local" in case}
    assert modes == set(MODES)


@pytest.mark.parametrize(
    "change, first",
    [
        ({"shift_order": "past_first"}, "fc.weight"),  # another forward pass: the whole backward pass differs
        ({"shift_order": "causal"}, "fc.weight"),
        ({"is_shift": False}, "fc.weight"),
    ],
    ids=lambda value: str(value),
)
def test_another_network_is_found(change, first):
    found = compared(R18, dataclasses.replace(R18, **change))
    assert not found.rows[0].passed and found.first in (first, "fc.bias")


def detach(name):
    """A change that cuts a layer's output out of the backward pass and leaves the forward pass alone."""

    def change(model):
        layer = dict(model.named_sublayers())[name]
        layer.register_forward_post_hook(lambda _, __, output: output.detach())
        return model

    return change


@pytest.mark.parametrize(
    "name, first",
    [
        ("layer3.1.bn2", "layer3.1.bn2.bias"),  # itself: nothing reaches it
        ("layer2.0.downsample", "layer2.0.downsample.1.bias"),
        ("layer1.0.conv1", "layer1.0.conv1.weight"),
    ],
)
def test_a_detached_branch_is_found_and_named(name, first):
    found = compared(R18, change_model=detach(name))
    assert found.rows[0].passed  # the loss is the same
    assert found.first == first
    assert found.problem in ("Paddle has no such tensor", "beyond the limit")


def test_a_gradient_scaled_by_a_billionth_and_a_half_is_found():
    """Just above the limit."""

    def change(model):
        weight = dict(model.named_parameters())["layer2.1.conv2.weight"]
        weight.register_hook(lambda gradient: gradient * (1 + 1.5e-9))

    found = compared(R18, change_model=change)
    assert found.first == "layer2.1.conv2.weight" and sum(not row.passed for row in found.rows) == 1


def test_gradients_that_are_zero_in_exact_arithmetic_are_held_to_their_layers():
    """The bias of a convolution in front of a BatchNorm: what is left of it is rounding; a wrong one is found still."""
    options = {"non_local": {"mode": "dot_product", "blocks": BLOCKS, "out_bias": True}}
    network = dataclasses.replace(R18, **options)
    bias = "layer2.1.non_local.out.bias"
    assert bias in network.shapes()
    found = compared(network)
    assert bias in found.vanishing and found.first is None and found.errors[bias] < 1e-9

    def change(model):
        dict(model.named_parameters())[bias].register_hook(
            lambda gradient: gradient + 1e-3 * paddle.ones_like(gradient)
        )

    assert compared(network, change_model=change).first == bias


def test_the_command_names_the_first_parameter(r18_file, monkeypatch, capsys):
    assert main(["parity", str(r18_file), "--gradients"]) == 0
    assert "gradients of layer4" in capsys.readouterr().out
    monkeypatch.setattr(paddle_side, "build", lambda network: detach("layer3.1.bn2")(build(network)))
    assert main(["parity", str(r18_file), "--gradients"]) == 1
    text = " ".join(capsys.readouterr().out.split())
    assert "first gradient that differs, in backward order: layer3.1.bn2.bias" in text
