"""`FeatureExtractor`: the pooled features of clips, of any layer, for retrieval and other models."""

from __future__ import annotations

import os

import numpy as np
import paddle

from paddle_tsm.data.clip import views_of
from paddle_tsm.data.presets import Preset, preset_of
from paddle_tsm.inference.inner_layers import model_of, read_with_layers
from paddle_tsm.inference.video_classes import need_rgb
from paddle_tsm.layouts.network_file import NetworkFile
from paddle_tsm.models.layer_output import changed_output
from paddle_tsm.models.numpy_input import as_tensor
from paddle_tsm.networks.layer_names import check_layer_name
from paddle_tsm.videos.video_file import read_frames


class FeatureExtractor:
    """`FeatureExtractor(path)(x)`: x, float [N*T, 3, H, W] with the frames of a clip adjacent -> features, float32
    [N, C].

    path: a checkpoint of any layout, or a folder that `paddle-tsm train` wrote. layer: a canonical name, as
    `paddle-tsm parity` prints it; the mean over height and width of what it gives. None: the features that the
    classifier reads. every_frame: a row for each frame, [N, T, C], half of T behind a temporal pool; otherwise the mean
    over the frames of a clip. options: those of `load_model`.

    `of_video` makes the network's input itself. Each clip runs by itself, so that its features do not depend on the
    others. Raises ValueError for a path that is no checkpoint, and for an unknown layer; the message has the nearest
    names.
    """

    def __init__(self, path: str | os.PathLike, layer: str | None = None, every_frame: bool = False, **options):
        self._take(read_with_layers(path, **options), layer, every_frame)

    @classmethod
    def of_file(cls, found: NetworkFile, layer: str | None, every_frame: bool) -> FeatureExtractor:
        """The same for a checkpoint that is read already."""
        made = object.__new__(cls)
        made._take(found, layer, every_frame)
        return made

    def _take(self, found: NetworkFile, layer: str | None, every_frame: bool) -> None:
        self.layer, self.every_frame, self.input = layer, every_frame, found.input.filled()
        self._model = model_of(found)
        self.network = self._model.network
        if layer is not None:
            check_layer_name(layer, self.network, self._model.stage_ends)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """The features of the clips in x. Raises ValueError where x has another shape than the network takes."""
        frames, channels = self.network.num_segments, self.network.in_channels
        if x.ndim != 4 or len(x) == 0 or len(x) % frames or x.shape[1] != channels:
            raise ValueError(f"input: got shape {list(x.shape)}, wanted [N*{frames}, {channels}, H, W]")
        found = np.stack([self._of_clip(clip) for clip in np.split(x, len(x) // frames)])
        return found if self.every_frame else found.mean(1, dtype="float64").astype("float32")

    def of_views(self, preset: Preset, views: np.ndarray) -> np.ndarray:
        """The mean over the views of a video, [C]; with `every_frame` over its crops, [clips * T, C].

        views: every view, as `preset` makes them: float32 [views * T, C, H, W].
        """
        found = self(views).astype(
            "float64"
        )  # [crops * clips, C] or [crops * clips, T, C], the clips of a crop adjacent
        if self.every_frame:
            found = found.reshape(-1, preset.clips * found.shape[1], found.shape[2])
        return found.mean(0).astype("float32")

    def of_video(self, path: str | os.PathLike, **pixels) -> np.ndarray:
        """The features of a video file, see `of_views`.

        pixels: preset, size, sampling and crops in place of what the checkpoint records. Raises ValueError for a video
        that cannot be read.
        """
        preset = preset_of(self.input.changed(pixels))
        preset.check_network(self.network)
        need_rgb(preset)
        frames = read_frames(path, lambda count: preset.test_sampling(count, self.network.num_segments))
        return self.of_views(preset, views_of(preset, frames))

    def _of_clip(self, clip: np.ndarray) -> np.ndarray:
        """float [T, C, H, W] -> float32 [T, features]."""
        given: list[paddle.Tensor] = []
        with paddle.no_grad():
            x = as_tensor(clip, self._model.classifier_layer().weight.dtype)
            if self.layer is None:
                given.append(self._model.extract_features(x))
            else:
                with changed_output(self._model, self.layer, lambda output: given.append(output)):
                    self._model(x)
            output = given[-1]
            pooled = output.mean(list(range(2, output.ndim))) if output.ndim > 2 else output
            return pooled.astype("float32").numpy()
