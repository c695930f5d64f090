"""PaDiff's own scenarios: which are equal, and where those that are not differ (docs/measurements/padiff.md)."""

import paddle
import pytest
import torch

from paddle_tsm.parity.model_pair.compare_models import compare_models
from parity_tests.padiff_scenarios import SCENARIOS

FIRST = {  # what the report names first where the models are not equal
    "a gradient doubled on the way back": "gradients of second",
    "a gradient with 0.01 added, single step": "gradients of second",
    "the same mean, other values": "output",
    "NaN in both": "output",
    "another momentum of a BatchNorm": "running stats",
    "another dtype of the output": "output",
    "a slope of 1e-5 below zero": "output",
}


def compared(name):
    scenario = SCENARIOS[name]
    torch.manual_seed(0)
    paddle.seed(0)
    return compare_models(scenario.torch(), scenario.paddle(), dict(scenario.inputs), **{"steps": 2} | scenario.options)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario(name):
    report = compared(name)
    assert report.equal == SCENARIOS[name].equal, str(report)
    if not report.equal:
        names = [row.name for row in report.rows if not row.passed]
        assert FIRST[name] in names, names


def test_weights_and_gradients_are_told_apart():
    """PaDiff's check of weights and gradients: other weights with equal gradients, and the reverse."""
    scenario = SCENARIOS["a residual branch"]
    a, b = scenario.torch(), scenario.paddle()
    report = compare_models(a, b, dict(scenario.inputs), weights="as they are", steps=0)
    assert not report.equal and report.first_layer
    assert not compared("a gradient doubled on the way back").first_breach.name.startswith("output")


def test_every_difference_is_expected_by_name():
    assert set(FIRST) == {name for name, scenario in SCENARIOS.items() if not scenario.equal}
