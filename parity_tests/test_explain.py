"""`paddle-tsm explain`: the heat maps and the orders of the frames, as a user asks for them."""

import json

import cv2
import numpy as np
import pytest

import paddle_tsm
from paddle_tsm.cli import main
from paddle_tsm.data.frame_orders import backward, repeated, shuffled
from paddle_tsm.demo.material import write_demo_checkpoint, write_demo_video
from paddle_tsm.inference.motion_share import motion_share, results_by_order
from paddle_tsm.networks.network import Network
from paddle_tsm.videos.open_video import count_frames

CLASSES = 6


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("explain")
    write_demo_video(str(folder / "clip.mp4"), frames=20, size=(96, 64))
    write_demo_checkpoint(str(folder / "r18.pth"), Network("tsm_resnet18", num_classes=CLASSES, num_segments=4))
    tsn = Network("tsm_resnet18", num_classes=CLASSES, num_segments=4, is_shift=False)
    write_demo_checkpoint(str(folder / "tsn.pth"), tsn)
    (folder / "names.txt").write_text("".join(f"action {i}\n" for i in range(CLASSES)))
    return folder


@pytest.fixture
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)
    return folder


def explained(capsys, *options, weights="r18.pth") -> dict:
    words = ["explain", "clip.mp4", "--weights", weights, "--num-segments", "4", "--size", "64", "--json"]
    assert main([*words, *options]) == 0
    return json.loads(capsys.readouterr().out)


def test_what_a_user_gets(here, capsys):
    words = ["explain", "clip.mp4", "--weights", "r18.pth", "--num-segments", "4", "--size", "64"]
    assert main([*words, "--classes", "names.txt", "--class", "action 2"]) == 0
    printed = capsys.readouterr().out
    for words in ("as it is", "played backward", "frames shuffled", "one frame repeated", "of 10", "of 4"):
        assert words in printed
    assert "clip.mp4: action 2" in printed and "clip_heat.mp4" in printed
    assert sorted(path.name for path in (here / "explained").iterdir()) == ["clip_heat.mp4", "clip_heat.png"]
    assert count_frames("explained/clip_heat.mp4") == 4
    assert cv2.imread("explained/clip_heat.png").shape[0] > 2 * 160
    assert printed.count("%") >= 9


def test_the_default_class_is_the_one_of_predict(here, capsys):
    found = explained(capsys, "--out", "top")
    words = ["predict", "clip.mp4", "--weights", "r18.pth", "--num-segments", "4", "--size", "64", "--json"]
    assert main(words) == 0
    best = json.loads(capsys.readouterr().out)["top"][0]
    assert found["class"] == best["class"] == found["orders"][0]["top"]["class"]
    assert found["orders"][0]["probability"] == pytest.approx(best["probability"], rel=1e-5)
    assert found["layer"] == "layer4" and found["cells"] == [2, 2] and found["frames"] == [2, 7, 12, 17]


def test_a_network_without_shift_sees_no_order(here, capsys):
    """Its decision is the same for every order of the frames; that of the network with the shift is not."""
    orders = explained(capsys, "--out", "tsn", weights="tsn.pth")["orders"]
    same = [order["probability"] for order in orders[:3]]
    np.testing.assert_allclose(same, same[0], rtol=1e-5)
    moved = [order["probability"] for order in explained(capsys, "--out", "tsm")["orders"][:3]]
    assert np.ptp(moved) > 1e-4 * moved[0]  # drawn weights see little of the order


def test_the_orders():
    np.testing.assert_array_equal(backward(3), [[2, 1, 0]])
    np.testing.assert_array_equal(repeated(2), [[0, 0], [1, 1]])
    drawn = shuffled(4, 10, seed=3)
    assert len({tuple(order) for order in drawn}) == 10 and not (drawn == np.arange(4)).all(1).any()
    assert (np.sort(drawn) == np.arange(4)).all()
    np.testing.assert_array_equal(drawn, shuffled(4, 10, seed=3))
    assert (drawn != shuffled(4, 10, seed=4)).any()
    assert len(shuffled(2, 10, 0)) == 1 and len(shuffled(1, 10, 0)) == 0 and len(shuffled(3, 10, 0)) == 5


@pytest.mark.parametrize(
    "options, said",
    [
        (["--layer", "layer5"], "layer5"),
        (["--layer", "layer5"], "the nearest: layer"),
        (["--layer", "fc"], "height and width"),
        (["--class", "jumping"], "wanted 0 to 5 or a name; the nearest: class"),
        (["--class", "6"], "wanted 0 to 5"),
        (["--shuffles", "0"], "--shuffles"),
        (["--seed", "-1"], "--seed"),
        (["--out", "names.txt"], "names.txt"),
    ],
)
def test_misuse(here, capsys, options, said):
    words = ["explain", "clip.mp4", "--weights", "r18.pth", "--num-segments", "4", "--size", "64"]
    before = sorted(here.rglob("*"))
    assert main([*words, "--out", "wrong", *options]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert sorted(here.rglob("*")) == before


def test_a_mean_over_the_orders_and_the_share_of_motion():
    """A network that says class 1 with three quarters where the first frame is the smallest, else class 0."""

    def run(clip):
        rises = clip[:, 0, 0, 0].argmin() == 0 and np.ptp(clip) > 0
        return np.log([[0.25, 0.75]] if rises else [[1.0, 1e-30]])

    clip = np.arange(4, dtype="float32").reshape(4, 1, 1, 1)
    found = results_by_order(run, clip, 23, 0)
    assert [(one.order, one.plays) for one in found] == [
        ("as it is", 1),
        ("played backward", 1),
        ("frames shuffled", 23),
        ("one frame repeated", 4),
    ]
    # of the 24 orders, 6 begin with the first frame, and one of these is the clip itself
    np.testing.assert_allclose([one.probabilities[1] for one in found], [0.75, 0, 0.75 * 5 / 23, 0], atol=1e-9)
    assert [one.same for one in found] == [1, 0, 5 / 23, 0] and [one.top for one in found] == [1, 0, 0, 0]
    assert motion_share(found, 1) == pytest.approx(1 - 5 / 23)
    alone = results_by_order(run, clip[:1], 10, 0)
    assert [one.order for one in alone] == ["as it is", "one frame repeated"] and motion_share(alone, 0) is None


def test_from_python(here):
    found = paddle_tsm.explain_video("r18.pth", "clip.mp4", wanted=3, layer="layer2", size=64, num_segments=4)
    assert found.label == 3 and found.name == "class 3" and found.maps.shape == (4, 8, 8) and found.maps.max() > 0
    heat = found.heat()
    assert heat.shape == (4, 64, 64) and heat.max() <= 1 and found.pictures.shape == (4, 64, 64, 3)
