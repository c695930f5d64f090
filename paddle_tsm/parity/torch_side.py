"""One network in PyTorch, as the comparison uses it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

import torch_ref
from paddle_tsm.networks.network import Network
from paddle_tsm.parity.side import Side
from torch_ref.load import assign_weights
from torch_ref.loss import cross_entropy
from torch_ref.optim import tsm_sgd
from torch_ref.train_step import StepResult, as_tensor, train_step


class TorchSide(Side):
    """The network of `torch_ref` with the given canonical tensors, in "float32" or "float64"."""

    name = "PyTorch"
    dropout_layer = torch.nn.Dropout

    def __init__(self, network: Network, tensors: dict[str, np.ndarray], dtype: str):
        self.network = network
        self.model = torch_ref.create_model(network.arch, **network.options()).to(getattr(torch, dtype))
        assign_weights(self.model, tensors).eval()

    def named_layers(self) -> Iterator[tuple[str, Any]]:
        return self.model.named_modules()

    def has_weights(self, layer: Any) -> bool:
        return bool(list(layer.parameters(recurse=False)))

    def forward(self, x: np.ndarray, watched: dict[str, Any], see: Callable[[str, np.ndarray], None]) -> np.ndarray:
        hooks = [
            layer.register_forward_hook(lambda _, __, output, name=name: see(name, output.numpy()))
            for name, layer in watched.items()
        ]
        with torch.no_grad():
            logits = self.model(torch.from_numpy(x)).numpy()
        for hook in hooks:
            hook.remove()
        return logits

    def new_optimizer(self, lr: float) -> Any:
        return tsm_sgd(self.model, lr=lr)

    def gradients(self, x: np.ndarray, target: np.ndarray) -> tuple[float, dict[str, np.ndarray]]:
        loss = cross_entropy(self.model(torch.from_numpy(x)), as_tensor(target, None))
        loss.backward()
        given = {name: p.grad.numpy() for name, p in self.model.named_parameters() if p.grad is not None}
        return float(loss.detach()), given

    def train_step(self, x: np.ndarray, target: np.ndarray) -> StepResult:
        return train_step(self.model, self.optimizer, [(x, target)], cross_entropy)

    def tensors(self) -> dict[str, np.ndarray]:
        return {name: value.numpy().copy() for name, value in self.model.state_dict().items()}
