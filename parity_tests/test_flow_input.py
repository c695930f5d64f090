"""Optical flow as MIT's networks take it, against a few lines of Pillow and PyTorch written from MIT's files
(ops/dataset.py, ops/transforms.py, ops/models.py 1f6a834): indices, pixels, stacks and the mirror image, bit for bit.
"""

import re

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps

from paddle_tsm.data import crops, flow_sampling
from paddle_tsm.data.clip import train_clip
from paddle_tsm.data.clip_reader import ClipReader
from paddle_tsm.data.flip import FlipRule
from paddle_tsm.data.listed_clips import frame_source
from paddle_tsm.data.presets import CROPS, SYSTEMS, preset
from paddle_tsm.data.train_draw import Augmentation, PlannedDraw
from paddle_tsm.demo.material import write_demo_checkpoint
from paddle_tsm.layouts.network_file import read_network
from paddle_tsm.lists.annotations import Entry
from paddle_tsm.lists.bad_clips import BadClip
from paddle_tsm.lists.check_list import check_list
from paddle_tsm.lists.frame_source import FrameSource
from paddle_tsm.networks.network import Network
from paddle_tsm.training.recipe import Recipe
from paddle_tsm.videos import frame_folder

COUNTS = [*range(1, 60), 64, 65, 68, 69, 127, 250, 301]
SEGMENTS = [1, 3, 4, 8, 16]
LENGTH = 5  # MIT's new_length


def with_tails(firsts, count):
    """MIT's `get`: from each first picture (counted from 1) LENGTH pictures, the last one again and again."""
    chosen = []
    for first in firsts:
        picture = int(first)
        for _ in range(LENGTH):
            chosen.append(picture)
            if picture < count:
                picture += 1
    return chosen


def mit_test(count, segments, kind):
    """The numbers of the pictures, counted from 1, as MIT's test takes them."""
    if kind == "dense":
        positions = max(1, 1 + count - 64)
        starts = np.linspace(0, positions - 1, num=10, dtype=int).tolist()
        return with_tails([(k * (64 // segments) + s) % count + 1 for s in starts for k in range(segments)], count)
    tick = (count - LENGTH + 1) / float(segments)
    firsts = [int(tick / 2.0 + tick * k) + 1 for k in range(segments)]
    if kind == "twice":
        firsts += [int(tick * k) + 1 for k in range(segments)]
    return with_tails(firsts, count)


@pytest.mark.parametrize("segments", SEGMENTS)
@pytest.mark.parametrize("kind", ["uniform", "twice", "dense"])
def test_indices_of_the_test(kind, segments):
    rule = SYSTEMS["mit-flow"].test_sampling[kind]
    for count in COUNTS:
        found = (rule(count, segments) + 1).tolist()
        if count >= LENGTH - 1 or kind == "dense":
            assert found == mit_test(count, segments, kind), count
        else:  # MIT asks for pictures before the first
            assert found == with_tails([1] * (len(found) // LENGTH), count), count
    assert (rule(100, segments) + 1).tolist() != mit_test(130, segments, kind)


@pytest.mark.parametrize("segments", SEGMENTS)
def test_indices_of_the_training(segments):
    """Within MIT's ranges, and each end of a range is met: short clips, very short clips, and long ones."""
    for count in (1, 3, 4, 5, 7, 8, 9, 12, 17, 20, 21, 40, 250):
        average = (count - LENGTH + 1) // segments
        drawn = []
        for seed in range(60):
            pictures = flow_sampling.train(count, segments, np.random.default_rng(seed)).reshape(segments, LENGTH)
            firsts = pictures[:, 0]
            assert pictures.reshape(-1).tolist() == [p - 1 for p in with_tails(firsts + 1, count)]
            drawn.append(firsts)
        low, high = np.min(drawn, axis=0), np.max(drawn, axis=0)
        if average > 0:
            assert (low >= np.arange(segments) * average).all() and (high < np.arange(1, segments + 1) * average).all()
            assert average > 9 or (high - low == average - 1).all()
        elif count > segments and count >= LENGTH:
            assert all((np.diff(firsts) >= 0).all() for firsts in drawn)
            assert low.min() == 0 and high.max() == count - LENGTH
        else:
            assert high.max() == 0


def test_the_dense_training_is_that_of_pictures():
    found = [flow_sampling.train_dense(100, 8, np.random.default_rng(seed)).reshape(8, 5) for seed in range(40)]
    firsts = np.array([one[:, 0] for one in found])
    assert (firsts[:, 0] <= 35).all() and len(set(firsts[:, 0].tolist())) > 15
    assert (np.diff(firsts, axis=1) == 8).all()
    assert all(one.reshape(-1).tolist() == [p - 1 for p in with_tails(one[:, 0] + 1, 100)] for one in found)


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """A folder of 13 pictures of flow in both forms: two grey images each, and one RGB image each."""
    folder, rng = tmp_path_factory.mktemp("flow") / "clip", np.random.default_rng(3)
    folder.mkdir()
    for number in range(1, 14):
        x, y = rng.integers(0, 256, (2, 6, 9), "uint8")
        grey = {"x": Image.fromarray(x).resize((90, 60)), "y": Image.fromarray(y).resize((90, 60))}
        for direction, image in grey.items():
            image.save(folder / f"flow_{direction}_{number:05d}.jpg")
        blank = Image.new("L", (90, 60))
        Image.merge("RGB", (grey["x"], grey["y"], blank)).save(folder / f"{number:06d}.png")
    return folder


def entry(folder, count=13):
    return Entry(str(folder), (2,), "list.txt", 1, num_frames=count)


def group(folder, numbers, form="flow"):
    """MIT's `_load_image`: x1, y1, x2, y2, ..., images of mode L."""
    images = []
    for number in numbers:
        if form == "flow":
            images += [Image.open(folder / f"flow_{d}_{number:05d}.jpg").convert("L") for d in ("x", "y")]
        else:
            x, y, _ = Image.open(folder / f"{number:06d}.png").convert("RGB").split()
            images += [x.convert("L"), y.convert("L")]
    return images


def as_input(images, segments):
    """MIT's Stack, ToTorchFormatTensor, GroupNormalize, and the view of `TSN.forward`: [T, 10, H, W]."""
    tensor = torch.from_numpy(np.stack([np.array(image) for image in images])).float().div(255)
    for plane in tensor:
        plane.sub_(0.5).div_(np.mean([0.229, 0.224, 0.225]))
    return tensor.view(segments, 2 * LENGTH, *tensor.shape[1:]).numpy()


def flipped(images):
    """MIT's GroupRandomHorizontalFlip(is_flow=True)."""
    turned = [image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for image in images]
    return [ImageOps.invert(image) if i % 2 == 0 else image for i, image in enumerate(turned)]


FORMS = {"flow": frame_folder.FLOW_TEMPLATE, "rgb": "{:06d}.png"}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["centre", "three", "ten"])
def test_every_view_is_mits(clip, form, name):
    pixels = preset("mit-flow", crops=name, size=28)
    views, labels, _ = ClipReader([entry(clip)], pixels, 4, source=FrameSource(FORMS[form]))[0]
    assert labels == (2,) and views.dtype == np.float32
    images = group(clip, mit_test(13, 4, "uniform"), form)
    images = [image.resize((48, 32), Image.Resampling.BILINEAR) for image in images]  # the short edge to 32
    size = 32 if name == "three" else 28
    x, y = (48 - size) // 4, (32 - size) // 4
    places = {
        "centre": [(round((48 - size) / 2), round((32 - size) / 2))],
        "three": [(0, 2 * y), (4 * x, 2 * y), (2 * x, 2 * y)],
        "ten": [(0, 0), (4 * x, 0), (0, 4 * y), (4 * x, 4 * y), (2 * x, 2 * y)],
    }[name]
    expected = []
    for left, top in places:
        cut = [image.crop((left, top, left + size, top + size)) for image in images]
        expected.append(as_input(cut, 4))
        if name == "ten":
            expected.append(as_input(flipped(cut), 4))
    expected = np.concatenate(expected)
    assert views.shape == expected.shape == (CROPS[name] * 4, 10, size, size)
    assert np.array_equal(views, expected)
    # the test can fail: x and y exchanged, or all x in front of all y
    assert not np.array_equal(views, expected[:, [1, 0, 3, 2, 5, 4, 7, 6, 9, 8]])
    assert not np.array_equal(views, expected[:, [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]])


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_training_clip_is_mits(clip, mirrored):
    """One box and one mirroring for all pictures; the mirror image inverts x and not y."""
    pixels = preset("mit-flow", size=28)
    draw = PlannedDraw(13, 60, 90, (), Augmentation((7, 5, 59, 50), (0, 0), mirrored))
    numbers = mit_test(13, 4, "uniform")
    frames = frame_folder.read_frames(clip, FORMS["flow"], numbers, frame_folder.FLOW)
    made, said = train_clip(pixels, frames, draw)
    images = [image.crop((7, 5, 59, 50)).resize((28, 28), Image.Resampling.BILINEAR) for image in group(clip, numbers)]
    expected = as_input(flipped(images) if mirrored else images, 4)
    assert said is mirrored and np.array_equal(made, expected)
    if mirrored:
        plain = [image.transpose(Image.Transpose.FLIP_LEFT_RIGHT) for image in images]
        assert np.array_equal(made[:, 1::2], as_input(plain, 4)[:, 1::2])
        assert not np.array_equal(made[:, ::2], as_input(plain, 4)[:, ::2])


def test_the_boxes_have_three_scales():
    """MIT's get_augmentation: [1, .875, .75]; of pictures there is .66, too."""
    sizes = {
        rule: {right - left for left, _, right, _ in (rule(100, 100, 64, np.random.default_rng(i)) for i in range(200))}
        for rule in (crops.multi_scale_flow, crops.multi_scale)
    }
    assert sizes == {crops.multi_scale_flow: {100, 87, 75}, crops.multi_scale: {100, 87, 75, 64}}


def test_reading_a_list_for_training(clip):
    source = frame_source("frames", None, "ucf101", 1, frame_folder.FLOW)
    pixels = preset("mit-flow", size=28, flip=FlipRule(0.5))
    reader = ClipReader([entry(clip)], pixels, 4, train=True, source=source)
    assert source.template == "flow_{}_{:05d}.jpg"
    first, again, other = (reader[epoch, 0][0] for epoch in (0, 0, 1))
    assert first.shape == (4, 10, 28, 28) and np.array_equal(first, again) and not np.array_equal(first, other)


def test_missing_damaged_and_other_pictures(clip, tmp_path):
    source = FrameSource(frame_folder.FLOW_TEMPLATE)
    assert check_list([entry(clip)], source, depth="all", progress=False)[1] == []
    with pytest.raises(BadClip, match="flow_x_00014.jpg: missing frame of the 14 listed"):
        check_list([entry(clip, 14)], source, progress=False)
    for number in (1, 2):
        for direction in "xy":
            name = f"flow_{direction}_{number:05d}.jpg"
            (tmp_path / name).write_bytes((clip / name).read_bytes())
    (tmp_path / "flow_y_00002.jpg").write_bytes(b"\xff\xd8")
    with pytest.raises(BadClip, match="flow_y_00002.jpg: damaged frame"):
        check_list([entry(tmp_path, 2)], source, depth="all", progress=False)
    Image.new("L", (8, 8)).save(tmp_path / "flow_y_00001.jpg")
    with pytest.raises(BadClip, match=r"flow_y_00001.jpg: is 8x8, and flow_x_00001.jpg 90x60"):
        check_list([entry(tmp_path, 1)], source, progress=False)
    for template in ("flow_{:05d}.jpg{:05d}", "a_{}_{}_{}.jpg", "flow_{}_{:.0s}.jpg"):
        with pytest.raises(ValueError, match="frame template: got"):
            FrameSource(template)


def test_flow_and_rgb_are_not_mixed_up(clip, tmp_path):
    with pytest.raises(ValueError, match="takes optical flow, the list is of videos; `paddle-tsm prepare flow` makes"):
        frame_source("video", None, None, 1, frame_folder.FLOW)
    with pytest.raises(
        ValueError, match="is of optical flow, the network takes RGB frames; wanted a template with one"
    ):
        frame_source("frames", frame_folder.FLOW_TEMPLATE, None, 1, "pillow")
    with pytest.raises(ValueError, match="is of optical flow, the network takes RGB"):
        ClipReader([entry(clip)], preset("mit", size=28), 4, source=FrameSource(frame_folder.FLOW_TEMPLATE))[0]
    says = "mmaction2 makes frames of 3 channels, the network takes 10 (in_channels); wanted the preset mit-flow"
    with pytest.raises(ValueError, match=re.escape(says)):
        Recipe(in_channels=10).check_input()
    with pytest.raises(ValueError, match="the preset mit-flow makes frames of 10 channels, the network takes 3"):
        Recipe(preset="mit-flow").check_input()
    assert Recipe(preset="mit-flow", in_channels=10).pixels().in_channels == 10
    for channels, name in ((10, "mit-flow"), (3, "mit")):
        path = tmp_path / f"{channels}.pth.tar"
        write_demo_checkpoint(path, Network("tsm_resnet18", num_classes=4, in_channels=channels), "mit")
        assert read_network(path).input.preset == name
