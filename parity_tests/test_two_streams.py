"""Networks of RGB frames and of optical flow, from the videos to the score of both, as a user types it."""

import csv
import json
import shutil

import numpy as np
import pytest

from paddle_tsm.cli import main
from paddle_tsm.data.motion_videos import CLASSES, write_motion_videos
from paddle_tsm.layouts.network_file import read_network

SMALL = ["arch=tsm_resnet10", "num_segments=2", "size=32", "epochs=1", "batch=8", "lr=0.01", "warmup=0", "dropout=0"]
OF_FLOW = ["preset=mit-flow", "in_channels=10"]
BOTH = ["--weights", "rgb", "flow_net", "--rgb-and-flow", "flow/val.txt", "--flow-root", "flow"]


def command(*words) -> None:
    assert main([str(word) for word in words]) == 0, words


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Videos, their flow, and a network trained on each: 16 clips, one epoch."""
    folder = tmp_path_factory.mktemp("two")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_motion_videos(folder, 2, 1)
        for name in ("train.txt", "val.txt"):
            command("prepare", "flow", name, "--out", "flow", "--method", "dis")
        classes = ["--classes", "classes.txt"]
        mit = ["--recipe", "mit-kinetics400", "--set", *SMALL, "data_set=motion"]
        command("train", "train.txt", *classes, "--out", "rgb", *mit)
        frames = ["--form", "frames", "--root", "flow", "--validation", "flow/val.txt"]
        command(
            "train", "flow/train.txt", *frames, *classes, "--pretrained", "rgb", "--out", "flow_net", *mit, *OF_FLOW
        )
    return folder


@pytest.fixture
def folder(made, monkeypatch):
    monkeypatch.chdir(made)
    return made


def scores(folder) -> tuple[list[str], np.ndarray]:
    with open(folder / "scores.csv", newline="", encoding="utf-8") as file:
        _, *rows = csv.reader(file)
    return [row[2] for row in rows], np.array([[float(value) for value in row[5:]] for row in rows])


def test_a_training_records_its_preset(folder):
    found = read_network("flow_net/last.safetensors")
    assert found.network.in_channels == 10 and found.input.preset == "mit-flow"
    assert found.input.class_names == CLASSES


def test_both_are_the_weighted_mean_of_each(folder, capsys):
    command("evaluate", "val.txt", "--weights", "rgb", "--out", "of_rgb")
    command(
        "evaluate", "flow/val.txt", "--form", "frames", "--root", "flow", "--weights", "flow_net", "--out", "of_flow"
    )
    capsys.readouterr()
    command("evaluate", "val.txt", *BOTH, "--ensemble-weights", "1:1.5", "--out", "of_both")
    said = capsys.readouterr().out
    assert "val.txt: mit, uniform" in said and "flow/val.txt: mit-flow, uniform" in said and "ensemble" in said
    (labels, rgb), (_, flow), (of_both, both) = (scores(folder / name) for name in ("of_rgb", "of_flow", "of_both"))
    assert labels == of_both and len(labels) == len(CLASSES)
    assert np.array_equal(both, (rgb + 1.5 * flow) / 2.5)
    assert not np.allclose(rgb, flow) and not np.array_equal(both, (rgb + flow) / 2)
    content = json.loads((folder / "of_both" / "metrics.json").read_text(encoding="utf-8"))
    assert [(one["file"], one["weight"]) for one in content["checkpoints"]] == [
        ("rgb/last.safetensors", 1.0),
        ("flow_net/best.safetensors", 1.5),
    ]
    apart = [json.loads((folder / name / "metrics.json").read_text(encoding="utf-8")) for name in ("of_rgb", "of_flow")]
    assert [one["top1"] for one in content["checkpoints"]] == [one["checkpoints"][0]["top1"] for one in apart]
    assert content["flow"]["preset"] == "mit-flow" and content["flow"]["list"] == "flow/val.txt"
    wanted = np.mean(both.argmax(1) == np.array(labels, int))
    assert content["ensemble"]["top1"] == pytest.approx(wanted)


def test_the_order_of_the_weights_is_theirs(folder):
    swapped = ["--weights", "flow_net", "rgb", *BOTH[3:]]
    command("evaluate", "val.txt", *BOTH, "--ensemble-weights", "1,3", "--out", "a")
    command("evaluate", "val.txt", *swapped, "--ensemble-weights", "3,1", "--out", "b")
    assert np.allclose(scores(folder / "a")[1], scores(folder / "b")[1], rtol=1e-12)


def test_a_clip_that_is_bad_in_one_stream_is_left_out_of_both(folder, capsys):
    shutil.copytree("flow", "flow2", dirs_exist_ok=True)
    first = (folder / "flow2" / "val.txt").read_text(encoding="utf-8").split()[0]
    (folder / "flow2" / first / "flow_x_00001.jpg").unlink()
    words = [*BOTH[:3], "--rgb-and-flow", "flow2/val.txt", "--flow-root", "flow2"]
    assert main(["evaluate", "val.txt", *words]) == 2
    assert "flow_x_00001.jpg: missing frame" in capsys.readouterr().err
    command("evaluate", "val.txt", *words, "--skip-bad", "--json", "skipped.json")
    content = json.loads((folder / "skipped.json").read_text(encoding="utf-8"))
    assert content["clips"] == len(CLASSES) - 1 and "flow_x_00001.jpg" in content["skipped"][0]
    assert [one["top1"] for one in content["checkpoints"]] and content["ensemble"]


def test_refused(folder, capsys):
    def said(*words) -> str:
        assert main(["evaluate", "val.txt", *words]) == 2
        return capsys.readouterr().err

    lines = (folder / "flow" / "val.txt").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "short.txt").write_text("".join(lines[:-1]), encoding="utf-8")
    (folder / "turned.txt").write_text("".join(lines[::-1]), encoding="utf-8")
    root = ["--flow-root", "flow"]
    assert "has 7 clips, val.txt has 8" in said(*BOTH[:3], "--rgb-and-flow", "short.txt", *root)
    assert "wanted the flow of the same clips in the same order" in said(
        *BOTH[:3], "--rgb-and-flow", "turned.txt", *root
    )
    assert "got no network of optical flow" in said("--weights", "rgb", *BOTH[3:])
    assert "got no network of RGB frames" in said("--weights", "flow_net", *BOTH[3:])
    assert "which take different clips; wanted `paddle-tsm evaluate --rgb-and-flow`" in said(*BOTH[:3])
    assert "--flow-root: got no --rgb-and-flow" in said("--weights", "rgb", "--flow-root", "flow")
    assert "takes optical flow, the list is of videos" in said("--weights", "flow_net")
    assert "have no common scale" in said(*BOTH, "--preset", "mmaction2")
    command("evaluate", "val.txt", *BOTH, "--preset", "mmaction2", "--average", "logits")
    assert main(["predict", next((folder / "clips").glob("*.avi")).as_posix(), "--weights", "flow_net"]) == 2
    assert "the network takes optical flow, a video holds RGB frames" in capsys.readouterr().err
    command("export", "flow_net", "exported", "--size", "32")
    assert main(["predict", next((folder / "clips").glob("*.avi")).as_posix(), "--weights", "exported"]) == 2
    assert "the network takes optical flow, a video holds RGB frames" in capsys.readouterr().err
    assert main(["train", "flow/train.txt", "--form", "frames", "--out", "x", "--set", *SMALL, "in_channels=10"]) == 2
    assert "the preset mmaction2 makes frames of 3 channels, the network takes 10" in capsys.readouterr().err


def test_the_training_says_where_its_first_convolution_is_from(folder, capsys, tmp_path):
    frames = ["--form", "frames", "--root", "flow", "--classes", "classes.txt"]
    words = ["--recipe", "mit-kinetics400", "--set", *SMALL, *OF_FLOW]
    command("train", "flow/val.txt", *frames, "--pretrained", "rgb/last.safetensors", "--out", tmp_path / "run", *words)
    said = capsys.readouterr()
    assert "rgb/last.safetensors: its first convolution sees 3 channels; the mean of" in said.out + said.err
