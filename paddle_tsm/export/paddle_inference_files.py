"""The files of an export for Paddle Inference: model.json, the program, and model.pdiparams, its weights.

See `targets.Target`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from paddle_tsm.export.io_spec import IOSpec
from paddle_tsm.export.paddle_inference import PaddleInferenceRun
from paddle_tsm.export.without_biases import write_program_without_biases

if TYPE_CHECKING:
    from paddle import nn

PREFIX = "model"


def write(layer: nn.Layer, folder: str, io_spec: IOSpec, precision: str = "float32") -> None:
    """Write both files. Their weights are float32 in every precision.

    For bfloat16 frames stay clip-major: Paddle's passes for it lose a reshape behind a transpose, and time-major frames
    need one.
    """
    # Only writing needs Paddle here: who opens the files imports it without its warnings.
    from paddle_tsm.export.inference_network import exported_form
    from paddle_tsm.export.plain_activation import plain_activations
    from paddle_tsm.export.static_graph import save_static
    from paddle_tsm.export.stream_shift import GatherShift, TimeMajorShift

    shift_class = TimeMajorShift if precision == "float32" else GatherShift
    with plain_activations(layer):
        save_static(exported_form(layer, shift_class), os.path.join(folder, PREFIX), io_spec)


def open_run(folder: str, files: dict[str, str], threads: int | None, precision: str) -> PaddleInferenceRun:
    """What runs the files in the precision."""
    return PaddleInferenceRun(os.path.join(folder, files["program"]).removesuffix(".json"), threads, precision)


def copy_without_biases(source: str, target: str, files: dict[str, str], change: Callable | None = None) -> None:
    """Write the files of the folder `source` into the folder `target`, every bias zero. `change` is not used: it is for
    files that can be quantised.
    """
    prefix = files["program"].removesuffix(".json")
    write_program_without_biases(os.path.join(source, prefix), os.path.join(target, prefix))
