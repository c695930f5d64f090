"""What rounding a network's weights adds to the mean of every channel, taken out of the biases.

A weight is rounded once and for all, so that its error multiplies the same mean activations in every clip: a channel's
mean moves by

    mean over clips, frames and positions of conv(x, rounded weight - weight)

with x what the layer takes in float32. In networks of few layers this is the largest part of what 8 bits cost, and it
is known before the network is used. Source: Nagel et al., "Data-Free Quantization Through Weight Equalization and Bias
Correction" (arXiv:1906.04721), section 4.2, here measured on clips, not derived from the BatchNorms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from paddle_tsm.export.io_spec import FIRST_INPUT
from paddle_tsm.export.unrounded import exact_and_rounded

if TYPE_CHECKING:
    import onnx

LAYERS = ("Conv", "Gemm")  # operators with a bias, their third input


def correct_biases(model: onnx.ModelProto, rounded: onnx.ModelProto, clips: list[np.ndarray]) -> None:
    """Change the biases of `model`, the float32 network, so that the means of its channels stay where they are when its
    weights are rounded as those of `rounded` are.

    clips: float32 [N*T, 3, H, W] each. A layer without a bias gets one.
    """
    from onnx import numpy_helper

    arrays = {tensor.name: tensor for tensor in model.graph.initializer}
    for number, moved in means_moved(model, rounded, clips).items():
        node = model.graph.node[number]
        bias, shape = moved, moved.shape
        if len(node.input) > 2:
            old = numpy_helper.to_array(arrays[node.input[2]])
            bias, shape = bias + old.reshape(-1), old.shape
        # under a name of its own: two layers may share a bias
        tensor = numpy_helper.from_array(bias.reshape(shape).astype("float32"), f"{node.output[0]}_corrected_bias")
        del node.input[2:]
        node.input.append(tensor.name)
        model.graph.initializer.append(tensor)
    used = {name for node in model.graph.node for name in node.input}
    kept = [tensor for tensor in model.graph.initializer if tensor.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)


def means_moved(model: onnx.ModelProto, rounded: onnx.ModelProto, clips: list[np.ndarray]) -> dict[int, np.ndarray]:
    """By the number of each layer's node: what has to be added to its bias, float64 [channels]."""
    import onnx
    import onnxruntime

    errors = rounding_errors(model, rounded)
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    del probe.graph.output[:]
    for number, error in errors.items():
        add_probe(probe, model.graph.node[number], number, error)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # it warns of each unused classifier
    session = onnxruntime.InferenceSession(probe.SerializeToString(), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    runs = [session.run(names, {FIRST_INPUT["clip"]: clip}) for clip in clips]
    means = [np.concatenate([run[i] for run in runs]).mean(0, dtype="float64").reshape(-1) for i in range(len(names))]
    return dict(zip(errors, means, strict=True))


def add_probe(probe: onnx.ModelProto, node: onnx.NodeProto, number: int, error: np.ndarray) -> None:
    """Add to the graph the layer `node` once more with the weight `error` and no bias; its mean is a new output."""
    from onnx import TensorProto, helper, numpy_helper

    weight, output = f"rounding_{number}", f"moved_{number}"
    probe.graph.initializer.append(numpy_helper.from_array(error, weight))
    again = helper.make_node(node.op_type, [node.input[0], weight], [output])
    again.attribute.extend(node.attribute)
    probe.graph.node.append(again)
    if node.op_type == "Conv":
        probe.graph.node.append(helper.make_node("GlobalAveragePool", [output], [f"{output}_mean"]))
        output = f"{output}_mean"
    probe.graph.output.append(helper.make_tensor_value_info(output, TensorProto.FLOAT, None))


def rounding_errors(model: onnx.ModelProto, rounded: onnx.ModelProto) -> dict[int, np.ndarray]:
    """By the number of each layer's node: its weight less the rounded one, float32, of the weight's shape.

    Raises ValueError where a weight of `rounded` is not one of the model's, rounded.
    """
    arrays, weights = ({tensor.name: tensor for tensor in one.graph.initializer} for one in (rounded, model))
    errors = {}
    for node in rounded.graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] in arrays:
            exact, near = exact_and_rounded(node, arrays, weights)
            errors[node.input[0].removesuffix("_quantized")] = (exact - near).astype("float32")
    return {
        number: errors[node.input[1]]
        for number, node in enumerate(model.graph.node)
        if node.op_type in LAYERS and node.input[1] in errors
    }
