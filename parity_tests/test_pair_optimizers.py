"""Any pair of models with any optimizer, over 20 steps in float64: the rows of the table in `optimizers.py`."""

import numpy as np
import paddle
import pytest
import torch

from paddle_tsm.parity import compare_models
from paddle_tsm.parity.model_pair import optimizers
from parity_tests.small_pairs import PaddleTwoBranches, TorchTwoBranches, largest, problem, trained, vectors

LIMIT = 1e-9
SAME = [
    None,
    "sgd",
    "momentum",
    "adam",
    "adamw",
    "adagrad",
    {"kind": "sgd", "lr": 0.1, "weight_decay": 1e-2},
    {"kind": "momentum", "momentum": 0.83, "nesterov": True, "weight_decay": 1e-2},
    {"kind": "adam", "lr": 0.01, "betas": (0.83, 0.97), "eps": 1e-3, "weight_decay": 0.03},
    {"kind": "adamw", "lr": 0.01, "betas": (0.83, 0.97), "eps": 1e-3, "weight_decay": 0.3, "amsgrad": True},
    {"kind": "adam", "lr": 0.01, "amsgrad": True},
    {"kind": "adagrad", "lr": 0.1, "eps": 1e-3, "weight_decay": 1e-2, "initial_accumulator_value": 0.07},
]


@pytest.mark.parametrize("optimizer", SAME, ids=str)
def test_the_same_optimizer_trains_both_models_the_same(optimizer):
    report = trained(optimizer=optimizer)
    assert report.equal and largest(report) < LIMIT, report.first_breach
    kind = optimizer if isinstance(optimizer, str) else (optimizer or {"kind": "momentum"})["kind"]
    assert any("optimizer state" in row.name for row in report.rows) == (kind != "sgd")


def torch_adamw(parameters):
    return torch.optim.AdamW(parameters, lr=0.01, betas=(0.9, 0.99), eps=1e-6, weight_decay=0.1)


def paddle_adamw(**changed):
    options = {"learning_rate": 0.01, "beta1": 0.9, "beta2": 0.99, "epsilon": 1e-6, "weight_decay": 0.1} | changed
    return lambda parameters: paddle.optimizer.AdamW(parameters=parameters, **options)


def test_a_pair_of_functions():
    report = trained(optimizer=(torch_adamw, paddle_adamw()))
    assert report.equal and largest(report) < LIMIT


@pytest.mark.parametrize(
    "changed",
    [{"learning_rate": 0.010001}, {"beta1": 0.901}, {"beta2": 0.991}, {"epsilon": 1.1e-6}, {"weight_decay": 0.1001}],
    ids=str,
)
def test_another_constant_is_found(changed):
    report = trained(optimizer=(torch_adamw, paddle_adamw(**changed)))
    assert not report.equal and problem(report, "weights")
    said = problem(report, "learning rate")
    assert (said == "step 1: unused has 0.01 in PyTorch and 0.010001 in Paddle") == ("learning_rate" in changed)


def test_another_momentum_is_found():
    pair = (
        lambda parameters: torch.optim.SGD(parameters, lr=0.01, momentum=0.9),
        lambda parameters: paddle.optimizer.Momentum(0.01, 0.901, parameters),
    )
    assert not trained(optimizer=pair).equal


@pytest.mark.parametrize(
    "in_torch, in_paddle",
    [
        ({"kind": "momentum", "nesterov": True}, {"nesterov": False}),
        ({"kind": "momentum", "weight_decay": 0.1}, {"weight_decay": 0.101}),
        ({"kind": "sgd", "weight_decay": 0.1}, {"weight_decay": 0.0}),
        ({"kind": "adam", "amsgrad": True}, {"amsgrad": False}),
        ({"kind": "adam", "weight_decay": 0.1}, {"kind": "adamw"}),
        ({"kind": "adamw", "eps": 1e-8}, {"eps": 1e-7}),
        ({"kind": "adagrad", "eps": 1e-10}, {"eps": 1e-6}),
        ({"kind": "adagrad"}, {"initial_accumulator_value": 1e-6}),
    ],
    ids=str,
)
def test_an_option_of_one_framework_only_is_found(in_torch, in_paddle):
    a, b = (optimizers.optimizer_pair({"lr": 0.01} | options) for options in (in_torch, in_torch | in_paddle))
    report = trained(
        optimizer=(lambda parameters: a.torch(parameters, 0.01), lambda parameters: b.paddle(parameters, 0.01))
    )
    assert problem(report, "weights") and not problem(report, "learning rate")


def test_another_kind_of_optimizer_is_found():
    pair = (
        lambda parameters: torch.optim.SGD(parameters, lr=0.01, momentum=0.9),
        lambda parameters: paddle.optimizer.SGD(0.01, parameters),
    )
    assert "Paddle has no such tensor" in problem(trained(optimizer=pair), "optimizer state")


@pytest.mark.parametrize(
    "optimizer, word",
    [
        ({"kind": "momentum", "weight_decay": 0.3}, "momentum 0.9"),
        ({"kind": "momentum", "momentum": 0.5, "weight_decay": 0.3}, "weight_decay 0.3"),
        ({"kind": "adamw", "weight_decay": 0.3, "lr": 0.1}, "weight_decay 0.3"),
        ({"kind": "adagrad", "eps": 0.1, "lr": 0.1}, "eps 0.1"),
    ],
    ids=str,
)
def test_a_constant_that_paddle_holds_as_float32_is_rounded_and_named(monkeypatch, optimizer, word):
    report = trained(optimizer=optimizer)
    assert report.equal and largest(report) < LIMIT
    assert any(word in remark and "float32" in remark for remark in report.remarks), report.remarks
    monkeypatch.setattr(optimizers, "round_constants", lambda optimizer: [])
    assert largest(trained(optimizer=optimizer)) > LIMIT


def test_what_paddle_holds_in_float64_is_not_rounded(monkeypatch):
    """With PyTorch's betas, epsilon or decay rounded, the two would differ."""
    exact = {"kind": "adam", "betas": (0.9, 0.999), "eps": 0.1, "weight_decay": 0.3, "lr": 0.1}
    assert not trained(optimizer=exact).remarks and largest(trained(optimizer=exact)) < 1e-12
    for name, value in (("betas", (0.9, 0.999)), ("eps", 0.1), ("weight_decay", 0.3)):
        rounded = tuple(map(float, np.float32(value))) if name == "betas" else float(np.float32(value))
        pair = [optimizers.optimizer_pair(exact | change) for change in ({name: rounded}, {})]
        made = (lambda p, a=pair[0]: a.torch(p, 0.1)), (lambda p, b=pair[1]: b.paddle(p, 0.1))
        assert largest(trained(optimizer=made)) > 1e-11, name
    sgd = {"kind": "sgd", "weight_decay": 0.3}
    assert not trained(optimizer=sgd).remarks and largest(trained(optimizer=sgd)) < 1e-13


def test_rmsprop_differs_by_the_place_of_epsilon():
    def pair(epsilon):
        return (
            lambda parameters: torch.optim.RMSprop(parameters, lr=0.01, alpha=0.9, eps=epsilon),
            lambda parameters: paddle.optimizer.RMSProp(0.01, rho=0.9, epsilon=epsilon, parameters=parameters),
        )

    assert trained(optimizer=pair(0.0)).equal
    assert not trained(optimizer=pair(1e-8)).equal
    with pytest.raises(ValueError, match="epsilon inside the root"):
        trained(optimizer="rmsprop")


@pytest.mark.parametrize(
    "optimizer, message",
    [
        ("lamb", "got kind 'lamb', wanted one of sgd, momentum"),
        ({"lr": 0.1}, "got kind None"),
        ({"kind": "adam", "beta1": 0.9}, "got 'beta1' for adam, wanted any of lr, betas"),
        ({"kind": "momentum", "dampening": 0.1}, "Paddle's Momentum has none"),
        ({"kind": "adam", "maximize": True}, "Paddle's optimizers have none"),
        (3, "got 3, wanted None, one of sgd"),
    ],
    ids=str,
)
def test_what_is_refused(optimizer, message):
    with pytest.raises(ValueError, match=message):
        trained(optimizer=optimizer)


def test_without_a_rate_the_weights_move_a_little():
    """The loss depends on what the first step did, and by how little is the rate's."""
    for optimizer in (None, "adamw"):
        losses = trained(optimizer=optimizer, steps=3).steps.losses["PyTorch"]
        still = trained(optimizer={"kind": optimizer or "momentum", "lr": 0.0}, steps=3).steps.losses["PyTorch"]
        assert losses[0] == still[0] and 0 < abs(losses[2] - still[2]) < 1e-3


def test_functions_that_make_no_optimizer():
    torch_sgd, paddle_sgd = (lambda p: torch.optim.SGD(p, lr=0.1)), (lambda p: paddle.optimizer.SGD(0.1, p))
    for pair, message in (
        ((paddle_sgd, torch_sgd), "optimizer: the "),
        ((torch_sgd, lambda p: None), "optimizer: the function for Paddle made None, wanted an optimizer of Paddle"),
        ((lambda p: p.lost, paddle_sgd), "optimizer: the one for PyTorch failed: AttributeError"),
    ):
        with pytest.raises(ValueError, match=message):
            trained(optimizer=pair)
    with pytest.raises(ValueError, match="schedule: the function for PyTorch made None"):
        trained(schedule=(lambda optimizer: None, lambda optimizer: None))
    with pytest.raises(ValueError, match="schedule: the function for Paddle made 0.1, wanted a scheduler of Paddle"):
        trained(schedule=(torch_schedule, lambda optimizer: 0.1))


# Groups and clipping


def torch_groups(parameters):
    return torch.optim.SGD([{"params": parameters[:2]}, {"params": parameters[2:], "lr": 0.02}], lr=0.01)


def paddle_groups(factor, clip=None):
    def make(parameters):
        groups = [{"params": parameters[:2]}, {"params": parameters[2:], "learning_rate": factor}]
        return paddle.optimizer.SGD(0.01, parameters=groups, grad_clip=clip)

    return make


@pytest.mark.parametrize("schedule", [None, lambda step: 0.05 / (step + 1)])
def test_a_groups_rate_is_a_factor_in_paddle(schedule):
    """The parameters of `PaddleTwoBranches` come in another order, so that the first of PyTorch's is the last."""

    def torch_same(parameters):  # PyTorch's own order begins with `unused`
        return torch_groups(parameters)

    def paddle_same(parameters):
        ordered = sorted(parameters, key=lambda p: p.shape != [2])
        return paddle_groups(2.0)(ordered)

    assert trained(optimizer=(torch_same, paddle_same), schedule=schedule).equal
    wrong = trained(optimizer=(torch_same, lambda p: paddle_groups(0.02)(sorted(p, key=lambda q: q.shape != [2]))))
    assert "first.bias has 0.02 in PyTorch and 0.0002 in Paddle" in problem(wrong, "learning rate")


def test_clipping_as_pytorch_does():
    report = trained(clip=0.013, optimizer={"kind": "sgd", "lr": 0.5})
    assert report.equal and largest(report) < LIMIT
    unclipped = trained(optimizer={"kind": "sgd", "lr": 0.5})
    weights = [next(row for row in r.rows if row.name.endswith("gradient norm")) for r in (report, unclipped)]
    assert weights[0].passed and report.steps.losses != unclipped.steps.losses


def test_paddles_own_clipping_differs():
    clipped = paddle.nn.ClipGradByGlobalNorm(0.013)
    plain = (
        lambda parameters: torch.optim.SGD(parameters, lr=0.5),
        lambda parameters: paddle.optimizer.SGD(0.5, parameters, grad_clip=clipped),
    )
    assert not trained(optimizer=plain).equal, "PyTorch does not clip at all"
    by_hand = clipping_sgd(0.013)
    difference = largest(trained(optimizer=(by_hand, plain[1])))
    assert LIMIT < difference < 1e-3, "the 1e-6 that PyTorch adds to the norm"

    def groups(parameters):
        halves = [{"params": parameters[:2]}, {"params": parameters[2:]}]
        return paddle.optimizer.SGD(0.5, halves, grad_clip=clipped)

    assert largest(trained(optimizer=(by_hand, groups))) > 1e-3, "each group by itself"


def clipping_sgd(norm):
    """A function to PyTorch's SGD, which clips before each step."""

    class Clipping(torch.optim.SGD):
        def step(self, closure=None):
            torch.nn.utils.clip_grad_norm_([p for group in self.param_groups for p in group["params"]], norm)
            return super().step(closure)

    return lambda parameters: Clipping(parameters, lr=0.5)


@pytest.mark.parametrize("clip", [0, -1.0, float("nan"), "1"])
def test_a_clip_that_is_no_norm(clip):
    with pytest.raises(ValueError, match="clip: got"):
        trained(clip=clip)


def test_gradients_that_are_reset_to_zero_let_momentum_go_on():
    """Every second step leaves a branch without gradient: reset to 0 instead of None, Paddle steps it nevertheless."""

    class Resetting(paddle.optimizer.Momentum):
        def clear_grad(self, set_to_zero=True):
            super().clear_grad(set_to_zero=True)

    pair = (
        lambda parameters: torch.optim.SGD(parameters, lr=0.01, momentum=0.9),
        lambda parameters: Resetting(0.01, 0.9, parameters),
    )
    report = trained(optimizer=pair)
    assert problem(report, "weights") and report.steps.differences["loss"][0] < LIMIT


# Schedules


def test_the_rate_of_each_step():
    rates = [0.1, 0.05, 0.2, 0.0]
    report = trained(steps=4, schedule=rates)
    assert report.equal and report.steps.losses != trained(steps=4).steps.losses
    assert trained(steps=4, schedule=rates.__getitem__).steps.losses == report.steps.losses
    assert trained(steps=4, schedule=np.array(rates)).steps.losses == report.steps.losses


def torch_schedule(optimizer):
    return torch.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.1)


@pytest.mark.parametrize("optimizer", [{"kind": "momentum", "lr": 0.01}, {"kind": "adamw", "lr": 0.001}], ids=str)
def test_each_frameworks_own_scheduler(optimizer):
    def paddle_schedule(step_size):
        return lambda optimizer: paddle.optimizer.lr.StepDecay(optimizer.get_lr(), step_size=step_size)

    assert trained(steps=6, schedule=(torch_schedule, paddle_schedule(2)), optimizer=optimizer).equal
    report = trained(steps=6, schedule=(torch_schedule, paddle_schedule(3)), optimizer=optimizer)
    rate = optimizer["lr"]
    assert problem(report, "learning rate") == (f"step 3: unused has {rate / 10:g} in PyTorch and {rate:g} in Paddle")


def test_a_warm_up_that_cannot_begin_at_a_rate_of_0():
    """Where gradients are compared, too, an optimizer with that rate is made, but no scheduler of it."""
    report = trained(
        steps=8,
        gradients=True,
        optimizer={"kind": "sgd", "lr": 0.01},
        schedule=(
            lambda optimizer: torch.optim.lr_scheduler.LinearLR(optimizer, 0.1, 1.0, 5),
            lambda optimizer: paddle.optimizer.lr.LinearWarmup(0.01, 5, 0.001, optimizer.get_lr()),
        ),
    )
    assert report.equal, report.first_breach


def test_a_scheduler_inside_paddles_optimizer():
    pair = (
        lambda parameters: torch.optim.SGD(parameters, lr=0.1),
        lambda parameters: paddle.optimizer.SGD(paddle.optimizer.lr.StepDecay(0.1, 2), parameters),
    )
    schedule = (torch_schedule, lambda optimizer: optimizer._learning_rate)
    assert trained(steps=6, optimizer=pair, schedule=schedule).equal
    with pytest.raises(ValueError, match="has a scheduler already"):
        trained(steps=6, optimizer=pair, schedule=lambda step: 0.1)


@pytest.mark.parametrize(
    "schedule, message",
    [([0.1], "got 1 rates, wanted one for each of 2"), ("cosine", "got 'cosine'"), ([None, 1], "got")],
)
def test_a_schedule_that_is_none(schedule, message):
    with pytest.raises(ValueError, match=f"schedule: {message}"):
        trained(steps=2, schedule=schedule)


def test_a_parameter_that_one_optimizer_leaves_out():
    pair = (
        lambda parameters: torch.optim.SGD(parameters, lr=0.1),
        lambda parameters: paddle.optimizer.SGD(0.1, [p for p in parameters if p.shape != [6, 8]]),
    )
    said = problem(trained(optimizer=pair), "learning rate")
    assert said == "step 1: first.weight: PyTorch's optimizer steps it, Paddle's does not"


def test_attention_whose_projections_are_packed_in_pytorch():
    """PyTorch's state of `in_proj_weight` is put together from the three of Paddle's."""

    class Torch(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = torch.nn.MultiheadAttention(8, 2, batch_first=True)

        def forward(self, x):
            return self.attention(x, x, x)[0]

    class Paddle(paddle.nn.Layer):
        def __init__(self):
            super().__init__()
            self.attention = paddle.nn.MultiHeadAttention(8, 2)

        def forward(self, x):
            return self.attention(x, x, x)

    report = compare_models(
        Torch(),
        Paddle(),
        np.random.default_rng(0).standard_normal((2, 3, 8)),
        loss=(lambda outputs: outputs.square().sum(), lambda outputs: outputs.square().sum()),
        optimizer={"kind": "adamw", "amsgrad": True},
        float32=False,
        steps=3,
    )
    rows = {row.name: row for row in report.rows}
    assert report.equal and rows["3 steps: optimizer state"].count == 4 * 3, report.first_breach


def test_the_models_of_the_caller_stay_as_they_are():
    a, b = TorchTwoBranches(), PaddleTwoBranches()
    before = a.first.weight.detach().clone(), b.first.weight.numpy()
    compare_models(a, b, vectors, optimizer="adam", steps=2, float32=False)
    assert torch.equal(a.first.weight, before[0]) and np.array_equal(b.first.weight.numpy(), before[1])
