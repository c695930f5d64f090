"""`paddle-tsm predict`: the classes of a video, and a video with them on it."""

import json
import re

import numpy as np
import paddle
import pytest

import paddle_tsm
from paddle_tsm.cli import main
from paddle_tsm.data.clip import views_of
from paddle_tsm.data.presets import preset
from paddle_tsm.demo.material import write_demo_checkpoint, write_demo_video
from paddle_tsm.networks.network import Network
from paddle_tsm.videos.open_video import count_frames
from paddle_tsm.videos.video_file import read_frames

CLASSES = 6


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("predict")
    write_demo_video(str(folder / "clip.mp4"), frames=20, size=(96, 64))
    write_demo_checkpoint(str(folder / "r18.pth"), Network("tsm_resnet18", num_classes=CLASSES))
    (folder / "names.txt").write_text("".join(f"action {i}\n" for i in range(CLASSES)))
    return folder


def predicted(folder, capsys, *options) -> dict:
    arguments = ["predict", str(folder / "clip.mp4"), "--weights", str(folder / "r18.pth"), "--size", "32", "--json"]
    assert main([*arguments, *options]) == 0
    return json.loads(capsys.readouterr().out)


def by_hand(folder, name: str, sampling: str, crops: str) -> np.ndarray:
    """[K] probabilities, view by view."""
    pixels, model = preset(name, sampling=sampling, crops=crops, size=32), paddle_tsm.load_model(folder / "r18.pth")
    frames = read_frames(folder / "clip.mp4", lambda count: pixels.test_sampling(count, 8))
    views = views_of(pixels, frames).reshape(pixels.views, 8, 3, pixels.test_size, pixels.test_size)
    with paddle.no_grad():
        logits = np.concatenate([model(paddle.to_tensor(view)).numpy() for view in views]).astype("float64")

    def softmax(values):
        return np.exp(values) / np.exp(values).sum(-1, keepdims=True)

    return softmax(logits).mean(0) if name == "mmaction2" else softmax(logits.mean(0))


@pytest.mark.parametrize(
    "name, sampling, crops",
    [
        ("mmaction2", "uniform", "centre"),
        ("mmaction2", "twice", "three"),
        ("mit", "uniform", "ten"),
    ],
)
def test_probabilities(folder, capsys, name, sampling, crops):
    found = predicted(folder, capsys, "--preset", name, "--sampling", sampling, "--crops", crops, "--top", str(CLASSES))
    expected = by_hand(folder, name, sampling, crops)
    assert [row["class"] for row in found["top"]] == np.argsort(-expected).tolist()
    np.testing.assert_allclose([row["probability"] for row in found["top"]], np.sort(expected)[::-1], rtol=1e-5)
    assert found["views"] == preset(name, sampling=sampling, crops=crops).views


def test_the_two_averages_differ(folder):
    """Or the test above would not notice one in the other's place."""
    both = [by_hand(folder, name, "twice", "three") for name in ("mmaction2", "mit")]
    assert np.abs(both[0] - both[1]).max() > 1e-4


def test_table_and_video(folder, capsys):
    out = folder / "labelled.mp4"
    arguments = [str(folder / "clip.mp4"), "--weights", str(folder / "r18.pth"), "--size", "32", "--top", "3"]
    assert main(["predict", *arguments, "--classes", str(folder / "names.txt"), "--out", str(out)]) == 0
    *printed, last = capsys.readouterr().out.splitlines()
    assert "".join(printed).count("action ") == 3 and "".join(printed).count("%") == 3
    assert re.fullmatch(
        r"[\d.]+ videos/s; \d+ % running the network, \d+ % waiting for clips, \d+ % loading the network", last
    )
    assert count_frames(str(out)) == 20
    before, after = (
        read_frames(folder / name, lambda count: [0])[0].astype(int) for name in ("clip.mp4", "labelled.mp4")
    )
    changed = np.abs(before - after).max(axis=2) > 60
    assert changed[:48].any() and not changed[48:].any()  # three lines of 12 pixels


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["none.mp4", "--weights", "r18.pth"], "no such video file"),
        (["clip.mp4", "--weights", "none.pth"], "none.pth"),
        (["names.txt", "--weights", "r18.pth"], "cannot open"),
        (["clip.mp4", "--weights", "r18.pth", "--top", "0"], "--top"),
        (
            ["clip.mp4", "--weights", "r18.pth", "--classes", "short.txt"],
            "got 1 names, wanted one for each of the 6 classes",
        ),
        (["clip.mp4", "--weights", "r18.pth", "--preset", "paddlevideo", "--crops", "ten"], "crops"),
        (["clip.mp4", "--weights", "r18.pth", "--out", "nowhere/x.mp4"], "no such folder"),
    ],
)
def test_misuse(folder, capsys, monkeypatch, arguments, said):
    monkeypatch.chdir(folder)
    (folder / "short.txt").write_text("one\n")
    before = sorted(folder.iterdir())
    assert main(["predict", *arguments, "--size", "32"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and said in error
    assert sorted(folder.iterdir()) == before


def test_a_writer_that_fails_leaves_nothing(folder):
    from paddle_tsm.inference.labelled_video import labelled_video

    before = sorted(folder.iterdir())
    with pytest.raises(KeyboardInterrupt), labelled_video(folder / "half.mp4", 10) as write:
        write(np.zeros((32, 32, 3), "uint8"), ["text"])
        raise KeyboardInterrupt
    assert sorted(folder.iterdir()) == before
