"""The files of an export, run and compared with the checkpoint before they are kept."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from paddle_tsm.export.bias_correction import correct_biases
from paddle_tsm.export.calibration import Calibration
from paddle_tsm.export.checkpoint_model import CheckpointModel, zero_biases
from paddle_tsm.export.controls import clips_for, controls_of
from paddle_tsm.export.expected_logits import (
    WITHOUT_BIASES,
    ExpectedLogits,
    expected_logits,
    expected_without_biases,
)
from paddle_tsm.export.io_spec import IOSpec
from paddle_tsm.export.open_files import open_files
from paddle_tsm.export.quantise import quantise
from paddle_tsm.export.sidecar import Sidecar
from paddle_tsm.export.stream_verification import verify_stream
from paddle_tsm.export.unrounded import take_rounding_out
from paddle_tsm.export.verification import Verified, compare_batches, verify, verify_controls, verify_int8
from paddle_tsm.export.without_biases import SMALL, open_without_biases
from paddle_tsm.models.stream import StreamStep

if TYPE_CHECKING:
    import onnx


def logits_to_expect(described: Sidecar, checkpoint: CheckpointModel) -> tuple[ExpectedLogits, ExpectedLogits]:
    """What the checkpoint's network gives for random clips: (as it is, with every bias zero)."""
    size = (described.pixels().test_size,) * 2
    with_controls = described.precision == "bfloat16"
    return expected_logits(checkpoint, size), expected_without_biases(checkpoint, size, with_controls)


def verify_clips(
    folder: str, described: Sidecar, expected: ExpectedLogits, without_biases: ExpectedLogits
) -> list[Verified]:
    """Compare an export of whole clips, in float32 or bfloat16, with what `logits_to_expect` gives.

    The files run in float32 first, whatever they are for, as they are and with every bias zero. For bfloat16 the very
    same files then run in bfloat16, and are compared with wrong networks, too. Raises ValueError for a difference.
    """
    exact = replace(described, precision="float32")
    verified = verify(open_files(folder, exact, None), expected)
    run = open_without_biases(folder, exact)
    verified += verify(run, without_biases)
    if without_biases.with_gates is not None:
        verified += verify(run, without_biases.with_gates)
    if described.precision == "bfloat16":
        in_float32 = [replace(found, against=f"{found.against} (its graph in float32)") for found in verified]
        verified = verify(open_files(folder, described, None), expected, "bfloat16") + in_float32
        verified.append(verify_controls(open_without_biases(folder, described), without_biases, "bfloat16"))
    return verified


def verify_steps(
    folder: str, described: Sidecar, step: StreamStep, tensors: dict[str, np.ndarray], io_spec: IOSpec
) -> list[Verified]:
    """Compare an export of one step of a stream, as it is and with every bias zero. step: in float32."""
    exact = StreamStep(step.network, tensors).to(dtype="float64")
    verified = verify_stream(open_files(folder, described, None), step, exact, io_spec)
    with zero_biases(step, exact):
        run = open_without_biases(folder, described)
        return verified + verify_stream(run, step, exact, io_spec, WITHOUT_BIASES, SMALL)


def quantise_verified(
    folder: str,
    described: Sidecar,
    checkpoint: CheckpointModel,
    clips: Calibration,
    without_biases: ExpectedLogits,
) -> list[Verified]:
    """Replace the float32 ONNX file, which `verify_clips` has passed, by its 8-bit form with corrected biases.

    The graph of the 8-bit file runs first with its rounding taken out, and is held to float32's limit. Then the file
    runs as it is, on clips held out of the calibration, and is compared with wrong networks, too. Raises ValueError for
    a difference.
    """
    import onnx  # int8 alone needs it

    ranges, held_out = clips.split()
    path = os.path.join(folder, described.files["model"])
    in_float32, exact = open_files(folder, described, None), onnx.load(path)
    quantise(path, f"{path}.int8", ranges[:1])  # the rounding of weights, which depends on no clip
    correct_biases(exact, onnx.load(f"{path}.int8"), ranges)
    onnx.save(exact, path)
    quantise(path, f"{path}.int8", ranges)
    os.replace(f"{path}.int8", path)
    graph = verify_unrounded(folder, described, exact, without_biases)
    some = np.concatenate(held_out[: clips_for(checkpoint.network.num_classes)])
    controls = controls_of(checkpoint.float32, some)
    run = open_files(folder, described, None)
    return [graph, verify_int8(run, in_float32, checkpoint.network, held_out, controls)]


def verify_unrounded(
    folder: str, described: Sidecar, exact: onnx.ModelProto, without_biases: ExpectedLogits
) -> Verified:
    """Compare the graph of the 8-bit file, without its rounding and its biases. exact: the float32 file's content."""
    run = open_without_biases(folder, described, lambda model: take_rounding_out(model, exact))
    against = f"{without_biases.against} (its 8-bit graph, the rounding taken out)"
    logits = [run.run(x) for x in without_biases.clips]
    return compare_batches(without_biases.logits, logits, without_biases.limit, against)
