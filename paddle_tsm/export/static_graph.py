"""A layer's static graph, in the two files that Paddle Inference and paddle2onnx read."""

from __future__ import annotations

import warnings

import paddle
from paddle import Tensor, nn
from paddle.static import InputSpec

from paddle_tsm.export.io_spec import IOSpec
from paddle_tsm.export.paddle_program import complete_program


class TakesList(nn.Layer):
    """The layer with its inputs as one list, because Paddle traces no `forward` that takes *arguments."""

    def __init__(self, layer: nn.Layer):
        super().__init__()
        self.layer = layer

    def forward(self, inputs: list[Tensor]) -> Tensor | tuple[Tensor, ...]:
        return call_as_it_is(self.layer, inputs)


@paddle.jit.not_to_static
def call_as_it_is(layer: nn.Layer, inputs: list[Tensor]) -> Tensor | tuple[Tensor, ...]:
    """layer(*inputs), traced as it runs. Paddle would rewrite its branches into static control flow, in which the
    checks of the input's shape fail on a free axis.
    """
    return layer(*inputs)


def save_static(layer: nn.Layer, prefix: str, io_spec: IOSpec) -> None:
    """Write PREFIX.json and PREFIX.pdiparams of `layer`, a float32 layer in evaluation mode."""
    traced = TakesList(layer)
    traced.eval()
    specs = [InputSpec([None, *shape], "float32", name) for name, shape in io_spec.inputs.items()]
    with warnings.catch_warnings():
        # Paddle's own F.batch_norm causes it
        warnings.filterwarnings("ignore", "Tensor do not have 'place' interface")
        static = paddle.jit.to_static(traced, input_spec=[specs], full_graph=True)
        paddle.jit.save(static, prefix)
    complete_program(f"{prefix}.json", io_spec)
