"""The optimizers: the update, the clip and the parameter groups against PyTorch's, and what they refuse."""

import statistics
import time

import numpy as np
import paddle
import pytest
import torch

import paddle_tsm
import paddle_tsm.optim
import torch_ref
import torch_ref.optim
from parity_tests.every_layer import GROUPS, KINDS, LINEAR, Ours, Reference, gap, give, gradients, pair, run, weights


@pytest.mark.parametrize("kind, options", KINDS)
def test_update_is_torchs_in_float64(kind, options):
    ours, reference = pair()
    a, b = getattr(paddle_tsm.optim, kind)(ours, **options), getattr(torch_ref.optim, kind)(reference, **options)
    before = weights(reference)
    norms = run(ours, a, reference, range(20)), run(reference, b, reference, range(20))
    np.testing.assert_allclose(*norms, rtol=1e-14)
    assert norms[0].min() > 20  # the clip of 20 always acts
    assert gap(before, weights(reference)) > 1e-3
    assert gap(weights(ours), weights(reference)) < 1e-13


@pytest.mark.parametrize("kind, options", KINDS)
def test_update_is_torchs_in_float32(kind, options):
    ours, reference = pair("float32")
    a, b = getattr(paddle_tsm.optim, kind)(ours, **options), getattr(torch_ref.optim, kind)(reference, **options)
    norms = run(ours, a, reference, range(20)), run(reference, b, reference, range(20))
    np.testing.assert_allclose(*norms, rtol=1e-6)
    assert gap(weights(ours), weights(reference)) < 1e-5
    assert next(iter(weights(ours).values())).dtype == np.float32


def test_reference_is_torchs_own_optimizer_and_clip():
    """The reference package against torch.optim and clip_grad_norm_ written out by hand."""
    _, reference = pair()
    model = Reference().double()
    model.load_state_dict(reference.state_dict())
    named = dict(model.named_parameters())
    plain = torch.optim.SGD(
        [
            {"params": [named[n] for n in names], "lr": 0.01 * lr, "weight_decay": 1e-4 * decay}
            for names, lr, decay in GROUPS.values()
        ],
        momentum=0.9,
    )
    optimizer = torch_ref.optim.tsm_sgd(reference)
    for step in range(5):
        give(model, gradients(model, step)), give(reference, gradients(model, step))
        torch.nn.utils.clip_grad_norm_(model.parameters(), 20.0)
        plain.step(), optimizer.step()
    assert gap(weights(reference), weights(model)) < 1e-14  # the order in which the clip adds the squares


def test_paddles_own_momentum_would_not_do():
    """It holds momentum and decay as float32, and its clip takes each group by itself."""
    (ours, reference), options = pair(), {"max_norm": None}
    plain = paddle.optimizer.Momentum(
        1.0,
        0.9,
        parameters=[
            {"params": group["params"], "learning_rate": group["lr"], "weight_decay": float(group["weight_decay"])}
            for group in paddle_tsm.optim.tsm_sgd(ours, **options).param_groups
            if group["params"]
        ],
    )
    theirs = torch_ref.optim.tsm_sgd(reference, **options)
    for step in range(20):
        give(ours, gradients(reference, step)), give(reference, gradients(reference, step))
        plain.step(), theirs.step()
    assert 1e-9 < gap(weights(ours), weights(reference)) < 1e-5


@pytest.mark.parametrize("package, model", [(paddle_tsm, Ours), (torch_ref, Reference)])
@pytest.mark.parametrize("fc_lr5", [True, False])
def test_groups(package, model, fc_lr5):
    expected = dict(GROUPS)
    if not fc_lr5:
        for row, of in (("weight", "normal weight"), ("bias", "normal bias")):
            names, lr, decay = expected[of]
            expected[of] = (names + [f"fc.{row}"], lr, decay)
            expected[f"fc {row}"] = ([], *expected[f"fc {row}"][1:])
    optimizer = package.optim.tsm_sgd(model(), lr=0.5, weight_decay=0.25, fc_lr5=fc_lr5)
    found = {group["name"]: (group["names"], group["lr"], group["weight_decay"]) for group in optimizer.param_groups}
    assert found == {name: (names, 0.5 * lr, 0.25 * decay) for name, (names, lr, decay) in expected.items()}
    assert [len(group["params"]) for group in optimizer.param_groups] == [len(names) for names, *_ in expected.values()]


@pytest.mark.parametrize("package", [paddle_tsm, torch_ref])
def test_groups_of_a_network(package):
    model = package.create_model("tsm_resnet50", num_classes=5)
    groups = {group["name"]: group["names"] for group in package.optim.tsm_sgd(model).param_groups}
    assert groups["first conv weight"] == ["conv1.weight"] and groups["fc bias"] == ["fc.bias"]
    assert (len(groups["normal weight"]), len(groups["batch norm"])) == (52, 106)
    assert sorted(sum(groups.values(), [])) == sorted(name for name, _ in model.named_parameters())


@pytest.mark.parametrize(
    "package, model, other",
    [
        (paddle_tsm, Ours, lambda: paddle.nn.Embedding(2, 2)),
        (torch_ref, Reference, lambda: torch.nn.Embedding(2, 2)),
    ],
)
def test_a_layer_that_the_table_does_not_know(package, model, other):
    model = model()
    model.stem.extra = other()
    with pytest.raises(ValueError, match="stem.extra: a Embedding with parameters of its own; wanted"):
        package.optim.tsm_sgd(model)


@pytest.mark.parametrize("package, model", [(paddle_tsm, Ours), (torch_ref, Reference)])
def test_learning_rate(package, model):
    model = model()
    optimizer = package.optim.tsm_sgd(model, lr=0.1)
    assert optimizer.get_lr() == 0.1
    optimizer.set_lr(0.02)
    assert optimizer.get_lr() == 0.02
    rates = {group["name"]: group["lr"] for group in optimizer.param_groups}
    assert rates == {name: 0.02 * lr for name, (_, lr, _) in GROUPS.items()}
    before = weights(model)
    give(model, gradients(Reference(), 0))
    optimizer.set_lr(0.0)
    optimizer.step()
    assert gap(weights(model), before) == 0


@pytest.mark.parametrize("package, model", [(paddle_tsm, Ours), (torch_ref, Reference)])
@pytest.mark.parametrize("kind", ["tsm_sgd", "tsm_adamw"])
def test_frozen_and_unused_parameters_are_left_alone(package, model, kind):
    model = model()
    optimizer = getattr(package.optim, kind)(model)
    values = gradients(Reference(), 0)
    give(model, values)
    optimizer.step()
    before = weights(model)
    parameters = dict(model.named_parameters())
    give(model, {name: value for name, value in values.items() if name != "fc.weight"})
    frozen = parameters["stem.weight"]  # with a gradient from before it was frozen
    frozen.stop_gradient, frozen.requires_grad = True, False
    optimizer.step()
    after = weights(model)
    same = {name for name in before if np.array_equal(before[name], after[name])}
    assert same == {"fc.weight", "stem.weight"}
    squares = sum((values[name] ** 2).sum() for name in values if name not in same)
    assert optimizer.grad_norm == pytest.approx(np.sqrt(squares), rel=1e-6)


@pytest.mark.parametrize("package, model", [(paddle_tsm, Ours), (torch_ref, Reference)])
@pytest.mark.parametrize("clear", ["clear_grad", "zero_grad"])
def test_cleared_gradients_are_none(package, model, clear):
    model = model()
    optimizer = package.optim.tsm_sgd(model)
    give(model, gradients(Reference(), 0))
    getattr(optimizer, clear)()
    before = weights(model)
    assert all(parameter.grad is None for parameter in model.parameters() if getattr(parameter, "trainable", True))
    optimizer.step()
    assert optimizer.grad_norm == 0 and gap(weights(model), before) == 0
    assert optimizer.state_dict()["state"] == {}


@pytest.mark.parametrize("factor", [0.1, 0.999999, 1.000001, 10.0])
def test_clip_is_torchs(factor):
    ours, reference = pair()
    values = gradients(reference, 1)
    norm = float(np.sqrt(sum((value**2).sum() for value in values.values())))
    give(ours, values), give(reference, values)
    a = paddle_tsm.optim.clip_gradients(ours.parameters(), factor * norm)
    b = torch.nn.utils.clip_grad_norm_(reference.parameters(), factor * norm)
    assert float(a) == pytest.approx(float(b), rel=1e-15) and float(a) == pytest.approx(norm, rel=1e-14)
    parameters = dict(reference.named_parameters())
    for name, parameter in ours.named_parameters():
        if parameter.grad is not None:
            values = parameter.grad.numpy().T if name in LINEAR else parameter.grad.numpy()
            np.testing.assert_allclose(values, parameters[name].grad.numpy(), rtol=1e-14)


def test_nan_gradients_are_not_hidden():
    for package, model in ((paddle_tsm, Ours()), (torch_ref, Reference())):
        optimizer = package.optim.tsm_sgd(model)
        give(model, gradients(Reference(), 0) | {"fc.bias": np.full(6, np.nan)})
        optimizer.step()
        assert np.isnan(optimizer.grad_norm) and all(np.isnan(array).all() for array in weights(model).values())


@pytest.mark.parametrize("package, model", [(paddle_tsm, Ours), (torch_ref, Reference)])
@pytest.mark.parametrize(
    "kind, bad",
    [
        ("tsm_sgd", {"lr": -1.0}),
        ("tsm_sgd", {"momentum": -0.1}),
        ("tsm_sgd", {"weight_decay": float("nan")}),
        ("tsm_sgd", {"momentum": 0.0, "nesterov": True}),
        ("tsm_adamw", {"betas": (0.9, 1.0)}),
        ("tsm_adamw", {"eps": -1e-8}),
    ],
)
def test_values_that_cannot_be_meant(package, model, kind, bad):
    with pytest.raises(ValueError, match="wanted"):
        getattr(package.optim, kind)(model(), **bad)


@pytest.mark.slow
def test_no_slower_than_paddles_own():
    """A float32 step of ResNet-50 against paddle.optimizer.Momentum, same groups and its own clip, alternating;
    -s shows the medians: python -m pytest parity_tests/test_optim.py -m slow -s"""
    model = paddle_tsm.create_model("tsm_resnet50")
    ours, unclipped = paddle_tsm.optim.tsm_sgd(model, max_norm=20.0), paddle_tsm.optim.tsm_sgd(model, max_norm=None)
    groups = [
        {"params": g["params"], "learning_rate": float(g["lr_multiplier"]), "weight_decay": float(g["weight_decay"])}
        for g in ours.param_groups
        if g["params"]
    ]
    clip = paddle.nn.ClipGradByGlobalNorm(20.0)
    contenders = {
        "ours": ours,
        "Paddle's": paddle.optimizer.Momentum(0.01, 0.9, parameters=groups, grad_clip=clip),
        "ours unclipped": unclipped,
        "Paddle's unclipped": paddle.optimizer.Momentum(0.01, 0.9, parameters=groups),
    }
    values = [(p, paddle.randn(p.shape) * 0.1) for p in model.parameters()]
    seconds = {name: [] for name in contenders}
    for _ in range(15):
        for name, optimizer in contenders.items():
            for parameter, value in values:
                parameter.grad = value.clone()
            start = time.perf_counter()
            optimizer.step()
            seconds[name].append(time.perf_counter() - start)
    assert ours.grad_norm > 20
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    print({name: f"{1e3 * median:.1f} ms" for name, median in medians.items()})
    assert medians["ours"] <= 1.05 * medians["Paddle's"]
