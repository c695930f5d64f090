"""The situations that PaDiff's tests put two models in, in our words, and four more that it lets pass.

Each is a pair of models, inputs, and whether the two are equal. `tools/run_padiff.py` shows PaDiff the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import paddle
import torch

RNG = np.random.default_rng(0)
ROWS = RNG.standard_normal((6, 8)).astype("float32")
SEQUENCE = RNG.standard_normal((2, 4, 8)).astype("float32")
IMAGE = RNG.standard_normal((2, 3, 8, 8)).astype("float32")
TOKENS = np.ones((1, 9), "int64")


@dataclass(frozen=True)
class Scenario:
    """source: the file and the commit of PaDiff's test; "" for one of ours. torch, paddle: functions that make the
    models. inputs: name -> array. equal: whether they are. options: of `compare_models`. mapped: layers that PaDiff's
    layer_map must name.
    """

    source: str
    torch: Callable[[], Any]
    paddle: Callable[[], Any]
    inputs: dict[str, np.ndarray]
    equal: bool = True
    options: dict[str, Any] = field(default_factory=dict)
    mapped: str = ""


def model(framework: Any, forward: Callable, **layers: Callable[[Any], Any]) -> Callable[[], Any]:
    """A function that makes a model: layers by name, each made of the framework's nn, and forward(model, inputs)."""
    base = torch.nn.Module if framework is torch else paddle.nn.Layer

    class Model(base):
        def __init__(self):
            super().__init__()
            for name, make in layers.items():
                setattr(self, name, make(framework.nn))

        def forward(self, x, y=None, z=None):
            return forward(self, *(value for value in (x, y, z) if value is not None))

    return Model


def both(forward: Callable, **layers: Callable[[Any], Any]) -> dict[str, Any]:
    """The same text for both frameworks."""
    return {"torch": model(torch, forward, **layers), "paddle": model(paddle, forward, **layers)}


def linear(a: int, b: int) -> Callable[[Any], Any]:
    return lambda nn: nn.Linear(a, b)


def chain(count: int) -> Callable[[Any], Any]:
    return lambda nn: nn.Sequential(*(nn.Linear(8, 8) for _ in range(count)))


def gradient_changed(change: Callable) -> Callable:
    """A forward function whose gradient is changed on the way back, in Paddle alone."""

    def forward(m, x):
        third = m.second(x)
        if isinstance(third, paddle.Tensor) and not third.stop_gradient:
            third.register_hook(change)
        return m.first(x) + m.first(x) + third

    return forward


def lazily(m: Any, x: Any) -> Any:
    """A buffer that the first call makes."""
    if getattr(m, "kept", None) is None or not m.kept.shape[0]:
        m.kept = (x * 0).detach()
    return m.first(x) + m.kept


def residual(m: Any, x: Any) -> Any:
    return m.second(m.act(m.first(x)) + x)


TWO = {"first": linear(8, 8), "second": linear(8, 5), "act": lambda nn: nn.ReLU()}
SAME = {"first": linear(8, 8), "second": linear(8, 8)}
X = {"x": ROWS}


def losses(label: np.ndarray) -> tuple[Callable, Callable]:
    """The mean squared error of both frameworks."""
    return (
        lambda y: torch.nn.functional.mse_loss(y, torch.tensor(label, dtype=y.dtype).expand_as(y)),
        lambda y: paddle.nn.functional.mse_loss(y, paddle.to_tensor(label).astype(y.dtype).expand_as(y)),
    )


SCENARIOS = {
    "a residual branch": Scenario("test_simplenet1.py 0bd2045", **both(residual, **TWO), inputs=X),
    "a layer that is called twice": Scenario(
        "test_simplenet3.py 0bd2045", **both(lambda m, x: m.first(x) + m.first(x) + m.second(x), **SAME), inputs=X
    ),
    "a gradient doubled on the way back": Scenario(
        "test_simplenet4.py 0bd2045", **both(gradient_changed(lambda g: 2 * g), **SAME), inputs=X, equal=False
    ),
    "a gradient with 0.01 added, single step": Scenario(
        "test_single_step.py 2f24d4e", **both(gradient_changed(lambda g: g + 0.01), **SAME), inputs=X, equal=False
    ),
    "ten layers in a row, single step": Scenario(
        "test_single_step.py 2f24d4e", **both(lambda m, x: m.layers(x), layers=chain(10)), inputs=X
    ),
    "several outputs in a list": Scenario(
        "test_simplenet5.py 0bd2045",
        **both(lambda m, x: [m.a(x), m.b(x), m.c(x)], a=linear(8, 2), b=linear(8, 3), c=linear(8, 4)),
        inputs=X,
    ),
    "several inputs": Scenario(
        "test_multi_input.py 2faad6f",
        **both(lambda m, x, y: [m.a(x), m.a(y), m.b(x)], a=linear(8, 2), b=linear(8, 3)),
        inputs={"x": ROWS, "y": ROWS[::-1].copy()},
    ),
    "an activation in place": Scenario(
        "test_inplace.py 0bd2045",
        torch=model(torch, lambda m, x: m.second(m.act(m.first(x))), **TWO | {"act": lambda nn: nn.ReLU(inplace=True)}),
        paddle=model(paddle, lambda m, x: m.second(m.act(m.first(x))), **TWO),
        inputs=X,
    ),
    "functions and operators between layers": Scenario(
        "test_api_to_Layer.py 1a58e11",
        torch=model(torch, lambda m, x: torch.nn.functional.relu(m.first(x)) * 2 + 1, first=linear(8, 8)),
        paddle=model(paddle, lambda m, x: paddle.nn.functional.relu(m.first(x)) * 2 + 1, first=linear(8, 8)),
        inputs=X,
    ),
    "layers nested and named differently": Scenario(
        "test_layer_map.py 1758fbf (1)",
        torch=model(
            torch, lambda m, x: m.b(m.norm(m.a(x))), a=linear(8, 6), norm=lambda nn: nn.LayerNorm(6), b=linear(6, 4)
        ),
        paddle=model(
            paddle,
            lambda m, x: m.layers(x),
            layers=lambda nn: nn.Sequential(nn.Linear(8, 6), nn.LayerNorm(6), nn.Linear(6, 4)),
        ),
        inputs=X,
    ),
    "an embedding and an LSTM of two layers": Scenario(
        "test_layer_map.py 1758fbf (2)",
        torch=model(
            torch,
            lambda m, x: m.lstm(m.words(x))[0],
            words=lambda nn: nn.Embedding(3, 8),
            lstm=lambda nn: nn.LSTM(8, 4, 2),
        ),
        paddle=model(
            paddle,
            lambda m, x: m.lstm(m.words(x))[0],
            words=lambda nn: nn.Embedding(3, 8),
            lstm=lambda nn: nn.LSTM(8, 4, 2, time_major=True),
        ),
        inputs={"x": TOKENS},
        mapped="lstm",
    ),
    "attention": Scenario(
        "test_layer_map.py 1758fbf (3)",
        torch=model(
            torch, lambda m, x, y, z: m.attn(x, y, z)[0], attn=lambda nn: nn.MultiheadAttention(8, 1, batch_first=True)
        ),
        paddle=model(paddle, lambda m, x, y, z: m.attn(x, y, z), attn=lambda nn: nn.MultiHeadAttention(8, 1)),
        inputs={"x": SEQUENCE, "y": SEQUENCE, "z": SEQUENCE},
        mapped="attn",
    ),
    "a layer that only one model has and that does nothing": Scenario(
        "test_layer_map.py 1758fbf (4)",
        torch=model(torch, lambda m, x: m.first(x), first=linear(8, 5)),
        paddle=model(paddle, lambda m, x: m.first(m.nop(x)), nop=lambda nn: nn.Identity(), first=linear(8, 5)),
        inputs=X,
    ),
    "a BatchNorm": Scenario(
        "test_layer_map.py 1758fbf (5)",
        torch=model(
            torch, lambda m, x: m.bn(m.conv(x)), conv=lambda nn: nn.Conv2d(3, 4, 3), bn=lambda nn: nn.BatchNorm2d(4)
        ),
        paddle=model(
            paddle, lambda m, x: m.bn(m.conv(x)), conv=lambda nn: nn.Conv2D(3, 4, 3), bn=lambda nn: nn.BatchNorm2D(4)
        ),
        inputs={"x": IMAGE},
        mapped="bn",
    ),
    "a loss of the caller's": Scenario(
        "test_loss_fn.py 0f4316a", **both(residual, **TWO), inputs=X, options={"loss": losses(ROWS[0, :5])}
    ),
    "Adam, ten steps": Scenario(
        "test_optimizer_multi_steps.py 2f24d4e",
        **both(residual, **TWO),
        inputs=X,
        options={"optimizer": "adam", "steps": 10},
    ),
    "a buffer that the first call makes": Scenario(
        "test_model_with_buffer.py c94294a", **both(lazily, first=linear(8, 8)), inputs=X
    ),
    "the same mean, other values": Scenario(
        "test_compare_mode.py 0bd2045",
        torch=model(torch, lambda m, x: m.first(x), first=linear(8, 8)),
        paddle=model(paddle, lambda m, x: paddle.flip(m.first(x), [1]), first=linear(8, 8)),
        inputs=X,
        equal=False,
    ),
    "NaN in both": Scenario(
        "", **both(lambda m, x: m.first(x) * float("nan"), first=linear(8, 8)), inputs=X, equal=False
    ),
    "another momentum of a BatchNorm": Scenario(
        "",
        torch=model(torch, lambda m, x: m.bn(m.first(x)), first=linear(8, 8), bn=lambda nn: nn.BatchNorm1d(8)),
        paddle=model(
            paddle, lambda m, x: m.bn(m.first(x)), first=linear(8, 8), bn=lambda nn: nn.BatchNorm1D(8, momentum=0.1)
        ),
        inputs=X,
        equal=False,
        mapped="bn",
    ),
    "another dtype of the output": Scenario(
        "",
        torch=model(torch, lambda m, x: m.first(x), first=linear(8, 8)),
        paddle=model(
            paddle,
            lambda m, x: m.first(x).astype("float32" if x.dtype == paddle.float64 else "float64"),
            first=linear(8, 8),
        ),
        inputs=X,
        equal=False,
    ),
    "a slope of 1e-5 below zero": Scenario(
        "",
        torch=model(torch, lambda m, x: torch.nn.functional.relu(m.first(x)), first=linear(8, 8)),
        paddle=model(paddle, lambda m, x: paddle.nn.functional.leaky_relu(m.first(x), 1e-5), first=linear(8, 8)),
        inputs=X,
        equal=False,
    ),
}
