"""A model with every kind of layer that TSM's parameter groups know, in both frameworks, with made-up gradients."""

import numpy as np
import paddle
import torch

from paddle_tsm.models.layers.batch_norm import BatchNorm
from paddle_tsm.models.layers.temporal_attention import TemporalAttention
from torch_ref.batch_norm import BatchNorm as ReferenceBatchNorm
from torch_ref.temporal_attention import FrameWeights


class Ours(paddle.nn.Layer):
    """Every kind of layer, with and without bias; the classifier is square, and not the last Linear of all."""

    def __init__(self):
        super().__init__()
        self.stem = paddle.nn.Conv2D(3, 4, 3)
        self.bn = BatchNorm(4)
        self.conv = paddle.nn.Conv3D(4, 5, 1)
        self.hidden = paddle.nn.Linear(5, 6)
        self.plain = paddle.nn.Conv2D(6, 6, 1, bias_attr=False)
        self.fc = paddle.nn.Linear(6, 6)
        self.attention = TemporalAttention(3)


class Reference(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 4, 3)
        self.bn = ReferenceBatchNorm(4)
        self.conv = torch.nn.Conv3d(4, 5, 1)
        self.hidden = torch.nn.Linear(5, 6)
        self.plain = torch.nn.Conv2d(6, 6, 1, bias=False)
        self.fc = torch.nn.Linear(6, 6)
        self.attention = FrameWeights(3)


LINEAR = {"hidden.weight", "fc.weight", "attention.fc.weight"}
GROUPS = {  # name: (members, lr multiplier, decay multiplier), as TSM's paper code has them
    "first conv weight": (["stem.weight"], 1, 1),
    "first conv bias": (["stem.bias"], 2, 0),
    "normal weight": (["conv.weight", "hidden.weight", "plain.weight"], 1, 1),
    "normal bias": (["conv.bias", "hidden.bias"], 2, 0),
    "batch norm": (["bn.weight", "bn.bias"], 1, 0),
    "fc weight": (["fc.weight"], 5, 1),
    "fc bias": (["fc.bias"], 10, 0),
    # as PaddleVideo's PP-TSMv2 has it
    "temporal attention weight": (["attention.fc.weight"], 5, 1),
    "temporal attention bias": (["attention.fc.bias"], 10, 0),
}
SGD = [
    {},
    {"nesterov": True},
    {"momentum": 0.0},
    {"weight_decay": 0.0},
    {"fc_lr5": False},
    {"decays": "biases"},
    {"decays": "all", "fc_lr5": False},
    {"max_norm": None},
    {"max_norm": 0.0},
    {"max_norm": 1e6},
]
ADAMW = [{}, {"weight_decay": 0.0}, {"betas": (0.8, 0.95), "eps": 1e-6}, {"max_norm": None}]
KINDS = [("tsm_sgd", options) for options in SGD] + [("tsm_adamw", options) for options in ADAMW]


def pair(dtype="float64"):
    """Both models with the same weights."""
    ours, reference = Ours(), Reference().to(getattr(torch, dtype))
    ours.to(dtype=dtype)
    parameters = dict(reference.named_parameters())
    for name, parameter in ours.named_parameters():
        values = parameters[name].detach().numpy()
        parameter.set_value(np.ascontiguousarray(values.T if name in LINEAR else values))
    return ours, reference


def gradients(model, step, scale=3.0):
    """The same gradients for both frameworks: name -> float64 array in PyTorch's orientation."""
    rng = np.random.default_rng(step)
    shapes = {name: tuple(p.shape) for name, p in model.named_parameters()}
    return {name: scale * rng.standard_normal(shape) for name, shape in shapes.items()}


def give(model, values):
    """Set the gradients of a model of either framework, where it has none yet or others."""
    for name, parameter in model.named_parameters():
        if isinstance(parameter, torch.Tensor):
            parameter.grad = None if name not in values else torch.tensor(values[name], dtype=parameter.dtype)
        else:
            parameter.clear_gradient(False)
            if name in values:
                array = values[name].T if name in LINEAR else values[name]
                kind = str(parameter.dtype).rsplit(".", 1)[-1]
                (parameter * paddle.to_tensor(np.ascontiguousarray(array).astype(kind))).sum().backward()


def weights(model):
    """Name -> array in PyTorch's orientation."""
    arrays = {name: np.array(p.detach().numpy()) for name, p in model.named_parameters()}
    return {n: a.T if n in LINEAR and not isinstance(model, torch.nn.Module) else a for n, a in arrays.items()}


def gap(a, b):
    """The largest difference of two dicts of arrays, of each array's largest magnitude."""
    assert a.keys() == b.keys()
    return max(np.abs(a[name] - b[name]).max() / max(np.abs(b[name]).max(), 1e-12) for name in a)


def run(model, optimizer, source, steps):
    """Steps from the gradients that `source` gives; returns the gradients' norms."""
    norms = []
    for step in steps:
        give(model, gradients(source, step))
        optimizer.step()
        norms.append(optimizer.grad_norm)
    return np.array(norms)
