"""From a video file to the scores of its views, against mmaction2's whole test pipeline and network.

The clips are not ours and are not in the repository: PADDLE_TSM_CLIPS names the folder that holds them. Without it
these tests are skipped. The recorded clips are 256 pixels high, so nothing is resized here; test_transforms has that.
"""

import os
from dataclasses import replace

import numpy as np
import pytest

from paddle_tsm.data.clip_reader import ClipReader
from paddle_tsm.data.presets import preset
from paddle_tsm.data.scores import average_views
from paddle_tsm.layouts.network_file import interpret
from paddle_tsm.lists.annotations import Entry
from paddle_tsm.parity.compare import compare, distance
from paddle_tsm.parity.paddle_side import PaddleSide
from paddle_tsm.parity.tolerance import float32_limit
from paddle_tsm.parity.torch_side import TorchSide
from paddle_tsm.videos.video_file import read_frames
from parity_tests.recorded import names, recorded

CLIPS = os.environ.get("PADDLE_TSM_CLIPS")
VIDEOS = names("video_*")
CROPS = {"center": "centre", "three": "three"}
needs_clips = pytest.mark.skipif(not CLIPS, reason="PADDLE_TSM_CLIPS names no folder with the clips that were recorded")


def prepared(name, moved=0):
    """(the recorded vector, the preset it asks for, every view of its clip [views * T, 3, size, size]).

    With `moved`, only the first crop, that many pixels further right."""
    vector = recorded(name)
    sampling, crops = vector.meta["views"]
    found = preset("mmaction2", sampling=sampling, crops=CROPS[crops])
    if moved:
        rule = found.test_crops
        found = replace(found, test_crops=lambda *size: [(left + moved, *rest) for left, *rest in rule(*size)[:1]])
    entry = Entry(os.path.join(CLIPS, vector.meta["video"]), (0,), "list.txt", 1)
    return vector, found, ClipReader([entry], found, vector.meta["num_segments"])[0][0]


def sum_and_norm(views):
    """What was recorded of the whole input."""
    values = views.astype("float64")
    return np.array([values.sum(), np.sqrt((values**2).sum())])


def view_logits(side, found, dtype, views, segments):
    """[V, K], one view at a time; upstream ran all of them at once."""
    model = side(found.network, found.tensors, dtype)
    batches = views.astype(dtype).reshape(-1, segments, *views.shape[1:])
    return np.concatenate([model.outputs(view)["logits"] for view in batches])


@needs_clips
@pytest.mark.parametrize("name", VIDEOS)
def test_frames_and_pixels(name):
    vector, found, views = prepared(name)
    asked = []
    read_frames(os.path.join(CLIPS, vector.meta["video"]), lambda count: asked.append(count) or [0])
    indices = [found.test_sampling(count, vector.meta["num_segments"]).tolist() for count in asked]
    assert indices == [vector.meta["frame_inds"]]
    assert np.array_equal(views[0].astype("float16"), vector.outputs["first_frame"])
    assert np.allclose(sum_and_norm(views), vector.outputs["input_checksum"], rtol=1e-12, atol=1e-6)

    other = prepared(name, moved=1)[2]
    assert not np.array_equal(other[0].astype("float16"), vector.outputs["first_frame"]), "another crop would do"
    assert not np.allclose(sum_and_norm(other), vector.outputs["input_checksum"], rtol=1e-6)


@needs_clips
@pytest.mark.parametrize("name", VIDEOS)
def test_logits_of_every_view(name):
    """The limit's noise is PyTorch's float32 against its float64 on the first view."""
    vector, rules, views = prepared(name)
    segments = vector.meta["num_segments"]
    network = interpret(vector.checkpoint(), **vector.options())
    recorded_views = vector.outputs["view_logits"]
    first = views[:segments]
    exact, rounded = (view_logits(TorchSide, network, dtype, first, segments) for dtype in ("float64", "float32"))
    limit = float32_limit(distance(exact, rounded)[1])
    for side in (TorchSide, PaddleSide):
        logits = view_logits(side, network, "float32", views, segments)
        assert len(logits) == rules.views
        rows = [compare(f"{side.name} view {i}", *pair, limit) for i, pair in enumerate(zip(recorded_views, logits))]
        for output, average in (("mean_logits", "logits"), ("mean_prob", rules.average)):
            mean = average_views(logits, average)
            rows.append(compare(f"{side.name} {output}", vector.outputs[output], mean, limit))
        for row in rows:
            print(f"{name}: {row.name}: {row.max_rel:.2e}, limit {row.limit:.2e}")
        assert all(row.passed for row in rows), [row for row in rows if not row.passed]

    other = prepared(name, moved=1)[2]
    wrong = view_logits(TorchSide, network, "float32", other[:segments], segments)
    row = compare("logits of a crop one pixel further", recorded_views[:1], wrong, limit)
    assert not row.passed, "the comparison cannot fail"
    print(f"{name}: {row.name}: {row.max_rel:.2e}, limit {row.limit:.2e}")


def test_every_recorded_output_is_compared():
    kinds = {"view_logits", "mean_prob", "mean_logits", "input_checksum", "first_frame"}
    assert all(set(recorded(name).outputs) == kinds for name in VIDEOS)
