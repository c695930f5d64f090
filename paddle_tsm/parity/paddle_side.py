"""A TSM network in Paddle, as the comparison uses it."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle

from paddle_tsm.models.create import build
from paddle_tsm.models.heat_maps import grad_cam
from paddle_tsm.models.load import assign_weights
from paddle_tsm.models.numpy_input import as_tensor
from paddle_tsm.networks.network import Network
from paddle_tsm.optim import tsm_sgd
from paddle_tsm.parity.model_pair.alignment import Alignment, TensorPair
from paddle_tsm.parity.model_pair.paddle_model import PaddleModel
from paddle_tsm.parity.network_side import NetworkSide
from paddle_tsm.training.loss import cross_entropy
from paddle_tsm.training.train_step import StepResult, train_step


class PaddleSide(NetworkSide, PaddleModel):
    """The network of `paddle_tsm` with the given canonical tensors, in "float32" or "float64"."""

    dropout_layer, grad_cam = paddle.nn.Dropout, staticmethod(grad_cam)

    def __init__(self, network: Network, tensors: dict[str, np.ndarray], dtype: str):
        model = build(network)
        model.to(dtype=dtype)
        assign_weights(model, tensors)
        super().__init__(model, same_names(model), loss=classification_loss)
        self.network = network

    def new_optimizer(self, lr: float) -> Any:
        return tsm_sgd(self.model, lr=lr)

    def train_step(self, inputs: np.ndarray, target: np.ndarray) -> StepResult:
        return train_step(self.model, self.optimizer, [(inputs, target)], cross_entropy)


def same_names(model: paddle.nn.Layer) -> Alignment:
    """The alignment with the network of `torch_ref`, whose tensors have the same names; Linear weights are turned."""
    alignment = Alignment()
    linear = {f"{name}.weight" for name, layer in model.named_sublayers() if isinstance(layer, paddle.nn.Linear)}
    for name, tensor in model.state_dict().items():
        shape = tuple(tensor.shape)
        alignment.tensors.append(TensorPair(name, name, shape, name in linear))
        alignment.torch_shapes[name] = shape[::-1] if name in linear else shape
    return alignment


def classification_loss(logits: paddle.Tensor, target: np.ndarray) -> paddle.Tensor:
    """The mean cross entropy of logits [N, K] and classes [N]."""
    return cross_entropy(logits, as_tensor(target, logits.dtype))
