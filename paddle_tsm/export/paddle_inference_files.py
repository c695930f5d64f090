"""The files of an export for Paddle Inference: model.json, the program, and model.pdiparams, its weights."""

from __future__ import annotations

import os

from paddle_tsm.export.paddle_inference import PaddleInferenceRun
from paddle_tsm.export.without_biases import write_program_without_biases

PREFIX = "model"


def write(layer, folder: str, io, precision: str = "float32") -> None:
    """Write both files. Paddle's passes for bfloat16 lose a reshape behind a transpose, so that they cannot take
    time-major frames apart: bfloat16 gets the form whose frames stay clip-major.
    """
    # Paddle is imported here alone: opening the files imports it without its warnings
    from paddle_tsm.export.inference_network import exported_form
    from paddle_tsm.export.plain_activation import plain_activations
    from paddle_tsm.export.static_graph import save_static
    from paddle_tsm.export.stream_shift import GatheredRows, MovedFrames

    way = MovedFrames if precision == "float32" else GatheredRows
    with plain_activations(layer):
        save_static(exported_form(layer, way), os.path.join(folder, PREFIX), io)


def open_run(folder: str, files: dict, threads: int | None, precision: str) -> PaddleInferenceRun:
    return PaddleInferenceRun(os.path.join(folder, files["program"]).removesuffix(".json"), threads, precision)


def copy_without_biases(source: str, target: str, files: dict, mended=None) -> None:
    """`mended` is for targets whose files are quantised, which these are not."""
    prefix = files["program"].removesuffix(".json")
    write_program_without_biases(os.path.join(source, prefix), os.path.join(target, prefix))
