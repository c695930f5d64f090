"""Networks of optical flow: MIT's own outputs, the limits of the systems, and weights from a network of pictures."""

import re

import numpy as np
import pytest
import torch

import paddle_tsm
import torch_ref
from paddle_tsm.conversion.convert import convert
from paddle_tsm.demo.material import write_demo_checkpoint
from paddle_tsm.layouts.description import describe
from paddle_tsm.layouts.network_file import interpret, read_network
from paddle_tsm.layouts.registry import LAYOUTS
from paddle_tsm.networks.network import Network
from paddle_tsm.parity.compare import compare, distance
from paddle_tsm.parity.paddle_side import PaddleSide
from paddle_tsm.parity.tolerance import TOLERANCES, float32_limit
from paddle_tsm.parity.torch_side import TorchSide
from parity_tests.recorded import names, recorded

SIDES = [TorchSide, PaddleSide]
VECTORS = names("mit_flow_*")
FLOAT64 = TOLERANCES["float64"].limit
# the order x1..x5, y1..y5 in place of x1, y1, x2, y2, ...
APART = [*range(0, 10, 2), *range(1, 10, 2)]


def of_vector(name):
    vector = recorded(name)
    return vector, interpret(vector.checkpoint(), **vector.options())


def stage_of(key: str, model) -> str:
    """The stage that a recorded array is of: "layer1_f64" says it; "features17_f64" is the output of a module."""
    stage = key.removesuffix("_f64")
    number = re.fullmatch(r"features(\d+)", stage)
    if number is None:
        return stage
    return next(name for name, end in model.stage_ends.items() if end == f"features.{number[1]}")


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", VECTORS)
def test_mits_outputs(name, side):
    """Every recorded array, in float64; the logits in float32, too."""
    vector, found = of_vector(name)
    x, logits = vector.input(), vector.outputs["logits_f64"]
    assert found.network.in_channels == x.shape[1] == 10
    one = side(found.network, found.tensors, "float64")
    results = one.outputs(x.astype("float64"))
    expected = {key: array for key, array in vector.outputs.items() if key.endswith("_f64")}
    assert len(expected) >= 5
    for key, array in expected.items():
        stage = stage_of(key, one.model)
        result = results[stage] if stage == "logits" else results[stage].mean((2, 3))
        assert (row := compare(stage, array, result, FLOAT64)).passed, row

    noise = distance(logits, vector.outputs["logits_f32"])[1]
    in_float32 = side(found.network, found.tensors, "float32").outputs(x)["logits"]
    assert (row := compare("logits", vector.outputs["logits_f32"], in_float32, float32_limit(noise))).passed, row


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", VECTORS)
def test_another_network_or_input_is_seen(name, side):
    """Other weights, no shift, the other shift order, and x and y in another order are seen. The
    logits change by about as much as was recorded for MIT's own network; the order of the channels is seen in the first
    stage, because the deep network nearly forgets its input."""
    vector, found = of_vector(name)
    x, logits = vector.input().astype("float64"), vector.outputs["logits_f64"]

    def error(network, tensors, clip=x) -> float:
        return distance(logits, side(network, tensors, "float64").outputs(clip)["logits"])[1]

    other = interpret(vector.checkpoint(seed_offset=1), **vector.options())
    assert error(found.network, other.tensors) > 1e-3
    reordered = side(found.network, found.tensors, "float64").outputs(x[:, APART])["layer1"].mean((2, 3))
    first = next(array for key, array in vector.outputs.items() if key in ("layer1_f64", "features1_f64"))
    assert distance(first, reordered)[1] > 1e-2
    sensitivity = vector.meta["sensitivity"]
    without, reversed_ = (
        error(found.network.with_options(**{option: value}), found.tensors)
        for option, value in (("is_shift", False), ("shift_order", "past_first"))
    )
    assert without == pytest.approx(sensitivity["no_shift"], rel=0.5) and without > 1e4 * FLOAT64
    assert reversed_ == pytest.approx(sensitivity["reversed_shift"], rel=0.5) and reversed_ > 100 * FLOAT64


@pytest.mark.parametrize("arch", ["tsm_resnet18", "tsm_resnet50", "tsm_mobilenet_v2", "pptsm_resnet50"])
def test_which_systems_run_it(arch):
    network = Network(arch, in_channels=10)
    runs = {name for name, layout in LAYOUTS.items() if layout.why_not(network) is None}
    wanted = {"canonical", "mit", "mmaction2"} if arch.startswith("tsm_resnet") else {"canonical", "mit"}
    assert runs == (wanted if arch.startswith("tsm_") else {"canonical"})
    for name, layout in LAYOUTS.items():
        if name not in runs and layout.why_not(Network(arch)) is None:
            assert "10" in layout.why_not(network), name
    odd = network.with_options(in_channels=5)
    assert "x and y of each picture" in LAYOUTS["mit"].why_not(odd) or arch.startswith("pptsm")


def test_converted_and_inspected(tmp_path):
    """MIT's file to mmaction2's and back keeps every tensor; `inspect` says the channels; PaddleVideo is refused."""
    network = Network("tsm_resnet18", num_classes=5, in_channels=10)
    write_demo_checkpoint(tmp_path / "flow.pth.tar", network, "mit")
    found = read_network(tmp_path / "flow.pth.tar")
    assert found.network == network
    assert describe(found, {})["read"]["in_channels"] == 10
    assert "in_channels" not in describe(written(tmp_path / "rgb.pth.tar", network, 3), {})["read"]
    convert(tmp_path / "flow.pth.tar", tmp_path / "mm.pth", to_layout="mmaction2")
    convert(tmp_path / "mm.pth", tmp_path / "back.pth.tar", to_layout="mit")
    back = read_network(tmp_path / "back.pth.tar")
    assert all(np.array_equal(array, back.tensors[name]) for name, array in found.tensors.items())
    with pytest.raises(ValueError, match="paddlevideo takes pictures of 3 channels, the network 10"):
        wide = tmp_path / "wide.pth.tar"
        write_demo_checkpoint(wide, Network("tsm_resnet50", num_classes=5, in_channels=10), "mit")
        convert(wide, tmp_path / "no.pdparams", to_layout="paddlevideo")


def written(path, network, channels):
    write_demo_checkpoint(path, network.with_options(in_channels=channels), "mit")
    return read_network(path)


@pytest.mark.parametrize("package", [paddle_tsm, torch_ref])
@pytest.mark.parametrize("arch", ["tsm_resnet18", "tsm_mobilenet_v2", "pptsm_resnet50"])
def test_begins_from_pictures(arch, package, tmp_path):
    """The first convolution is MIT's: the mean over the input channels, for each channel; the rest is the file's."""
    network = Network(arch, num_classes=5, num_segments=2)
    path = tmp_path / "rgb.safetensors"
    write_demo_checkpoint(path, network, "canonical")
    file = read_network(path)
    model = package.create_model(arch, num_classes=5, num_segments=2, in_channels=10)
    package.load_pretrained(model, path)
    state = {name: value.numpy() for name, value in model.state_dict().items()}
    first = next(iter(network.shapes()))
    kernel = torch.from_numpy(np.array(file.tensors[first]))
    expected = kernel.mean(dim=1, keepdim=True).expand(kernel.shape[0], 10, *kernel.shape[2:]).numpy()
    assert np.array_equal(state[first], expected)
    assert not np.array_equal(expected[:, :3], kernel.numpy())
    assert all(
        np.array_equal(state[name], array)
        for name, array in file.tensors.items()
        if name != first and not name.startswith(network.classifier)
    )
    back = package.create_model(arch, num_classes=5, num_segments=2)
    write_demo_checkpoint(path, network.with_options(in_channels=10), "canonical")
    with pytest.raises(ValueError, match=r"takes 10 input channels, the network to train takes 3; wanted as many"):
        package.load_pretrained(back, path)


@pytest.mark.parametrize("package", [paddle_tsm, torch_ref])
@pytest.mark.parametrize("kind", ["tsm_sgd", "tsm_adamw"])
def test_the_first_convolution_learns_faster(package, kind):
    """MIT's get_optim_policies for the modality Flow: 5 for the weight, 10 for the bias, the rest as for pictures."""
    model = package.create_model("tsm_resnet18", num_classes=3, num_segments=2, in_channels=10)
    new = getattr(package.optim, kind)

    def rates(**options):
        return {group["name"]: group["lr"] for group in new(model, lr=0.5, **options).param_groups}

    usual, of_flow = rates(), rates(first_lr5=True)
    assert usual["first conv weight"] == 0.5 and usual["first conv bias"] == 1.0
    assert of_flow == usual | {"first conv weight": 2.5, "first conv bias": 5.0}
    optimizer = new(model, lr=0.5, first_lr5=True)
    optimizer.set_lr(0.1)
    assert next(g["lr"] for g in optimizer.param_groups if g["name"] == "first conv weight") == pytest.approx(0.5)
