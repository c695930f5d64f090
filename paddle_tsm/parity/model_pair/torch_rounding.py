"""PyTorch that rounds otherwise: every value that a function gives, and every gradient, is moved by its last digit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from paddle_tsm.parity.model_pair.structure import map_leaves


class RoundOtherwise(TorchFunctionMode):
    """While it is entered, every floating-point value that a function gives is moved up or down, by a seeded draw.

    So is the gradient that comes back to it. What a function changes in place stays as it is.
    """

    def __init__(self, seed: int):
        super().__init__()
        self.generator = torch.Generator().manual_seed(seed)

    def __torch_function__(self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        given = func(*args, **(kwargs or {}))
        if getattr(func, "__name__", "") == "__get__" or any(given is one for one in args):
            return given
        return map_leaves(self.moved, given) if isinstance(given, (torch.Tensor, tuple, list)) else given

    def moved(self, value: Any) -> Any:
        """The value, each of its numbers moved by one unit in the last place; what is no tensor of them stays."""
        if not isinstance(value, torch.Tensor) or not value.is_floating_point():
            return value
        given = value + self.change(value.detach())
        if given.requires_grad:
            given.register_hook(lambda gradient: gradient + self.change(gradient))
        return given

    def change(self, values: torch.Tensor) -> torch.Tensor:
        """One unit in the last place of each value, up or down; 0 where it is not finite."""
        up = torch.rand(values.shape, generator=self.generator) < 0.5
        towards = torch.where(up, torch.inf, -torch.inf).to(values.dtype)
        return torch.where(values.isfinite(), torch.nextafter(values, towards) - values, 0)
