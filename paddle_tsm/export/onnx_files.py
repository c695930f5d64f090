"""The file of an export for ONNX, model.onnx: see `targets.Target`. Opening it imports ONNX Runtime and not Paddle."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from paddle_tsm.export.io_spec import IOSpec
from paddle_tsm.export.onnx_runtime import OnnxRun
from paddle_tsm.export.without_biases import write_onnx_without_biases

if TYPE_CHECKING:
    from paddle import nn

NAME = "model.onnx"


def write(layer: nn.Layer, folder: str, io_spec: IOSpec, precision: str = "float32") -> None:
    """Write the file in float32. An 8-bit file is made of it afterwards (`quantise.py`)."""
    # Only writing needs Paddle.
    from paddle_tsm.export.inference_network import exported_form
    from paddle_tsm.export.onnx_file import write_onnx
    from paddle_tsm.export.stream_shift import GatherShift

    write_onnx(exported_form(layer, GatherShift), os.path.join(folder, NAME), io_spec)


def open_run(folder: str, files: dict[str, str], threads: int | None, precision: str) -> OnnxRun:
    """What runs the file. An 8-bit file needs no other engine."""
    return OnnxRun(os.path.join(folder, files["model"]), threads)


def copy_without_biases(source: str, target: str, files: dict[str, str], change: Callable | None = None) -> None:
    """Write the file of the folder `source` into the folder `target`, every bias zero. change: see
    `open_without_biases`.
    """
    name = files["model"]
    write_onnx_without_biases(os.path.join(source, name), os.path.join(target, name), change)
