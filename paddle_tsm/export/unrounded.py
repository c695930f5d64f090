"""An 8-bit ONNX file in float32 again: its own graph, with the rounding taken out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import onnx

Tensors = dict[str, "onnx.TensorProto"]


def take_rounding_out(rounded: onnx.ModelProto, exact: onnx.ModelProto) -> None:
    """Change `rounded`, a file of `quantise`, into the float32 network that it is a rounding of.

    A QuantizeLinear with its DequantizeLinear becomes a Clip to its range, which also does the work of a ReLU that the
    quantiser left out. A weight becomes that of `exact`, the float32 file, from which it may differ by half a step of
    its scale. Every other node stays as it is. Raises ValueError where a weight differs by more, or has no counterpart.
    """
    arrays = {tensor.name: tensor for tensor in rounded.graph.initializer}
    weights = {tensor.name: tensor for tensor in exact.graph.initializer}
    quantisers = {node.output[0]: node for node in rounded.graph.node if node.op_type == "QuantizeLinear"}
    has_relu = any(node.op_type in ("Relu", "Clip") for node in exact.graph.node)
    nodes: list[onnx.NodeProto] = []
    added: Tensors = {}
    for node in rounded.graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in quantisers:
            clip, ends = clip_for(node, quantisers[node.input[0]], arrays, has_relu)
            nodes.append(clip)
            added |= ends
        elif node.op_type == "DequantizeLinear":
            added[node.output[0]] = exact_weight(node, arrays, weights)
        elif node.op_type != "QuantizeLinear":
            nodes.append(node)
    used = {name for node in nodes for name in node.input}
    kept = [tensor for name, tensor in (arrays | added).items() if name in used]
    del rounded.graph.node[:], rounded.graph.initializer[:], rounded.graph.value_info[:]
    rounded.graph.node.extend(nodes)
    rounded.graph.initializer.extend(kept)


def clip_for(
    node: onnx.NodeProto, quantiser: onnx.NodeProto, arrays: Tensors, has_relu: bool
) -> tuple[onnx.NodeProto, Tensors]:
    """(the Clip that replaces a DequantizeLinear and its quantiser, the ends of its range by name)."""
    from onnx import helper, numpy_helper

    scale, zero = (numpy_helper.to_array(arrays[name]) for name in node.input[1:3])
    names = [f"{node.output[0]}_low", f"{node.output[0]}_high"]
    ends = range_of(scale, zero, has_relu)
    tensors = {name: numpy_helper.from_array(end, name) for name, end in zip(names, ends)}
    return helper.make_node("Clip", [quantiser.input[0], *names], [node.output[0]]), tensors


def exact_weight(node: onnx.NodeProto, arrays: Tensors, weights: Tensors) -> onnx.TensorProto:
    """The float32 weight that a DequantizeLinear approximates, under the name of its output."""
    from onnx import numpy_helper

    exact, _ = exact_and_rounded(node, arrays, weights)
    return numpy_helper.from_array(exact, node.output[0])


def exact_and_rounded(node: onnx.NodeProto, arrays: Tensors, weights: Tensors) -> tuple[np.ndarray, np.ndarray]:
    """(the weight of the float32 file, float32, what a DequantizeLinear makes of the 8-bit one, float64).

    arrays, weights: the initializers of the 8-bit and of the float32 file, by name. Raises ValueError unless the
    integers are the float32 weight, within half a step.
    """
    from onnx import numpy_helper

    name = node.input[0].removesuffix("_quantized")
    if name not in weights:
        raise ValueError(
            f"the 8-bit network has a weight {name} that its float32 form does not have; nothing was kept; please "
            "report this"
        )
    exact = numpy_helper.to_array(weights[name])
    integers, scale, zero = (numpy_helper.to_array(arrays[name]) for name in node.input[:3])
    step, offset = (along_axis(node, array, integers.ndim) for array in (scale, zero))
    found = (integers.astype("float64") - offset) * step
    if exact.shape != found.shape or not (np.abs(found - exact) <= 0.51 * step).all():
        raise ValueError(
            f"the 8-bit network's {name} is not the float32 one's, rounded; nothing was kept; please report this"
        )
    return exact, found


def along_axis(node: onnx.NodeProto, array: np.ndarray, ndim: int) -> np.ndarray:
    """A DequantizeLinear's scale or zero point, float64, shaped to go with a weight of `ndim` axes."""
    axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 0)
    along = [1] * ndim
    if np.size(array) > 1:
        along[axis] = -1
    return array.astype("float64").reshape(along)


def range_of(scale: np.ndarray, zero: np.ndarray, has_relu: bool) -> tuple[np.ndarray, np.ndarray]:
    """The least and the largest value of an activation in 8 bits without a sign.

    The range is taken one step wider on each side, because an end can lie half a step inside of what was measured. But
    a range that begins at 0 keeps this end in a network with ReLUs, where it does the work of one that the quantiser
    left out. A leaky ReLU is never left out, and its least value may be rounded to 0.
    """
    margin = 1 if zero > 0 or not has_relu else 0
    low, high = (scale * np.float32(step) for step in (-int(zero) - margin, 255 - int(zero) + margin))
    return np.asarray(low, "float32").reshape(()), np.asarray(high, "float32").reshape(())
