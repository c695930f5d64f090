"""Grad-CAM in both packages: equal for every family and option; and faults in either that must be found."""

import inspect
import json
from collections import Counter
from functools import cache

import numpy as np
import pytest

from paddle_tsm.cli import main
from paddle_tsm.demo.material import draw_weights
from paddle_tsm.models import heat_maps as ours
from paddle_tsm.networks.network import Network
from paddle_tsm.parity.heat_maps import compare_heat_maps
from paddle_tsm.parity.paddle_side import PaddleSide
from paddle_tsm.parity.seeded_input import noise_clip
from paddle_tsm.parity.tolerance import TOLERANCES
from paddle_tsm.parity.torch_side import TorchSide
from torch_ref import heat_maps as reference

CASES = {
    "resnet10": {"arch": "tsm_resnet10"},
    "temporal pool, non-local": {
        "arch": "tsm_resnet10",
        "temporal_pool": True,
        "non_local": {"mode": "embedded_gaussian", "blocks": ((2, 0), (3, 0))},
    },
    "causal": {"arch": "tsm_resnet10", "shift_order": "causal"},
}
SLOW = {
    "block": {"arch": "tsm_resnet18", "shift_place": "block"},
    "no shift": {"arch": "tsm_resnet18", "is_shift": False},
    "mobilenet_v2": {"arch": "tsm_mobilenet_v2"},
    "resnet50": {"arch": "tsm_resnet50"},
    "pptsm_resnet50": {"arch": "pptsm_resnet50", "shift_order": "past_first"},
    "pptsm_mobilenet_v2": {"arch": "pptsm_mobilenet_v2", "shift_order": "past_first"},
    "pptsm_mobilenet_v3": {"arch": "pptsm_mobilenet_v3", "shift_order": "past_first"},
    "pptsm_v2": {"arch": "pptsm_v2", "num_segments": 8, "shift_order": "past_first"},
    "mobileone_s0": {"arch": "tsm_mobileone_s0"},
}
SMALL = Network("tsm_resnet10", num_classes=5, num_segments=4)
# a line of the function, and what stands there in a port that is wrong
FAULTS = {
    "weights summed, not averaged": ("gradient.mean([2, 3], keepdim=True)", "gradient.sum([2, 3], keepdim=True)"),
    "no ReLU": ("F.relu((weights * features).sum(1))", "(weights * features).sum(1)"),
    "one weight for all frames": (
        "gradient.mean([2, 3], keepdim=True)",
        "gradient.mean([0, 2, 3], keepdim=True).expand([gradient.shape[0], -1, 1, 1])",
    ),
    "gradient times features at each position": ("(weights * features)", "(gradient * features)"),
    "mean over the channels": ("(weights * features).sum(1)", "(weights * features).mean(1)"),
    "of the probability": ("logits = model(x)", "logits = F.softmax(model(x))"),
}


@cache
def weights_of(network: Network) -> dict:
    return draw_weights(network)


@cache
def torch_side(network: Network, dtype: str) -> TorchSide:
    return TorchSide(network, weights_of(network), dtype)


# On clip 0 one ReLU of these networks has an input of 0 within rounding and takes its other branch in float32, so that
# the gradients in front of it leap by a thousandth or more: in float64 all is equal, and in float32 on other clips.
SEEDS = {
    ("tsm_mobileone_s0", "future_first"): 1,
    ("tsm_resnet10", "causal"): 1,
    ("tsm_resnet50", "future_first"): 1,  # with oneDNN of an AVX-512 processor alone
}


def compared(network: Network, function=None):
    """The rows of a drawn network. function: in the place of Paddle's."""

    def paddle_side(dtype):
        side = PaddleSide(network, weights_of(network), dtype)
        if function:
            side.grad_cam = function
        return side

    x = noise_clip(network.num_segments, 64, 2, SEEDS.get((network.arch, network.shift_order), 0))
    return compare_heat_maps(lambda dtype: torch_side(network, dtype), paddle_side, x)


def check(options):
    network = Network(**{"num_classes": 5, "num_segments": 4} | options)
    rows = compared(network)
    assert [row.problem for row in rows] == [""] * len(rows), rows
    float64 = [row for row in rows if row.precision == "float64"]
    assert len(float64) * 2 == len(rows) and len(float64) >= 8
    assert TOLERANCES["float64"].limit == 1e-10 and all(row.limit == 1e-10 for row in float64)
    assert all(row.limit <= 1e-2 for row in rows), rows  # a limit as large as the values would let all through


@pytest.mark.parametrize("name", CASES)
def test_both_packages_have_the_same_heat_maps(name):
    check(CASES[name])


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_both_packages_have_the_same_heat_maps_in_every_family(name):
    check(SLOW[name])


def faulty(old: str, new: str):
    """Paddle's `grad_cam` with a piece of its text changed."""
    source = inspect.getsource(ours)
    assert source.count(old) == 1, old
    names = {"__name__": ours.__name__}
    exec(compile(source.replace(old, new), "faulty", "exec"), names)
    return names["grad_cam"]


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_found_in_both_precisions(name):
    rows = compared(SMALL, faulty(*FAULTS[name]))
    assert {row.precision for row in rows if not row.passed} == {"float64", "float32"}
    assert all(row.problem in ("", "beyond the limit") for row in rows)


def test_the_faults_change_one_line_each():
    """The text as it is, taken the same way, has no fault: it is the change that is found."""
    assert all(row.passed for row in compared(SMALL, faulty("keepdim=True", "keepdim=True")))


def test_by_hand():
    """The last stage of a TSN: the classifier's weights over the number of frames and positions, in both packages."""
    network = Network("tsm_resnet10", num_classes=5, num_segments=2, is_shift=False)
    tensors, x = draw_weights(network), noise_clip(2, 64)
    for side, function in ((PaddleSide, ours.grad_cam), (TorchSide, reference.grad_cam)):
        built = side(network, tensors, "float64")
        outputs = built.outputs(x)
        features, best = outputs["layer4"], int(outputs["logits"].argmax())
        found = function(built.model, x)
        weights = tensors["fc.weight"][best].astype("float64") / (2 * 2 * 2)
        np.testing.assert_allclose(found.weights[0], [weights, weights], rtol=1e-12)
        expected = np.maximum(np.einsum("k,tkhw->thw", weights, features), 0)
        np.testing.assert_allclose(found.maps[0], expected, atol=1e-12 * expected.max())
        assert expected.max() > 0 and found.classes.tolist() == [best]


@pytest.mark.parametrize("package", [ours, reference], ids=["paddle_tsm", "torch_ref"])
def test_what_cannot_be_explained(package):
    side = (PaddleSide if package is ours else TorchSide)(SMALL, draw_weights(SMALL), "float32")
    side.model.train()
    for arguments, said in (
        ({"layer": "layer5"}, "the nearest: layer"),
        ({"layer": "fc"}, "height and width"),
        ({"classes": [5]}, "0 to 4"),
        ({"classes": [1, 2]}, "0 to 4"),
    ):
        with pytest.raises(ValueError, match=said):
            package.grad_cam(side.model, noise_clip(4, 32), **arguments)
    assert side.model.training and side.model.bn1.training  # left as it was
    statistics = {name: value for name, value in side.tensors().items() if "running" in name}
    package.grad_cam(side.model, noise_clip(4, 32), "layer1.0.conv1")
    assert all(np.array_equal(value, side.tensors()[name]) for name, value in statistics.items())


def test_the_command(r18_file, tmp_path, capsys):
    out = tmp_path / "report.json"
    assert main(["parity", str(r18_file), "--heat-maps", "--num-segments", "4", "--json", str(out)]) == 0
    names = Counter(row["name"] for row in json.loads(out.read_text())["rows"])
    assert [names[f"{what} layer{i}"] for i in (1, 2, 3, 4) for what in ("heat map of", "its weights in")] == [2] * 8
    assert main(["parity", "--curves", "a", "b", "--heat-maps"]) == 2
    assert "--heat-maps" in capsys.readouterr().err
