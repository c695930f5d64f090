"""Layers and networks that nobody here wrote: every layer of paddle.nn that torch.nn has, too, and the networks of
paddle.vision against those of torchvision.

    TORCHVISION_FOLDER=DIR pytest parity_tests/test_library_layers.py -m slow

DIR is where `pip install --no-deps --target DIR torchvision` put it. Without it those networks are skipped.
"""

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from paddle_tsm.parity import compare_models

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

import compare_libraries
from library_layers import layer_pairs
from library_networks import network_pairs
from torchvision_folder import import_torchvision_models

PAIRS = {pair.name: pair for pair in layer_pairs()}
# PyTorch's whole Transformer says that it does not take its fast path; it has no option against the remark
pytestmark = pytest.mark.filterwarnings("ignore:enable_nested_tensor is True:UserWarning")


def differing(pair, weights="copy"):
    """The names of the rows that do not pass."""
    report = compare_models(pair.torch, pair.paddle, pair.inputs, steps=3, align=pair.align or None, weights=weights)
    assert report.steps and report.gradients and report.alignment.layers
    return [row.name for row in report.rows if not row.passed]


@pytest.mark.parametrize("name", PAIRS)
def test_a_layer_and_its_twin_are_equal(name):
    assert differing(PAIRS[name]) == []
    assert not PAIRS[name].align


# their weights are drawn, not constant
DRAWN = [name for name in PAIRS if "Norm" not in name and name != "PReLU"]


@pytest.mark.parametrize("name", DRAWN)
def test_weights_of_their_own_are_seen(name):
    """The comparison of each pair can fail: with weights that each library drew itself, the outputs differ."""
    assert "output" in " ".join(differing(PAIRS[name], "as they are"))


# The networks. Those of the same family that are only deeper or wider are left to tools/compare_libraries.py.
TWINS_HERE = {pair.name: pair for pair in network_pairs(None)}
EQUAL = (
    *("resnet18", "resnet50", "resnext50_32x4d", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large"),
    *("shufflenet_v2_x1_0", "densenet121", "alexnet, mended", "squeezenet1_0, mended", "squeezenet1_1, mended"),
    *("googlenet, mended", "inception_v3, mended"),
)
DIFFERING = {  # network -> the first layer that differs, and by which of its differences
    "squeezenet1_0": "features.6",  # ceil_mode
    "squeezenet1_1": "features.0",  # padding
    "alexnet": "classifier.0",  # dropout's scale
    "inception_v3": "Conv2d_1a_3x3.bn",  # eps
}


@pytest.fixture(scope="module")
def torchvision_pairs():
    folder = os.environ.get("TORCHVISION_FOLDER")
    if not folder:
        pytest.skip("torchvision is no dependency: TORCHVISION_FOLDER does not name a folder that it is installed in")
    return {pair.name: pair for pair in network_pairs(import_torchvision_models(folder))}


def test_lenet_is_equal():
    assert differing(TWINS_HERE["LeNet"]) == []


@pytest.mark.slow
def test_mobilenet_v1_is_equal():
    assert differing(TWINS_HERE["MobileNetV1"]) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", EQUAL)
def test_a_network_and_torchvisions_are_equal(name, torchvision_pairs):
    assert differing(torchvision_pairs[name]) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", DIFFERING)
def test_where_libraries_differ_the_first_layer_is_named(name, torchvision_pairs):
    pair = torchvision_pairs[name]
    report = compare_models(pair.torch, pair.paddle, pair.inputs, steps=0, gradients=False)
    assert not report.equal and report.first_layer == DIFFERING[name]
    assert not pair.equal and pair.differs


@pytest.mark.slow
def test_googlenets_are_not_paired_as_they_are(torchvision_pairs):
    pair = torchvision_pairs["googlenet"]
    with pytest.raises(ValueError, match="do not have the same layers"):
        compare_models(pair.torch, pair.paddle, pair.inputs, steps=0, gradients=False)


def test_a_folder_without_torchvision_is_refused(tmp_path):
    with pytest.raises(ValueError, match="has no torchvision; install it there"):
        import_torchvision_models(str(tmp_path))


def run_program(monkeypatch, tmp_path, *pairs):
    """The exit code and the Markdown of tools/compare_libraries.py over these pairs, without torchvision."""
    monkeypatch.delenv(compare_libraries.VARIABLE, raising=False)
    monkeypatch.setattr(compare_libraries, "layer_pairs", lambda: list(pairs))
    monkeypatch.setattr(
        sys, "argv", ["compare_libraries.py", "--only", "inear", "--markdown", str(tmp_path / "table.md")]
    )
    return compare_libraries.main(), (tmp_path / "table.md").read_text("utf-8")


def test_the_program_and_its_table(monkeypatch, tmp_path, capsys):
    code, table = run_program(monkeypatch, tmp_path, PAIRS["Bilinear"], PAIRS["Linear"])
    assert code == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "torchvision's networks are left out" in printed and "2 of 2 pairs are as expected" in printed
    rows = [line.split(" | ") for line in table.splitlines() if line.startswith("| ")]
    assert [row[0] for row in rows[2:]] == ["| Bilinear", "| Linear"]
    assert all(row[3] == "0" and float(row[4]) < 1e-14 and row[7] == "yes" for row in rows[2:])


def test_the_program_fails_where_a_pair_is_not_what_is_written(monkeypatch, tmp_path, capsys):
    unlike = replace(PAIRS["Linear"], paddle=PAIRS["Bilinear"].paddle)
    code, table = run_program(monkeypatch, tmp_path, unlike, PAIRS["Bilinear"])
    assert code == 1 and "not paired" in table
    assert "1 of 2 pairs are as expected Linear" in " ".join(capsys.readouterr().out.split())
