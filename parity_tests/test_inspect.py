"""What `paddle-tsm inspect` says of a file."""

import json

import pytest
import torch

import torch_ref
from paddle_tsm.cli import main
from paddle_tsm.networks.flops import count_flops
from paddle_tsm.networks.network import Network


def inspected(capsys, *args):
    assert main(["inspect", *map(str, args), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_what_the_keys_say_and_what_not(r18_file, capsys):
    found = inspected(capsys, r18_file)
    assert (found["layout"], found["architecture"], found["classes"], found["dtype"]) == (
        "mmaction2",
        "tsm_resnet18",
        27,
        "float32",
    )
    assert found["network at"] == "state_dict" and found["format"] == "torch-zip"
    assert found["parameters"] == sum(
        p.numel() for p in torch_ref.create_model("tsm_resnet18", num_classes=27).parameters()
    )
    assert found["read"] == {"is_shift": True, "shift_place": "blockres", "shift_every": 1, "temporal_pool": False}
    assert {name: entry["value"] for name, entry in found["assumed"].items()} == {
        "num_segments": 8,
        "shift_div": 8,
        "shift_segments": 8,
        "shift_order": "future_first",
    }
    assert "the weights are the same for any number of frames" in found["assumed"]["num_segments"]["why"]


def test_what_is_given_and_what_is_recorded(r18_file, tmp_path, capsys):
    assert inspected(capsys, r18_file, "--shift-div", 4)["assumed"]["shift_div"] == {"value": 4, "why": "given"}
    assert main(["convert", str(r18_file), str(tmp_path / "c.safetensors"), "--shift-div", "4"]) == 0
    capsys.readouterr()
    found = inspected(capsys, tmp_path / "c.safetensors")
    assert found["assumed"]["shift_div"]["value"] == 4 and "recorded" in found["assumed"]["shift_div"]["why"]


def test_the_table_fits_a_terminal(r18_file, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["inspect", str(r18_file)]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 80


def convolution_macs(network, size):
    """Multiply-adds by running the reference: each convolution's and Linear's weight times its output positions."""
    model = torch_ref.create_model(network.arch, **network.options()).eval()
    total = 0

    def count(layer, _, output):
        nonlocal total
        positions = output.numel() // (output.shape[1] if output.ndim > 2 else output.shape[-1])
        total += positions * layer.weight.numel()

    for layer in model.modules():
        if isinstance(layer, (torch.nn.Conv2d, torch.nn.Conv3d, torch.nn.Linear)):
            layer.register_forward_hook(count)
    with torch.no_grad():
        model(torch.zeros(network.num_segments, 3, size, size))
    return total


@pytest.mark.parametrize(
    "network, size",
    [
        (Network("tsm_resnet18", num_segments=2), 64),
        (Network("tsm_resnet50", num_segments=2), 75),
        (Network("pptsm_resnet50", num_segments=2), 64),
        (Network("tsm_mobilenet_v2", num_segments=2), 97),
        (Network("tsm_mobileone_s0", num_segments=2), 97),
        (Network("tsm_mobileone_s4", num_segments=2, fused=True), 64),
        (Network("tsm_resnet50", num_segments=4, temporal_pool=True), 64),
        (Network("tsm_mobilenet_v2", num_segments=4, temporal_pool=True), 64),
        (Network("pptsm_mobilenet_v2", num_segments=4, temporal_pool=True), 97),
        (Network("pptsm_mobilenet_v3", num_segments=4, temporal_pool=True), 97),
    ],
    ids=lambda value: str(getattr(value, "arch", value)),
)
def test_flops(network, size):
    assert count_flops(network, size) == convolution_macs(network, size)


def test_flops_of_non_local_blocks():
    """The convolutions as they are counted when run, and two products over I x J positions in each block."""
    plain, attending = (
        Network("tsm_resnet50", num_segments=2),
        Network("tsm_resnet50", num_segments=2, non_local="dot_product"),
    )
    products = 0
    for stage, inner in ((2, 256), (2, 256), (3, 512), (3, 512), (3, 512)):
        edge = 64 // 2 ** (stage + 1)
        products += 2 * (2 * edge**2) * (2 * (edge // 2) ** 2) * inner
    assert count_flops(attending, 64) == convolution_macs(attending, 64) + products
    assert count_flops(plain, 64) == convolution_macs(plain, 64)


def test_flops_are_mmaction2s_figure_without_the_norms():
    """mmaction2 states 32.88 G for ResNet-50 on 8x224x224, which also counts two per value of each BatchNorm."""
    network, norms = Network("tsm_resnet50"), 0
    model = torch_ref.create_model("tsm_resnet50").eval()

    def count(layer, _, output):
        nonlocal norms
        norms += 2 * output.numel()

    for layer in model.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            layer.register_forward_hook(count)
    with torch.no_grad():
        model(torch.zeros(8, 3, 224, 224))
    assert (count_flops(network) + norms) / 1e9 == pytest.approx(32.88, abs=0.005)
