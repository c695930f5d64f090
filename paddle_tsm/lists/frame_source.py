"""The file or the folder from which the frames of a listed clip are decoded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from paddle_tsm.lists.annotations import Entry
from paddle_tsm.lists.bad_clips import BadClip, bad_clip
from paddle_tsm.videos import frame_folder, video_file
from paddle_tsm.videos.video_notes import VideoNotes


@dataclass(frozen=True)
class FrameSource:
    """Where the frames of the entries of one list are: in video files, or in folders of numbered images.

    template: the images' names, such as "img_{:05d}.jpg", or "flow_{}_{:05d}.jpg" of optical flow; None for video
    files. first: the number of a folder's first image. threads: of the video decoder; several clips at once are faster
    than several threads on one. notes: takes what is wrong with videos that can be read all the same.
    """

    template: str | None = None
    first: int = 1
    threads: int = 1
    notes: VideoNotes | None = None

    def __post_init__(self) -> None:
        if self.template is not None:
            frame_folder.check_template(self.template)

    def read(self, entry: Entry, choose: Callable[[int], np.ndarray], reader: str = "opencv") -> list[np.ndarray]:
        """The frames with the indices `choose(num_frames)`, in that order: RGB [H, W, 3] uint8, or
        optical flow [H, W, 2].

        reader: what decodes images, see `frame_folder.read_frames`. Raises BadClip, and ValueError for a reader of RGB
        where there is optical flow, and of optical flow where there are videos.
        """
        self.check_reader(reader)
        try:
            if self.template is None:
                return video_file.read_frames(entry.path, choose, self.threads, self.notes)
            numbers = choose(self.num_frames(entry)) + (entry.offset + self.first)
            return frame_folder.read_frames(entry.path, self.template, numbers, reader)
        except BadClip:
            raise
        except (ValueError, OSError) as error:
            raise bad_clip(entry, error) from error

    def check_reader(self, reader: str) -> None:
        """Raise ValueError where `reader` reads optical flow and there is none, or the other way round."""
        if reader == frame_folder.FLOW and self.template is None:
            raise ValueError(
                "the network takes optical flow, the list is of videos; `paddle-tsm prepare flow` makes folders of "
                "flow and a list of them, of the form frames"
            )
        if reader != frame_folder.FLOW and self.template is not None and frame_folder.is_of_flow(self.template):
            raise ValueError(
                f"the template {self.template} is of optical flow, the network takes RGB frames; wanted a template "
                "with one place, such as img_{:05d}.jpg"
            )

    def num_frames(self, entry: Entry) -> int:
        """The number of frames that the list gives for a folder. Raises ValueError where it gives none."""
        if entry.num_frames is None:
            raise ValueError(f"{entry.path}: no frame count; wanted a list of form 'frames' or 'offset'")
        return entry.num_frames
