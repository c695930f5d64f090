"""The clips that an 8-bit network's ranges are measured on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from paddle_tsm.data.clip_reader import ClipReader
from paddle_tsm.data.presets import Preset
from paddle_tsm.lists.annotations import read_list
from paddle_tsm.lists.bad_clips import BadClip
from paddle_tsm.lists.frame_source import FrameSource
from paddle_tsm.networks.network import Network

CLIPS = 64  # that are read from a list; docs/measurements/export.md compares 64 with 4


@dataclass(frozen=True)
class Calibration:
    """Clips to measure ranges on. clips: float32 [N*T, channels, H, W] each, as the network takes them. source: the
    name of their list, or "arrays", for tsm.json.
    """

    clips: list[np.ndarray]
    source: str

    def __post_init__(self):
        if not self.clips:
            raise ValueError(f"{self.source}: no clips, wanted at least one to calibrate on")

    def split(self) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """(clips to measure ranges on, clips to compare on). A fifth is held out; fewer than five clips serve for
        both.
        """
        if len(self.clips) < 5:
            return self.clips, self.clips
        return [clip for i, clip in enumerate(self.clips) if i % 5 != 4], self.clips[4::5]


# What a caller may give: the clips themselves, the path of a list of clips, or nothing.
ClipsToMeasure = Calibration | Sequence[np.ndarray] | str | os.PathLike | None


def calibration_of(
    wanted: ClipsToMeasure,
    network: Network,
    pixels: Preset,
    root: str = "",
    form: str = "video",
    source: FrameSource | None = None,
) -> Calibration:
    """The clips to measure on. wanted: arrays, or the path of a list, from which CLIPS evenly spaced clips are read.

    root, form, source: see `read_clips`. Raises ValueError for arrays of another shape and for a list that cannot be
    read.
    """
    if isinstance(wanted, (str, os.PathLike)):
        wanted = Calibration(
            read_clips(wanted, network, pixels, root, form, source), os.path.basename(os.fspath(wanted))
        )
    elif not isinstance(wanted, Calibration):
        wanted = Calibration([np.asarray(clip, "float32") for clip in wanted or ()], "arrays")
    frames, channels, size = network.num_segments, network.in_channels, pixels.test_size
    for clip in wanted.clips:
        if clip.shape[1:] != (channels, size, size) or len(clip) == 0 or len(clip) % frames:
            raise ValueError(
                f"calibration: got a clip of shape {list(clip.shape)}, wanted [N*{frames}, {channels}, {size}, {size}]"
            )
    return wanted


def read_clips(
    path: str | os.PathLike,
    network: Network,
    pixels: Preset,
    root: str = "",
    form: str = "video",
    source: FrameSource | None = None,
) -> list[np.ndarray]:
    """One view [T, 3, H, W] of each of CLIPS clips of the list, read as evaluation reads them.

    Where clips have several views, the first clip gives its first view, the second clip its second, and so on, because
    all views of every clip would not fit into memory. root: the folder that the list's paths are relative to. form: of
    the list's lines, see `read_list`. source: where the frames are; None: in videos.
    """
    entries = read_list(path, form, root=root)
    chosen = np.unique(np.linspace(0, len(entries) - 1, min(CLIPS, len(entries))).astype(int))
    reader = ClipReader([entries[i] for i in chosen], pixels, network.num_segments, source=source or FrameSource())
    found = []
    for i in range(len(reader)):
        clip = reader[i]
        assert not isinstance(clip, BadClip)  # without skip_bad it is raised
        found.append(one_view(clip[0], i, network.num_segments))
    return found


def one_view(views: np.ndarray, number: int, segments: int) -> np.ndarray:
    """View `number`, modulo their count, of [views * T, 3, H, W]. It is a copy, so that the memory of the others is
    freed.
    """
    apart = views.reshape(-1, segments, *views.shape[1:])  # [views, T, 3, H, W]
    return apart[number % len(apart)].copy()
