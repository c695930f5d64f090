"""A layer's static graph, in the two files that Paddle Inference and paddle2onnx read."""

from __future__ import annotations

import json
import warnings

import paddle
from paddle import nn
from paddle.static import InputSpec

from paddle_tsm.export.io_spec import IOSpec


class _Traced(nn.Layer):
    """The layer with its inputs as one list: a traced `forward` takes no *arguments."""

    def __init__(self, layer):
        super().__init__()
        self.layer = layer

    def forward(self, inputs):
        return _call(self.layer, inputs)


@paddle.jit.not_to_static
def _call(layer, inputs):
    # traced as it runs: rewritten into static control flow, the checks of the input's shape would fail on a free axis
    return layer(*inputs)


def save_static(layer, prefix: str, ports: IOSpec) -> None:
    """Write PREFIX.json and PREFIX.pdiparams of `layer`, a float32 layer in evaluation mode."""
    traced = _Traced(layer)
    traced.eval()
    specs = [InputSpec([None, *shape], "float32", name) for name, shape in ports.inputs.items()]
    with warnings.catch_warnings():
        # Paddle's own F.batch_norm asks for it
        warnings.filterwarnings("ignore", "Tensor do not have 'place' interface")
        static = paddle.jit.to_static(traced, input_spec=[specs], full_graph=True)
        paddle.jit.save(static, prefix)
    name_outputs(f"{prefix}.json", ports.outputs)


def name_outputs(program: str, names: tuple[str, ...]) -> None:
    """Give the program's outputs these names, in order, where Paddle counts them: fetch_name_0, ...

    In its JSON "#" is an operator's kind, "A" are its attributes, "N" is a name, "AT" a value with its type, "D" the
    data.
    """
    with open(program, encoding="utf-8") as file:
        content = json.load(file)
    operators = content["program"]["regions"][0]["blocks"][0]["ops"]
    fetches = [{a["N"]: a["AT"] for a in op["A"]} for op in operators if op["#"].endswith(".fetch")]
    for name, attributes in zip(names, sorted(fetches, key=lambda found: found["col"]["D"]), strict=True):
        attributes["name"]["D"] = name
    with open(program, "w", encoding="utf-8") as file:
        json.dump(content, file, separators=(",", ":"))
