"""An 8-bit ONNX file in float32 again: its own graph, with the rounding taken out."""

from __future__ import annotations

import numpy as np


def take_rounding_out(rounded, exact) -> None:
    """Change `rounded`, an onnx.ModelProto of `quantise`, into the float32 network that it is a rounding of.

    A pair of QuantizeLinear and DequantizeLinear becomes a Clip to the range that it has, which also does the work of
    the ReLUs that the quantiser leaves out before one; a weight becomes that of `exact`, the float32 model, from which
    it may differ by half a step of its scale. Every other node is left as it is. Raises ValueError where a weight
    differs by more, or is of another network.
    """
    from onnx import helper, numpy_helper

    arrays = {tensor.name: tensor for tensor in rounded.graph.initializer}
    weights = {tensor.name: tensor for tensor in exact.graph.initializer}
    quantisers = {node.output[0]: node for node in rounded.graph.node if node.op_type == "QuantizeLinear"}
    rectified = any(node.op_type in ("Relu", "Clip") for node in exact.graph.node)
    nodes, added = [], {}
    for node in rounded.graph.node:
        if node.op_type == "QuantizeLinear":
            continue
        if node.op_type != "DequantizeLinear":
            nodes.append(node)
            continue
        source, scale, zero = node.input[0], *(numpy_helper.to_array(arrays[name]) for name in node.input[1:3])
        if source in quantisers:
            low, high = range_of(scale, zero, rectified)
            ends = [f"{node.output[0]}_low", f"{node.output[0]}_high"]
            added |= {name: numpy_helper.from_array(end, name) for name, end in zip(ends, (low, high))}
            nodes.append(helper.make_node("Clip", [quantisers[source].input[0], *ends], [node.output[0]]))
        else:
            axis = next((a.i for a in node.attribute if a.name == "axis"), 0)
            name = source.removesuffix("_quantized")
            check_weight(name, weights, numpy_helper.to_array(arrays[source]), scale, zero, axis)
            added[node.output[0]] = numpy_helper.from_array(numpy_helper.to_array(weights[name]), node.output[0])
    del rounded.graph.node[:]
    rounded.graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    kept = [tensor for name, tensor in (arrays | added).items() if name in used]
    del rounded.graph.initializer[:]
    rounded.graph.initializer.extend(kept)
    del rounded.graph.value_info[:]


def range_of(scale: np.ndarray, zero: np.ndarray, rectified: bool) -> tuple[np.ndarray, np.ndarray]:
    """The least and the largest value of an activation of 8 bits without a sign.

    An end can lie half a step inside of what was measured, so that the range is taken a step wider. A range that begins
    at 0 is not, in a network with ReLUs: there it does the work of one that the quantiser left out. A leaky ReLU is
    never left out, and its least value may be rounded to 0.
    """
    margin = 1 if zero > 0 or not rectified else 0
    low, high = (scale * np.float32(step) for step in (-int(zero) - margin, 255 - int(zero) + margin))
    return np.asarray(low, "float32").reshape(()), np.asarray(high, "float32").reshape(())


def check_weight(name: str, weights: dict, integers, scale, zero, axis: int) -> None:
    """Raise ValueError unless the integers are the float weight `name` of `weights`, to half a step."""
    from onnx import numpy_helper

    if name not in weights:
        raise ValueError(
            f"the 8-bit network has a weight {name} that its float32 form has not; nothing was kept; please report this"
        )
    exact = numpy_helper.to_array(weights[name]).astype("float64")
    along = [1] * exact.ndim
    along[axis if exact.ndim else 0] = -1 if np.size(scale) > 1 else 1
    step, offset = (np.asarray(array, "float64").reshape(along) for array in (scale, zero))
    found = (integers.astype("float64") - offset) * step
    if exact.shape != found.shape or not (np.abs(found - exact) <= 0.51 * step).all():
        raise ValueError(
            f"the 8-bit network's {name} is not the float32 one's, rounded; nothing was kept; please report this"
        )
