"""PP-TSMv2 with every option: gradients, steps and pairs of options in both packages, streams, and what is refused."""

import dataclasses
import itertools

import numpy as np
import paddle
import pytest

import paddle_tsm
import torch_ref
from paddle_tsm.demo.material import draw_weights
from paddle_tsm.models.create import build
from paddle_tsm.models.initial_weights import draw_initial_weights
from paddle_tsm.models.load import assign_weights
from paddle_tsm.models.stream import StreamStep
from paddle_tsm.networks.flops import count_flops
from paddle_tsm.networks.network import Network
from paddle_tsm.parity.compare import compare
from paddle_tsm.parity.comparison import run_parity
from paddle_tsm.parity.gradients import compare_gradients
from paddle_tsm.parity.paddle_side import PaddleSide
from paddle_tsm.parity.seeded_input import noise_clip, seeded_labels
from paddle_tsm.parity.steps import compare_steps, seeded_batches
from paddle_tsm.parity.tolerance import TOLERANCES
from paddle_tsm.parity.torch_side import TorchSide
from parity_tests.test_inspect import convolution_macs
from parity_tests.test_stream import streamed

PLAIN = Network("pptsm_v2", num_classes=5, num_segments=4)
ATTENDING = PLAIN.with_options(temporal_attention=True)
OPTIONS = {
    "shift_place": ("blockres", "block"),
    "shift_every": (None, 3),
    "shift_order": ("future_first", "past_first", "causal"),
    "shift_div": (2, 3, 16),
    "num_segments": (2, 4),
    "is_shift": (True, False),
    "shift_segments": (None, 2),
    "temporal_pool": (False, True),
    "temporal_attention": (False, True),
    "fused": (False, True),
    "running_var": ("unbiased", "biased"),
    "dropout": (None, 0.0, 0.5),
    "in_channels": (3, 10),
}
SIZE = 64


def tensor_names(network):
    """All that learn: not the fused convolutions, with which the training form does not compute."""
    still = (".running_", "num_batches_tracked", ".dw.fused.")
    return [name for name in network.shapes() if not any(part in name for part in still)]


def gradients(network, other, change=None):
    tensors, x = draw_weights(network), noise_clip(network.num_segments, SIZE, 4)
    sides = TorchSide(network, tensors, "float64"), PaddleSide(other, tensors, "float64")
    if change:
        change(sides[1].model)
    return compare_gradients(*sides, x, seeded_labels(4, network.num_classes))


@pytest.mark.parametrize(
    "network",
    [PLAIN, ATTENDING, ATTENDING.with_options(shift_order="past_first", shift_div=16)],
    ids=["plain", "attention", "past_first"],
)
def test_gradients(network):
    found = gradients(network, network)
    assert list(found.errors) == tensor_names(network)  # each of them, none skipped
    assert found.first is None and all(row.passed for row in found.rows), found.rows


def untrained_attention(model):
    for parameter in model.stage3[0].attention.parameters():
        parameter.stop_gradient = True


@pytest.mark.parametrize(
    "other, change",
    [
        (ATTENDING.with_options(shift_order="past_first"), None),
        (ATTENDING.with_options(is_shift=False), None),
        (ATTENDING, untrained_attention),
    ],
    ids=["the shift reversed", "no shift", "no gradient of the attention"],
)
def test_wrong_gradients_are_found(other, change):
    assert gradients(ATTENDING, other, change).first is not None


def test_three_steps_are_equal():
    weights, batches = draw_initial_weights(ATTENDING.shapes(), 0), seeded_batches(ATTENDING, 3, 2, SIZE)
    found = compare_steps(
        TorchSide(ATTENDING, weights, "float64"), PaddleSide(ATTENDING, weights, "float64"), batches, 1e-3
    )
    assert all(row.passed for row in found.rows), found.rows
    biased = ATTENDING.with_options(running_var="biased")
    wrong = compare_steps(
        TorchSide(ATTENDING, weights, "float64"), PaddleSide(biased, weights, "float64"), batches, 1e-3
    )
    assert not all(row.passed for row in wrong.rows)


def pairs_of(choice):
    return set(itertools.combinations(choice.items(), 2))


def covering_options():
    """Few combinations of options in which every pair of values of two options occurs that the family has."""
    everything = [dict(zip(OPTIONS, values)) for values in itertools.product(*OPTIONS.values())]
    everything = [choice for choice in everything if is_known(choice)]
    rng = np.random.default_rng(0)
    missing = set().union(*map(pairs_of, everything))
    while missing:
        drawn = [everything[i] for i in rng.integers(len(everything), size=200)]
        best = max(drawn, key=lambda choice: len(pairs_of(choice) & missing))
        if pairs_of(best) & missing:
            missing -= pairs_of(best)
            yield best


def is_known(choice):
    pools = choice["temporal_pool"] and (choice["temporal_attention"] or choice["shift_segments"])
    return not pools


@pytest.mark.slow
def test_pairs_of_options():
    """Float64 stages, features, logits and running statistics, and float32, for every pair of options' values."""
    for options in covering_options():
        network = Network("pptsm_v2", num_classes=3, **options)
        tensors = draw_weights(network, seed=3)
        x = np.random.default_rng(0).standard_normal((8, network.in_channels, SIZE, SIZE))
        report = run_parity(
            lambda dtype: TorchSide(network, tensors, dtype), lambda dtype: PaddleSide(network, tensors, dtype), x
        )
        assert report.equal, (options, report.first_breach)


@pytest.mark.parametrize("network", [PLAIN, ATTENDING, PLAIN.with_options(temporal_pool=True)], ids=str)
def test_flops(network):
    assert count_flops(network, SIZE) == convolution_macs(network, SIZE)
    fused = network.with_options(fused=True)
    assert count_flops(fused, SIZE) == convolution_macs(fused, SIZE) < count_flops(network, SIZE)


def test_both_packages_start_from_the_same_weights():
    assert draw_initial_weights(ATTENDING.shapes(), 4).keys() == ATTENDING.shapes().keys()
    ours = paddle_tsm.create_model("pptsm_v2", num_segments=4, temporal_attention=True)
    reference = torch_ref.create_model("pptsm_v2", num_segments=4, temporal_attention=True)
    paddle_tsm.models.initial_weights.initialise(ours, 3)
    torch_ref.initial_weights.initialise(reference, 3)
    linear = {"fc.weight", "stage3.0.attention.fc.weight"}
    for name, tensor in reference.state_dict().items():
        values = ours.state_dict()[name].numpy()
        np.testing.assert_array_equal(values.T if name in linear else values, tensor.numpy())
    weight = reference.stage3[0].attention.fc.weight.detach().numpy()
    assert not np.allclose(weight, weight.T)


@pytest.mark.parametrize("fused", [False, True])
def test_a_stream_equals_the_causal_network_on_a_clip(fused):
    network = PLAIN.with_options(shift_order="causal", fused=fused, shift_div=2)
    tensors = draw_weights(network)
    x = np.random.default_rng(0).standard_normal((2 * 4, 3, SIZE, SIZE))
    model = assign_weights(build(network), tensors).to(dtype="float64")
    model.eval()
    with paddle.no_grad():
        whole = model.frame_logits(paddle.to_tensor(x)).numpy().reshape(2, 4, -1)
    step, limit = StreamStep(network, tensors).to(dtype="float64"), TOLERANCES["float64"].limit
    assert len(step.shifts) == 1
    assert compare("logits", whole, streamed(step, x, 4), limit).passed
    alone = np.stack([streamed(step, x.reshape(2, 4, 3, SIZE, SIZE)[:, t], 1)[:, 0] for t in range(4)], axis=1)
    assert not compare("later frames", whole[:, 1:], alone[:, 1:], limit).passed


@pytest.mark.parametrize(
    "options, message",
    [
        ({"temporal_attention": True, "temporal_pool": True}, "weighs all frames of a clip"),
        ({"non_local": "gaussian"}, "non_local: got 'gaussian' for pptsm_v2, which has none"),
    ],
)
@pytest.mark.parametrize("package", [paddle_tsm, torch_ref])
def test_refused(package, options, message):
    with pytest.raises(ValueError, match=message):
        package.create_model("pptsm_v2", **options)


def test_a_stream_refuses_attention():
    network = ATTENDING.with_options(shift_order="causal")
    with pytest.raises(ValueError, match="temporal attention looks at all frames"):
        StreamStep(network, draw_weights(network))


@pytest.mark.parametrize("package", [paddle_tsm, torch_ref])
def test_another_network_has_no_attention(package):
    with pytest.raises(ValueError, match="temporal_attention: got True, but tsm_resnet18 has no such layers"):
        package.create_model("tsm_resnet18", temporal_attention=True)


def test_only_one_block_shifts():
    shifting = [(s, b) for s, count in enumerate(PLAIN.blocks, 1) for b in range(count) if PLAIN.shifts(s, b)]
    assert shifting == [(3, 0)]
    assert not any(dataclasses.replace(PLAIN, is_shift=False).shifts(s, b) for s, b in shifting)
