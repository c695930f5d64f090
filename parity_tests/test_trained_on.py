"""What a network was trained on goes with it: no command needs to be told it, whatever the network has become."""

import csv
import json

import pytest

import paddle_tsm
from paddle_tsm.checkpoint import read_checkpoint
from paddle_tsm.cli import main
from paddle_tsm.data.motion_videos import CLASSES, write_motion_videos
from paddle_tsm.data.presets import preset, preset_of
from paddle_tsm.demo.material import write_demo_checkpoint, write_demo_video
from paddle_tsm.export.sidecar import read_sidecar
from paddle_tsm.inference.opening import ENGINES
from paddle_tsm.layouts.network_file import read_network
from paddle_tsm.networks.network import Network
from parity_tests.trained_files import become_all, command, evaluated, predicted_class

SMALL = ("arch=tsm_resnet10", "size=32", "batch=8", "epochs=1", "warmup=0", "dropout=0", "lr=0.01", "flip=false")
LAYOUTS = ("canonical", "mmaction2", "mit")  # those that hold a ResNet-10 with the offline shift


@pytest.fixture(scope="module")
def motion(tmp_path_factory):
    """Generated clips with their lists and class names, and a network trained on them for an epoch."""
    folder = tmp_path_factory.mktemp("motion")
    write_motion_videos(folder, 2, 1)
    words = [
        "train",
        folder / "train.txt",
        "--root",
        folder,
        "--classes",
        folder / "classes.txt",
        "--out",
        folder / "run",
    ]
    assert command(*words, "--set", *SMALL, "preset=mit", "num_segments=4", "shift_div=4") == 0
    return folder


def recorded(path) -> dict:
    return json.loads(read_checkpoint(path).metadata["paddle_tsm"])["input"]


def trained(motion, out, *words, changes=(), size=32) -> int:
    small = [f"size={size}" if change.startswith("size") else change for change in SMALL]
    return command("train", motion / "train.txt", "--root", motion, "--out", out, *words, "--set", *small, *changes)


def test_what_train_records(motion):
    assert recorded(motion / "run/last.safetensors") == {
        "preset": "mit",
        "size": 32,
        "sampling": "uniform",
        "crops": "centre",
        "train_crop": "multi_scale",
        "multi_label": False,
        "class_names": list(CLASSES),
    }  # and no data set: the recipe's Kinetics-400 has other classes


def test_what_is_recorded_can_be_read_back(motion):
    assert read_network(motion / "run/last.safetensors").input.known() == recorded(motion / "run/last.safetensors")


def test_the_same_classes_without_a_flag(motion, tmp_path, capsys):
    """Must show 4, on a network that was trained for a moment: every clip has the same class, and its name,
    everywhere.
    """
    weights = motion / "run/last.safetensors"
    found = become_all(weights, tmp_path, LAYOUTS, whole=False)
    expected = evaluated(motion, weights, tmp_path / "report")
    assert json.loads((tmp_path / "report/metrics.json").read_text())["size"] == 32
    # the network tells its input's size: with another one it says something else, or the rest would prove nothing
    assert (
        command(
            "evaluate",
            motion / "val.txt",
            "--root",
            motion,
            "--weights",
            weights,
            "--size",
            96,
            "--out",
            tmp_path / "other",
        )
        == 0
    )
    scores = [(tmp_path / name / "scores.csv").read_text() for name in ("report", "other")]
    assert scores[0] != scores[1]
    capsys.readouterr()
    for name, path in found.items():
        assert evaluated(motion, path, tmp_path / "report") == expected, name
        assert (
            recorded(path) == recorded(weights)
            if path.is_file()
            else read_sidecar(path).input.known() == recorded(weights)
        ), name
        with open(tmp_path / "report/scores.csv", newline="") as file:
            assert next(csv.reader(file))[-1].endswith("clockwise")
    assert capsys.readouterr().err == ""
    videos = [motion / line.split()[0] for line in (motion / "val.txt").read_text().splitlines()]
    for name in ("as it was trained", "mit .pth", "canonical .pdparams", *(f"exported for {to}" for to in ENGINES[1:])):
        for video, k in list(zip(videos, expected[1]))[:2]:
            top = predicted_class(video, found[name], capsys)
            assert (top["class"], top["name"]) == (k, CLASSES[k]), name
    for engine in ENGINES[1:]:  # a checkpoint that is exported on the way
        assert command("predict", videos[0], "--weights", weights, "--engine", engine, "--json") == 0
        assert json.loads(capsys.readouterr().out)["top"][0]["class"] == expected[1][0]
        predictor = paddle_tsm.Predictor(weights, engine=engine)
        assert predictor.sidecar.size == 32 and predictor.input.class_names == CLASSES


def test_predictor_says_how_to_feed_it(motion):
    predictor = paddle_tsm.Predictor(motion / "run/last.safetensors")
    assert preset_of(predictor.input) == preset("mit", size=32) and predictor.input.class_names == CLASSES
    assert predictor.clone().input == predictor.input


def test_stream(motion, tmp_path, capsys):
    """A network that looks ahead is refused with what to do; what that gives streams, exported or not, without a
    flag.
    """
    clip = motion / (motion / "val.txt").read_text().split()[0]
    assert command("stream", clip, "--weights", motion / "run/last.safetensors") == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "paddle-tsm train --set shift_order=causal" in said
    assert (
        trained(motion, tmp_path / "online", "--classes", motion / "classes.txt", changes=["shift_order=causal"]) == 0
    )
    weights, printed = tmp_path / "online/last.safetensors", []
    assert command("convert", weights, tmp_path / "online.pth") == 0
    assert command("export", weights, tmp_path / "step", "--stream", "--to", "onnx") == 0
    assert read_sidecar(tmp_path / "step").size == 32
    for path in (weights, tmp_path / "online.pth", tmp_path / "step"):
        capsys.readouterr()
        assert command("stream", clip, "--weights", path) == 0
        output = capsys.readouterr()
        assert output.err == ""
        printed.append([line for line in output.out.splitlines() if "frame " in line])
    assert printed[0] == printed[1] == printed[2] and any(name in printed[0][0] for name in CLASSES)
    step = paddle_tsm.StreamPredictor(weights, engine="onnx")
    assert step.input.size == 32 and step.clone().input.class_names == CLASSES


@pytest.mark.parametrize(
    "words, said",
    [
        (["--size", "64"], "--size: {} records 32; 64 is used"),
        (["--preset", "mmaction2"], "--preset: {} records mit; mmaction2 is used"),
        (["--sampling", "dense"], "--sampling: {} records uniform; dense is used"),
        (["--num-segments", "8"], "--num-segments: {} records 4; 8 is used"),
        (["--shift-div", "8"], "--shift-div: {} records 4; 8 is used"),
        (["--classes", "others.txt"], "--classes: {} records that class 1 is 'right'; 'wrong' is used"),
        (["--size", "32", "--sampling", "twice", "--crops", "ten", "--classes", "classes.txt"], None),
    ],
)
def test_a_flag_that_contradicts_the_record_is_said_and_used(motion, tmp_path, capsys, monkeypatch, words, said):
    monkeypatch.chdir(motion)
    (motion / "others.txt").write_text((motion / "classes.txt").read_text().replace("right", "wrong"))
    weights = "run/last.safetensors"
    clip = (motion / "val.txt").read_text().split()[0]
    for line in (
        ["predict", clip, "--weights", weights],
        ["evaluate", "val.txt", "--weights", weights],
        ["export", weights, tmp_path / "e"],
    ):
        assert command(*line, *words) == 0
        expected = f"paddle-tsm {line[0]}: {said.format(weights)}\n" if said else ""
        assert capsys.readouterr().err == expected
    taken = read_sidecar(tmp_path / "e")
    given = dict(zip(words[::2], words[1::2]))
    assert str(taken.size) == given.get("--size", "32") and taken.preset == given.get("--preset", "mit")
    assert taken.labels[1] == ("wrong" if given.get("--classes") == "others.txt" else "right")


def test_checkpoints_of_other_inputs_are_not_mixed(motion, tmp_path, capsys):
    """Of several, what they do not agree on must be said; names in another order are never averaged."""
    (tmp_path / "names.txt").write_text("\n".join(reversed(CLASSES)))
    for name, classes, size in (("names", tmp_path / "names.txt", 32), ("size", motion / "classes.txt", 48)):
        assert trained(motion, tmp_path / name, "--classes", classes, changes=["preset=mit"], size=size) == 0
    capsys.readouterr()
    evaluate = ["evaluate", motion / "val.txt", "--root", motion, "--weights", motion / "run/last.safetensors"]
    for name, said in (
        ("names", "class 0 is 'left' in one checkpoint and 'clockwise' in another"),
        ("size", "size 32 and 48, wanted --size"),
    ):
        assert command(*evaluate, tmp_path / name / "last.safetensors") == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1 and said in error
    assert command(*evaluate, tmp_path / "size/last.safetensors", "--size", 32) == 0


@pytest.mark.parametrize("layout", ["mmaction2", "mit"])
def test_without_a_record_there_is_one_rule(tmp_path, capsys, layout):
    """Point 18: the pixels of the layout's system, in every command, and still after a conversion."""
    write_demo_checkpoint(tmp_path / "net.pth", Network("tsm_resnet10", 5), layout)
    write_demo_video(str(tmp_path / "clip.mp4"), 10, (96, 64))
    (tmp_path / "list.txt").write_text("clip.mp4 0\n")
    assert command("convert", tmp_path / "net.pth", tmp_path / "net.pdparams") == 0
    probabilities = []
    for name in ("net.pth", "net.pdparams"):
        evaluate = ["evaluate", tmp_path / "list.txt", "--root", tmp_path, "--weights", tmp_path / name, "--size", "32"]
        assert command(*evaluate, "--json", tmp_path / "m.json") == 0
        assert json.loads((tmp_path / "m.json").read_text())["preset"] == layout
        assert command("export", tmp_path / name, tmp_path / "e", "--to", "onnx", "--size", "32") == 0
        assert read_sidecar(tmp_path / "e").preset == layout
        assert paddle_tsm.Predictor(tmp_path / name).input.preset == layout
        predict = ["predict", tmp_path / "clip.mp4", "--weights", tmp_path / name, "--size", "32", "--json"]
        for more in ([], ["--preset", layout], ["--preset", "mit" if layout == "mmaction2" else "mmaction2"]):
            capsys.readouterr()
            assert command(*predict, *more) == 0
            probabilities.append(json.loads(capsys.readouterr().out)["top"])
    assert probabilities[0] == probabilities[1] == probabilities[3] != probabilities[2]


def test_a_stream_without_a_record_has_the_same_rule(tmp_path, capsys):
    write_demo_checkpoint(tmp_path / "online.pth", Network("tsm_mobilenet_v2", 5, shift_order="causal"), "mit-online")
    assert (
        command("export", tmp_path / "online.pth", tmp_path / "step", "--stream", "--to", "onnx", "--size", "32") == 0
    )
    assert (
        read_sidecar(tmp_path / "step").preset
        == paddle_tsm.StreamPredictor(tmp_path / "online.pth").input.preset
        == "mit"
    )


def test_inspect_shows_it(motion, tmp_path, capsys):
    assert command("inspect", motion / "run/last.safetensors", "--json") == 0
    found = json.loads(capsys.readouterr().out)["input"]
    assert found["size"] == {"value": 32, "why": "recorded when paddle-tsm wrote the file"}
    assert found["class_names"]["value"] == list(CLASSES)
    assert command("inspect", motion / "run/last.safetensors") == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "size 32 recorded" in printed and "class names left, right, up, down" in printed
    write_demo_checkpoint(tmp_path / "net.pth", Network("tsm_resnet10", 5), "mit")
    assert command("inspect", tmp_path / "net.pth", "--json") == 0
    found = json.loads(capsys.readouterr().out)["input"]
    assert found["preset"] == {"value": "mit", "why": "the pixels of mit's system"}
    assert found["size"] == {"value": 224, "why": "not recorded; the default"}


@pytest.mark.slow
def test_the_demo_network_says_the_same_everywhere(tmp_path, capsys):
    """Must show 4: `demo --train`, then every command, without a flag about size, preset or classes (four minutes).

    pytest parity_tests/test_trained_on.py -m slow -s
    """
    assert main(["demo", "--train", "--out", str(tmp_path)]) == 0
    folder, weights = tmp_path / "motion", tmp_path / "motion/tsm/last.safetensors"
    (tmp_path / "become").mkdir()
    expected, shown = evaluated(folder, weights, tmp_path / "report"), {}
    for name, path in become_all(weights, tmp_path / "become", LAYOUTS, whole=True).items():
        shown[name] = evaluated(folder, path, tmp_path / "report")
    lines = (folder / "val.txt").read_text().splitlines()
    tops = [predicted_class(folder / line.split()[0], weights, capsys)["class"] for line in lines]
    shown["predict, clip by clip"] = (
        100 * sum(k == int(line.split()[1]) for k, line in zip(tops, lines)) / len(lines),
        tops,
    )
    assert command("stream", folder / lines[0].split()[0], "--weights", weights) == 2
    with capsys.disabled():
        print("\n" + "\n".join(f"{name:42} top-1 {top1:.2f} %" for name, (top1, _) in shown.items()))
    assert expected[0] > 95
    assert all(found == expected for found in shown.values())
