"""From a video file to the scores of its views, against mmaction2's whole test pipeline and network.

The clips are not ours and are not in the repository: PADDLE_TSM_CLIPS names the folder that holds them. Without it these
tests are skipped.
"""

import os

import numpy as np
import pytest

from paddle_tsm.data.annotations import Entry
from paddle_tsm.data.clip_reader import ClipReader
from paddle_tsm.data.presets import preset
from paddle_tsm.data.scores import average_views
from paddle_tsm.data.video_file import read_frames
from paddle_tsm.layouts.network_file import interpret
from paddle_tsm.parity.compare import compare, distance
from paddle_tsm.parity.paddle_side import PaddleSide
from paddle_tsm.parity.tolerance import float32_limit
from paddle_tsm.parity.torch_side import TorchSide
from parity_tests.recorded import names, recorded

CLIPS = os.environ.get("PADDLE_TSM_CLIPS")
VIDEOS = names("video_*")
CROPS = {"center": "centre", "three": "three"}
needs_clips = pytest.mark.skipif(not CLIPS, reason="PADDLE_TSM_CLIPS names no folder with the clips that were recorded")


def prepared(name, system="mmaction2", **changes):
    """(the recorded vector, the preset it asks for, every view of its clip [views * T, 3, size, size])."""
    vector = recorded(name)
    sampling, crops = vector.meta["views"]
    found = preset(system, **({"sampling": sampling, "crops": CROPS[crops]} | changes))
    entry = Entry(os.path.join(CLIPS, vector.meta["video"]), (0,), "list.txt", 1)
    return vector, found, ClipReader([entry], found, vector.meta["num_segments"])[0][0]


def checksum(views):
    """What was recorded of the input: its sum, and the sum of its first frame."""
    return np.array([views.astype("float64").sum(), np.abs(views.astype("float64")).sum()])


@needs_clips
@pytest.mark.parametrize("name", VIDEOS)
def test_frames_and_pixels(name):
    vector, found, views = prepared(name)
    chosen = []
    read_frames(os.path.join(CLIPS, vector.meta["video"]),
                lambda count: chosen.append(found.test_sampling(count, vector.meta["num_segments"])) or chosen[0])
    assert chosen[0].tolist() == vector.meta["frame_inds"]
    print(views.shape, vector.outputs["input_checksum"], checksum(views), [float(v) for v in (views.sum(dtype="f8"), views.mean(dtype="f8"), views.std(dtype="f8"), np.abs(views).sum(dtype="f8"), (views.astype("f8")**2).sum(), np.sqrt((views.astype("f8")**2).sum()))])
    print(np.abs(vector.outputs["first_frame"] - views[0].astype("float16")).max())
