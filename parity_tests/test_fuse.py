"""`convert --fuse`: the one convolution of parallel branches is what mmpretrain computes; a wrong one is refused."""

import json
from dataclasses import replace

import numpy as np
import paddle
import pytest
import torch

import paddle_tsm
import paddle_tsm.optim
import torch_ref
import torch_ref.optim
from paddle_tsm.checkpoint import CheckpointError, read_checkpoint, write_checkpoint
from paddle_tsm.cli import main
from paddle_tsm.conversion.convert import convert
from paddle_tsm.demo.material import draw_weights, write_demo_checkpoint
from paddle_tsm.layouts.key_table import expand
from paddle_tsm.layouts.network_file import interpret, read_network
from paddle_tsm.layouts.registry import LAYOUTS
from paddle_tsm.networks import branch_fusion
from paddle_tsm.networks.branch_fusion import fuse_branches
from paddle_tsm.networks.layers import Convolution, ParallelConvolution, Place
from paddle_tsm.networks.network import Network
from paddle_tsm.parity.compare import compare, distance
from paddle_tsm.parity.paddle_side import PaddleSide
from paddle_tsm.parity.tolerance import TOLERANCES
from paddle_tsm.parity.torch_side import TorchSide
from parity_tests.recorded import recorded

FLOAT64 = TOLERANCES["float64"].limit
FUSED_UPSTREAM = [  # mmpretrain's switch_to_deploy() in float64
    "mmaction2_mobileone_s0_t8",
    pytest.param("mmaction2_mobileone_s1_t8", marks=pytest.mark.slow),
    pytest.param("mmaction2_mobileone_s3_t8", marks=pytest.mark.slow),
    "mmaction2_mobileone_s4_t8",
    pytest.param("mmaction2_mobileone_s4_t16_segments8", marks=pytest.mark.slow),
]


def upstream_sums(vector):
    """key -> (sum, root of the sum of squares) of every tensor that upstream fused; {} where none were recorded."""
    if "deploy_sums_f64" in vector.outputs:
        rows = zip(vector.meta["deploy_state_dict"], vector.outputs["deploy_sums_f64"])
        return {key: (total, np.sqrt(squares)) for key, (total, squares) in rows}
    return {key: (entry["sum"], entry["l2"]) for key, entry in vector.meta.get("deploy", {}).items()}


def fused_keys(network, tensors):
    return {entry.key: tensors[entry.canonical] for entry in expand(LAYOUTS["mmaction2"], network)}


def worst(wanted, arrays):
    """The largest difference of a sum or a norm, over the norm."""
    assert wanted.keys() == arrays.keys()
    found = {key: (array.sum(), np.linalg.norm(array.ravel())) for key, array in arrays.items()}
    return max(
        abs(a - b) / max(1.0, norm) for key, (_, norm) in wanted.items() for a, b in zip(wanted[key], found[key])
    )


@pytest.mark.parametrize("name", FUSED_UPSTREAM)
def test_upstreams_fused_weights(name):
    """The sum and the norm of every tensor, and the logits of the fused network in both packages."""
    vector = recorded(name)
    found = interpret(vector.checkpoint(), **vector.options())
    network, tensors = fuse_branches(found.network, found.tensors)
    arrays = {key: array.astype("float64") for key, array in fused_keys(network, tensors).items()}
    wanted = upstream_sums(vector)
    if name != "mmaction2_mobileone_s4_t16_segments8":
        assert worst(wanted, arrays) < 1e-10
        key = next(key for key in arrays if key.startswith("backbone.stage2.2."))
        changed = arrays[key].copy()
        changed.flat[0] += 1e-6
        assert worst(wanted, arrays | {key: changed}) > 1e-10, "the comparison cannot fail"
    expected = vector.outputs.get("logits_deploy_f64", vector.outputs.get("deploy_logits_f64"))
    for side in (TorchSide, PaddleSide):
        result = side(network, tensors, "float64").outputs(vector.input().astype("float64"))["logits"]
        assert compare("logits", expected, result, FLOAT64).passed


@pytest.fixture(scope="module")
def s0_file(tmp_path_factory):
    """A small MobileOne-TSM as mmaction2 would have written it, in its training form."""
    path = tmp_path_factory.mktemp("s0") / "s0_mmaction2.pth"
    write_demo_checkpoint(str(path), Network("tsm_mobileone_s0", num_classes=7))
    return path


@pytest.mark.parametrize("layout", ["canonical", "mmaction2"])
def test_the_command(s0_file, tmp_path, capsys, layout):
    path = tmp_path / "fused.pth"
    assert main(["convert", str(s0_file), str(path), "--fuse", "--to", layout, "--num-segments", "2"]) == 0
    printed = capsys.readouterr().out
    assert f"tsm_mobileone_s0, 7 classes, 88 tensors, 1.1 million values, mmaction2 -> {layout} (fused)" in printed
    assert "verified: both networks run on a random clip in float64" in printed
    keys = read_checkpoint(path).tensors
    fused = "backbone.stage3.7.net.branch_reparam.bias" if layout == "mmaction2" else "stage3.7.fused.bias"
    assert keys[fused].dtype == "float32" and len(keys) == 88
    found = read_network(path)
    assert (found.layout.name, found.network.fused, found.network.num_segments) == (layout, True, 2)
    assert json.loads(read_checkpoint(path).metadata["paddle_tsm"])["conversion"] == "fused"
    network, tensors = fuse_branches(*before(s0_file))
    for name, array in tensors.items():
        assert np.array_equal(found.tensors[name], array.astype("float32")), name
    model = paddle_tsm.load_model(path)
    x = np.random.default_rng(0).standard_normal((2, 3, 64, 64)).astype("float32")
    with paddle.no_grad():
        ours = model(paddle.to_tensor(x)).numpy()
    with torch.no_grad():
        reference = torch_ref.load_model(s0_file, num_segments=2)(torch.from_numpy(x)).numpy()
    assert distance(reference, ours)[1] < 1e-5
    assert main(["inspect", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["read"]["fused"] is True


def before(path):
    found = read_network(path, num_segments=2)
    return found.network, found.tensors


def one_weight(layer, tensors, original=branch_fusion.fused_convolution):
    weight, bias = original(layer, tensors)
    if layer.name == "stage1.2.fused":
        weight[0, 0, 1, 1] *= 1 + 1e-6
    return weight, bias


def in_a_corner(kernel, whole, original=branch_fusion.in_the_middle):
    return np.roll(original(kernel, whole), 1, axis=3) if kernel.shape[2:] != whole.kernel else kernel


FAULTS = {
    "a weight": ("fused_convolution", one_weight, "stage1.2"),
    "the place of the 1x1 kernel": ("in_the_middle", in_a_corner, "stage0.0"),
    "no identity": ("copying_kernel", lambda whole: np.zeros(whole.weight_shape), "stage1.1"),
    "another eps": ("EPS", 1e-3, "stage0.0"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_wrong_fusion_is_not_kept(s0_file, tmp_path, monkeypatch, fault):
    """The logits of this network tell three of them; the weight, a millionth larger, only the layer itself tells."""
    name, wrong, layer = FAULTS[fault]
    monkeypatch.setattr(branch_fusion, name, wrong)
    monkeypatch.setattr("paddle_tsm.conversion.verify.distance", ReluctantDistance())
    with pytest.raises(CheckpointError, match=f"the fused convolution of {layer} differs from the sum of its branches"):
        convert(s0_file, tmp_path / "out.safetensors", fuse=True, num_segments=2)
    assert not list(tmp_path.iterdir())
    monkeypatch.undo()
    if fault != "a weight":
        monkeypatch.setattr(branch_fusion, name, wrong)
        with pytest.raises(CheckpointError, match="the written network differs from the source by"):
            convert(s0_file, tmp_path / "out.safetensors", fuse=True, num_segments=2)


class ReluctantDistance:
    """`distance` that finds no difference of logits, so that only the comparison of each layer is left."""

    def __call__(self, reference, other):
        return (0.0, 0.0) if reference.ndim == 2 else distance(reference, other)


def test_the_other_order_and_fusing_commute():
    """A conversion to a system that shifts the other way fuses first and exchanges then."""
    from paddle_tsm.networks.shift_order import in_order

    network = Network("tsm_mobileone_s0", num_classes=3, num_segments=2)
    tensors = draw_weights(network)
    one = in_order(*fuse_branches(network, tensors), "past_first")
    other = fuse_branches(*in_order(network, tensors, "past_first"))
    assert one[0] == other[0]
    assert all(np.array_equal(one[1][name], other[1][name]) for name in other[1])


def test_half_precision_stays(s0_file, tmp_path):
    state = {
        key: array.astype("float16") if array.ndim else array for key, array in read_checkpoint(s0_file).tensors.items()
    }
    write_checkpoint(tmp_path / "half.safetensors", state)
    convert(tmp_path / "half.safetensors", tmp_path / "fused.safetensors", fuse=True, num_segments=2)
    dtypes = {array.dtype.name for array in read_checkpoint(tmp_path / "fused.safetensors").tensors.values()}
    assert dtypes == {"float16"}


@pytest.mark.parametrize("arch, fused, why", [
    ("tsm_resnet18", False, "has no re-parameterised convolutions"), ("tsm_mobileone_s0", True, "is fused already"),
])  # fmt: skip
def test_what_cannot_be_fused(tmp_path, capsys, arch, fused, why):
    source = tmp_path / "x.safetensors"
    write_demo_checkpoint(str(source), Network(arch, num_classes=3, fused=fused), "canonical")
    assert main(["convert", str(source), str(tmp_path / "y.safetensors"), "--fuse"]) == 2
    error = capsys.readouterr().err
    assert f"the {arch} {why}" in error and error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["x.safetensors"]


@pytest.mark.parametrize("package, optim", [(paddle_tsm, paddle_tsm.optim), (torch_ref, torch_ref.optim)])
def test_a_fused_network_is_not_trained(s0_file, tmp_path, package, optim):
    """No recipe has the option; no optimizer takes the model; and no training starts from its file."""
    model = package.create_model("tsm_mobileone_s0", num_classes=7, fused=True)
    with pytest.raises(ValueError, match="fused.*for inference alone; wanted its training form"):
        optim.tsm_sgd(model)
    convert(s0_file, tmp_path / "fused.safetensors", fuse=True, verify=False)
    with pytest.raises(ValueError, match="fused form of a tsm_mobileone_s0.*wanted the file that it was fused from"):
        package.load_pretrained(package.create_model("tsm_mobileone_s0"), tmp_path / "fused.safetensors")
    with pytest.raises(ValueError, match="wanted the file that `paddle-tsm convert --fuse` makes of it"):
        package.load_pretrained(model, s0_file)
    package.load_pretrained(model, tmp_path / "fused.safetensors")


def test_every_shape_of_a_branch():
    """A 1x1, a 3x3 and a 5x5 kernel and an identity, dense, grouped and depthwise, with strides: the same sums."""
    rng, place = np.random.default_rng(0), Place("branch", 1, 1, 0)
    for groups, stride, kernels in ((1, 1, (1, 3)), (4, 1, (1, 3, 5)), (2, 2, (3, 5)), (1, 1, (1, 1))):
        identity = "b.identity" if stride == 1 else None
        whole = Convolution("b.fused", place, 4, 4, (max(kernels),) * 2, stride=stride, groups=groups, bias=True)
        branches = tuple(
            replace(whole, name=f"b.branches.{k}.conv", kernel=(size, size), bias=False, norm=f"b.branches.{k}.bn")
            for k, size in enumerate(kernels)
        )
        declared = ParallelConvolution(whole, branches, identity)
        tensors = {t.name: rng.random(t.shape) + 0.5 for t in declared.tensors()}
        layer = torch_ref.parallel_convolution.ParallelConvolution(4, 4, kernels, stride, groups, identity is not None)
        layer.double().load_state_dict({name[2:]: torch.from_numpy(np.asarray(a)) for name, a in tensors.items()})
        x = torch.from_numpy(rng.standard_normal((2, 4, 9, 8)))
        weight, bias = branch_fusion.fused_convolution(declared, tensors)
        fused = torch.nn.functional.conv2d(
            x, torch.from_numpy(weight), torch.from_numpy(bias), stride, max(kernels) // 2, groups=groups
        )
        assert distance(layer.eval()(x).detach().numpy(), fused.numpy())[1] < 1e-13


def test_parity_of_a_fused_file(s0_file, tmp_path, capsys):
    """It has no running statistics to compare; beside a training form it is an error that says what to do."""
    fused = str(tmp_path / "fused.pth")
    convert(s0_file, fused, to_layout="mmaction2", fuse=True, verify=False, num_segments=2)
    assert main(["parity", fused, "--size", "32"]) == 0
    assert "running stats" not in capsys.readouterr().out
    assert main(["parity", str(s0_file), fused, "--size", "32"]) == 2
    error = capsys.readouterr().err
    assert f"{fused} is the fused form of a tsm_mobileone_s0" in error and "convert --fuse" in error
