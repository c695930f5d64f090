"""Why a network says what it says of a video: where it looks, and how much of the decision is motion."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from paddle_tsm.data.clip import pictures_of, views_of
from paddle_tsm.data.presets import Preset, preset_of
from paddle_tsm.evaluation.paddle_run import run_of
from paddle_tsm.inference.chosen_class import class_number
from paddle_tsm.inference.inner_layers import ONE_VIEW, model_of, read_with_layers
from paddle_tsm.inference.motion_share import OrderResult, motion_share, results_by_order
from paddle_tsm.inference.video_classes import need_rgb
from paddle_tsm.layouts.network_input import NetworkInput
from paddle_tsm.models.heat_maps import GradCam, grad_cam
from paddle_tsm.models.recognizer import Recognizer
from paddle_tsm.videos.video_file import read_frames
from paddle_tsm.videos.video_notes import VideoNotes

SHUFFLES = 10  # orders of the frames that are drawn where nobody says how many


@dataclass(frozen=True)
class Explanation:
    """Why a network says what it says of a video.

    label: the class that is explained; names: of all classes. layer: whose output the heat maps are of. pictures: what
    the network saw, RGB uint8 [T, size, size, 3]. indices: the numbers of these frames in the video, int [T]. maps:
    float [T', h, w], 0 or more; T' is T/2 behind a temporal pool. orders: what the network says of the frames in other
    orders, beginning with their own.
    """

    label: int
    names: list[str]
    layer: str
    pictures: np.ndarray
    indices: np.ndarray
    maps: np.ndarray
    orders: list[OrderResult]

    @property
    def name(self) -> str:
        """The class that is explained, by its name."""
        return self.names[self.label]

    @property
    def motion(self) -> float | None:
        """See `motion_share`."""
        return motion_share(self.orders, self.label)

    def heat(self) -> np.ndarray:
        """The maps as shares of the largest value, enlarged to the pictures: float32 [T, size, size], 0 to 1."""
        import cv2  # imported here, because a program may want the numbers alone

        largest = float(self.maps.max()) or 1.0
        maps = np.repeat(self.maps / largest, len(self.pictures) // len(self.maps), axis=0).astype("float32")
        size = self.pictures.shape[2], self.pictures.shape[1]
        return np.stack([cv2.resize(one, size, interpolation=cv2.INTER_LINEAR) for one in maps])


def explain_video(
    weights: str | os.PathLike,
    video: str | os.PathLike,
    wanted: int | str | None = None,
    layer: str | None = None,
    shuffles: int = SHUFFLES,
    seed: int = 0,
    size: int | None = None,
    **options,
) -> Explanation:
    """Why the network in the file `weights` says what it says of the file `video`.

    wanted: the class to explain, by its number or name; None for the most probable. layer: see `grad_cam`. shuffles,
    seed: see `results_by_order`. size: height and width of the frames, where it is not the one that the file records.
    options: those of `load_model`. The clip is T frames over the whole video, the crop is the centre. Raises ValueError
    for a video that cannot be read, and for an unknown class or layer.
    """
    found = read_with_layers(weights, **options)
    taken = found.input.changed({"size": size, **ONE_VIEW}).filled()
    return explain(model_of(found), taken, video, wanted, layer, shuffles, seed)


def explain(
    model: Recognizer,
    taken: NetworkInput,
    video: str | os.PathLike,
    wanted: int | str | None = None,
    layer: str | None = None,
    shuffles: int = SHUFFLES,
    seed: int = 0,
    notes: VideoNotes | None = None,
    progress: Callable[[str], None] = lambda part: None,
) -> Explanation:
    """`explain_video` for a model that is there. taken: how frames become its input, with one view of a video.

    notes: takes what is wrong with the video. progress: is called with the name of each part before it begins.
    """
    network, preset = model.network, preset_of(taken)
    preset.check_network(network)
    names = taken.names_of(network.num_classes)
    label = None if wanted is None else class_number(wanted, names)
    layer = layer or [*model.stage_ends][-1]
    frames, indices = chosen_frames(preset, network.num_segments, video, notes)
    clip = views_of(preset, frames)
    progress("heat map")
    found: GradCam = grad_cam(model, clip, layer, None if label is None else [label])
    orders = results_by_order(run_of(model), clip, shuffles, seed, progress)
    return Explanation(int(found.classes[0]), names, layer, pictures_of(preset, frames), indices, found.maps[0], orders)


def chosen_frames(
    preset: Preset, num_segments: int, video: str | os.PathLike, notes: VideoNotes | None
) -> tuple[list[np.ndarray], np.ndarray]:
    """(the T frames that the preset takes of the video, their numbers in it)."""
    need_rgb(preset)
    indices = np.zeros(num_segments, "int64")

    def choose(count: int) -> np.ndarray:
        nonlocal indices
        indices = np.asarray(preset.test_sampling(count, num_segments), "int64")
        return indices

    return read_frames(video, choose, notes=notes), indices
