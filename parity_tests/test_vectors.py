"""Both packages against what the upstream systems themselves computed.

PP-TSM on MobileNets: `test_pptsm_mobilenet.py`.
"""

from dataclasses import replace

import paddle
import pytest
import torch

from paddle_tsm.layouts.network_file import interpret
from paddle_tsm.networks.shift_order import exchanged_channels
from paddle_tsm.parity.compare import compare, distance
from paddle_tsm.parity.paddle_side import PaddleSide
from paddle_tsm.parity.tolerance import TOLERANCES, float32_limit
from paddle_tsm.parity.torch_side import TorchSide
from parity_tests.recorded import names, recorded

# test_pptsm_v2.py, test_mobileone.py and so on have these
OF_OTHER_MODULES = ("_train_", "_pptsm_v2_", "_pptsmv2_", "_pptsm_mv", "_mobileone_", "_flow_")


def here(*patterns: str) -> list[str]:
    """The recorded vectors whose names match, without those that other modules hold the packages to."""
    return [name for name in names(*patterns) if not any(part in name for part in OF_OTHER_MODULES)]


PADDLEVIDEO = here("paddlevideo_*")
FORWARD = [*here("mmaction2_*", "mit_*"), *PADDLEVIDEO]
FLOAT64 = TOLERANCES["float64"].limit
SIDES = [TorchSide, PaddleSide]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", FORWARD)
def test_forward(name, side):
    """Logits, and in the source's own shift order every recorded stage and the pooled features."""
    vector = recorded(name)
    x = vector.input()
    logits = vector.outputs["logits_f64"]

    other = interpret(vector.checkpoint(seed_offset=1), **vector.options())
    wrong = side(*other.as_asked(), "float64").outputs(x.astype("float64"))["logits"]
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
    row = compare(
        "logits", expected, side(found.network, found.tensors, "float32").outputs(x)["logits"], float32_limit(noise)
    )
    assert row.passed, row


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", PADDLEVIDEO)
def test_paddlevideo_in_the_other_order(name, side):
    """By default a PaddleVideo network comes in mmaction2's order: the same logits; the features with two folds
    exchanged.
    """
    vector = recorded(name)
    found = interpret(vector.checkpoint(), **vector.options())
    network, tensors = found.as_asked()
    assert (found.network.shift_order, network.shift_order) == ("past_first", "future_first")
    results = side(network, tensors, "float64").outputs(vector.input().astype("float64"))
    assert compare("logits", vector.outputs["logits_f64"], results["logits"], FLOAT64).passed
    features = vector.outputs["backbone_f64"]
    assert not compare("features", features, results["features"], 1e-2).passed
    assert compare(
        "features", features[:, exchanged_channels(2048, network.shift_div)], results["features"], FLOAT64
    ).passed

    renamed = side(network, found.tensors, "float64").outputs(vector.input().astype("float64"))
    row = compare("logits by renaming alone", vector.outputs["logits_f64"], renamed["logits"], 1e-8)
    assert not row.passed, "renaming alone would do"


@pytest.mark.parametrize("side", SIDES)
def test_caffes_style_is_another_network(side):
    """The tensors have the same names and shapes in either style, so that only the outputs tell."""
    vector = recorded("mmaction2_r50_t8_caffe")
    found = interpret(vector.checkpoint(), **vector.options() | {"caffe_style": False})
    results = side(found.network, found.tensors, "float64").outputs(vector.input().astype("float64"))
    assert not compare("logits", vector.outputs["logits_f64"], results["logits"], 1e-2).passed


def frame_logits(side, network, tensors, dtype, x):
    """[T, K] of the causal network on all frames at once."""
    model = side(network, tensors, dtype).model
    if side is TorchSide:
        with torch.no_grad():
            return model.frame_logits(torch.from_numpy(x)).numpy()
    with paddle.no_grad():
        return model.frame_logits(paddle.to_tensor(x)).numpy()


@pytest.mark.parametrize("side", SIDES)
def test_online(side):
    """The causal network on all frames at once, against the online network frame by frame."""
    vector = recorded("online_mv2_jester")
    x, logits = vector.input(), vector.outputs["logits_f64"]
    found = interpret(vector.checkpoint(), **vector.options())
    assert compare(
        "logits", logits, frame_logits(side, found.network, found.tensors, "float64", x.astype("float64")), FLOAT64
    ).passed
    offline = found.network.with_options(shift_order="future_first")
    assert not compare(
        "logits", logits, frame_logits(side, offline, found.tensors, "float64", x.astype("float64")), 1e-3
    ).passed

    expected = vector.outputs["logits_f32"]
    noise = distance(logits, expected)[1]
    assert compare(
        "logits", expected, frame_logits(side, found.network, found.tensors, "float32", x), float32_limit(noise)
    ).passed


def test_every_recorded_output_is_compared():
    kinds = {key.rsplit("_", 1)[0].rstrip("0123456789") for name in FORWARD for key in recorded(name).outputs}
    assert kinds == {"layer", "logits", "backbone"}


@pytest.mark.parametrize("name", ["mmaction2_r18_t8", "mit_r18_t8"])
def test_the_recorded_logits_are_those_of_the_recipes_input(name):
    """They are no other input's: neither another draw's, nor one with two frames exchanged or one value a hundredth
    larger.
    """
    vector = recorded(name)
    found = interpret(vector.checkpoint(), **vector.options())
    side, x = TorchSide(found.network, found.tensors, "float64"), vector.input().astype("float64")
    redrawn = replace(vector, meta=vector.meta | {"seed": vector.meta["seed"] + 1}).input().astype("float64")
    exchanged, nudged = x[[1, 0, *range(2, len(x))]], x.copy()
    nudged[0, 0, 8, 8] += 1e-2

    def passes(clip) -> bool:
        return compare("logits", vector.outputs["logits_f64"], side.outputs(clip)["logits"], FLOAT64).passed

    assert passes(x)
    assert [passes(clip) for clip in (redrawn, exchanged, nudged)] == [False, False, False]
