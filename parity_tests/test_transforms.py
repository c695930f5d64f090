"""Pixels against those of mmaction2 and MIT: resized frames and crops exactly, normalised ones within 1e-6."""

import json

import numpy as np
import pytest
from PIL import Image

from paddle_tsm.data import crops, normalise, resize
from paddle_tsm.data.flip import FlipRule, mirror
from parity_tests.recorded import FOLDER

SIZES = ["48x64", "64x48", "37x91", "112x200"]
RULES = {
    "mmaction2": (resize.opencv_short, crops.centre_floor, crops.three_halves, crops.ten, normalise.normalise_255),
    "mit": (resize.pillow_short, crops.centre_round, crops.three_quarters, crops.ten, normalise.normalise_1),
}


def load(system):
    with np.load(FOLDER / f"transforms_{system}.npz") as file:
        return {key: file[key] for key in file.files}


def image(size):
    """The recorded image, as the vectors' `meta` defines it."""
    h, w = map(int, size.split("x"))
    y, x = np.mgrid[:h, :w]
    return np.stack([(y * 3 + x) % 256, (x * 5 + y * 2) % 256, ((x // 7 + y // 5) % 2) * 200 + 20], -1).astype("uint8")


def cut(frame, rule, size):
    return np.stack(
        [
            mirror(frame[top : top + size, left : left + size])
            if mirrored
            else frame[top : top + size, left : left + size]
            for left, top, mirrored in rule(*frame.shape[:2], size)
        ]
    )


def outputs(system, size):
    """What the rules of `system` make of the image, under the names of the recorded vectors."""
    short, centre, three, ten, normalised = RULES[system]
    frame = short(image(size), 64)
    centred = cut(frame, centre, 56)[0]
    return {
        "resize": frame,
        "center": centred,
        "three": cut(frame, three, 64),
        "ten": cut(frame, ten, 56),
        "normalized": normalised(centred),
    }


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("system", RULES)
def test_pixels_are_upstreams(system, size):
    expected, got = load(system), outputs(system, size)
    for name in ("resize", "center", "three", "ten"):
        assert np.array_equal(expected[f"{name}_{size}"], got[name]), name
    reference = expected[f"normalized_{size}"].reshape(3, 56, 56)
    assert got["normalized"].dtype == reference.dtype == np.float32
    assert np.abs(reference - got["normalized"]).max() <= 1e-6


def test_every_recorded_array_is_compared():
    for system in RULES:
        assert set(load(system)) == {"meta"} | {f"{name}_{size}" for name in outputs(system, "48x64") for size in SIZES}


def test_the_comparison_can_fail():
    """The systems' rules differ in resizing, the centre of an odd margin, and three crops, and the tests notice it."""
    for size in SIZES:
        assert not np.array_equal(load("mmaction2")[f"resize_{size}"], outputs("mit", size)["resize"])
    frame = load("mmaction2")["resize_48x64"]  # 85 wide: margins of 29 and 21
    beside = cut(frame, lambda h, w, size: crops.centre_floor(h, w - 2, size), 56)[0]
    assert not np.array_equal(load("mmaction2")["center_48x64"], beside)
    wrong = [
        size
        for size in SIZES
        if not np.array_equal(
            load("mmaction2")[f"three_{size}"], cut(load("mmaction2")[f"resize_{size}"], crops.three_quarters, 64)
        )
    ]
    assert wrong, "MIT's crop offsets would do"
    assert np.abs(load("mit")["normalized_48x64"] - outputs("mmaction2", "48x64")["normalized"]).max() > 1e-3


def test_sizes_that_tell_the_systems_apart():
    """Facts printed by the upstream programs (mmcv `rescale_size`, torchvision `Resize`, PaddleVideo `Scale`)."""
    for (w, h), opencv, pillow in [((398, 224), 455, 454), ((176, 144), 313, 312)]:
        frame = np.zeros((h, w, 3), "uint8")
        assert resize.opencv_short(frame, 256).shape == (256, opencv, 3)
        assert resize.pillow_short(frame, 256).shape == (256, pillow, 3)
    assert resize.pillow_four_thirds(np.zeros((720, 1280, 3), "uint8"), 256).shape == (256, 341, 3)
    assert resize.pillow_four_thirds(np.zeros((1280, 720, 3), "uint8"), 256).shape == (341, 256, 3)
    assert resize.pillow_four_thirds(np.zeros((256, 455, 3), "uint8"), 256).shape == (256, 455, 3)
    assert crops.centre_floor(224, 339, 224)[0][0] == 57 and crops.centre_round(224, 339, 224)[0][0] == 58
    assert [left for left, _, _ in crops.three_quarters(256, 342, 256)] == [0, 84, 42]
    assert [left for left, _, _ in crops.three_halves(256, 342, 256)] == [0, 86, 43]


class Choices:
    """A generator that chooses the given positions, one a draw."""

    def __init__(self, *choices):
        self.choices = list(choices)

    def integers(self, high):
        choice = self.choices.pop(0)
        assert choice < high
        return choice


def test_multi_scale_crop():
    """Every pair of scales, every place: the boxes of mmaction2 and MIT for 340x256, from their formulas."""
    assert crops.multi_scale(256, 340, 224, Choices(0, 0)) == (0, 0, 256, 256)
    assert crops.multi_scale(256, 340, 224, Choices(0, 1)) == (84, 0, 340, 256)
    assert crops.multi_scale(256, 340, 224, Choices(3, 4)) == (58, 16, 282, 240)  # 0.875 * 256 = 224: not scaled
    boxes = set()
    for pair in range(10):  # scales whose places in the list are at most one apart
        for place in range(13):
            left, top, right, bottom = crops.multi_scale(256, 340, 224, Choices(pair, place))
            assert 0 <= left < right <= 340 and 0 <= top < bottom <= 256
            boxes.add((left, top, right, bottom))
    assert {bottom - top for _, top, _, bottom in boxes} == {256, 224, 192, 168}
    assert crops.multi_scale(256, 340, 170, Choices(9, 0)) == (0, 0, 170, 170)  # 168 is within 3 of 170
    with pytest.raises(AssertionError):
        crops.multi_scale(256, 340, 224, Choices(10, 0))


def test_fractional_multi_scale_crop_rounds_as_pillow_does():
    """PaddleVideo passes fractions of a pixel to Pillow. Ours are the pixels of Pillow's own crop."""
    h, w = 61, 83
    pixels = np.random.default_rng(0).integers(0, 256, (h, w, 3), "uint8")
    differ = 0
    for pair in range(10):
        edges = [int(61 * scale) for scale in crops.SCALES]
        crop_w, crop_h = [(b, a) for i, a in enumerate(edges) for j, b in enumerate(edges) if abs(i - j) <= 1][pair]
        x, y = (w - crop_w) / 4, (h - crop_h) / 4
        left, top = 3 * x, 1 * y  # the last but two of the places
        box = crops.multi_scale_fractional(h, w, 30, Choices(pair, _places(x, y) - 3))
        expected = np.asarray(Image.fromarray(pixels).crop((left, top, left + crop_w, top + crop_h)))
        assert np.array_equal(pixels[box[1] : box[3], box[0] : box[2]], expected)
        differ += box != crops.multi_scale(h, w, 30, Choices(pair, 10))
    assert differ, "whole pixels would do"


def _places(x, y):
    return 9 + sum([x != 0, y != 0, x != 0 and y != 0, x != 0 or y != 0])


def test_random_resized_crop():
    rng = np.random.default_rng(0)
    for h, w in ((256, 340), (300, 20), (1, 1)):
        for _ in range(200):
            left, top, right, bottom = crops.random_resized(h, w, 224, rng)
            assert 0 <= left < right <= w and 0 <= top < bottom <= h
    # ten tries fail: the centre square
    assert crops.random_resized(1000, 1, 224, np.random.default_rng(0)) == (0, 499, 1, 500)


CROPS = [crops.centre_floor, crops.centre_round, crops.three_halves, crops.three_quarters, crops.ten]


@pytest.mark.parametrize("rule", CROPS)
def test_crops_larger_than_the_frame(rule):
    with pytest.raises(ValueError, match="cannot cut 224x224 from a frame 340 wide and 200 high"):
        rule(200, 340, 224)


def test_flip_rule():
    rule = FlipRule(label_map={86: 87, 87: 86})
    assert rule.labels((86, 3)) == (87, 3)
    drawn = [rule.draw(np.random.default_rng(seed)) for seed in range(200)]
    assert 70 < sum(drawn) < 130
    assert not any(FlipRule(0.0).draw(np.random.default_rng(seed)) for seed in range(50))
    with pytest.raises(ValueError, match="wanted pairs that change places"):
        FlipRule(label_map={86: 87})
    with pytest.raises(ValueError, match="wanted 0 to 1"):
        FlipRule(1.5)


def test_the_vectors_say_where_they_come_from():
    assert "mmaction2 1.2.0" in json.loads(str(load("mmaction2")["meta"]))["source"]
