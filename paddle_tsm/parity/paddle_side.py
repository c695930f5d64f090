"""One network in Paddle, as the comparison uses it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import paddle

from paddle_tsm.models.create import build
from paddle_tsm.models.load import assign_weights
from paddle_tsm.models.numpy_input import as_tensor
from paddle_tsm.networks.network import Network
from paddle_tsm.optim import tsm_sgd
from paddle_tsm.parity.side import Side
from paddle_tsm.training.loss import cross_entropy
from paddle_tsm.training.train_step import StepResult, train_step


class PaddleSide(Side):
    """The network of `paddle_tsm` with the given canonical tensors, in "float32" or "float64"."""

    name = "Paddle"
    dropout_layer = paddle.nn.Dropout

    def __init__(self, network: Network, tensors: dict[str, np.ndarray], dtype: str):
        self.network = network
        self.model = build(network)
        self.model.to(dtype=dtype)
        assign_weights(self.model, tensors)
        self.model.eval()
        self.linear_weights = {
            f"{name}.weight" for name, layer in self.named_layers() if isinstance(layer, paddle.nn.Linear)
        }

    def named_layers(self) -> Iterator[tuple[str, Any]]:
        return self.model.named_sublayers()

    def has_weights(self, layer: Any) -> bool:
        return bool(layer.parameters(include_sublayers=False))

    def forward(self, x: np.ndarray, watched: dict[str, Any], see: Callable[[str, np.ndarray], None]) -> np.ndarray:
        hooks = [
            layer.register_forward_post_hook(lambda _, __, output, name=name: see(name, output.numpy()))
            for name, layer in watched.items()
        ]
        with paddle.no_grad():
            logits = self.model(paddle.to_tensor(x)).numpy()
        for hook in hooks:
            hook.remove()
        return logits

    def new_optimizer(self, lr: float) -> Any:
        return tsm_sgd(self.model, lr=lr)

    def gradients(self, x: np.ndarray, target: np.ndarray) -> tuple[float, dict[str, np.ndarray]]:
        loss = cross_entropy(self.model(paddle.to_tensor(x)), as_tensor(target, x.dtype))
        loss.backward()
        given = {name: p.grad.numpy() for name, p in self.model.named_parameters() if p.grad is not None}
        return float(loss.detach()), {name: self._as_torch(name, gradient) for name, gradient in given.items()}

    def train_step(self, x: np.ndarray, target: np.ndarray) -> StepResult:
        return train_step(self.model, self.optimizer, [(x, target)], cross_entropy)

    def tensors(self) -> dict[str, np.ndarray]:
        state = self.model.state_dict()
        return {name: self._as_torch(name, np.array(value.numpy())) for name, value in state.items()}

    def _as_torch(self, name: str, array: np.ndarray) -> np.ndarray:
        """The array in PyTorch's orientation; only the weight of a Linear layer is turned."""
        return array.T if name in self.linear_weights else array
