"""The files of an export, run and held against the checkpoint before they are kept."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np

from paddle_tsm.export.calibration import Calibration
from paddle_tsm.export.checkpoint_model import CheckpointModel, zero_biases
from paddle_tsm.export.controls import clips_for, controls_of
from paddle_tsm.export.io_spec import IOSpec
from paddle_tsm.export.open_files import open_files
from paddle_tsm.export.quantise import quantise
from paddle_tsm.export.sidecar import Sidecar
from paddle_tsm.export.unrounded import take_rounding_out
from paddle_tsm.export.verification import (
    BARE,
    Truth,
    Verified,
    compare,
    truth_of,
    truth_without_biases,
    verify,
    verify_controls,
    verify_int8,
    verify_stream,
)
from paddle_tsm.export.without_biases import SMALL, open_without_biases
from paddle_tsm.models.stream import StreamStep


def truths_of(described: Sidecar, checkpoint: CheckpointModel) -> tuple[Truth, Truth]:
    """What the checkpoint's network gives for random clips, as it is and with every bias zero."""
    size = (described.pixels().test_size,) * 2
    with_controls = described.precision == "bfloat16"
    return truth_of(checkpoint, size), truth_without_biases(checkpoint, size, with_controls)


def verify_clips(folder: str, described, truth: Truth, bare: Truth) -> list[Verified]:
    """Whole clips in float32 and bfloat16, with `truths_of`. The files are run in float32 first, whatever they are for,
    as they are and with every bias zero; in bfloat16 the very same files then, held against wrong networks, too. Raises
    ValueError for a difference.
    """
    exact = replace(described, precision="float32")
    verified = verify(open_files(folder, exact, None), truth)
    verified += verify(open_without_biases(folder, exact), bare)
    if described.precision == "bfloat16":
        in_float32 = [replace(found, against=f"{found.against} (its graph in float32)") for found in verified]
        verified = verify(open_files(folder, described, None), truth, "bfloat16") + in_float32
        verified.append(verify_controls(open_without_biases(folder, described), bare, "bfloat16"))
    return verified


def verify_steps(folder: str, described: Sidecar, step: StreamStep, tensors: dict, io_spec: IOSpec) -> list[Verified]:
    """One step of a stream, as it is and with every bias zero. step: in float32."""
    exact = StreamStep(step.network, tensors).to(dtype="float64")
    verified = verify_stream(open_files(folder, described, None), step, exact, io_spec)
    with zero_biases(step, exact):
        return verified + verify_stream(open_without_biases(folder, described), step, exact, io_spec, BARE, SMALL)


def quantise_verified(
    folder: str, described: Sidecar, checkpoint: CheckpointModel, clips: Calibration, bare: Truth
) -> list[Verified]:
    """Put the 8-bit form in the place of the float32 ONNX file, which `verify_clips` has passed. Its own graph is run
    with the rounding taken out, to float32's limit; then as it is, on clips held out of the calibration, held against
    wrong networks, too.
    """
    import onnx

    ranges, held_out = clips.split()
    path = os.path.join(folder, described.files["model"])
    run, exact = open_files(folder, described, None), onnx.load(path)
    quantise(path, f"{path}.int8", ranges)
    os.replace(f"{path}.int8", path)
    graph = verify_unrounded(folder, described, exact, bare)
    some = np.concatenate(held_out[: clips_for(checkpoint.network.num_classes)])
    controls = controls_of(checkpoint.float32, some)
    return [graph, verify_int8(open_files(folder, described, None), run, checkpoint.float32, held_out, controls)]


def verify_unrounded(folder: str, described, exact, bare: Truth) -> Verified:
    """The 8-bit file's own graph without its rounding and its biases. exact: the float32 file's onnx.ModelProto."""
    run = open_without_biases(folder, described, lambda model: take_rounding_out(model, exact))
    against = f"{bare.against} (its 8-bit graph, the rounding taken out)"
    return compare(bare.logits, [run.run(x) for x in bare.clips], bare.limit, against)
