"""The file of an export for ONNX: model.onnx. Opening it imports ONNX Runtime and not Paddle."""

from __future__ import annotations

import os

from paddle_tsm.export.onnx_runtime import OnnxRun
from paddle_tsm.export.without_biases import write_onnx_without_biases

NAME = "model.onnx"


def write(layer, folder: str, io, precision: str = "float32") -> None:
    """Write the file. An 8-bit one is made of it afterwards (`quantise.py`)."""
    # Paddle is needed only here
    from paddle_tsm.export.inference_network import exported_form
    from paddle_tsm.export.onnx_file import write_onnx
    from paddle_tsm.export.stream_shift import GatheredRows

    write_onnx(exported_form(layer, GatheredRows), os.path.join(folder, NAME), io)


def open_run(folder: str, files: dict, threads: int | None, precision: str) -> OnnxRun:
    return OnnxRun(os.path.join(folder, files["model"]), threads)


def copy_without_biases(source: str, target: str, files: dict, mended=None) -> None:
    """mended: changes the onnx.ModelProto first, as by taking its rounding out."""
    name = files["model"]
    write_onnx_without_biases(os.path.join(source, name), os.path.join(target, name), mended)
