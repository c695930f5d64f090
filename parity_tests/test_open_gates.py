"""What an export's proof sees of the layers that weigh channels and frames."""

import numpy as np
import pytest

from paddle_tsm.evaluation.paddle_run import run_of
from paddle_tsm.export.checkpoint_model import zero_biases
from paddle_tsm.export.expected_logits import expected_without_biases
from paddle_tsm.export.open_gates import ARGUMENT, first_gate
from paddle_tsm.export.verification import verify
from paddle_tsm.networks.network import Network
from parity_tests.toy_networks import Toy

DEEP = Toy((("pw relu",) * 6, ("rep_dw relu", "se sigmoid", "pw relu")), shortcut=False)
SIZE = (8, 8)


class Checkpoint:
    """The toy network in float64, also in the place of its float32 form, so that no rounding hides a difference."""

    def __init__(self, model):
        self.network, self.float64, self.float32 = model.network, model, model


class Export:
    """Files without biases: the model itself."""

    def __init__(self, model):
        self.model = model

    def run(self, frames):
        with zero_biases(self.model):
            return run_of(self.model)(frames)


FAULTS = {
    "the excitation is one constant": ("stage2.0.layers.1.fc1.weight", lambda weight: 0 * weight),
    "the attention is one constant": ("attention.weight", lambda weight: 0 * weight),
    "the attention weighs the next frame": ("attention.weight", lambda weight: np.roll(weight, 1, 1)),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_a_gate_is_refused(monkeypatch, fault):
    """Small clips do not tell it, and the clips that the gates weigh do. The right network passes."""
    name, change = FAULTS[fault]
    model = DEEP.built(monkeypatch, temporal_attention=name.startswith("attention"))
    expected = expected_without_biases(Checkpoint(model), SIZE)
    assert verify(Export(model), expected) and verify(Export(model), expected.with_gates)
    tensor = model.state_dict()[name]
    tensor.set_value(np.ascontiguousarray(change(tensor.numpy())))
    assert verify(Export(model), expected)
    with pytest.raises(ValueError, match="without its biases, on clips that its gates weigh"):
        verify(Export(model), expected.with_gates)


def test_the_first_gate_is_neither_open_nor_shut(monkeypatch):
    model = DEEP.built(monkeypatch)
    clip = expected_without_biases(Checkpoint(model), SIZE).with_gates.clips[0]
    seen = []
    layer = model.stage2[0].layers[1].fc2
    layer.register_forward_post_hook(lambda layer, inputs, output: seen.append(np.sqrt(np.mean(output.numpy() ** 2))))
    Export(model).run(clip)
    assert ARGUMENT / 1.5 < seen[0] < ARGUMENT * 1.5


def test_a_network_without_gates_runs_no_more_than_before():
    assert first_gate(Network("tsm_resnet50")) is None
