"""The checkpoint and the input of a recorded vector, rebuilt from its metadata."""

import numpy as np

from parity_tests import recipe
from parity_tests.recorded import Recorded

META = {
    "seed": 4,
    "clips": 2,
    "num_segments": 3,
    "size": 5,
    "state_dict": {
        "conv.weight": [6, 3, 1, 1],
        "bn.weight": [6],
        "bn.bias": [6],
        "bn._variance": [6],
        "fc.weight": [6, 2],
    },
}


def test_a_gain_multiplies_the_scales_of_batch_norms_alone():
    plain = Recorded("plain", META, {}).tensors()
    gained = Recorded("gained", META | {"bn_scale_gain": 2.5}, {}).tensors()
    assert {key for key in plain if not np.array_equal(plain[key], gained[key])} == {"bn.weight"}
    assert np.array_equal(gained["bn.weight"], plain["bn.weight"] * np.float32(2.5))
    assert all(array.dtype == np.float32 for array in gained.values())
    for key, array in plain.items():
        assert np.array_equal(array, recipe.fill(key, META["state_dict"][key], META["seed"])), key


def test_the_channels_of_the_input():
    assert Recorded("pictures", META, {}).input().shape == (6, 3, 5, 5)
    assert Recorded("flow", META | {"in_channels": 10}, {}).input().shape == (6, 10, 5, 5)
