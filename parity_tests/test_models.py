"""The two packages side by side: the same tensors and the same numbers for every option."""

import itertools

import numpy as np
import paddle
import pytest
import torch

import paddle_tsm
import torch_ref
from paddle_tsm.demo.material import draw_weights
from paddle_tsm.layouts.description import can_be_caffe
from paddle_tsm.networks.network import Network
from paddle_tsm.parity.comparison import run_parity
from paddle_tsm.parity.paddle_side import PaddleSide
from paddle_tsm.parity.seeded_input import noise_clip
from paddle_tsm.parity.torch_side import TorchSide
from parity_tests.tested_architectures import every_architecture

OPTIONS = {
    "shift_place": ("blockres", "block"),
    "shift_every": (None, 1, 2, 3),
    "shift_order": ("future_first", "past_first", "causal"),
    "shift_div": (2, 3, 8),
    "num_segments": (2, 4),
    "shift_segments": (None, 2),
    "is_shift": (True, False),
    "temporal_pool": (False, True),
    # in every stage, the last included, behind the temporal pool and before it
    "non_local": (
        None,
        *(
            {"mode": mode, "blocks": ((1, 0), (2, 1), (3, 0), (4, 0)), "sub_sample": sub, "use_scale": scale}
            for mode, sub, scale in (
                ("embedded_gaussian", True, False),
                ("embedded_gaussian", False, True),
                ("gaussian", True, False),
                ("dot_product", False, False),
                ("concatenation", True, False),
            )
        ),
    ),
    "caffe_style": (False, True),
    "running_var": ("unbiased", "biased"),
}


@pytest.mark.parametrize("arch", every_architecture())
def test_tensors_are_those_of_the_description(arch):
    network = Network(arch, num_classes=5)
    reference = torch_ref.create_model(arch, num_classes=5).state_dict()
    assert [(name, tuple(t.shape)) for name, t in reference.items()] == list(network.shapes().items())
    ours = paddle_tsm.create_model(arch, num_classes=5).state_dict()
    shapes = {name: tuple(t.shape) for name, t in ours.items()}
    weight = f"{network.classifier}.weight"
    assert shapes == network.shapes() | {weight: network.shapes()[weight][::-1]}


def sides(network, reference_network=None):
    tensors = draw_weights(network, seed=3)
    return (
        lambda dtype: TorchSide(reference_network or network, tensors, dtype),
        lambda dtype: PaddleSide(network, tensors, dtype),
    )


def covering_options():
    """Few combinations of options in which every pair of values of two options occurs (greedy all-pairs cover)."""
    choices = [[(name, i) for i in range(len(values))] for name, values in OPTIONS.items()]
    everything = list(itertools.product(*choices))
    pairs = [set(itertools.combinations(choice, 2)) for choice in everything]
    missing = set().union(*pairs)
    while missing:
        best = max(range(len(everything)), key=lambda i: len(pairs[i] & missing))
        missing -= pairs[best]
        yield {name: OPTIONS[name][i] for name, i in everything[best]}


def possible(options, arch):
    """The options, with non-local blocks only where the network has blocks, with Caffe's strides only in a bottleneck,
    and with a temporal pool or groups of frames, not both.
    """
    if not can_be_caffe(Network(arch)):
        options = options | {"caffe_style": False}
    if options["temporal_pool"]:
        options = options | {"shift_segments": None}
    network = Network(arch)
    if options["non_local"] is None or not network.family.allows_non_local:
        return options | {"non_local": None}
    depths = network.blocks
    return options | {
        "non_local": options["non_local"]
        | {"blocks": [(s, b) for s, b in options["non_local"]["blocks"] if b < depths[s - 1]]}
    }


@pytest.mark.parametrize(
    "arch",
    [
        "tsm_resnet10",  # the smallest; its blocks are those of a ResNet-18
        pytest.param("tsm_resnet18", marks=pytest.mark.slow),
        pytest.param("tsm_mobilenet_v2", marks=pytest.mark.slow),
        pytest.param("tsm_resnet50", marks=pytest.mark.slow),
        pytest.param("pptsm_resnet50", marks=pytest.mark.slow),
        pytest.param("tsm_mobileone_s0", marks=pytest.mark.slow),
        pytest.param("pptsm_mobilenet_v2", marks=pytest.mark.slow),
        pytest.param("pptsm_mobilenet_v3", marks=pytest.mark.slow),
    ],
)
def test_pairs_of_options(arch):
    """Float64 stages, features, logits and running statistics, and float32, for every pair of options' values."""
    for options in covering_options():
        network = Network(arch, num_classes=3, **possible(options, arch))
        clips = 8 // network.num_segments  # so that no BatchNorm sees two values only, which would amplify rounding
        report = run_parity(*sides(network), noise_clip(network.num_segments, 64, clips))
        assert report.equal, (options, report.first_breach)


@pytest.mark.parametrize("arch", every_architecture("tsm_resnet18"))
def test_architectures(arch):
    network = Network(arch, num_classes=3, num_segments=2)
    report = run_parity(*sides(network), noise_clip(2, 32, clips=4))
    assert report.equal, report.first_breach


@pytest.mark.parametrize("package, tensor", [(paddle_tsm, paddle.to_tensor), (torch_ref, torch.from_numpy)])
def test_non_local_behind_the_temporal_pool_sees_half_the_frames(package, tensor):
    """With two clips in the batch, what one clip gives may not depend on the other; over T frames it would."""
    model = package.create_model(
        "tsm_resnet18", num_classes=3, num_segments=4, temporal_pool=True, non_local={"blocks": {"layer3": (0,)}}
    )
    model.eval()
    weight = model.layer3[0].non_local.norm.weight
    weight.set_value(paddle.ones_like(weight)) if package is paddle_tsm else weight.data.fill_(1.0)
    x = noise_clip(4, 64, clips=2).astype("float32")
    y = x.copy()
    y[4:] += 1
    first, second = (np.asarray(model(tensor(clip)).detach()) for clip in (x, y))
    np.testing.assert_allclose(first[0], second[0], rtol=1e-5, atol=1e-7)
    assert np.abs(first[1] - second[1]).max() > 1e-6


@pytest.mark.parametrize(
    "bad",
    [
        {"name": "tsm_resnet19"},
        {"shift_place": "inside"},
        {"shift_order": "forward"},
        {"running_var": "both"},
        {"shift_div": 1},
        {"shift_div": 0},
        {"non_local": "attention"},
        {"non_local": {"blocks": {"layer4": (9,)}}},
        {"non_local": {"modes": "gaussian"}},
        {"temporal_pool": True, "num_segments": 5},
        {"temporal_pool": True, "shift_segments": 4},
        {"shift_segments": 3},
        {"shift_segments": 0},
        {"fused": True},
    ],
)
@pytest.mark.parametrize("package", [paddle_tsm, torch_ref])
def test_unknown_values(package, bad):
    with pytest.raises(ValueError, match="wanted"):
        package.create_model(**({"name": "tsm_resnet18"} | bad))


@pytest.mark.parametrize("package, tensor", [(paddle_tsm, paddle.to_tensor), (torch_ref, torch.from_numpy)])
def test_input_of_another_shape(package, tensor):
    model = package.create_model("tsm_resnet18", num_segments=8)
    for shape in ((7, 3, 32, 32), (8, 1, 32, 32), (1, 8, 3, 32, 32)):
        with pytest.raises(ValueError, match="num_segments = 8"):
            model(tensor(np.zeros(shape, "float32")))


def test_stages_are_in_forward_order():
    model = paddle_tsm.create_model("tsm_resnet18", num_segments=2)
    stages = model.stages(paddle.zeros([4, 3, 64, 64]))
    assert {name: stage.shape for name, stage in stages.items()} == {
        "layer1": [4, 64, 16, 16],
        "layer2": [4, 128, 8, 8],
        "layer3": [4, 256, 4, 4],
        "layer4": [4, 512, 2, 2],
    }
    assert list(stages) == ["layer1", "layer2", "layer3", "layer4"]


@pytest.mark.parametrize(
    "package, stopped",
    [
        (paddle_tsm, lambda p: p.stop_gradient),
        (torch_ref, lambda p: not p.requires_grad),
    ],
)
@pytest.mark.parametrize("non_local", [None, {"blocks": ((1, 0), (3, 1))}], ids=["plain", "non-local"])
def test_partial_bn_freezes_all_but_the_first(package, stopped, non_local):
    """The non-local blocks' BatchNorms, one of which comes second in the network, are not frozen."""
    model = package.create_model("tsm_resnet18", partial_bn=True, non_local=non_local)
    model.train()
    norms = [name for name in model.state_dict() if name.endswith(".running_mean")]
    norms = {name.removesuffix(".running_mean"): layer_of(model, name) for name in norms}
    wanted = {"bn1"} | {name for name in norms if ".non_local." in name}
    assert len(wanted) == (1 if non_local is None else 3)
    assert {name for name, norm in norms.items() if norm.training} == wanted
    assert {name for name, norm in norms.items() if not stopped(norm.weight) and not stopped(norm.bias)} == wanted
    assert {name for name, norm in norms.items() if not stopped(norm.weight) or not stopped(norm.bias)} == wanted


def layer_of(model, tensor: str):
    """The layer that holds the tensor of this name."""
    for part in tensor.split(".")[:-1]:
        model = getattr(model, part)
    return model
