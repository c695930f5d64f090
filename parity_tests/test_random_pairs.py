"""Correct pairs of random models: no false alarm, and each is sensitive to one changed weight or one changed line.

pytest parity_tests/test_random_pairs.py -m "slow or not slow"    # 200 pairs, about a minute
"""

import numpy as np
import paddle
import pytest
import torch

from paddle_tsm.parity.model_pair.alignment import convert_weights
from paddle_tsm.parity.model_pair.compare_models import compare_models
from paddle_tsm.parity.model_pair.layer_tensors import named_tensors
from parity_tests.random_pairs import Pair, random_pair

FEW = [0, 7, 20, 33, 40, 47, 55, 64, 76, 83, 111, 126]  # every kind of input, both kinds of names


def built(seed: int, paddle_source: str | None = None):
    """(The pair, PyTorch's model, Paddle's), with seeded weights."""
    pair = random_pair(seed)
    torch.manual_seed(seed)
    paddle.seed(seed)
    return pair, *pair.build(paddle_source)


def assert_no_false_alarm(seed: int):
    pair, a, b = built(seed)
    report = compare_models(a, b, pair.inputs)
    assert report.equal, f"{pair.units}\n{pair.torch}\n{pair.paddle}\n{[row for row in report.rows if not row.passed]}"
    return report


@pytest.mark.parametrize("seed", FEW)
def test_no_false_alarm(seed):
    assert_no_false_alarm(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(200))
def test_no_false_alarm_in_200(seed):
    assert_no_false_alarm(seed)


def changed_weight(seed: int) -> bool:
    """Whether one random value of a trained weight, changed by 1e-3, is seen; True where the pair has none."""
    pair, a, b = built(seed)
    report = compare_models(a, b, pair.inputs, steps=0, float32=False)
    vanishing = set(report.gradients.vanishing)
    errors = {name: error for name, error in report.gradients.errors.items() if error < 1e-9}
    twins = {twin.torch: twin.paddle for twin in report.alignment.tensors}
    names = [name for name in twins if name in errors and name not in vanishing]
    if not names:
        return True
    rng = np.random.default_rng(seed)
    target = twins[names[int(rng.integers(len(names)))]]
    weights = convert_weights(a.state_dict(), report.alignment)
    tensors = named_tensors(b)
    for name, array in weights.items():
        if name in tensors:
            tensors[name].set_value(array.reshape(tensors[name].shape))
    alone = compare_models(a, b, pair.inputs, weights="as they are", steps=0, gradients=False, float32=False)
    assert alone.equal, "the converted weights are right before one of them is changed"
    array = tensors[target].numpy().copy()
    array.flat[int(rng.integers(array.size))] += 1e-3
    tensors[target].set_value(array)
    return not compare_models(a, b, pair.inputs, weights="as they are", steps=1, float32=False).equal


def changed_line(seed: int) -> bool:
    """Whether one random line of Paddle's forward function that is followed by a small fault is seen."""
    pair = random_pair(seed)
    head, forward = pair.paddle.split("def forward", 1)
    lines = forward.splitlines()
    places = [number for number, line in enumerate(lines) if line.strip().startswith("x = ")]
    if not places:
        return True
    number = places[int(np.random.default_rng(seed).integers(len(places)))]
    lines.insert(number + 1, "        x = x + 0.01 * paddle.sin(3 * x + 1)")
    pair, a, b = built(seed, f"{head}def forward" + "\n".join(lines) + "\n")
    try:
        return not compare_models(a, b, pair.inputs, steps=1).equal
    except ValueError as error:  # two layers that only the order pairs are paired for sure where the outputs agree
        return "the outputs differ" in str(error)


@pytest.mark.parametrize("seed", FEW[1:4])
def test_a_changed_weight_or_line_is_seen(seed):
    assert changed_weight(seed) and changed_line(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(200))
def test_a_changed_line_is_seen_in_200(seed):
    assert changed_line(seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(200))
def test_a_changed_weight_is_seen_in_200(seed):
    assert changed_weight(seed)


def test_a_fault_in_a_model_that_gives_a_single_number():
    """The diagnosis looks for exchanged axes, of which a single number has none."""
    assert changed_line(2)


def test_the_pairs_are_what_they_say():
    """Together they use what users use; the same seed is the same pair."""
    pairs = [random_pair(seed) for seed in range(200)]
    assert isinstance(pairs[0], Pair) and random_pair(5).torch == pairs[5].torch
    units = " ".join(unit for pair in pairs for unit in pair.units)
    for word in ("Conv1d", "Conv2d", "Conv3d", "ConvTranspose", "LSTM", "GRU", "RNN", "both ways", "attention, masked"):
        assert word in units, word
    for word in ("TransformerEncoderLayer", "shared layer", "tied weights", "channels last", "Embedding", "PReLU"):
        assert word in units, word
    for word in ("squeeze and excitation", "upsample", "group norm", "instance norm", "LayerNorm", "dropout", "nested"):
        assert word in units, word
    assert any(isinstance(pair.inputs, dict) for pair in pairs) and any(
        isinstance(pair.inputs, tuple) for pair in pairs
    )
