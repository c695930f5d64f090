"""Faults injected on purpose: each must fail, and the report must name the first layer that is wrong."""

import dataclasses

import pytest

import paddle_tsm.models.layers.shift
from paddle_tsm.demo.material import draw_weights
from paddle_tsm.networks.network import Network
from paddle_tsm.parity.comparison import run_parity
from paddle_tsm.parity.paddle_side import PaddleSide
from paddle_tsm.parity.seeded_input import noise_clip
from paddle_tsm.parity.torch_side import TorchSide

R18 = Network("tsm_resnet18", num_classes=512, num_segments=4)  # as many classes as features: the classifier is square
R101 = Network("tsm_resnet101", num_classes=5, num_segments=4)


def parity(network, faulty_network=None, change_tensors=None, change_model=None):
    """The report of the reference against a Paddle network with a fault."""
    tensors = draw_weights(network)
    faulty = dict(tensors)
    if change_tensors:
        change_tensors(faulty)

    def other(dtype):
        side = PaddleSide(faulty_network or network, faulty, dtype)
        if change_model:
            change_model(side.model)
        return side

    return run_parity(lambda dtype: TorchSide(network, tensors, dtype), other, noise_clip(4, 64, clips=2))


def exchange(a, b):
    def change(tensors):
        tensors[a], tensors[b] = tensors[b], tensors[a]

    return change


def transpose(name):
    def change(tensors):
        tensors[name] = tensors[name].T

    return change


def swap_momentum(model):
    for layer in model.sublayers():
        if hasattr(layer, "momentum"):
            layer.momentum = 1 - layer.momentum


@pytest.mark.parametrize("network", [R18, R101], ids=["r18", "r101"])
def test_no_fault(network):
    report = parity(network)
    assert report.equal, report.first_breach
    assert report.first_layer is None


@pytest.mark.parametrize(
    "fault, layer",
    [
        ({"faulty_network": dataclasses.replace(R18, shift_order="past_first")}, "layer1.0.conv1"),
        ({"faulty_network": dataclasses.replace(R18, shift_order="causal")}, "layer1.0.conv1"),
        # conv1 sees the same shifted input; what differs is the shortcut, which the next block is the first to read
        ({"faulty_network": dataclasses.replace(R18, shift_place="block")}, "layer1.1.conv1"),
        ({"faulty_network": dataclasses.replace(R18, is_shift=False)}, "layer1.0.conv1"),
        ({"change_tensors": transpose("fc.weight")}, "fc"),
        ({"change_tensors": exchange("layer2.0.conv2.weight", "layer2.1.conv1.weight")}, "layer2.0.conv2"),
        ({"change_tensors": exchange("layer3.0.bn1.running_mean", "layer3.0.bn1.bias")}, "layer3.0.bn1"),
        ({"change_model": swap_momentum}, "bn1"),
    ],
    ids=[
        "reversed",
        "causal",
        "block",
        "no shift",
        "transposed fc",
        "exchanged convolutions",
        "exchanged statistics",
        "momentum",
    ],
)
def test_fault(fault, layer):
    report = parity(R18, **fault)
    assert not report.equal
    assert report.first_layer == layer


def test_fold_one_channel_off(monkeypatch):
    right = paddle_tsm.models.layers.shift.fold_ends
    monkeypatch.setattr(
        paddle_tsm.models.layers.shift, "fold_ends", lambda *args: tuple(end + 1 for end in right(*args))
    )
    report = parity(R18)
    assert not report.equal and report.first_layer == "layer1.0.conv1"


@pytest.mark.slow
def test_shift_in_every_block_of_a_resnet101():
    report = parity(R101, faulty_network=dataclasses.replace(R101, shift_every=1))
    assert not report.equal and report.first_layer == "layer1.1.conv1"


def test_nan_never_passes():
    def poison(tensors):
        tensors["fc.bias"] = tensors["fc.bias"] * float("nan")

    report = parity(R18, change_tensors=poison)
    assert not report.equal and report.first_breach.problem == "NaN or infinite" and report.first_layer == "fc"
