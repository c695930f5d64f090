"""Which gradients a backward pass wants of a function that was written in Python (`paddle.autograd.PyLayer`).

Paddle raises an error where such a function returns a gradient that nobody wants. Of a tensor that needs none, that is
known beforehand. But `paddle.grad(outputs, inputs)` wants those on the way to `inputs` alone, and does not tell the
function; PyTorch has `ctx.needs_input_grad` for it. So the function looks who has called it.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterable
from typing import Any

import paddle

GRAD = ("grad", "dygraph/base.py")  # the function paddle.grad and the end of its file's name


class WantedGradients:
    """Of each of a function's tensors (None: there is none), whether its gradient is wanted. The first one is what the
    function computes with, the others are its parameters. Make it in the forward pass, before a tensor is replaced by a
    copy.
    """

    def __init__(self, *tensors: paddle.Tensor | None):
        self.tensors = [None if tensor.stop_gradient else tensor for tensor in tensors if tensor is not None]

    def of(self, *gradients: paddle.Tensor | None) -> tuple[paddle.Tensor | None, ...]:
        """The gradients of the tensors that there are, with None for each that is not wanted."""
        wanted = self.now()
        return tuple(gradient if is_wanted else None for gradient, is_wanted in zip(gradients, wanted, strict=True))

    def now(self) -> list[bool]:
        """Whether each gradient is wanted by the backward pass that runs."""
        ends = ends_of_the_pass()
        if ends is None:
            return [tensor is not None for tensor in self.tensors]
        inputs, stops = ends
        asked = {tensor.name for tensor in inputs} - {tensor.name for tensor in stops}
        first, *parameters = self.tensors
        own = [tensor is not None and tensor.is_leaf and tensor.name in asked for tensor in parameters]
        own = [found or (t is not None and not t.is_leaf and leads(t, *ends)) for found, t in zip(own, parameters)]
        # Who is asked for none of its parameters is called for what it computes with. Otherwise the graph has to say.
        return [first is not None and (not any(own) or leads(first, *ends)), *own]


def ends_of_the_pass() -> tuple[list[paddle.Tensor], list[paddle.Tensor]] | None:
    """The tensors that `paddle.grad` was asked for, and its `no_grad_vars`; None where all of the graph is wanted."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        if frame.f_code.co_name == GRAD[0] and frame.f_code.co_filename.replace("\\", "/").endswith(GRAD[1]):
            stops = frame.f_locals.get("no_grad_vars")
            return list(frame.f_locals["inputs"]), list(stops) if isinstance(stops, list | tuple | set) else []
        frame = frame.f_back
    return None


def leads(tensor: paddle.Tensor, inputs: list[paddle.Tensor], stops: list[paddle.Tensor]) -> bool:
    """Whether the graph leads backward from the tensor to one of the inputs, without a stop on the way."""
    return reaches(node_of(tensor), pointers(inputs), pointers(stops))


def node_of(tensor: paddle.Tensor) -> Any:
    """The node that made the tensor.

    Paddle 3.3.1 counts one reference too many each time it hands a node to Python, so that the node, and all that the
    backward pass keeps, would never be freed. What it counts too many is taken back.
    """
    node = tensor.grad_fn
    before = sys.getrefcount(node)
    again = tensor.grad_fn
    if node is not None and again is node and sys.getrefcount(node) - before == 2:  # `again` itself is one
        for _ in range(2):
            ctypes.pythonapi.Py_DecRef(ctypes.py_object(node))
    return node


def pointers(tensors: Iterable[paddle.Tensor]) -> set[int]:
    """The nodes that made the tensors, each by its address."""
    return {node.node_ptr() for node in map(node_of, tensors) if node is not None}


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
