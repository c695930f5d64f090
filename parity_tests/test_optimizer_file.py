"""Momentum buffers of upstream's training checkpoints: training goes on in the other framework."""

import numpy as np
import paddle
import pytest
import torch

import paddle_tsm
import torch_ref
from paddle_tsm.checkpoint import Checkpoint, CheckpointError
from paddle_tsm.conversion.optimizer_order import module_order, possible_orders
from paddle_tsm.layouts.key_table import expand
from paddle_tsm.layouts.network_file import interpret
from parity_tests.recorded import names, recorded
from parity_tests.upstream_training import Kind, Training

LR = 0.01


@pytest.mark.parametrize("name", names("mmaction2_train_*"))
def test_order_is_mmaction2s_own(name):
    """The recorded parameter groups, in the order in which mmaction2's optimizer numbers them."""
    vector = recorded(name)
    found = interpret(vector.checkpoint(), **vector.options())
    canonical = {entry.key: entry.canonical for entry in expand(found.layout, found.network)}
    groups = tuple(tuple(canonical[key] for key in group["params"]) for group in vector.meta["param_groups"])
    (order,) = [order for order in possible_orders(found) if order.groups == groups]
    assert (order.grouping, order.norms) == ("mmaction2's groups", "every BatchNorm")


@pytest.mark.parametrize("name", names("mmaction2_r*", "mmaction2_mv2*", "mmaction2_mobileone_*", "mit_*"))
def test_module_order_is_the_systems_own(name):
    """Both systems wrote their keys in the order of their modules: the rule gives that order."""
    vector = recorded(name)
    tensors = {key: np.broadcast_to(np.float32(0), shape) for key, shape in vector.meta["state_dict"].items()}
    found = interpret(Checkpoint(f"{name}.pth", "torch-zip", tensors, ("state_dict",), {}, {}), **vector.options())
    canonical = {entry.key: entry.canonical for entry in expand(found.layout, found.network)}
    written = [canonical[key] for key in vector.meta["state_dict"] if key.endswith(("weight", "bias"))]
    assert list(module_order(found.layout, found.network)) == written


def trained_by_paddle(folder, scheduler=None):
    """(model, optimizer) after two steps, saved as m.pdparams and m.pdopt. 512 classes: a square classifier."""
    paddle.seed(0)
    model = paddle_tsm.create_model("tsm_resnet10", num_classes=512, num_segments=2, dropout=0.0)
    momentum = paddle.optimizer.Momentum(scheduler or LR, 0.9, parameters=model.parameters())
    for step in range(2):
        x = paddle.to_tensor(np.random.default_rng(step).standard_normal((4, 3, 32, 32)).astype("float32"))
        paddle.nn.functional.cross_entropy(model(x), paddle.to_tensor([0, 1])).backward()
        momentum.step(), momentum.clear_grad(set_to_zero=False)
    paddle.save(model.state_dict(), str(folder / "m.pdparams"))
    paddle.save(momentum.state_dict(), str(folder / "m.pdopt"))
    return model, momentum


@pytest.fixture(scope="module")
def by_paddle(tmp_path_factory):
    """(folder, model, optimizer) of a training at one rate."""
    folder = tmp_path_factory.mktemp("by_paddle")
    return folder, *trained_by_paddle(folder)


def test_from_paddles_own_momentum(by_paddle):
    """A .pdparams and .pdopt that paddle.save wrote, into PyTorch."""
    folder, model, momentum = by_paddle
    state = paddle_tsm.read_optimizer(folder / "m.pdparams", folder / "m.pdopt", num_segments=2)
    accumulators = momentum.state_dict()
    for name, parameter in model.named_parameters():
        expected = accumulators[f"{parameter.name}_velocity_0"].numpy()
        assert np.array_equal(
            state["state"][name]["momentum_buffer"], expected.T if name == "fc.weight" else expected
        ), name
    reference = torch_ref.create_model("tsm_resnet10", num_classes=512)
    torch_ref.optim.tsm_sgd(reference).load_state_dict(state)


@pytest.mark.parametrize("package", [paddle_tsm, torch_ref], ids=["paddle_tsm", "torch_ref"])
def test_pdopt_without_a_scheduler_says_no_rate(by_paddle, package):
    """paddle.optimizer keeps the rate in its scheduler alone; without one the optimizer's own rate stays, not 0."""
    folder, *_ = by_paddle
    state = paddle_tsm.read_optimizer(folder / "m.pdparams", folder / "m.pdopt", num_segments=2)
    optimizer = package.optim.tsm_sgd(package.create_model("tsm_resnet10", num_classes=512), lr=0.02)
    optimizer.load_state_dict(state)
    assert state["lr"] is None and optimizer.get_lr() == 0.02


def test_pdopt_with_a_scheduler(tmp_path):
    trained_by_paddle(tmp_path, paddle.optimizer.lr.MultiStepDecay(0.25, [1]))
    assert paddle_tsm.read_optimizer(tmp_path / "m.pdparams", tmp_path / "m.pdopt", num_segments=2)["lr"] == 0.25


def test_pdopt_of_mixed_precision(by_paddle, tmp_path):
    """Under O2 Paddle names a momentum after the float32 copy of its parameter."""
    folder, *_ = by_paddle
    held = paddle.load(str(folder / "m.pdopt"))
    renamed = {key.replace("_velocity_0", "_fp32_master_0_velocity_0"): value for key, value in held.items()}
    paddle.save(renamed, str(tmp_path / "o2.pdopt"))
    plain = paddle_tsm.read_optimizer(folder / "m.pdparams", folder / "m.pdopt", num_segments=2)["state"]
    found = paddle_tsm.read_optimizer(folder / "m.pdparams", tmp_path / "o2.pdopt", num_segments=2)["state"]
    assert found.keys() == plain.keys() and len(plain) == 38
    assert all(np.array_equal(found[n]["momentum_buffer"], plain[n]["momentum_buffer"]) for n in plain)


def test_pdopt_of_more_than_the_network(by_paddle, tmp_path):
    """Momentum of parameters that the network does not have: the two files are of two trainings."""
    folder, *_ = by_paddle
    held = paddle.load(str(folder / "m.pdopt"))
    held["conv2d_999.w_0_velocity_0"] = next(value for key, value in held.items() if key.endswith("_velocity_0"))
    paddle.save(held, str(tmp_path / "more.pdopt"))
    with pytest.raises(CheckpointError, match="conv2d_999.w_0, which no parameter of this network has"):
        paddle_tsm.read_optimizer(folder / "m.pdparams", tmp_path / "more.pdopt", num_segments=2)


def test_what_is_no_momentum(tmp_path, r18_file):
    with pytest.raises(CheckpointError, match="holds no optimizer's state"):
        paddle_tsm.read_optimizer(r18_file)
    training, path = Training(Kind("mmaction2_r18_t8", "mmaction2")), tmp_path / "epoch_1.pth"
    training.step(0)
    training.save(path)
    file = torch.load(path, weights_only=True)
    file["optimizer"]["param_groups"][2]["params"].pop()
    torch.save(file, path)
    with pytest.raises(CheckpointError, match="61 parameters, the network 62"):
        paddle_tsm.read_optimizer(path)
    file["optimizer"]["state"] = {0: {"exp_avg": torch.zeros(3), "exp_avg_sq": torch.zeros(3)}}
    torch.save(file, path)
    with pytest.raises(CheckpointError, match="holds exp_avg, exp_avg_sq; wanted momentum_buffer"):
        paddle_tsm.read_optimizer(path)
