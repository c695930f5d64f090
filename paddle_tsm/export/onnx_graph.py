"""The steps that tidy the graph that paddle2onnx writes: constants are computed, BatchNorms are fused, inputs and
outputs get their names, and shapes are written down.
"""

from __future__ import annotations

import onnx
import onnxruntime
from onnx import helper, shape_inference

from paddle_tsm.export.io_spec import IOSpec
from paddle_tsm.export.paddle_program import leaky_slopes


def mend_slopes(model: onnx.ModelProto, program: str) -> None:
    """Give each LeakyRelu the slope that the static graph in the file `program` has.

    Paddle 3.3 keeps the slope as a float64. paddle2onnx 2.1 looks for a float32, finds none, and writes memory that was
    never initialised.
    """
    nodes = [node for node in model.graph.node if node.op_type == "LeakyRelu"]
    for node, slope in zip(nodes, leaky_slopes(program), strict=True):
        del node.attribute[:]
        node.attribute.append(helper.make_attribute("alpha", slope))


def simplify(source: str, target: str) -> None:
    """Write the ONNX file `source` as `target` with constants computed, and with BatchNorms and biases fused into their
    convolutions.

    ONNX Runtime does it, at its basic level, which keeps to the operators of the ONNX standard.
    """
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = target
    options.log_severity_level = 3  # errors only: it warns of each constant that it removes
    options.intra_op_num_threads = 1
    onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def name_inputs_and_outputs(model: onnx.ModelProto, io_spec: IOSpec) -> None:
    """Give the outputs their names, and the free axes names that say what they count. Remove unused operator sets."""
    graph = model.graph
    names = {old.name: new for old, new in zip(graph.output, io_spec.outputs, strict=True)}
    for node in graph.node:
        for list_of_names in (node.input, node.output):
            list_of_names[:] = [names.get(name, name) for name in list_of_names]
    for value in graph.output:
        value.name = names[value.name]
        first_axis(value).dim_param = io_spec.axis if io_spec.multiple == 1 else "clips"
    for value in graph.input:
        first_axis(value).dim_param = io_spec.axis
    used = {node.domain for node in graph.node}
    kept = [opset for opset in model.opset_import if opset.domain in used]
    del model.opset_import[:]
    model.opset_import.extend(kept)


def first_axis(value: onnx.ValueInfoProto) -> onnx.TensorShapeProto.Dimension:
    return value.type.tensor_type.shape.dim[0]


def write_shapes(model: onnx.ModelProto, io_spec: IOSpec) -> None:
    """Write down every tensor's shape. The free axis has one name wherever its length is the same.

    A runtime cannot see by itself that a reshape to [-1, ...] has as many frames as the input. ONNX Runtime adds the
    results of two convolutions in one pass, and in its blocked memory layout, only where it knows that their shapes are
    equal (its nchwc_transformer.cc, `TransformBinary`). An axis is free where its lengths for two batches differ.
    """
    graph, few, many = model.graph, io_spec.multiple, 3 * io_spec.multiple
    del graph.value_info[:]
    with_few, with_many = shapes_for(model, few), shapes_for(model, many)
    names: dict[tuple[int | None, int | None], str] = {(1, 3): "clips"} if few > 1 else {}
    if few % 2 == 0:
        names |= {(few // 2, many // 2): f"{io_spec.axis}/2"}  # behind the temporal pool
    names |= {(few, many): io_spec.axis}
    for value in with_few.values():
        other = with_many[value.name]
        shape = [a if a == b else names.get((a, b)) for a, b in zip(dims(value), dims(other))]
        kind = value.type.tensor_type.elem_type
        graph.value_info.append(helper.make_tensor_value_info(value.name, kind, shape))


def shapes_for(model: onnx.ModelProto, rows: int) -> dict[str, onnx.ValueInfoProto]:
    """Every inner tensor's inferred shape where the inputs' first axis is `rows`."""
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    for value in fixed.graph.input:
        first_axis(value).dim_value = rows  # replaces the name
    for value in fixed.graph.output:
        value.type.tensor_type.ClearField("shape")
    inferred = shape_inference.infer_shapes(fixed, strict_mode=True, data_prop=True)
    return {value.name: value for value in inferred.graph.value_info}


def dims(value: onnx.ValueInfoProto) -> list[int | None]:
    """The axes' lengths, None where unknown."""
    return [dim.dim_value if dim.HasField("dim_value") else None for dim in value.type.tensor_type.shape.dim]
