"""One step of a stream as it is exported is the step of the model, frame for frame, with the same cache."""

import numpy as np
import paddle
import pytest

from paddle_tsm.demo.material import draw_weights
from paddle_tsm.export.inference_network import InferenceStep
from paddle_tsm.models.stream import StreamStep
from paddle_tsm.networks.network import Network
from paddle_tsm.parity.compare import compare, distance
from paddle_tsm.parity.tolerance import TOLERANCES

FLOAT64 = TOLERANCES["float64"].limit
FRAMES = 3


def step_of(arch: str, **options) -> StreamStep:
    """The step of a drawn network, in float64."""
    network = Network(arch, num_classes=7, shift_order="causal", **options)
    return StreamStep(network, draw_weights(network)).to(dtype="float64")


@pytest.mark.parametrize(
    "arch, options",
    [
        ("tsm_resnet18", {}),  # folds of 8 channels, which are split off, and of 32, which lie in parts
        ("tsm_resnet18", {"shift_place": "block"}),
        ("tsm_resnet18", {"shift_div": 1}),  # all channels move
        ("tsm_mobilenet_v2", {}),
    ],
)
def test_the_exported_step_is_the_step(arch, options):
    step = step_of(arch, **options)
    form = InferenceStep(step)
    form.eval()
    in_parts = [block.shift.in_parts for stage in form.network.stages for block in stage if block.shift]
    assert any(in_parts) == (arch == "tsm_resnet18")
    rng = np.random.default_rng(0)
    cache, ours = (), []
    for time in range(FRAMES):
        frame = paddle.to_tensor(rng.standard_normal((2, 3, 32, 32)))
        with paddle.no_grad():
            expected, *following = step(frame, *cache)
            if not ours:
                ours = [paddle.zeros_like(fold) for fold in following]
            forgetful = form(frame, *(paddle.zeros_like(fold) for fold in ours))[0]
            found, *ours = form(frame, *ours)
        cache = tuple(following)
        assert compare("logits", expected.numpy(), found.numpy(), FLOAT64).passed, time
        for number, (a, b) in enumerate(zip(cache, ours, strict=True)):
            assert compare(f"cache_{number}", a.numpy(), b.numpy(), FLOAT64).passed, time
    assert distance(expected.numpy(), forgetful.numpy())[1] > 1e-6  # the cache matters


def test_a_network_without_a_shift_has_no_cache():
    step = step_of("tsm_resnet18", is_shift=False)
    x = paddle.to_tensor(np.random.default_rng(0).standard_normal((1, 3, 32, 32)))
    with paddle.no_grad():
        (found,) = InferenceStep(step)(x)
        (expected,) = step(x)
    assert compare("logits", expected.numpy(), found.numpy(), FLOAT64).passed
