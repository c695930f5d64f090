"""One built model stands for several networks in an export's proof: each is the one that would have been built for
it.
"""

import numpy as np
import pytest

from paddle_tsm.demo.material import draw_weights
from paddle_tsm.evaluation.paddle_run import run_of
from paddle_tsm.export.checkpoint_model import CheckpointModel, other_shift, zero_biases
from paddle_tsm.models.create import build
from paddle_tsm.models.load import assign_weights
from paddle_tsm.networks.network import Network

T = 4
NETWORKS = [
    {"arch": "tsm_resnet10"},
    {"arch": "tsm_resnet10", "shift_place": "block", "shift_order": "causal"},
    {"arch": "tsm_resnet18", "non_local": {"mode": "gaussian", "blocks": ((2, 0),)}, "temporal_pool": True},
    {"arch": "tsm_mobilenet_v2", "shift_order": "past_first", "shift_div": 5},
    {"arch": "pptsm_resnet50"},
]


def logits(network: Network, tensors: dict, x: np.ndarray) -> np.ndarray:
    return run_of(assign_weights(build(network), tensors))(x)


@pytest.mark.parametrize("options", NETWORKS, ids=lambda options: " ".join(map(str, options.values())))
def test_a_changed_model_is_the_network_that_would_be_built(options):
    """To the bit: with another shift, without a shift, with zero biases; and afterwards the model is what it was."""
    network = Network(**options, num_classes=7, num_segments=T)
    tensors = draw_weights(network)
    x = np.random.default_rng(0).standard_normal((2 * T, 3, 32, 32)).astype("float32")
    model = CheckpointModel(network, tensors).float32
    right = logits(network, tensors, x)
    for order in {"future_first", "past_first", "causal"} - {network.shift_order}:
        with other_shift(model, order):
            found = run_of(model)(x)
        np.testing.assert_array_equal(found, logits(network.with_options(shift_order=order), tensors, x))
        assert not np.array_equal(found, right)
    with other_shift(model, None):
        np.testing.assert_array_equal(run_of(model)(x), logits(network.with_options(is_shift=False), tensors, x))
    zeroed = {n: 0 * value if n.endswith((".bias", ".running_mean")) else value for n, value in tensors.items()}
    with zero_biases(model):
        np.testing.assert_array_equal(run_of(model)(x), logits(network, zeroed, x))
    np.testing.assert_array_equal(run_of(model)(x), right)


def test_the_model_is_itself_again_after_an_error():
    network = Network("tsm_resnet10", num_classes=7, num_segments=T)
    model = CheckpointModel(network, draw_weights(network)).float32
    x = np.random.default_rng(0).standard_normal((T, 3, 32, 32)).astype("float32")
    before = run_of(model)(x)
    for change in (zero_biases(model), other_shift(model, None)):
        with pytest.raises(KeyError), change:
            raise KeyError
    np.testing.assert_array_equal(run_of(model)(x), before)
