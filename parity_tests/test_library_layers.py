"""Every layer of paddle.nn that torch.nn has, too: paired without a line of `align`, and equal in output, gradients and
training steps but for what is known to differ.
"""

import sys
from pathlib import Path

import pytest

from paddle_tsm.parity import compare_models

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))

from library_layers import layer_pairs

PAIRS = {pair.name: pair for pair in layer_pairs()}
# PyTorch's whole Transformer says that it does not take its fast path; it has no option against the remark
pytestmark = pytest.mark.filterwarnings("ignore:enable_nested_tensor is True:UserWarning")
STATISTICS = ("running stats", "3 steps: buffers")  # Paddle's running variance is biased, its momentum in float32


def differing(pair, weights="copy"):
    """The names of the rows that do not pass, without those of BatchNorm's running statistics."""
    report = compare_models(pair.torch, pair.paddle, pair.inputs, steps=3, align=pair.align or None, weights=weights)
    assert report.steps and report.gradients and report.alignment.layers
    return [row.name for row in report.rows if not row.passed and row.name not in STATISTICS]


@pytest.mark.parametrize("name", PAIRS)
def test_a_layer_and_its_twin_are_equal(name):
    assert differing(PAIRS[name]) == []
    assert not PAIRS[name].align


DRAWN = [name for name in PAIRS if "Norm" not in name and name != "PReLU"]  # whose first weights are no constants


@pytest.mark.parametrize("name", DRAWN)
def test_weights_of_their_own_are_seen(name):
    """The comparison of each pair can fail: with weights that each library drew itself, the outputs differ."""
    assert "output" in " ".join(differing(PAIRS[name], "as they are"))
