"""What runs an export's files: ONNX without importing Paddle."""

from __future__ import annotations

import os

from paddle_tsm.export.onnx_runtime import OnnxRun
from paddle_tsm.export.paddle_inference import PaddleInferenceRun
from paddle_tsm.export.sidecar import Sidecar, check_files


def open_files(folder: str, sidecar: Sidecar, threads: int | None):
    """An OnnxRun or a PaddleInferenceRun. Raises ValueError where the files are damaged."""
    if sidecar.sha256:
        check_files(folder, sidecar)
    if sidecar.format == "onnx":
        return OnnxRun(os.path.join(folder, sidecar.files["model"]), threads)
    program = os.path.join(folder, sidecar.files["program"])
    return PaddleInferenceRun(program.removesuffix(".json"), threads, sidecar.precision)
