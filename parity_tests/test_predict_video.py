"""`Predictor.predict_video` and `predict_frames` say what `paddle-tsm predict` says, of checkpoints and of exports."""

import json

import numpy as np
import pytest

import paddle_tsm
from paddle_tsm.checkpoint import write_checkpoint
from paddle_tsm.cli import main
from paddle_tsm.demo.material import draw_weights, write_demo_video
from paddle_tsm.layouts.record import METADATA_KEY
from paddle_tsm.networks.network import Network
from paddle_tsm.videos.video_file import read_frames
from parity_tests.small_training import write_clip

NAMES = tuple(f"action {i}" for i in range(6))
RECORDED = {"preset": "mit", "size": 32, "sampling": "twice", "crops": "three", "class_names": list(NAMES)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A checkpoint that records its input, one that does not, an export of the first for each engine, and a video."""
    folder = tmp_path_factory.mktemp("predict_video")
    tensors = draw_weights(Network("tsm_resnet10", num_classes=len(NAMES)))
    record = {METADATA_KEY: json.dumps({"network": {}, "input": RECORDED})}
    write_checkpoint(folder / "recorded", tensors, metadata=record, format="safetensors")
    write_checkpoint(folder / "plain", tensors, format="safetensors")
    for to in ("paddle-inference", "onnx"):
        assert main(["export", str(folder / "recorded"), str(folder / to), "--to", to]) == 0
    write_demo_video(str(folder / "clip.mp4"), frames=20, size=(96, 64))
    return folder


def by_command(folder, capsys, weights: str, *words) -> list[tuple[str, float]]:
    capsys.readouterr()
    assert main(["predict", str(folder / "clip.mp4"), "--weights", str(folder / weights), "--json", *words]) == 0
    return [(one["name"], one["probability"]) for one in json.loads(capsys.readouterr().out)["top"]]


def all_frames(folder) -> np.ndarray:
    return np.stack(read_frames(folder / "clip.mp4", np.arange))


@pytest.mark.parametrize("weights", ["recorded", "paddle-inference", "onnx"])
def test_the_numbers_of_the_command(folder, capsys, weights):
    predictor = paddle_tsm.Predictor(folder / weights)
    assert predictor.labels == NAMES
    expected = by_command(folder, capsys, weights)
    assert len(expected) == 5 and expected != by_command(folder, capsys, "plain", "--size", "32")
    assert predictor.predict_video(folder / "clip.mp4") == expected
    frames = all_frames(folder)
    assert len(frames) == 20
    assert predictor.predict_frames(frames) == predictor.predict_frames(list(frames)) == expected
    assert predictor.predict_video(folder / "clip.mp4", top=2) == expected[:2]
    assert predictor.predict_frames(frames[::-1]) != expected


def test_pixels_that_are_given(folder, capsys):
    predictor, words = paddle_tsm.Predictor(folder / "plain"), ["--size", "32", "--sampling", "dense", "--crops", "ten"]
    found = predictor.predict_video(folder / "clip.mp4", size=32, sampling="dense", crops="ten")
    assert found == by_command(folder, capsys, "plain", *words) and found[0][0].startswith("class ")
    assert found != predictor.predict_video(folder / "clip.mp4", size=32) and predictor.labels == ()


@pytest.mark.parametrize(
    "wrong, said",
    [
        ((), "no frame"),
        (np.zeros((8, 48, 64), "uint8"), r"\[48, 64\]"),
        (np.zeros((8, 3, 48, 64), "uint8"), r"\[3, 48, 64\]"),
        (np.zeros((8, 48, 64, 3), "float32"), "float32"),
        ([np.zeros((48, 64, 3), "uint8"), np.zeros((64, 48, 3), "uint8")], "all of one size"),
    ],
)
def test_other_frames_are_refused(folder, wrong, said):
    with pytest.raises(ValueError, match=f"frames: got .*{said}"):
        paddle_tsm.Predictor(folder / "recorded").predict_frames(wrong)


def test_misuse(folder):
    predictor = paddle_tsm.Predictor(folder / "paddle-inference")
    with pytest.raises(ValueError, match="top: got 0"):
        predictor.predict_video(folder / "clip.mp4", top=0)
    with pytest.raises(ValueError, match="none.mp4: no such video file"):
        predictor.predict_video(folder / "none.mp4")
    with pytest.raises(ValueError, match="got preprocess, wanted some of preset, size, sampling, crops"):
        predictor.predict_video(folder / "clip.mp4", preprocess="mit")
    with pytest.raises(ValueError, match="input: got shape"):
        predictor.predict_video(folder / "clip.mp4", size=64)


def test_a_damaged_video_is_told(folder):
    path = folder / "short.avi"
    write_clip(path, 0, frames=40)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 3 // 4])
    with pytest.warns(UserWarning, match="short.avi"):
        paddle_tsm.Predictor(folder / "recorded").predict_video(path)
