"""An ONNX file in 8-bit integers, by ONNX Runtime's post-training quantisation, calibrated on clips."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from paddle_tsm.export.io_spec import FIRST_INPUT

# Operators that compute in integers. The products of a non-local block and its softmax stay in float32.
OPERATORS = (
    "Conv",
    "Gemm",
    "Add",
    "Relu",
    "Clip",
    "LeakyRelu",
    "MaxPool",
    "AveragePool",
    "Concat",
    "Split",
    "Slice",
    "Gather",
    "Reshape",
)


class ClipFeed:
    """The clips one by one, with the method of onnxruntime.quantization.CalibrationDataReader."""

    def __init__(self, clips: list[np.ndarray]):
        self._left = iter(clips)

    def get_next(self) -> dict[str, np.ndarray] | None:
        clip = next(self._left, None)
        return None if clip is None else {FIRST_INPUT["clip"]: clip}


def quantise(source: str | os.PathLike, target: str | os.PathLike, clips: list[np.ndarray]) -> None:
    """Write the ONNX file `source` (float32, of `write_onnx`) as `target`, whose convolutions compute in 8 bits.

    clips: float32 [N*T, 3, H, W] each. The range of an activation is that of its values on them. Activations have no
    sign, and one scale a tensor. Weights have a sign, one scale an output channel, and 7 bits: with 8 bits, processors
    without VNNI overflow where two products are summed in 16 bits (onnxruntime.quantization, "reduce_range"), and the
    file would be right on some machines only.
    """
    from onnxruntime import quantization as ort  # int8 alone needs it

    with no_advice():
        ort.quantize_static(
            os.fspath(source),
            os.fspath(target),
            ClipFeed(clips),
            quant_format=ort.QuantFormat.QDQ,
            op_types_to_quantize=list(OPERATORS),
            activation_type=ort.QuantType.QUInt8,
            weight_type=ort.QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            calibrate_method=ort.CalibrationMethod.MinMax,
        )


@contextmanager
def no_advice() -> Iterator[None]:
    """Inside the block ONNX Runtime does not advise to prepare the model, which `write_onnx` has done."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)
