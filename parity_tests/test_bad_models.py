"""Bad use of `compare_models`: an error in one line, or a correct result; what is the caller's stays as it was."""

import contextlib
import copy

import numpy as np
import paddle
import pytest
import torch

from paddle_tsm.parity.model_pair.compare_models import compare_models

X = np.random.default_rng(0).standard_normal((4, 6))
QUICK = {"steps": 2, "float32": False}


def linears(*sizes):
    """A chain of Linear layers in both frameworks."""
    pairs = list(zip(sizes, sizes[1:]))
    return (
        torch.nn.Sequential(*(torch.nn.Linear(*pair) for pair in pairs)),
        paddle.nn.Sequential(*(paddle.nn.Linear(*pair) for pair in pairs)),
    )


def with_tail(torch_tail=lambda x: x, paddle_tail=lambda x: x, torch_kind=torch.nn.Module, paddle_kind=paddle.nn.Layer):
    """A Linear layer in both frameworks, and what follows it."""

    class Torch(torch_kind):
        def __init__(self):
            super().__init__()
            self.fc = torch.nn.Linear(6, 5)

        def forward(self, x, *more):
            return torch_tail(self.fc(x))

    class Paddle(paddle_kind):
        def __init__(self):
            super().__init__()
            self.fc = paddle.nn.Linear(6, 5)

        def forward(self, x, *more):
            return paddle_tail(self.fc(x))

    return Torch(), Paddle()


def said(*arguments, **options):
    """The error of a comparison, which is a ValueError in one line."""
    with pytest.raises(ValueError) as caught:
        compare_models(*arguments, **options)
    text = str(caught.value)
    assert "\n" not in text and len(text) < 1200, text
    return text


def breach(*arguments, **options):
    """The first row of a comparison that does not pass."""
    row = compare_models(*arguments, **QUICK | options).first_breach
    assert row is not None
    return row


# Errors


def test_models_on_another_number_of_tensors():
    text = said(linears(6, 5, 4)[0], linears(6, 5)[1], X)
    assert "PyTorch has 1 (linear: weight [4, 5], bias [4])" in text and "align" in text


@pytest.mark.parametrize("inputs", [X[:, :3], X.astype("int64"), (X, X), {"unknown": X}])
def test_inputs_that_one_side_refuses(inputs):
    text = said(*linears(6, 5), inputs)
    assert "PyTorch said: " in text and "Paddle" in text


def test_both_messages_are_shown():
    def refuse(words):
        def tail(x):
            raise RuntimeError(words)

        return tail

    text = said(*with_tail(refuse("torch\nis tired"), refuse("paddle is tired")), X)
    assert "PyTorch said: RuntimeError: torch is tired" in text and "Paddle said: RuntimeError: paddle is tired" in text
    text = said(*with_tail(paddle_tail=refuse("only paddle")), X)
    assert "PyTorch ran them" in text and "only paddle" in text


def test_arguments_exchanged_classes_and_other_things():
    a, b = linears(6, 5)
    assert "torch_model: got a paddle." in said(b, a, X) and "torch.nn.Module" in said(b, a, X)
    assert "paddle_layer: got a torch." in said(a, a, X)
    assert "the class torch.nn" in said(torch.nn.Linear, b, X)
    assert "the class paddle.nn" in said(a, paddle.nn.Linear, X)
    assert "the function made" in said(lambda: b, b, X)
    assert "torch_model" in said(None, b, X) and "paddle_layer" in said(a, "model", X)


def test_a_model_that_cannot_be_copied():
    a, b = linears(6, 5)
    a.generator = (number for number in range(3))
    assert "torch_model: cannot be copied" in said(a, b, X) and "give a function that makes it" in said(a, b, X)

    def make():
        model = copy.deepcopy(linears(6, 5)[0])
        model.generator = (number for number in range(3))
        return model

    assert compare_models(make, b, X, **QUICK).equal


class Counting:
    """A tail that fails from some call on."""

    def __init__(self, allowed):
        self.calls, self.allowed = 0, allowed

    def __call__(self, x):
        self.calls += 1
        if self.calls > self.allowed:
            raise RuntimeError("no second call")
        return x


@pytest.mark.parametrize("side", ["PyTorch", "Paddle"])
def test_a_model_that_fails_on_its_second_call(side):
    tails = [Counting(1), lambda x: x]
    text = said(*with_tail(*(tails if side == "PyTorch" else tails[::-1])), X, **QUICK)
    assert f"{side}'s model ran once and failed on its second call" in text and "RuntimeError: no second call" in text


def test_a_model_that_fails_in_training_mode_only():
    def tail(x):
        if torch.is_grad_enabled() and x.requires_grad:
            raise RuntimeError("not in training")
        return x

    text = said(*with_tail(tail), X, **QUICK)
    assert "PyTorch model failed: RuntimeError: not in training" in text


@pytest.mark.parametrize("inputs", [X * np.nan, np.where(X > 1, np.inf, X)])
def test_inputs_that_are_not_finite(inputs):
    assert "NaN or infinit" in said(*linears(6, 5), inputs)


def test_strings_and_objects_as_inputs_or_outputs():
    assert "inputs" in said(*linears(6, 5), "a picture")
    text = said(*with_tail(lambda x: (x, "done"), lambda x: (x, "done")), X)
    assert "'done'" in text or "str" in text


def test_no_inputs_and_no_outputs():
    assert "inputs" in said(*linears(6, 5), None)
    assert "output" in said(*with_tail(lambda x: None, lambda x: None), X)
    assert "output" in said(*with_tail(lambda x: [], lambda x: []), X)


# Never equal


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_the_same_nan_or_infinity_on_both_sides_never_passes(value):
    row = breach(*with_tail(lambda x: x * value, lambda x: x * value), X, gradients=False, steps=0)
    assert "NaN or infinite" in row.problem


def test_outputs_of_another_dtype_shape_number_or_structure():
    assert "dtype" in breach(*with_tail(paddle_tail=lambda x: x.astype("float32")), X, gradients=False, steps=0).problem
    assert "shape" in breach(*with_tail(paddle_tail=lambda x: x[:2]), X, gradients=False, steps=0).problem
    more = said_or_breach(*with_tail(paddle_tail=lambda x: (x, x)), X)
    assert "output" in more
    fewer = said_or_breach(*with_tail(lambda x: (x, x), lambda x: x), X)
    assert "output" in fewer
    names = said_or_breach(*with_tail(lambda x: {"a": x}, lambda x: {"b": x}), X)
    assert "output" in names or "a" in names


def said_or_breach(*arguments):
    try:
        report = compare_models(*arguments, gradients=False, steps=0, float32=False)
    except ValueError as error:
        return str(error)
    assert not report.equal
    return f"{report.first_breach.name}: {report.first_breach.problem}"


def test_a_list_against_a_tuple_is_the_same():
    assert compare_models(*with_tail(lambda x: [x, x], lambda x: (x, x)), X, **QUICK).equal


# Random numbers and state


@pytest.mark.parametrize("side", ["PyTorch", "Paddle"])
def test_a_model_that_draws_random_numbers(side):
    noisy = (lambda x: x + torch.rand_like(x)), (lambda x: x + paddle.rand(x.shape).astype(x.dtype))
    tails = (noisy[0], lambda x: x) if side == "PyTorch" else (lambda x: x, noisy[1])
    text = said(*with_tail(*tails), X)
    assert f"{side}'s model gives other values" in text and "seed" in text


def test_a_model_that_keeps_state_between_calls():
    class Torch(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.seen = torch.nn.Linear(6, 5), 0

        def forward(self, x):
            self.seen += 1
            return self.fc(x) * self.seen

    text = said(Torch(), with_tail()[1], X)
    assert "PyTorch's model gives other values" in text


# Correct results


def test_an_input_that_is_changed_in_place():
    class Torch(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.fc = torch.nn.Linear(6, 5)

        def forward(self, x):
            x.mul_(2)
            return self.fc(x)

    class Paddle(paddle.nn.Layer):
        def __init__(self):
            super().__init__()
            self.fc = paddle.nn.Linear(6, 5)

        def forward(self, x):
            x.scale_(2.0)
            return self.fc(x)

    kept = X.copy()
    assert compare_models(Torch(), Paddle(), X, steps=2).equal and np.array_equal(X, kept)
    tensor = torch.tensor(X)
    assert compare_models(Torch(), Paddle(), tensor, steps=2).equal and np.array_equal(tensor.numpy(), kept)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision(dtype):
    a, b = linears(6, 5)
    report = compare_models(a.to(getattr(torch, dtype)), b, X, **QUICK)
    assert report.equal and any(dtype in one for one in report.remarks)
    a, b = linears(6, 5)
    b.to(dtype=dtype)
    report = compare_models(a, b, X, **QUICK)
    assert report.equal and any(dtype in one for one in report.remarks)
    tensors = torch.tensor(X).to(getattr(torch, dtype))
    assert compare_models(*linears(6, 5), tensors, **QUICK).equal


def test_no_parameters_frozen_ones_and_integers():
    assert compare_models(torch.nn.Tanh(), paddle.nn.Tanh(), X, **QUICK).equal
    a, b = linears(6, 5)
    a.requires_grad_(False)
    for parameter in b.parameters():
        parameter.stop_gradient = True
    assert compare_models(a, b, X, **QUICK).equal
    words = np.array([[1, 2, 0]])
    a, b = torch.nn.Embedding(4, 3), paddle.nn.Embedding(4, 3)
    a.weight.requires_grad_(False)
    b.weight.stop_gradient = True
    assert compare_models(a, b, words, **QUICK).equal


def test_frozen_on_one_side_only():
    a, b = linears(6, 5)
    a[0].bias.requires_grad_(False)
    assert "0.bias" in str(breach(a, b, X))


def test_integers_and_booleans_come_out():
    assert compare_models(*with_tail(lambda x: x.argmax(-1), lambda x: x.argmax(-1)), X, **QUICK).equal
    assert compare_models(*with_tail(lambda x: x > 0, lambda x: x > 0), X, **QUICK).equal
    assert not compare_models(*with_tail(lambda x: x > 0, lambda x: x < 0), X, **QUICK).equal
    assert not compare_models(*with_tail(lambda x: x.argmax(-1), lambda x: x.argmin(-1)), X, **QUICK).equal


def test_none_and_numbers_come_out():
    assert compare_models(*with_tail(lambda x: (x, None, 3), lambda x: (x, None, 3)), X, **QUICK).equal
    assert not compare_models(*with_tail(lambda x: (x, 3), lambda x: (x, 4)), X, **QUICK).equal


# What belongs to the caller


class State:
    """All of the caller's that a comparison could change."""

    def __init__(self, a, b):
        self.values = self.read(a, b)

    @staticmethod
    def read(a, b):
        found = {}
        for name, tensor in [*a.state_dict().items(), *b.state_dict().items()]:
            found[f"{type(tensor).__module__} {name}"] = tensor.float().numpy().tobytes()
        for name, module in [*a.named_modules(), *b.named_sublayers(include_self=True)]:
            hooks = [len(getattr(module, kind)) for kind in vars(module) if "hooks" in kind and kind != "_hooks"]
            found[f"module {type(module).__module__} {name}"] = module.training, hooks
        found["gradients"] = [p.grad is None for p in [*a.parameters(), *b.parameters()]]
        found["frozen"] = [p.requires_grad for p in a.parameters()], [p.stop_gradient for p in b.parameters()]
        found["dtypes"] = [str(p.dtype) for p in [*a.parameters(), *b.parameters()]]
        found["default dtypes"] = torch.get_default_dtype(), paddle.get_default_dtype()
        found["generators"] = torch.get_rng_state().numpy().tobytes(), np.random.get_state()[1].tobytes()
        found["threads"] = torch.get_num_threads()
        found["gradient modes"] = torch.is_grad_enabled(), paddle.is_grad_enabled()
        found["functions"] = paddle.nn.functional.dropout, paddle._C_ops.pool2d, paddle._C_ops.dropout
        return found

    def differences(self, a, b):
        now = self.read(a, b)
        return [name for name, value in self.values.items() if now[name] != value]


def norms():
    return (
        torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.BatchNorm1d(5), torch.nn.Dropout(0.5)),
        paddle.nn.Sequential(paddle.nn.Linear(6, 5), paddle.nn.BatchNorm1D(5), paddle.nn.Dropout(0.5)),
    )


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize("broken", [False, True])
def test_all_that_is_the_callers_stays(train, broken):
    a, b = norms()
    a.train(train)
    b.train() if train else b.eval()
    state, x = State(a, b), X.copy()
    context = pytest.raises(ValueError) if broken else contextlib.nullcontext()
    with context:
        compare_models(a, b, X[:, :3] if broken else X, steps=2)
    assert state.differences(a, b) == [] and np.array_equal(x, X)


def test_the_check_of_the_state_can_fail():
    a, b = norms()
    state = State(a, b)
    a[0].weight.data += 1
    b.eval()
    assert len(state.differences(a, b)) >= 2


def test_inside_no_grad():
    a, b = norms()
    with torch.no_grad(), paddle.no_grad():
        report = compare_models(a, b, X, steps=2)
        assert not torch.is_grad_enabled() and not paddle.is_grad_enabled()
    assert report.equal and report.gradients.errors
    with torch.inference_mode():
        assert compare_models(a, b, X, steps=1).equal


def test_other_default_dtypes():
    a, b = norms()
    before = paddle.get_default_dtype()
    try:
        torch.set_default_dtype(torch.float64)
        paddle.set_default_dtype("float64")
        assert compare_models(a, b, X, steps=1).equal
        assert torch.get_default_dtype() == torch.float64 and paddle.get_default_dtype() == "float64"
    finally:
        torch.set_default_dtype(torch.float32)
        paddle.set_default_dtype(before)


def test_an_interrupt_leaves_everything_as_it_was():
    class Interrupting:
        calls = 0

        def __call__(self, x):
            self.calls += 1
            if self.calls == 4:
                raise KeyboardInterrupt
            return x

    a, b = with_tail(Interrupting())
    state = State(a, b)
    with pytest.raises(KeyboardInterrupt):
        compare_models(a, b, X)
    assert state.differences(a, b) == []


class CalledTorch(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.end = torch.nn.Linear(4, 4), torch.nn.Linear(4, 2)

    def forward(self, x):
        return self.end(torch.tanh(self.fc(x)))


class UsedPaddle(paddle.nn.Layer):
    """Uses a layer's weights in a function instead of calling it."""

    def __init__(self, factor=1.0, dtype=None):
        super().__init__()
        self.fc, self.end = paddle.nn.Linear(4, 4), paddle.nn.Linear(4, 2)
        self.factor, self.dtype = factor, dtype

    def forward(self, x):
        x = x if self.dtype is None else x.astype(self.dtype)
        x = paddle.nn.functional.linear(x, self.fc.weight * self.factor, self.fc.bias)
        return self.end(paddle.tanh(x))


def test_a_layer_whose_weights_a_function_uses():
    x = np.random.default_rng(0).standard_normal((3, 4))
    report = compare_models(CalledTorch(), UsedPaddle(), x)
    assert report.equal and any(remark.startswith("Only one model calls fc;") for remark in report.remarks)
    report = compare_models(CalledTorch(), UsedPaddle(1.001), x)
    assert not report.equal and report.first_layer is not None


def test_a_model_that_runs_in_float64_only_is_reported():
    x = np.random.default_rng(0).standard_normal((3, 4))
    report = compare_models(CalledTorch(), UsedPaddle(dtype="float64"), x)
    (row,) = [row for row in report.rows if not row.passed]
    assert row.precision == "float32" and row.problem.startswith("Paddle model failed:")


@pytest.mark.parametrize(
    "options, message",
    [
        ({"steps": 1.5}, "steps: got 1.5, wanted a whole number from 0 to 200"),
        ({"steps": -1}, "steps: got -1, wanted a whole number from 0 to 200"),
        ({"seed": "a"}, "seed: got 'a', wanted a whole number"),
        ({"loss": 3}, "loss: got 3, wanted (PyTorch's, Paddle's) functions"),
        ({"align": 5}, "align: got 5, wanted"),
    ],
)
def test_options_of_another_kind(options, message):
    assert message in said(*linears(6, 5), X, **options)


def test_a_batch_without_samples():
    with pytest.raises(ValueError, match=r"inputs: got no sample, shape \[0, 4\]; wanted at least one"):
        compare_models(*linears(4, 2), np.zeros((0, 4)))
