"""Both packages against what the upstream systems themselves computed."""

import numpy as np
import pytest

from paddle_tsm.layouts.network_file import interpret
from paddle_tsm.parity.compare import compare, distance
from paddle_tsm.parity.paddle_side import PaddleSide
from paddle_tsm.parity.tolerance import TOLERANCES, float32_limit
from paddle_tsm.parity.torch_side import TorchSide
from parity_tests.recorded import names, recorded

FORWARD = names("mmaction2_r*", "mit_*")
FLOAT64 = TOLERANCES["float64"].limit


@pytest.mark.parametrize("side", [TorchSide, PaddleSide])
@pytest.mark.parametrize("name", FORWARD)
def test_forward(name, side):
    vector = recorded(name)
    x = vector.input()
    logits = vector.outputs["logits_f64"]

    other = interpret(vector.checkpoint(seed_offset=1), **vector.options())
    wrong = side(other.network, other.tensors, "float64").outputs(x.astype("float64"))["logits"]
    assert not compare("logits of other weights", logits, wrong, 1e-3).passed, "the comparison cannot fail"

    found = interpret(vector.checkpoint(), **vector.options())
    results = side(found.network, found.tensors, "float64").outputs(x.astype("float64"))
    for key, expected in vector.outputs.items():
        stage = key.removesuffix("_f64")
        if stage.startswith("layer"):
            row = compare(stage, expected, results[stage].mean((2, 3)), FLOAT64)
        elif stage == "backbone":  # the last stage, spatial mean: the pooled features
            row = compare(stage, expected, results["features"], FLOAT64)
        elif stage == "logits":
            row = compare(stage, expected, results["logits"], FLOAT64)
        else:
            continue
        assert row.passed, row

    expected = vector.outputs["logits_f32"]
    noise = distance(logits, expected)[1]
    row = compare("logits", expected, side(found.network, found.tensors, "float32").outputs(x)["logits"], float32_limit(noise))
    assert row.passed, row


def test_every_recorded_output_is_compared():
    kinds = {key.rsplit("_", 1)[0].rstrip("0123456789") for name in FORWARD for key in recorded(name).outputs}
    assert kinds == {"layer", "logits", "backbone"}


def test_the_recorded_input_is_the_recipe():
    assert recorded("mmaction2_r18_t8").input().dtype == np.float32
