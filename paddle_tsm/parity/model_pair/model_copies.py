"""New copies of the caller's two models, so that a comparison never changes them."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from paddle_tsm.parity.model_pair.layer_tensors import is_empty, named_tensors
from paddle_tsm.parity.model_pair.step_rules import layers_in_evaluation
from paddle_tsm.parity.model_pair.structure import COMPLEX, values_of


class TorchSource:
    """A PyTorch module, or a function without arguments that makes one. tensors: its own. name: its class.
    in_evaluation: the layers that stay in evaluation mode in training. trains: whether any parameter is trained.
    half: the half precision that it is in, or "".
    """

    def __init__(self, model: Any):
        import torch  # optional

        self.model, self.function = made("torch_model", model, torch.nn.Module, "torch.nn.Module")
        self.in_evaluation = layers_in_evaluation(self.model, self.model.named_modules())
        self.trains = any(parameter.requires_grad for parameter in self.model.parameters())
        self.tensors = {name: values_of(tensor) for name, tensor in named_tensors(self.model).items()}
        self.name, self.half = type(self.model).__name__, half_precision(self.model)

    def new(self, dtype: str, tensors: dict[str, np.ndarray] | None = None) -> Any:
        """A new copy on the CPU in this precision, in evaluation mode. tensors: other values than its own."""
        import torch

        kinds = getattr(torch, dtype), getattr(torch, COMPLEX[dtype])

        def in_precision(tensor: torch.Tensor) -> torch.Tensor:
            if tensor.is_complex():  # `to` would drop the imaginary parts
                return tensor.to(kinds[1])
            return tensor.to(kinds[0]) if tensor.is_floating_point() else tensor

        model = copied("torch_model", self.model, self.function).to("cpu")._apply(in_precision).eval()
        targets = named_tensors(model)
        with torch.no_grad():
            for name, array in (self.tensors | (tensors or {})).items():
                targets[name].copy_(torch.from_numpy(array))
        return model


class PaddleSource:
    """A Paddle layer, or a function without arguments that makes one. tensors: its own. name: its class. in_evaluation:
    the layers that stay in evaluation mode in training. trains: whether any parameter is trained.
    half: the half precision that it is in, or "".
    """

    def __init__(self, model: Any):
        import paddle

        self.model, self.function = made("paddle_layer", model, paddle.nn.Layer, "paddle.nn.Layer")
        self.in_evaluation = layers_in_evaluation(self.model, self.model.named_sublayers())
        self.trains = any(not parameter.stop_gradient for parameter in self.model.parameters())
        self.tensors = {name: values_of(tensor) for name, tensor in named_tensors(self.model).items()}
        self.name, self.half = type(self.model).__name__, half_precision(self.model)

    def new(self, dtype: str, tensors: dict[str, np.ndarray] | None = None) -> Any:
        """A new copy in this precision, in evaluation mode. tensors: other values than its own, by Paddle's names."""
        model = copied("paddle_layer", self.model, self.function)
        to_precision(model, dtype)
        model.eval()
        targets = named_tensors(model)
        for name, array in (self.tensors | (tensors or {})).items():
            kind = str(targets[name].dtype).removeprefix("paddle.")
            targets[name].set_value(np.ascontiguousarray(array.astype(kind)).reshape(targets[name].shape))
        return model


def to_precision(model: Any, dtype: str) -> None:
    """Change the precision of a Paddle layer's tensors of floating-point and complex numbers.

    Some tensors stay out of Paddle's `to`: buffers that hold nothing yet, at which it fails, integers, which it would
    make floating-point numbers, and complex numbers, whose imaginary parts it would drop.
    """
    kept = [
        (tensors, name, tensor)
        for layer in model.sublayers(include_self=True)
        for tensors in (layer._parameters, layer._buffers)
        for name, tensor in tensors.items()
        if tensor is not None and (is_empty(tensor) or not tensor.is_floating_point())
    ]
    for tensors, name, _ in kept:
        tensors[name] = None
    model.to(dtype=dtype)
    for tensors, name, tensor in kept:
        tensors[name] = with_complex_precision(tensor, COMPLEX[dtype]) if tensor.is_complex() else tensor


def with_complex_precision(tensor: Any, dtype: str) -> Any:
    """A tensor or a parameter of complex numbers in this dtype."""
    from paddle.base.framework import EagerParamBase

    changed = tensor.detach().astype(dtype)
    if not isinstance(tensor, EagerParamBase):
        return changed
    return EagerParamBase.from_tensor(changed, trainable=not tensor.stop_gradient)


def half_precision(model: Any) -> str:
    """The half precision of a model's tensors, "float16" or "bfloat16"; "" where there is none."""
    kinds = {str(tensor.dtype).rpartition(".")[2] for tensor in named_tensors(model).values()}
    return ", ".join(sorted(kinds & {"float16", "bfloat16"}))


def made(argument: str, model: Any, wanted: type, name: str) -> tuple[Any, Any]:
    """(The model, the function that made it or None). Raises ValueError for anything else."""
    if isinstance(model, wanted):
        return model, None
    if not callable(model) or isinstance(model, type) or hasattr(model, "forward"):
        raise ValueError(f"{argument}: got {kind_of_object(model)}, wanted a {name}, or a function that makes one")
    found = model()
    if not isinstance(found, wanted):
        raise ValueError(f"{argument}: the function made {kind_of_object(found)}, wanted a {name}")
    return found, model


def kind_of_object(value: Any) -> str:
    """What a value is, with the framework that it is of."""
    kind = value if isinstance(value, type) else type(value)
    return f"{'the class ' if isinstance(value, type) else 'a '}{kind.__module__}.{kind.__qualname__}"


def copied(argument: str, model: Any, function: Any) -> Any:
    """A deep copy, or what the function makes, if there is one. Raises ValueError for a model that cannot be copied."""
    if function is not None:
        return function()
    try:
        return copy.deepcopy(model)
    except Exception as error:  # a model of the caller's may define copying, and fail, as it likes
        reason = " ".join(str(error).split())
        raise ValueError(
            f"{argument}: cannot be copied ({type(error).__name__}: {reason}); give a function that makes it"
        ) from error
