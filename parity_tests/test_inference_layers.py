"""Every kind of layer that a family can declare, in its exported form: the same function as the model's, in float64."""

import paddle
import pytest
from paddle.nn import functional as F

from paddle_tsm.export.inference_network import InferenceNetwork
from paddle_tsm.export.stream_shift import GatherShift, TimeMajorShift
from paddle_tsm.parity.compare import compare
from paddle_tsm.parity.tolerance import TOLERANCES
from parity_tests.toy_networks import Toy, random_frames

FLOAT64 = TOLERANCES["float64"].limit
DEPTHWISE_FIRST = Toy((("rep_dw relu", "se sigmoid", "pw relu", "pw relu"),) * 2, shortcut=False)
TOYS = {
    "a depthwise convolution reads what is shifted": DEPTHWISE_FIRST,
    "a depthwise convolution reads and writes": Toy((("rep_dw",), ("rep_pw",), ("rep_dw",)), "relu", shortcut=False),
    "squeeze and excitation in front of the last ReLU": Toy(
        (("rep_dw", "se sigmoid"), ("rep_pw", "se sigmoid")), "relu"
    ),
    "no stem": Toy((("rep_pw",), ("dw",), ("pw",)), "relu", shortcut=False, stem=False),
    "hardswish and hardsigmoid": Toy((("pw hardswish", "dw hardswish", "se hardsigmoid", "pw"),) * 2),
    "the shortcut is added behind the activation": Toy((("dw relu", "pw relu"),) * 3),
    "groups": Toy((("gw relu", "pw"), ("pw relu", "gw"), ("gw",), ("gw relu", "gw relu"))),
    "only squeeze and excitation": Toy((("se sigmoid",), ("pw",))),
    "one block shifts": Toy((("dw relu", "pw relu"),) * 3, no_shift=(1, 3)),
    "layers on both sides of the mean": Toy((("pw relu",),) * 2, end=True, scales_at_inference=True),
}
OPTIONS = [
    {},
    {"shift_place": "block", "shift_order": "past_first", "in_channels": 5},
    {"shift_segments": 2},
    {"num_segments": 6, "shift_segments": 3, "shift_order": "causal"},
    {"temporal_attention": True},
    {"temporal_attention": True, "num_segments": 6, "shift_segments": 2},
    {"shift_div": 16},
    {"shift_div": 3},
]
EVERY = [(name, options) for name in TOYS for options in OPTIONS]


def logits(layer, x):
    with paddle.no_grad():
        return layer(x).numpy()


@pytest.mark.parametrize("shift_class", [TimeMajorShift, GatherShift])
@pytest.mark.parametrize("name, options", EVERY, ids=lambda value: " ".join(map(str, getattr(value, "values", list)())))
def test_the_exported_form_is_the_network(monkeypatch, shift_class, name, options):
    """For three clips, which do not see each other. The same weights with another shift, or none, are another one."""
    model = TOYS[name].built(monkeypatch, **options)
    x = random_frames(model, 3)
    expected, form = logits(model, x), InferenceNetwork(model, shift_class)
    form.eval()
    assert compare("logits", expected, logits(form, x), FLOAT64).passed
    assert compare(
        "logits", expected[1:2], logits(form, x[model.num_segments : 2 * model.num_segments]), FLOAT64
    ).passed
    for wrong in (
        {"shift_order": "past_first" if model.network.shift_order != "past_first" else "causal"},
        {"is_shift": False},
    ):
        other = TOYS[name].built(monkeypatch, **options | wrong)
        assert not compare("logits", expected, logits(other, x), 1e-6).passed


CHANGES = {
    "hardswish and hardsigmoid": lambda model: setattr(model.stage2[0].layers[2], "gate", F.hardsigmoid),  # slope 1/6
    "layers on both sides of the mean": lambda model: setattr(model.dropout, "factor_at_inference", 1.0),
    "squeeze and excitation in front of the last ReLU": lambda model: setattr(model.stage2[0], "act", None),
    "groups": lambda model: setattr(model.stage4[0], "act", F.relu),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_has_no_tensor_matters(monkeypatch, name):
    """The exported form of a network is not that of one with another function somewhere."""
    model = TOYS[name].built(monkeypatch)
    x = random_frames(model, 2)
    expected = logits(model, x)
    CHANGES[name](model)
    changed = logits(model, x)
    assert not compare("logits", expected, changed, 1e-6).passed
    form = InferenceNetwork(model)
    form.eval()
    assert compare("logits", changed, logits(form, x), FLOAT64).passed


@pytest.mark.parametrize("name", TOYS)
def test_every_tensor_matters(monkeypatch, name):
    """Half as much again of any one tensor of the model moves its logits by far more than the comparison allows."""
    model = TOYS[name].built(monkeypatch, temporal_attention=True)
    x = random_frames(model, 1, size=8)
    expected = logits(model, x)
    for tensor_name, tensor in model.state_dict().items():
        if tensor_name.endswith("num_batches_tracked"):
            continue
        kept = tensor.numpy().copy()
        tensor.set_value(1.5 * kept)
        assert not compare("logits", expected, logits(model, x), 100 * FLOAT64).passed, tensor_name
        tensor.set_value(kept)
    assert compare("logits", expected, logits(model, x), FLOAT64).passed
