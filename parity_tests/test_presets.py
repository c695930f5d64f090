"""Each preset as a whole, on clips that are made here."""

import dataclasses
import doctest
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from paddle_tsm.cli import main
from paddle_tsm.data import crops, presets, sampling
from paddle_tsm.data.clip import train_clip, views_of
from paddle_tsm.data.clip_reader import ClipReader
from paddle_tsm.data.datasets import DATA_SETS, DataSet, data_set, flip_rule
from paddle_tsm.data.flip import FlipRule, mirror
from paddle_tsm.data.listed_clips import frame_source
from paddle_tsm.data.presets import CLIPS, CROPS, SYSTEMS, preset
from paddle_tsm.data.scores import average_views
from paddle_tsm.data.train_draw import RandomDraw
from paddle_tsm.demo.material import write_demo_video
from paddle_tsm.lists.annotations import Entry
from paddle_tsm.training.recipe import Recipe

# of RGB frames; optical flow has `test_flow_input`
RGB = {name: system for name, system in SYSTEMS.items() if system.stack == 1}
ALL = [
    (name, rule, crop) for name, system in RGB.items() for rule in system.test_sampling for crop in system.test_crops
]


def drawn(found, seed):
    return RandomDraw(found, 4, np.random.default_rng(seed))


def frames(count, h=60, w=90, seed=0):
    return list(np.random.default_rng(seed).integers(0, 256, (count, h, w, 3), "uint8"))


@pytest.mark.parametrize("name, rule, crop", ALL)
def test_views(name, rule, crop):
    """Every test of every system: as many views as it says, crop by crop and clip by clip."""
    found = preset(name, sampling=rule, crops=crop, size=28)
    assert found.views == CLIPS[rule] * CROPS[crop] and found.short == 32
    indices = found.test_sampling(100, 4)
    assert len(indices) == 4 * found.clips
    material = frames(len(indices))
    views = views_of(found, material)
    assert views.shape == (found.views * 4, 3, found.test_size, found.test_size) and views.dtype == np.float32
    scaled = found.resize_short(material[1], found.short)
    left, top, mirrored = found.test_crops(*scaled.shape[:2], found.test_size)[-1]
    last = scaled[top : top + found.test_size, left : left + found.test_size]
    at = (found.views - found.clips) * 4 + 1  # the second frame of the last crop's first clip
    assert np.array_equal(views[at], found.normalise(mirror(last) if mirrored else last))
    assert not np.array_equal(views[at], views[0])


@pytest.mark.parametrize("name", RGB)
def test_training_clips(name):
    for train_crop in SYSTEMS[name].train_box:
        found = preset(name, train_crop=train_crop, size=28)
        made = [train_clip(found, frames(4), drawn(found, seed)) for seed in (0, 0, 1, 2, 3, 4, 5)]
        assert all(clip.shape == (4, 3, 28, 28) and clip.dtype == np.float32 for clip, _ in made)
        assert np.array_equal(made[0][0], made[1][0]) and not np.array_equal(made[0][0], made[2][0])
        assert {mirrored for _, mirrored in made} == {True, False}


def test_one_box_and_one_mirroring_for_a_clip():
    """Where every frame shows the same picture, every frame of the clip does."""
    for seed in range(10):
        found = preset("mmaction2", size=28)
        clip, _ = train_clip(found, frames(1) * 4, drawn(found, seed))
        assert all(np.array_equal(clip[0], frame) for frame in clip)


def test_a_mirrored_clip_is_the_mirror_image():
    found = preset("mit", size=28)
    straight, turned = (dataclasses.replace(found, flip=FlipRule(p)) for p in (0.0, 1.0))
    a, b = (train_clip(each, frames(2), drawn(each, 3)) for each in (straight, turned))
    assert (a[1], b[1]) == (False, True) and np.array_equal(a[0], b[0][..., ::-1]) and not np.array_equal(a[0], b[0])


def test_sizes():
    """Three crops are as large as the short edge, except PP-TSM's."""
    assert [preset(name, crops="three").test_size for name in ("mmaction2", "mit", "pptsm")] == [256, 256, 224]
    assert preset("mmaction2").short == 256 and preset("mmaction2", size=112).short == 128
    assert preset("pptsm").train_scale == 256 and preset("mit").train_scale == 224


def test_what_each_system_averages():
    averages = {name: preset(name).average for name in SYSTEMS}
    others = dict.fromkeys(("mit", "mit-flow", "paddlevideo", "pptsm"), "logits")
    assert averages == {"mmaction2": "probabilities"} | others
    logits = np.array([[9.0, 0, 8.0], [0.0, 9, 8.0]])
    assert average_views(logits, "logits").argmax() == 2 and average_views(logits, "probabilities").argmax() != 2
    assert np.isclose(average_views(logits + 1e4, "probabilities").sum(), 1)
    with pytest.raises(ValueError, match="average: got 'prob', wanted one of probabilities, logits"):
        average_views(logits, "prob")


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("tsn",), "preset: got 'tsn', wanted one of mmaction2, mit, mit-flow, paddlevideo, pptsm"),
        (("paddlevideo", "dense"), "paddlevideo: sampling: got 'dense', wanted one of uniform"),
        (("pptsm", "twice"), "pptsm: sampling: got 'twice', wanted one of uniform, dense"),
        (
            ("mmaction2", "uniform", "five"),
            "mmaction2: crops: got 'five', wanted one of centre, three, ten; its pipelines",
        ),
        (("mit", "uniform", "four"), "mit: crops: got 'four', wanted one of centre, three, ten, three-train-size"),
        (
            ("mit", "uniform", "ten", "random_resized"),
            "mit: train_crop: got 'random_resized', wanted one of multi_scale",
        ),
        (("mit", "uniform", "ten", "multi_scale", 0), "size: got 0, wanted at least 1"),
    ],
)
def test_unknown_names_list_the_known(arguments, message):
    with pytest.raises(ValueError, match=message):
        preset(arguments[0], **dict(zip(("sampling", "crops", "train_crop", "size"), arguments[1:])))


def test_presets_are_frozen_and_name_their_source():
    for name in SYSTEMS:
        with pytest.raises(dataclasses.FrozenInstanceError):
            preset(name).size = 1
    commits = {
        "mmaction2": "4d6c934",
        "mit": "1f6a834",
        "mit-flow": "1f6a834",
        "paddlevideo": "ed245e9",
        "pptsm": "ed245e9",
    }
    assert all(commit in preset(name).source for name, commit in commits.items())


def test_data_sets():
    classes = {
        "ucf101": 101,
        "hmdb51": 51,
        "kinetics400": 400,
        "something-v1": 174,
        "something-v2": 174,
        "jester": 27,
        "diving48": 48,
        "motion": 8,
    }
    assert {name: data_set(name).num_classes for name in classes} == classes
    assert data_set("something-v2").template.format(7) == "000007.jpg"
    assert flip_rule("something-v2", "mmaction2").label_map == {86: 87, 87: 86, 93: 94, 94: 93, 166: 167, 167: 166}
    assert flip_rule("something-v2", "mit") == flip_rule("jester", "mit") == FlipRule(0.0)
    assert flip_rule("kinetics400", "mit") == FlipRule(0.5)
    for name, found in DATA_SETS.items():
        assert max(flip_rule(name, "mmaction2").label_map, default=0) < found.num_classes
    with pytest.raises(ValueError, match="data set: got 'ucf', wanted one of ucf101, hmdb51"):
        data_set("ucf")


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    path = tmp_path_factory.mktemp("presets") / "clip.mp4"
    write_demo_video(str(path), frames=30, size=(96, 64))
    return str(path)


def test_a_clip_is_drawn_from_seed_epoch_and_index(clip):
    entries = [Entry(clip, (86,), "list.txt", i + 1) for i in range(8)]
    flip = flip_rule("something-v2", "mmaction2")
    reader = ClipReader(entries, preset("mmaction2", size=28, flip=flip), num_segments=4, train=True, seed=5)
    first = reader[3, 2]
    for i in range(8):
        reader[3, i]  # what else was read does not matter
    again = reader[3, 2]
    assert np.array_equal(first[0], again[0]) and first[1:] == again[1:]
    assert not np.array_equal(first[0], reader[4, 2][0]) and not np.array_equal(first[0], reader[3, 1][0])
    other = ClipReader(entries, reader.preset, num_segments=4, train=True, seed=6)
    assert not np.array_equal(first[0], other[3, 2][0])
    assert {reader[epoch, 0][1] for epoch in range(20)} == {(86,), (87,)}, "a mirrored clip has the other label"
    test = ClipReader(entries, reader.preset, num_segments=4)
    assert np.array_equal(test[0][0], test[1][0]) and test[0][1] == (86,)


def test_the_rules_reach_the_reader(clip):
    """A preset of another system gives other frames and pixels."""
    entry = [Entry(clip, (0,), "list.txt", 1)]
    views = {name: ClipReader(entry, preset(name, size=28))[0][0] for name in RGB}
    assert all(not np.array_equal(views["mmaction2"], views[name]) for name in ("mit", "paddlevideo", "pptsm"))
    assert np.array_equal(views["mit"], views["paddlevideo"]), "they part only on short videos and in training"
    assert preset("mmaction2").test_crops is crops.centre_floor and preset("pptsm").test_sampling is sampling.pptsm


def test_the_data_package_imports_no_framework():
    code = """
import sys, pkgutil, importlib, paddle_tsm.data
for module in pkgutil.walk_packages(paddle_tsm.data.__path__, "paddle_tsm.data."):
    importlib.import_module(module.name)
assert not {"paddle", "torch", "torch_ref"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_the_examples_of_the_docstrings():
    found = doctest.testmod(presets)
    assert found.attempted > 1 and found.failed == 0


def test_one_entry_is_a_data_set(monkeypatch):
    toyset = DataSet("Toy set", 3, "{:04d}.png", sided=True, label_map=((0, 1),), note="the order of toyset.csv")
    monkeypatch.setitem(DATA_SETS, "toyset", toyset)
    assert data_set("toyset") is toyset and frame_source("frames", None, "toyset", 1).template == "{:04d}.png"
    assert flip_rule("toyset", "mmaction2").labels((0, 1, 2)) == (1, 0, 2)
    assert Recipe(data_set="toyset", num_classes=3, preset="mit").pixels().flip == FlipRule(0.0)


def test_the_flip_rule_of_an_unknown_system():
    with pytest.raises(ValueError, match="preset: got 'mmaction', wanted one of mmaction2, mit"):
        flip_rule("jester", "mmaction")


def test_the_guide_and_the_help_say_what_the_data_sets_are(capsys):
    """Each row of the guide is an entry of DATA_SETS; an entry that has no row there is named by --help."""
    guide = (Path(__file__).parent.parent / "docs" / "guide_training.md").read_text(encoding="utf-8")
    table = guide.split("### Data sets")[1].split("###")[0]
    _, _, *lines = (line for line in table.splitlines() if line.startswith("|"))  # behind the heading and the rule
    rows = {line.split("`")[1]: line for line in lines}
    assert len(rows) >= 8
    for name, row in rows.items():
        found = data_set(name)
        assert row.startswith(f"| {found.title} `{name}` | {found.num_classes} | `{found.template}` |")
        assert all(f"{a} and {b}" in row for a, b in found.label_map) and bool(found.label_map) == ("exchanged" in row)
    with pytest.raises(SystemExit):
        main(["evaluate", "--help"])
    words = capsys.readouterr().out.replace(",", " ").replace(".", " ").split()
    assert set(DATA_SETS) <= set(words)
