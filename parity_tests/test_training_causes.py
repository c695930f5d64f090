"""What only training or the weights themselves show: the cause of each is named, and no cause where there is none."""

import json

import numpy as np
import paddle
import paddle.nn.functional as PF
import pytest
import torch

from paddle_tsm.parity import compare_models
from paddle_tsm.parity.report.report_files import write_json
from parity_tests.faulty_networks import PaddleCnn, PaddleRecurrent, PaddleResNet, TorchCnn, TorchRecurrent, TorchResNet
from parity_tests.test_injected_faults import method, noise, put

IMAGES = noise(2, 3, 9, 9)


def own_weights(torch_net, paddle_net):
    """Give Paddle's network PyTorch's weights, as a correct port would."""
    layers = paddle_net.named_sublayers()
    transposed = {f"{name}.weight" for name, layer in layers if isinstance(layer, paddle.nn.Linear)}
    names = {"_mean": "running_mean", "_variance": "running_var"}
    source = torch_net.state_dict()
    for name, tensor in paddle_net.named_parameters():
        path, _, last = name.rpartition(".")
        array = source[f"{path}.{names.get(last, last)}"].numpy()
        tensor.set_value(array.T if name in transposed else array)


def test_own_weights_that_are_right_are_equal():
    a, b = TorchResNet(), PaddleResNet()
    own_weights(a, b)
    assert compare_models(a, b, IMAGES, weights="as they are", steps=0, gradients=False).equal


def gates(order):
    def change(b):
        for parameter in b.rnn.parameters():
            parameter.set_value(np.concatenate([np.split(parameter.numpy(), 4)[i] for i in order]))

    return change


def changed(name, function):
    """The change that sets one tensor of a network to what the function makes of it."""

    def change(b):
        tensor = b.state_dict()[name]
        tensor.set_value(np.ascontiguousarray(function(tensor.numpy())))

    return change


WEIGHTS = {
    "square Linear not transposed": ("cnn", "fc1", "transposed weight", changed("fc1.weight", np.transpose)),
    "kernel flipped": ("cnn", "conv1", "flipped axis", changed("conv1.weight", lambda a: a[:, :, ::-1])),
    "kernel transposed": (
        "cnn",
        "conv2",
        "transposed weight",
        changed("conv2.weight", lambda a: a.swapaxes(0, 1)),
    ),
    "colours reversed": ("cnn", "conv1", "flipped axis", changed("conv1.weight", lambda a: a[:, ::-1])),
    "channels in another order": (
        "cnn",
        "conv2",
        "channel permutation",
        changed("conv2.weight", lambda a: a[:, [3, 1, 0, 2, 4, 5, 6, 7]]),
    ),
    "order of gates": ("lstm", "rnn", "gate order", gates([0, 1, 3, 2])),
    "gates of TensorFlow": ("lstm", "rnn", "gate order", gates([0, 2, 1, 3])),
    "times a constant": ("cnn", "fc2", "constant factor", changed("fc2.weight", lambda a: a * 0.5)),
    "half precision": (
        "cnn",
        "conv3",
        "rounded",
        changed("conv3.weight", lambda a: np.float32(np.float16(a))),
    ),
    "not loaded": ("cnn", "conv2", "other weights", changed("conv2.weight", lambda a: noise(*a.shape) * 0.1)),
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_a_wrong_weight_is_named(name):
    pair, layer, kind, change = WEIGHTS[name]
    a, b = (TorchCnn(), PaddleCnn()) if pair == "cnn" else (TorchRecurrent(), PaddleRecurrent())
    own_weights(a, b)
    change(b)
    x = noise(2, 3, 15, 15) if pair == "cnn" else noise(2, 3, 6)
    report = compare_models(a, b, x, weights="as they are", steps=0, gradients=False)
    assert not report.equal
    assert (report.first_layer, report.diagnosed[0].kind) == (layer, kind), report.causes
    assert "the forward pass is equal" in report.causes[-1]


def detached(net, x):
    return PF.relu(net.bn1(net.conv1(x))).detach()


GRADIENTS = {
    "a detached stem": ("bn1", "detached", method("stem", detached)),
    "a frozen weight": ("conv2", "frozen", lambda b: setattr(b.conv2.weight, "stop_gradient", True)),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_a_wrong_gradient_is_named(name):
    layer, kind, change = GRADIENTS[name]
    a, b = TorchCnn(), PaddleCnn()
    change(b)
    report = compare_models(a, b, noise(2, 3, 15, 15), steps=0)
    assert not report.equal
    assert (report.first_layer, report.diagnosed[0].kind) == (layer, kind), report.causes


def test_a_wrong_gradient_behind_a_frozen_norm_is_named():
    """The search runs the models as the comparison does: what the caller keeps in evaluation mode stays so."""
    a, b = TorchCnn(), PaddleCnn()
    a.bn2.eval()
    b.bn2.eval()
    method("stem", detached)(b)
    report = compare_models(a, b, noise(2, 3, 15, 15), steps=0)
    assert (report.first_layer, report.diagnosed[0].kind) == ("bn1", "detached"), report.causes


def test_a_detached_branch_is_named():
    a, b = TorchResNet(), PaddleResNet()
    method("join", lambda block, y, x: PF.relu(y.detach() + x))(b.layer2)
    report = compare_models(a, b, IMAGES, steps=0)
    assert report.diagnosed[0].kind == "detached" and report.first_layer == "layer2.bn2", report.causes
    assert "argument 0 of add (between layer2.down and layer3.conv1) detached" in report.causes[0]


def test_a_gradient_of_the_input_that_stops_is_named():
    b = PaddleCnn()
    method("stem", lambda net, x: PF.relu(net.bn1(net.conv1(x.detach()))))(b)
    report = compare_models(TorchCnn(), b, noise(2, 3, 15, 15), steps=0)
    assert not report.equal
    assert (report.first_layer, report.diagnosed[0].kind) == ("the input", "detached")


def test_values_that_are_not_finite_are_counted():
    b = PaddleResNet()
    method("pool", lambda net, x: PF.max_pool2d(x, 2) * float("nan"))(b)
    report = compare_models(TorchResNet(), b, IMAGES, steps=0, gradients=False)
    assert (report.first_layer, report.diagnosed[0].kind) == ("between bn1 and layer1.conv1", "not finite")
    assert "0 of PyTorch's values and 192 of Paddle's" in report.causes[0]


def test_a_loss_of_another_size_is_named():
    losses = (lambda y: torch.nn.functional.mse_loss(y, torch.ones_like(y))), (lambda y: ((y - 1) ** 2).sum())
    report = compare_models(TorchResNet(), PaddleResNet(), IMAGES, steps=0, loss=losses)
    assert (report.diagnosed[0].layer, report.diagnosed[0].kind) == ("the loss", "loss")
    assert "8 times as much" in report.causes[0]


def test_what_differs_in_training_alone_is_placed():
    a, b = TorchResNet(), PaddleResNet()
    put(bn1=paddle.nn.BatchNorm2D(6, use_global_stats=True))(b.layer1)
    report = compare_models(a, b, IMAGES, steps=0)
    assert (report.first_layer, report.diagnosed[0].kind) == ("layer1.bn1", "statistics"), report.causes


def test_a_biased_running_variance_is_named_where_it_counts():
    """Paddle's own BatchNorm has it, which is known and no cause; asked strictly it is one."""
    report = compare_models(TorchResNet(), PaddleResNet(), IMAGES, steps=0, strict=True)
    assert not report.equal
    assert (report.first_layer, [cause.kind for cause in report.diagnosed]) == ("bn1", ["biased variance"])


class BiasedNorm(paddle.nn.BatchNorm2D):
    """A BatchNorm by hand, whose running variance is that of the batch, as some ports have it."""

    def forward(self, x):
        if not self.training:
            return super().forward(x)
        mean, variance = x.mean([0, 2, 3]), x.var([0, 2, 3], unbiased=False)
        self._mean.set_value(0.9 * self._mean + 0.1 * mean)
        self._variance.set_value(0.9 * self._variance + 0.1 * variance)
        shape = [1, -1, 1, 1]
        y = (x - mean.reshape(shape)) / (variance.reshape(shape) + 1e-5).sqrt()
        return y * self.weight.reshape(shape) + self.bias.reshape(shape)


def test_a_biased_running_variance_of_the_callers_own_is_named():
    b = PaddleResNet()
    put(bn2=BiasedNorm(8))(b.layer2)
    report = compare_models(TorchResNet(), b, IMAGES, steps=0, gradients=False)
    assert (report.first_layer, report.diagnosed[0].kind) == ("layer2.bn2", "biased variance"), report.causes


def test_two_faults_are_both_named_and_one_in_many_layers_once(tmp_path):
    a, b = TorchResNet(), PaddleResNet()
    for block in (b.layer1, b.layer2, b.layer3):
        put(bn2=paddle.nn.BatchNorm2D(block.bn2._num_features, epsilon=1e-3))(block)
    method("means", lambda net, x: x.max(axis=[2, 3]))(b)
    report = compare_models(a, b, IMAGES, steps=0, gradients=False)
    assert [cause.kind for cause in report.diagnosed] == ["eps", "reduction"]
    assert report.first_layer == "layer1.bn2"
    assert "layer2.bn2, layer3.bn2" in report.causes[0]
    assert report.causes[0] in str(report)
    write_json(report, tmp_path / "parity.json")
    assert json.loads((tmp_path / "parity.json").read_text())["causes"][0]["kind"] == "eps"


def test_what_nothing_explains_is_called_so():
    a, b = TorchResNet(), PaddleResNet()
    method("means", lambda net, x: paddle.sin(x).cumsum(-1).std(axis=[2, 3]))(b)
    report = compare_models(a, b, IMAGES, steps=0, gradients=False)
    assert [cause.kind for cause in report.diagnosed] == ["unexplained"]
    assert report.first_layer == "between layer3.bn2 and fc"
    assert "changes that were tried explains it" in report.causes[0]


def torch_momentum(parameters):
    return torch.optim.SGD(parameters, lr=1e-3, momentum=0.9)


def torch_adam(parameters):
    return torch.optim.Adam(parameters, lr=1e-3)


def torch_adamw(parameters):
    return torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.05)


OPTIMIZERS = {
    "none": (torch_momentum, lambda p: paddle.optimizer.Momentum(1e-3, 0.9, p), None),
    "momentum": (torch_momentum, lambda p: paddle.optimizer.Momentum(1e-3, 0.8, p), "momentum"),
    "rate": (torch_momentum, lambda p: paddle.optimizer.Momentum(1e-2, 0.9, p), "lr"),
    "odd rate": (torch_momentum, lambda p: paddle.optimizer.Momentum(3e-3, 0.9, p), "lr"),
    "decay": (torch_momentum, lambda p: paddle.optimizer.Momentum(1e-3, 0.9, p, weight_decay=1e-4), "weight_decay"),
    "nesterov": (torch_momentum, lambda p: paddle.optimizer.Momentum(1e-3, 0.9, p, use_nesterov=True), "nesterov"),
    "betas": (torch_adam, lambda p: paddle.optimizer.Adam(1e-3, beta2=0.99, parameters=p), "betas"),
    "epsilon": (torch_adam, lambda p: paddle.optimizer.Adam(1e-3, epsilon=1e-6, parameters=p), "eps"),
    "default decay": (torch_adamw, lambda p: paddle.optimizer.AdamW(1e-3, parameters=p), "weight_decay"),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_wrong_setting_of_an_optimizer_is_named(name):
    make_torch, make_paddle, kind = OPTIMIZERS[name]
    report = compare_models(
        TorchRecurrent(), PaddleRecurrent(), noise(2, 3, 6), steps=2, optimizer=(make_torch, make_paddle), float32=False
    )
    assert report.equal == (kind is None)
    assert [(cause.layer, cause.kind) for cause in report.diagnosed] == ([("the optimizer", kind)] if kind else [])


class TorchHeads(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.first, self.second = torch.nn.Linear(6, 8), torch.nn.Linear(8, 3), torch.nn.Linear(8, 2)

    def forward(self, x):
        x = torch.relu(self.body(x))
        return {"first": self.first(x), "second": self.second(x)}


class PaddleHeads(paddle.nn.Layer):
    def __init__(self):
        super().__init__()
        self.body, self.first, self.second = paddle.nn.Linear(6, 8), paddle.nn.Linear(8, 3), paddle.nn.Linear(8, 2)

    def forward(self, x):
        x = paddle.nn.functional.relu(self.body(x))
        return {"first": self.first(x), "second": self.second(x.detach())}


def test_one_of_two_heads_that_hands_no_gradient_on():
    report = compare_models(TorchHeads(), PaddleHeads(), np.random.default_rng(0).standard_normal((4, 6)), steps=0)
    (cause,) = report.diagnosed
    assert (
        cause.kind == "detached" and "argument 0 of linear (second)" in cause.sentence and report.first_layer == "body"
    )
