"""Momentum buffers of upstream's training checkpoints: training goes on in the other framework."""

import numpy as np
import paddle
import pytest
import torch

import paddle_tsm
import paddle_tsm.loss
import paddle_tsm.train_step
import torch_ref
import torch_ref.loss
import torch_ref.train_step
from paddle_tsm.checkpoint import CheckpointError
from paddle_tsm.layouts.key_map import expand
from paddle_tsm.layouts.network_file import interpret
from paddle_tsm.layouts.systems import LAYOUTS
from paddle_tsm.optimizer_file import parameter_order
from parity_tests.recorded import names, recorded

LR = 0.01


@pytest.mark.parametrize("name", names("mmaction2_train_*"))
def test_order_is_mmaction2s_own(name):
    """The recorded parameter groups, in the order in which mmaction2's optimizer numbers them."""
    vector = recorded(name)
    found = interpret(vector.checkpoint(), **vector.options())
    canonical = {entry.key: entry.canonical for entry in expand(found.layout, found.network)}
    groups = vector.meta["param_groups"]
    recorded_order = [canonical[key] for group in groups for key in group["params"]]
    assert parameter_order(found.network, len(groups)) == recorded_order


def upstream_checkpoint(path, groups):
    """Train a reference network two steps with torch.optim.SGD over mmaction2's groups and save it as mmaction2 does."""
    torch.manual_seed(0)
    model = torch_ref.create_model("tsm_resnet18", num_classes=3, num_segments=2, dropout=0.0).double()
    network = paddle_tsm_network()
    order = parameter_order(network, groups)
    parameters = dict(model.named_parameters())
    if groups == 1:
        grouped = [{"params": [parameters[name] for name in order]}]
    else:
        norms = [name for name in order if ".bn" in f".{name}" or "downsample.1" in name]
        rest = [name for name in order if name not in norms and not name.startswith("fc.") and name != "conv1.weight"]
        kinds = (["conv1.weight"], [], rest, [], norms, ["fc.weight"], ["fc.bias"])
        grouped = [{"params": [parameters[name] for name in kind]} for kind in kinds]
    sgd = torch.optim.SGD(grouped, lr=LR, momentum=0.9)
    for step in range(2):
        x = torch.from_numpy(np.random.default_rng(step).standard_normal((4, 3, 64, 64)))
        sgd.zero_grad()
        torch.nn.functional.cross_entropy(model(x), torch.tensor([0, 1])).backward()
        sgd.step()
    state = model.state_dict()
    there = {entry.key: state[entry.canonical] for entry in expand(LAYOUTS["mmaction2"], network)}
    torch.save({"state_dict": there, "optimizer": sgd.state_dict(), "meta": {"epoch": 1}}, path)
    return model, sgd, parameters


def paddle_tsm_network():
    from paddle_tsm.network import Network

    return Network("tsm_resnet18", num_classes=3, num_segments=2, dropout=0.0)


def difference(name, ours, theirs):
    """The largest difference of a tensor in the two frameworks."""
    return np.abs((ours.T if name == "fc.weight" else ours) - theirs).max()


@pytest.mark.parametrize("groups", [1, 7])
def test_training_goes_on_in_paddle(tmp_path, groups):
    """The third step of plain torch.optim.SGD, and of Paddle from the file: the same weights."""
    path = tmp_path / "epoch_1.pth"
    reference, sgd, _ = upstream_checkpoint(path, groups)
    state = paddle_tsm.read_optimizer(path, num_segments=2)
    assert state["lr"] == LR and len(state["state"]) == len(list(reference.parameters()))

    x = np.random.default_rng(9).standard_normal((4, 3, 64, 64))
    sgd.zero_grad()
    torch.nn.functional.cross_entropy(reference(torch.from_numpy(x)), torch.tensor([0, 1])).backward()
    sgd.step()

    def third_step(state):
        model = paddle_tsm.create_model("tsm_resnet18", num_classes=3, num_segments=2, dropout=0.0)
        model.to(dtype="float64")
        paddle_tsm.load_pretrained(model, path, num_segments=2)
        optimizer = paddle_tsm.optim.tsm_sgd(model, LR, 0.9, 0.0, fc_lr5=False, max_norm=None)
        if state:
            optimizer.load_state_dict(state)
        for group in optimizer.param_groups:
            group["lr"] = LR  # the checkpoint's optimizer had one rate for all
        paddle_tsm.train_step.train_step(model, optimizer, [(x, np.array([0, 1]))], paddle_tsm.loss.cross_entropy)
        ours, theirs = model.state_dict(), reference.state_dict()
        return max(difference(n, ours[n].numpy(), theirs[n].numpy()) for n in theirs)

    assert third_step(state) < 1e-10
    assert third_step(None) > 1e-6, "without the momentum the step would be the same"


def test_from_paddles_own_momentum(tmp_path):
    """A .pdparams and .pdopt that paddle.save wrote, into PyTorch."""
    paddle.seed(0)
    model = paddle_tsm.create_model("tsm_resnet18", num_classes=512, num_segments=2, dropout=0.0)  # a square classifier
    momentum = paddle.optimizer.Momentum(LR, 0.9, parameters=model.parameters())
    for step in range(2):
        x = paddle.to_tensor(np.random.default_rng(step).standard_normal((4, 3, 64, 64)).astype("float32"))
        paddle.nn.functional.cross_entropy(model(x), paddle.to_tensor([0, 1])).backward()
        momentum.step(), momentum.clear_grad(set_to_zero=False)
    paddle.save(model.state_dict(), str(tmp_path / "m.pdparams"))
    paddle.save(momentum.state_dict(), str(tmp_path / "m.pdopt"))
    state = paddle_tsm.read_optimizer(tmp_path / "m.pdparams", tmp_path / "m.pdopt", num_segments=2)
    accumulators = momentum.state_dict()
    for name, parameter in model.named_parameters():
        expected = accumulators[f"{parameter.name}_velocity_0"].numpy()
        assert np.array_equal(
            state["state"][name]["momentum_buffer"], expected.T if name == "fc.weight" else expected
        ), name
    reference = torch_ref.create_model("tsm_resnet18", num_classes=512)
    torch_ref.optim.tsm_sgd(reference).load_state_dict(state)


def test_what_is_no_momentum(tmp_path, r18_file):
    with pytest.raises(CheckpointError, match="holds no optimizer's state"):
        paddle_tsm.read_optimizer(r18_file)
    path = tmp_path / "epoch_1.pth"
    upstream_checkpoint(path, 7)
    file = torch.load(path, weights_only=True)
    file["optimizer"]["param_groups"][2]["params"].pop()
    torch.save(file, path)
    with pytest.raises(CheckpointError, match="61 parameters, the network 62"):
        paddle_tsm.read_optimizer(path)
