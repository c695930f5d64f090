"""Initial weights: mmaction2's distributions, and the same numbers in both frameworks from one seed."""

import numpy as np
import pytest
import torch

import paddle_tsm
import paddle_tsm.models.initial_weights
import torch_ref
import torch_ref.initial_weights
from paddle_tsm.networks.network import Network

R50 = Network("tsm_resnet50", num_classes=400).shapes()
draw = paddle_tsm.models.initial_weights.draw_initial_weights


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("classes", [7, 512])  # 512: a square classifier, whose shape does not tell its orientation
def test_both_frameworks_start_from_the_same_weights(dtype, classes):
    ours = paddle_tsm.create_model("tsm_resnet18", num_classes=classes)
    if dtype == "float64":
        ours.to(dtype=dtype)  # which makes a float64 of the step counter too
    reference = torch_ref.create_model("tsm_resnet18", num_classes=classes).to(getattr(torch, dtype))
    fc = reference.fc.weight.detach().numpy().copy()
    assert paddle_tsm.models.initial_weights.initialise(ours, 3) is ours
    assert torch_ref.initial_weights.initialise(reference, 3) is reference
    state = reference.state_dict()
    assert ours.state_dict().keys() == state.keys()
    for name, tensor in ours.state_dict().items():
        values = tensor.numpy().T if name == "fc.weight" else tensor.numpy()
        np.testing.assert_array_equal(values, state[name].numpy(), strict=not name.endswith("num_batches_tracked"))
    assert np.abs(fc - state["fc.weight"].numpy()).max() > 1e-4


def test_both_packages_draw_the_same():
    reference = torch_ref.initial_weights.draw_initial_weights(R50, 5)
    for name, values in draw(R50, 5).items():
        np.testing.assert_array_equal(values, reference[name], strict=True)


def test_a_tensor_depends_on_its_name_and_the_seed_alone():
    reversed_order = draw(dict(reversed(R50.items())), 5)
    alone = draw({"fc.weight": R50["fc.weight"]}, 5)
    for name, values in draw(R50, 5).items():
        np.testing.assert_array_equal(values, reversed_order[name])
    np.testing.assert_array_equal(alone["fc.weight"], reversed_order["fc.weight"])
    assert np.abs(draw(R50, 6)["fc.weight"] - alone["fc.weight"]).max() > 1e-4
    assert np.abs(alone["fc.weight"] - draw({"gc.weight": R50["fc.weight"]}, 5)["gc.weight"]).max() > 1e-4


@pytest.mark.parametrize(
    "name, shape, torch_layer",
    [
        ("conv1.weight", (64, 3, 7, 7), torch.nn.Conv2d(3, 64, 7)),
        ("layer1.0.conv2.weight", (64, 64, 3, 3), torch.nn.Conv2d(64, 64, 3)),
        (
            "layer2.0.conv.0.weight",
            (960, 1, 3, 3),
            torch.nn.Conv2d(960, 960, 3, groups=960),
        ),  # depthwise is fan out too
        ("layer3.0.g.weight", (256, 512, 1, 1, 1), torch.nn.Conv3d(512, 256, 1)),
    ],
)
def test_convolutions_have_torchs_kaiming_distribution(name, shape, torch_layer):
    values = draw({name: shape}, 0)[name]
    assert values.dtype == np.float32 and values.shape == tuple(torch_layer.weight.shape)
    torch.nn.init.kaiming_normal_(torch_layer.weight, mode="fan_out", nonlinearity="relu")
    spread = 1 / np.sqrt(2 * values.size)  # the relative standard error of a standard deviation
    assert values.std() / torch_layer.weight.std().item() == pytest.approx(1, abs=5 * spread)
    assert abs(values.mean()) < 5 * values.std() / np.sqrt(values.size)
    assert np.mean(np.abs(values) < values.std()) == pytest.approx(0.6827, abs=3 / np.sqrt(values.size))  # a normal one


def test_the_other_layers():
    tensors = draw(R50, 0)
    assert tensors["fc.weight"].std() == pytest.approx(0.001, rel=0.01)
    for name, values in tensors.items():
        if len(R50[name]) < 2:
            assert (values == (1 if name.rsplit(".", 1)[-1] in ("weight", "running_var") else 0)).all(), name
    assert tensors["bn1.num_batches_tracked"].dtype == np.int64


def test_as_mmaction2_draws_it():
    """Standard deviations that mmaction2's own init_weights gave (samples of a network, so within 2 %)."""
    tensors = draw(R50 | {"dw.weight": (96, 1, 3, 3)}, 0)
    assert tensors["layer1.0.conv2.weight"].std() == pytest.approx(0.0587, rel=0.02)
    assert tensors["conv1.weight"].std() == pytest.approx(0.0251, rel=0.02)
    assert tensors["dw.weight"].std() == pytest.approx(0.0459, rel=0.08)  # 864 values only


@pytest.mark.parametrize("package", [paddle_tsm.models.initial_weights, torch_ref.initial_weights])
def test_a_tensor_that_no_row_describes(package):
    with pytest.raises(ValueError, match="position: no initial distribution for \\[8\\]"):
        package.draw_initial_weights({"position": (8,)}, 0)
    with pytest.raises(ValueError, match="layer.weight: no initial distribution"):
        package.draw_initial_weights({"layer.weight": (8, 8, 8)}, 0)


@pytest.mark.parametrize(
    "name", ["tsm_resnet50", "tsm_mobilenet_v2", "pptsm_resnet50", "pptsm_mobilenet_v2", "pptsm_mobilenet_v3"]
)
def test_non_local_blocks_start_as_the_identity(name):
    """mmcv's: projections N(0, 0.01), biases 0, the scale behind them 0; the same in both packages."""
    options = {"num_classes": 5, "non_local": {"mode": "concatenation", "out_bias": True}}
    ours, reference = paddle_tsm.create_model(name, **options), torch_ref.create_model(name, **options)
    paddle_tsm.models.initial_weights.initialise(ours, 3), torch_ref.initial_weights.initialise(reference, 3)
    state, expected = ours.state_dict(), reference.state_dict()
    blocks = [tensor for tensor in expected if ".non_local." in tensor]
    assert blocks
    for tensor in blocks:
        values = expected[tensor].numpy()
        assert np.array_equal(state[tensor].numpy(), values), tensor
        if tensor.endswith(("norm.weight", "bias")):
            assert not values.any()
        elif tensor.endswith(("g.weight", "theta.weight", "phi.weight")):
            assert_normal(values, 0.01)
        elif tensor.endswith("out.weight"):
            assert_normal(values, np.sqrt(2 / values.shape[0]))


def assert_normal(values, std):
    """Mean 0 and this standard deviation, each within five times the error of its estimate."""
    n = values.size
    assert abs(values.mean()) < 5 * std / np.sqrt(n) and abs(values.std() / std - 1) < 5 / np.sqrt(2 * n)
