"""A TSM network in PyTorch, as the comparison uses it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

import torch_ref
from paddle_tsm.networks.network import Network
from paddle_tsm.parity.model_pair.torch_model import TorchModel
from paddle_tsm.parity.network_side import NetworkSide
from torch_ref.heat_maps import grad_cam
from torch_ref.load import assign_weights
from torch_ref.loss import cross_entropy
from torch_ref.optim import tsm_sgd
from torch_ref.train_step import StepResult, as_tensor, train_step


class TorchSide(NetworkSide, TorchModel):
    """The network of `torch_ref` with the given canonical tensors, in "float32" or "float64"."""

    dropout_layer, grad_cam = torch.nn.Dropout, staticmethod(grad_cam)

    def __init__(self, network: Network, tensors: dict[str, np.ndarray], dtype: str):
        model = torch_ref.create_model(network.arch, **network.options()).to(getattr(torch, dtype))
        super().__init__(assign_weights(model, tensors), loss=classification_loss)
        self.network = network

    def new_optimizer(self, lr: float) -> Any:
        return tsm_sgd(self.model, lr=lr)

    def train_step(self, inputs: np.ndarray, target: np.ndarray) -> StepResult:
        return train_step(self.model, self.optimizer, [(inputs, target)], cross_entropy)


def classification_loss(logits: torch.Tensor, target: np.ndarray) -> torch.Tensor:
    """The mean cross entropy of logits [N, K] and classes [N]."""
    return cross_entropy(logits, as_tensor(target, logits.dtype))
