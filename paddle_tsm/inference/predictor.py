"""`Predictor`: one object that runs a network on clips, whatever it was saved as."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence

import numpy as np

from paddle_tsm.data.presets import Preset, preset_of
from paddle_tsm.inference.opening import OpenedNetwork, open_network
from paddle_tsm.inference.probabilities import top_classes
from paddle_tsm.inference.video_classes import probabilities_of_frames, probabilities_of_video
from paddle_tsm.networks.option_checks import must_be_whole
from paddle_tsm.videos.video_notes import VideoNotes


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

    `labels` are the names of the classes, in their order, or (). `predict_video` and `predict_frames` make the
    network's input themselves, as `paddle-tsm predict` does.

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

    def predict_video(self, path: str | os.PathLike, top: int = 5, **pixels) -> list[tuple[str, float]]:
        """The `top` most probable classes of a video file, the most probable first: (name, probability) each.

        The frames, their size, the crops and the average are those of `paddle-tsm predict`: what the network's file
        records. pixels: preset, size, sampling and crops in place of these. A class without a name is "class 0",
        "class 1", ... Warns of a video that does not hold what its container says. Raises ValueError for a video that
        cannot be read, for `top` below 1, and for pixels that an export does not take.
        """
        notes = VideoNotes()
        preset = self._preset(pixels)
        found = probabilities_of_video(self, preset, self.network.num_segments, path, notes)
        if notes:
            warnings.warn(notes.report(), stacklevel=2)
        return self._named(found, top)

    def predict_frames(
        self, frames: np.ndarray | Sequence[np.ndarray], top: int = 5, **pixels
    ) -> list[tuple[str, float]]:
        """The same of a video that is decoded already.

        frames: every frame of it, RGB uint8 [frames, H, W, 3], as an array or a list; the network's are chosen among
        them. Raises ValueError for other frames.
        """
        found = probabilities_of_frames(self, self._preset(pixels), self.network.num_segments, frames)
        return self._named(found, top)

    def _preset(self, pixels: dict) -> Preset:
        known = ("preset", "size", "sampling", "crops")
        if unknown := [name for name in pixels if name not in known]:
            raise ValueError(f"got {', '.join(unknown)}, wanted some of {', '.join(known)}")
        found = preset_of(self.input.changed(pixels))
        found.check_network(self.network)
        return found

    def _named(self, probabilities: np.ndarray, top: int) -> list[tuple[str, float]]:
        must_be_whole("top", top, 1)
        best = top_classes(probabilities, self.input.names_of(self.network.num_classes), top)
        return [(one["name"], one["probability"]) for one in best]
