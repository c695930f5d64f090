"""`Predictor`: one object that runs a network on clips, whatever it was saved as."""

from __future__ import annotations

import os

import numpy as np

from paddle_tsm.inference.opening import OpenedNetwork, open_network


class Predictor(OpenedNetwork):
    """`Predictor(path)(x)`: x, float32 [N*T, 3, H, W] with the frames of a clip adjacent -> logits, float32 [N,
    classes].

    path: a checkpoint of any layout, or a folder that `paddle-tsm export` wrote. threads: those of one forward pass;
    None: as many as processors. precision: "float32"; "bfloat16", by Paddle Inference; "int8", by ONNX Runtime. A
    folder has that of its export. engine: "dygraph" (the model in Paddle) or the name of an export's target; None:
    "dygraph" for a checkpoint in float32, the first target that has another precision, and a folder's own. A checkpoint
    for another engine than "dygraph" is exported to a temporary folder first. options: those of `load_model`, for a
    checkpoint; where it is exported, also `size`, the height and width of its frames, if it is not the one that the
    file records, and for int8 `calibration`, `root`, `form` and `source` (see `export.exporter.export_checkpoint`).

    One object is for one thread at a time; `clone()` gives another one. Raises ValueError, in one line, for a path or a
    combination that does not exist.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        threads: int | None = None,
        precision: str = "float32",
        engine: str | None = None,
        **options,
    ):
        super().__init__(open_network(path, "clip", engine, precision, threads, options))

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The logits of the clips in x. Raises ValueError where x has another shape than the network takes."""
        frames = self.network.num_segments
        self._opened.check(x, f"N*{frames}", frames)
        return self._opened.runner.run(np.ascontiguousarray(x, "float32"))
