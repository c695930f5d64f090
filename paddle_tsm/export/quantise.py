"""An ONNX file in 8-bit integers, by ONNX Runtime's post-training quantisation, calibrated on clips."""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager

import numpy as np

from paddle_tsm.export.io_spec import FIRST_INPUT

# What is computed in integers. The products of a non-local block and its softmax are not.
OPERATORS = (
    "Conv", "Gemm", "Add", "Relu", "Clip", "LeakyRelu", "MaxPool", "AveragePool", "Concat", "Split", "Slice", "Gather", "Reshape",
)  # fmt: skip


class ClipFeed:
    """The clips one by one, in the form of onnxruntime.quantization.CalibrationDataReader."""

    def __init__(self, clips: list[np.ndarray]):
        self._left = iter(clips)

    def get_next(self) -> dict | None:
        clip = next(self._left, None)
        return None if clip is None else {FIRST_INPUT["clip"]: clip}


def quantise(source, target, clips: list[np.ndarray]) -> None:
    """Write the ONNX file `source` (float32, of `write_onnx`) as `target`, whose convolutions compute in 8 bits.

    clips: float32 [N*T, 3, H, W] each; an activation's range is the one that it takes on them. Activations are
    unsigned, a scale a tensor; weights signed, a scale an output channel, of 7 bits: with 8, processors without VNNI
    overflow where two products are summed in 16 bits (onnxruntime.quantization, "reduce_range"), and the file would be
    right on some machines. The speed is the same.
    """
    from onnxruntime import quantization as ort

    with quietly():
        ort.quantize_static(
            os.fspath(source), os.fspath(target), ClipFeed(clips), quant_format=ort.QuantFormat.QDQ,
            op_types_to_quantize=list(OPERATORS), activation_type=ort.QuantType.QUInt8, weight_type=ort.QuantType.QInt8,
            per_channel=True, reduce_range=True, calibrate_method=ort.CalibrationMethod.MinMax,
        )  # fmt: skip


@contextmanager
def quietly():
    """Without ONNX Runtime's advice to prepare the model, which `write_onnx` has done."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
