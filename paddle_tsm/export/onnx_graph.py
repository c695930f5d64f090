"""The graph that paddle2onnx makes, tidied: BatchNorms folded, inputs and outputs named, shapes written down."""

from __future__ import annotations

import onnx
import onnxruntime
from onnx import helper, shape_inference

from paddle_tsm.export.io_spec import IOSpec
from paddle_tsm.export.paddle_program import leaky_slopes


def mend_slopes(model: onnx.ModelProto, program: str) -> None:
    """Give each LeakyRelu the slope that the static graph, the file `program`, says.

    Paddle 3.3 keeps it as a float64, where paddle2onnx 2.1 looks for a float32 and, finding none, writes what its
    memory holds: 1.8e31 was seen.
    """
    nodes = [node for node in model.graph.node if node.op_type == "LeakyRelu"]
    for node, slope in zip(nodes, leaky_slopes(program), strict=True):
        del node.attribute[:]
        node.attribute.append(helper.make_attribute("alpha", slope))


def simplify(source: str, target: str) -> None:
    """Write the ONNX file `source` as `target` without what computes nothing: constants computed, BatchNorms and biases
    folded into their convolutions, by ONNX Runtime's basic level, which keeps to the standard's own operators."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = target
    options.log_severity_level = 3  # errors: it warns of each constant that goes
    options.intra_op_num_threads = 1
    onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def name_inputs_and_outputs(model: onnx.ModelProto, ports: IOSpec) -> None:
    """Give the outputs the ports' names, and the free axes names that say what they count."""
    graph = model.graph
    names = {old.name: new for old, new in zip(graph.output, ports.outputs, strict=True)}
    for node in graph.node:
        for list_of_names in (node.input, node.output):
            list_of_names[:] = [names.get(name, name) for name in list_of_names]
    for value in graph.output:
        value.name = names[value.name]
        first_axis(value).dim_param = ports.axis if ports.multiple == 1 else "clips"
    for value in graph.input:
        first_axis(value).dim_param = ports.axis
    used = {node.domain for node in graph.node}
    kept = [opset for opset in model.opset_import if opset.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)


def first_axis(value):
    return value.type.tensor_type.shape.dim[0]


def write_shapes(model: onnx.ModelProto, ports: IOSpec) -> None:
    """Write down every tensor's shape, the free axis under one name wherever it is the same number.

    A runtime cannot see by itself that a reshape to [-1, ...] has as many frames as the input, and ONNX Runtime adds
    two convolutions' results in one pass, and in its blocked layout, only where it knows that their shapes are equal
    (its nchwc_transformer.cc, `TransformBinary`): without these names 12 % slower. Found from the shapes for two
    batches.
    """
    graph, few, many = model.graph, ports.multiple, 3 * ports.multiple
    del graph.value_info[:]
    ours, theirs = shapes_for(model, few), shapes_for(model, many)
    names = {(1, 3): "clips"} if few > 1 else {}
    if few % 2 == 0:
        names |= {(few // 2, many // 2): f"{ports.axis}/2"}  # behind temporal pooling
    names |= {(few, many): ports.axis}
    for value in ours.values():
        other = theirs[value.name]
        shape = [a if a == b else names.get((a, b)) for a, b in zip(dims(value), dims(other))]
        kind = value.type.tensor_type.elem_type
        graph.value_info.append(helper.make_tensor_value_info(value.name, kind, shape))


def shapes_for(model: onnx.ModelProto, rows: int) -> dict[str, onnx.ValueInfoProto]:
    """Every inner tensor's inferred shape where the inputs' first axis is `rows`."""
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    for value in fixed.graph.input:
        first_axis(value).dim_value = rows  # takes the name's place
    for value in fixed.graph.output:
        value.type.tensor_type.ClearField("shape")
    inferred = shape_inference.infer_shapes(fixed, strict_mode=True, data_prop=True)
    return {value.name: value for value in inferred.graph.value_info}


def dims(value: onnx.ValueInfoProto) -> list[int | None]:
    """The axes' lengths, None where unknown."""
    return [dim.dim_value if dim.HasField("dim_value") else None for dim in value.type.tensor_type.shape.dim]
