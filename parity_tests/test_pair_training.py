"""Any pair in training mode: outputs, frozen parameters, layers in evaluation mode, losses, models without a loss."""

import numpy as np
import paddle
import pytest
import torch
from torch import nn

from paddle_tsm.parity import compare_models
from paddle_tsm.parity.model_pair.trained_model import TrainedModel
from paddle_tsm.parity.report.report_text import notes
from parity_tests.small_pairs import PaddleTwoBranches, TorchTwoBranches, largest, problem, trained, vectors


def torch_layers():
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4), nn.ReLU())


def paddle_layers():
    return paddle.nn.Sequential(
        paddle.nn.Conv2D(3, 4, 3),
        paddle.nn.BatchNorm2D(4),
        paddle.nn.Conv2D(4, 4, 3),
        paddle.nn.BatchNorm2D(4),
        paddle.nn.ReLU(),
    )


def compared(a, b, **options):
    x = np.random.default_rng(0).standard_normal((3, 3, 8, 8))
    return compare_models(a, b, x, **({"float32": False, "steps": 3} | options))


def rows(report):
    return {row.name: row for row in report.rows}


# Outputs in training mode


class TorchScaled(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.first, self.second = nn.Linear(6, 4), nn.Linear(4, 3)

    def forward(self, x):
        return self.second(torch.tanh(self.first(x)))


class PaddleScaled(paddle.nn.Layer):
    def __init__(self, factor):
        super().__init__()
        self.first, self.second, self.factor = paddle.nn.Linear(6, 4), paddle.nn.Linear(4, 3), factor

    def forward(self, x):
        hidden = paddle.tanh(self.first(x))
        return self.second(hidden * self.factor if self.training else hidden)


def test_outputs_in_training_mode_are_compared_and_the_first_layer_is_named():
    x = np.random.default_rng(0).standard_normal((5, 6))
    same = compare_models(TorchScaled(), PaddleScaled(1.0), x, float32=False)
    assert same.equal and rows(same)["training outputs"].passed and same.first_layer is None
    report = compare_models(TorchScaled(), PaddleScaled(1.001), x, float32=False)
    assert rows(report)["output"].passed and not rows(report)["training outputs"].passed
    assert report.first_layer == "between first and second"
    assert any("In training mode the first difference shows at" in remark for remark in report.remarks)


# Frozen parameters


def freeze(model, *names):
    for name, parameter in model.named_parameters():
        if name in names:
            if isinstance(model, nn.Module):
                parameter.requires_grad_(False)
            else:
                parameter.stop_gradient = True
    return model


def test_a_parameter_that_is_frozen_in_both_models():
    a, b = freeze(TorchTwoBranches(), "first.weight"), freeze(PaddleTwoBranches(), "first.weight")
    report = compare_models(a, b, vectors, float32=False, optimizer="adamw")
    assert report.equal and rows(report)["5 steps: weights"].count == 7, "the frozen one is compared, too"
    assert rows(report)["5 steps: optimizer state"].count == 2 * 5
    assert "first.weight" not in report.gradients.errors


@pytest.mark.parametrize("optimizer", [None, "adamw"])
def test_a_parameter_that_is_frozen_in_one_model_is_named(optimizer):
    a, b = TorchTwoBranches(), freeze(PaddleTwoBranches(), "left.bias")
    report = compare_models(a, b, vectors, float32=False, optimizer=optimizer)
    wanted = "left.bias: PyTorch trains it, in Paddle it is frozen"
    assert problem(report, "trained parameters") == wanted
    assert report.first_breach.problem == wanted, "in front of what follows from it"
    a, b = freeze(TorchTwoBranches(), "left.bias"), PaddleTwoBranches()
    report = compare_models(a, b, vectors, float32=False, gradients=False)
    assert problem(report, "trained parameters") == "left.bias: Paddle trains it, in PyTorch it is frozen"


def test_a_packed_projection_of_which_a_part_is_frozen():
    attention = paddle.nn.MultiHeadAttention(8, 2)
    attention.k_proj.weight.stop_gradient = True

    class Torch(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x):
            return self.attention(x, x, x)[0]

    class Paddle(paddle.nn.Layer):
        def __init__(self):
            super().__init__()
            self.attention = attention

        def forward(self, x):
            return self.attention(x, x, x)

    report = compare_models(Torch(), Paddle(), np.random.default_rng(0).standard_normal((2, 3, 8)), float32=False)
    assert not report.equal
    assert problem(report, "trained parameters") == (
        "attention.in_proj_weight: PyTorch trains it, in Paddle it is frozen"
    )


def test_models_of_which_nothing_is_trained():
    names = [name for name, _ in TorchTwoBranches().named_parameters()]
    a, b = freeze(TorchTwoBranches(), *names), freeze(PaddleTwoBranches(), *names)
    report = compare_models(a, b, vectors, float32=False)
    assert report.equal and "gradients of the inputs" in rows(report) and report.steps is None
    assert report.remarks == ["Training steps are not compared: no parameter is trained in either model"]


def test_a_buffer_that_is_a_frozen_parameter_in_paddle():
    class Torch(TorchScaled):
        def __init__(self):
            super().__init__()
            self.register_buffer("place", torch.ones(6))

        def forward(self, x):
            return super().forward(x + self.place)

    class Paddle(PaddleScaled):
        def __init__(self):
            super().__init__(1.0)
            self.place = self.create_parameter([6])

        def forward(self, x):
            return super().forward(x + self.place)

    x = np.random.default_rng(0).standard_normal((5, 6))
    report = compare_models(Torch(), freeze(Paddle(), "place"), x, float32=False)
    assert report.equal and rows(report)["5 steps: buffers"].count == 1, report.first_breach
    report = compare_models(Torch(), Paddle(), x, float32=False)
    assert problem(report, "trained parameters") == "place: Paddle trains it, in PyTorch it is frozen"


# Layers in evaluation mode


def test_a_batch_norm_that_the_caller_keeps_in_evaluation_mode_stays_so():
    a, b = torch_layers(), paddle_layers()
    a[1].eval(), b[1].eval()
    a[3].eval(), b[3].eval()
    report = compared(a, b)
    assert report.equal, report.first_breach
    assert a.training and not a[1].training, "the caller's models stay as they are"
    trained_too = compared(torch_layers(), paddle_layers())
    assert trained_too.steps.losses != report.steps.losses


def test_a_model_in_evaluation_mode_as_a_whole_is_trained_as_a_whole():
    assert compared(torch_layers().eval(), paddle_layers()).steps.losses == (
        compared(torch_layers(), paddle_layers()).steps.losses
    )


def test_a_batch_norm_in_evaluation_mode_in_one_model_is_named():
    b = paddle_layers()
    b[3].eval()
    assert problem(compared(torch_layers(), b), "layers in evaluation mode") == (
        "3: Paddle has it in evaluation mode, in PyTorch it is in training mode"
    )


def test_statistics_after_a_training_pass_with_another_momentum():
    b = paddle_layers()
    b[3]._momentum = 0.8
    report = compared(torch_layers(), b)
    assert not rows(report)["running stats"].passed and not rows(report)["3 steps: buffers"].passed
    assert rows(report)["3 steps: weights"].passed, "training itself does not depend on them"


def test_dropout_in_front_of_a_batch_norm_is_off_for_its_statistics():
    def statistics(p):
        a = nn.Sequential(nn.Dropout(p), *torch_layers())
        return rows(compared(a, paddle.nn.Sequential(paddle.nn.Dropout(p), *paddle_layers())))["running stats"].max_rel

    assert statistics(0.5) == statistics(0.0) < 1e-6


# Adam where a gradient is 0 in exact arithmetic


@pytest.mark.parametrize("optimizer", ["adam", "adamw", {"kind": "adagrad", "lr": 0.1}], ids=str)
def test_biases_in_front_of_a_batch_norm(monkeypatch, optimizer):
    """Their gradient is rounding, which Adam divides by its own size."""
    x = 1e4 * np.random.default_rng(0).standard_normal((3, 3, 8, 8))
    loss = (lambda outputs: 1e6 * outputs.sum(), lambda outputs: 1e6 * outputs.sum())
    options = {"loss": loss, "optimizer": optimizer, "float32": False}
    report = compare_models(torch_layers(), paddle_layers(), x, **options)
    assert rows(report)["5 steps: weights"].passed, rows(report)["5 steps: weights"]
    assert rows(report)["5 steps: buffers"].passed, "the running means in front of which the biases are"
    left_out = report.steps.rounded_gradients  # also the bias of a BatchNorm from which the next one takes it again
    assert left_out and set(left_out) <= {"0.bias", "1.bias", "2.bias"}
    assert any("rounding alone would move" in note for note in notes(report))
    monkeypatch.setattr(TrainedModel, "leave_out_rounding", lambda self: None)
    assert not rows(compare_models(torch_layers(), paddle_layers(), x, **options))["5 steps: weights"].passed


def test_a_wrong_decay_of_such_a_bias_is_found():
    def torch_adamw(parameters):
        return torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.0)

    def paddle_adamw(parameters):
        biases = {p.name for p in parameters if len(p.shape) == 1}
        return paddle.optimizer.AdamW(
            1e-3, parameters=parameters, weight_decay=20.0, apply_decay_param_fun=biases.__contains__
        )

    assert not rows(compared(torch_layers(), paddle_layers(), optimizer=(torch_adamw, paddle_adamw)))[
        "3 steps: weights"
    ].passed


# Losses and models without one


def test_a_pair_of_losses():
    def loss(power):
        return lambda outputs: (outputs**power).sum()

    assert trained(loss=(loss(2), loss(2)), steps=5).equal
    report = trained(loss=(loss(2), loss(4)), steps=5, gradients=True)
    assert problem(report, "training loss") and not problem(report, "training outputs")


class TorchWords(nn.Module):
    def __init__(self, most=False):
        super().__init__()
        torch.manual_seed(1)
        self.words, self.last, self.most = nn.Embedding(7, 4), nn.Linear(4, 3), most

    def forward(self, x):
        outputs = self.last(self.words(x))
        return outputs.argmax(-1) if self.most else outputs


class PaddleWords(paddle.nn.Layer):
    def __init__(self, most=False):
        super().__init__()
        self.words, self.last, self.most = paddle.nn.Embedding(7, 4), paddle.nn.Linear(4, 3), most

    def forward(self, x):
        outputs = self.last(self.words(x))
        return outputs.argmax(-1) if self.most else outputs


WORDS = np.array([[0, 2, 5], [1, 1, 6]])


def test_inputs_without_gradients():
    report = compare_models(TorchWords(), PaddleWords(), WORDS, optimizer="adamw", float32=False)
    assert report.equal and "gradients of the inputs" not in rows(report) and largest(report) < 1e-9


def test_a_loss_that_no_gradient_flows_from_says_so():
    def detached(outputs):
        return outputs.detach().sum()

    with pytest.raises(
        ValueError, match="^The backward pass of PyTorch's model failed: RuntimeError: element 0 of tensors"
    ):
        trained(loss=(detached, detached), steps=1)
    one_side = trained(loss=(torch.sum, lambda outputs: outputs.detach().sum()), steps=2, gradients=True)
    assert "Paddle has no such tensor" in problem(one_side, "gradients of first")


def test_outputs_that_are_all_integers_have_no_loss():
    report = compare_models(TorchWords(True), PaddleWords(True), WORDS, float32=False)
    assert report.equal and report.gradients is None and report.steps is None
    reason = "no output is of floating-point numbers, so that there is no loss; give one as loss="
    assert report.remarks == [
        f"Gradients are not compared: {reason}",
        f"Training steps are not compared: {reason}",
    ]
