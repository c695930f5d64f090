"""A network, and its exported files, with every bias zero: what is left is how its tensors are wired.

A trained network's biases can drown what its input does: in a MobileNetV2 whose blocks pass little on, a reversed shift
moves the logits by less than float32 rounds. Without biases (BatchNorm's offset and mean, a convolution's and a
classifier's bias) convolution, ReLU and pooling scale with their input, which can then be neither drowned nor, if it is
small, cut off by a ReLU6. The graph that is run is the one in the file, operator for operator, and so are all weights
that are no biases.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from tempfile import TemporaryDirectory

import numpy as np

from paddle_tsm.export.open_files import open_files
from paddle_tsm.export.paddle_program import parameters_of
from paddle_tsm.export.targets import target_named

SMALL = 2.0**-20  # of the input's usual size; a power of two, so that nothing is rounded in another way


def open_without_biases(folder: str, sidecar, mended=None):
    """What runs the export's files, as `open_files` does, their biases zero. mended: changes an onnx.ModelProto before
    that.
    """
    with TemporaryDirectory() as other:
        target_named(sidecar.format).functions.copy_without_biases(folder, other, sidecar.files, mended)
        return open_files(other, replace(sidecar, sha256={}), None)


def write_onnx_without_biases(source: str, target: str, mended=None) -> None:
    """The last input of a Conv and of a Gemm, the offset and the mean of a BatchNormalization, and what is added as a
    constant.
    """
    import onnx

    model = onnx.load(source)
    if mended is not None:
        mended(model)
    arrays = {tensor.name: tensor for tensor in model.graph.initializer}
    kinds = {"Conv": (2,), "Gemm": (2,), "BatchNormalization": (2, 3), "Add": (0, 1)}
    biases = {node.input[i] for node in model.graph.node for i in kinds.get(node.op_type, ()) if i < len(node.input)}
    for name in biases & arrays.keys():
        zeros = np.zeros_like(onnx.numpy_helper.to_array(arrays[name]))
        arrays[name].CopyFrom(onnx.numpy_helper.from_array(zeros, name))
    onnx.save(model, target)


def write_program_without_biases(source: str, target: str) -> None:
    """The same of Paddle's PREFIX.json, which is copied as it is, and PREFIX.pdiparams."""
    import paddle
    from paddle.base import core

    shutil.copyfile(f"{source}.json", f"{target}.json")
    shapes, biases = parameters_of(f"{source}.json")
    names, place = sorted(shapes), core.CPUPlace()  # the order that paddle.jit.save writes them in
    holders = [paddle.zeros([1]) for _ in names]  # they own what is loaded
    tensors = [holder.get_tensor() for holder in holders]
    core.load_combine_func(f"{source}.pdiparams", names, tensors, False, place)
    for name, tensor in zip(names, tensors, strict=True):
        assert tensor.shape() == shapes[name], name
        if name in biases:
            tensor.set(np.zeros(shapes[name], "float32"), place)
    core.save_combine_func(tensors, names, f"{target}.pdiparams", True, False, False)
