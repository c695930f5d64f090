"""The files of an export with every bias zero: what is left shows how the graph's tensors are connected.

A trained network's biases can hide its input: in a MobileNetV2 whose blocks pass little on, a reversed shift moves the
logits by less than float32 rounds. Biases are BatchNorm's offset and mean, and the bias of a convolution and of a
classifier. Without them convolution, ReLU and pooling scale with their input, which then cannot be hidden, and which a
ReLU6 does not cut off if it is small. The graph is the one in the file, operator for operator, and all weights that are
no biases are those of the file.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from tempfile import TemporaryDirectory

import numpy as np

from paddle_tsm.export.open_files import open_files
from paddle_tsm.export.paddle_program import parameters_of
from paddle_tsm.export.runner import Runner
from paddle_tsm.export.sidecar import Sidecar
from paddle_tsm.export.targets import target_named

SMALL = 2.0**-20  # a factor on the frames; as a power of two it changes no rounding
# The inputs of ONNX operators that are biases: what an Add adds counts where it is a constant.
ONNX_BIASES = {"Conv": (2,), "Gemm": (2,), "BatchNormalization": (2, 3), "Add": (0, 1)}


def open_without_biases(folder: str, sidecar: Sidecar, change: Callable | None = None) -> Runner:
    """What runs the export's files, as `open_files` does, with every bias zero.

    change: a function that changes the content of a file before that; for ONNX alone, an onnx.ModelProto.
    """
    with TemporaryDirectory() as other:
        target_named(sidecar.format).functions.copy_without_biases(folder, other, sidecar.files, change)
        return open_files(other, replace(sidecar, sha256={}), None)


def write_onnx_without_biases(source: str, target: str, change: Callable | None = None) -> None:
    """Write the ONNX file `source`, with `change`, as `target`, every bias zero."""
    import onnx  # after the check that says how to install it

    model = onnx.load(source)
    if change is not None:
        change(model)
    arrays = {tensor.name: tensor for tensor in model.graph.initializer}
    operands = [(node, i) for node in model.graph.node for i in ONNX_BIASES.get(node.op_type, ())]
    biases = {node.input[i] for node, i in operands if i < len(node.input)}
    for name in biases & arrays.keys():
        zeros = np.zeros_like(onnx.numpy_helper.to_array(arrays[name]))
        arrays[name].CopyFrom(onnx.numpy_helper.from_array(zeros, name))
    onnx.save(model, target)


def write_program_without_biases(source: str, target: str) -> None:
    """Write Paddle's static graph `source` as `target`, every bias zero: PREFIX.json as it is, PREFIX.pdiparams
    anew.
    """
    import paddle  # ONNX files are opened without it
    from paddle.base import core

    shutil.copyfile(f"{source}.json", f"{target}.json")
    shapes, biases = parameters_of(f"{source}.json")
    names, place = sorted(shapes), core.CPUPlace()  # paddle.jit.save writes them in this order
    holders = [paddle.zeros([1]) for _ in names]  # they own what is loaded
    tensors = [holder.get_tensor() for holder in holders]
    core.load_combine_func(f"{source}.pdiparams", names, tensors, False, place)
    for name, tensor in zip(names, tensors, strict=True):
        assert tensor.shape() == shapes[name], name
        if name in biases:
            tensor.set(np.zeros(shapes[name], "float32"), place)
    core.save_combine_func(tensors, names, f"{target}.pdiparams", True, False, False)
