"""Which gradients a backward pass wants of a function that was written in Python (`paddle.autograd.PyLayer`).

Paddle raises an error where such a function returns a gradient that nobody wants. Of a tensor that needs none, that is
known beforehand. But `paddle.grad(outputs, inputs)` wants those on the way to `inputs` alone, and does not tell the
function; PyTorch has `ctx.needs_input_grad` for it. So the function looks who has called it.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import paddle

GRAD = ("grad", "dygraph/base.py")  # the function paddle.grad and the end of its file's name


class WantedGradients:
    """Of each of a function's tensors (None: there is none), whether its gradient is wanted. Make it in the forward
    pass, before a tensor is replaced by a copy.
    """

    def __init__(self, *tensors: paddle.Tensor | None):
        self.nodes = [None if t is None or t.stop_gradient else t.grad_fn for t in tensors if t is not None]

    def of(self, *gradients: paddle.Tensor | None) -> tuple[paddle.Tensor | None, ...]:
        """The gradients as the function returns them, with None for each that is not wanted."""
        wanted = self.now()
        return tuple(gradient if is_wanted else None for gradient, is_wanted in zip(gradients, wanted, strict=False))

    def now(self) -> list[bool]:
        """Whether each gradient is wanted by the backward pass that runs."""
        ends = ends_of_the_pass()
        if ends is None:
            return [node is not None for node in self.nodes]
        return [node is not None and reaches(node, *ends) for node in self.nodes]


def ends_of_the_pass() -> tuple[set[int], set[int]] | None:
    """(the nodes of the tensors that `paddle.grad` was asked for, those of its `no_grad_vars`); None where the whole
    graph is gone through.
    """
    frame: Any = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == GRAD[0] and frame.f_code.co_filename.replace("\\", "/").endswith(GRAD[1]):
            return pointers(frame.f_locals["inputs"]), pointers(frame.f_locals.get("no_grad_vars") or ())
        frame = frame.f_back
    return None


def pointers(tensors: Iterable[paddle.Tensor]) -> set[int]:
    """The nodes that made the tensors, each by its address."""
    return {tensor.grad_fn.node_ptr() for tensor in tensors if tensor.grad_fn is not None}


def reaches(node: Any, targets: set[int], stops: set[int]) -> bool:
    """Whether a path of the graph leads backward from the node to one of the targets, without a stop on it."""
    waiting, seen = [node], set()
    while waiting:
        found = waiting.pop()
        pointer = found.node_ptr()
        if pointer in seen or pointer in stops:
            continue
        if pointer in targets:
            return True
        seen.add(pointer)
        waiting += [following for following in found.next_functions if following is not None]
    return False
