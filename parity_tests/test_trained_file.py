"""A folder that `train` wrote stands for its best network, else for its last one, in every command."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import paddle_tsm
from paddle_tsm.checkpoint import read_checkpoint, write_checkpoint
from paddle_tsm.cli import main
from paddle_tsm.demo.material import draw_weights, write_demo_video
from paddle_tsm.export.sidecar import read_sidecar
from paddle_tsm.networks.network import Network
from parity_tests.small_training import clips as clips

SIZE = ("--size", "32")
COMMANDS = {
    "predict": ["predict", "clip.mp4", *SIZE, "--json", "--weights", "WEIGHTS"],
    "evaluate": ["evaluate", "list.txt", *SIZE, "--out", "report", "--weights", "WEIGHTS"],
    "stream": ["stream", "clip.mp4", *SIZE, "--shift-order", "causal", "--weights", "WEIGHTS"],
    "export": ["export", "WEIGHTS", "exported", *SIZE],
    "convert": ["convert", "WEIGHTS", "out.pth"],
    "inspect": ["inspect", "WEIGHTS", "--json"],
    "parity": ["parity", "WEIGHTS", "--json", "parity.json"],
}


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with `run`, as `train` leaves it, whose two networks differ."""
    monkeypatch.chdir(tmp_path)
    Path("run").mkdir()
    for seed, name in enumerate(("best", "last")):
        write_checkpoint(f"run/{name}.safetensors", draw_weights(Network("tsm_resnet10", num_classes=3), seed))
    write_demo_video("clip.mp4", frames=8, size=(96, 64))
    Path("list.txt").write_text("clip.mp4 0\nclip.mp4 1\n")


def outcome(command: str, weights: str, capsys) -> tuple[object, str]:
    """(what the command says of the network's numbers, what it said on stderr)."""
    capsys.readouterr()
    assert main([weights if word == "WEIGHTS" else word for word in COMMANDS[command]]) == 0
    said = capsys.readouterr()
    results = {
        "evaluate": lambda: Path("report/scores.csv").read_text(),
        "export": lambda: read_sidecar("exported").checkpoint,
        "convert": lambda: [array.tobytes() for array in read_checkpoint("out.pth").tensors.values()],
        "parity": lambda: json.loads(Path("parity.json").read_text())["rows"],
    }
    lines = [line for line in said.out.splitlines() if "frames/s" not in line]
    return results.get(command, lambda: lines)(), said.err


@pytest.mark.parametrize("command", COMMANDS)
def test_the_folder_is_its_best_network(here, capsys, command):
    best, last = (outcome(command, f"run/{name}.safetensors", capsys) for name in ("best", "last"))
    assert best[0] != last[0] and not best[1], "or the rest would prove nothing"
    found, said = outcome(command, "run", capsys)
    assert found == best[0]
    assert said == f"paddle-tsm {command}: run: takes best.safetensors, which `paddle-tsm train` wrote\n"


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_without_a_best_network_the_last_one(here, capsys, command):
    Path("run/best.safetensors").unlink()
    found, said = outcome(command, "run", capsys)
    assert found == outcome(command, "run/last.safetensors", capsys)[0] and "takes last.safetensors" in said


def test_a_folder_with_neither(here, capsys):
    shutil.rmtree("run")
    Path("run").mkdir()
    assert main(["predict", "clip.mp4", "--weights", "run"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "best.safetensors" in said and "`paddle-tsm export`" in said


def test_an_exported_folder_stays_one(here, capsys):
    assert main(["export", "run/last.safetensors", "exported", *SIZE]) == 0
    exported = outcome("predict", "exported", capsys)
    shutil.copy("run/best.safetensors", "exported")
    assert outcome("predict", "exported", capsys) == exported and not exported[1]


def test_in_python(here):
    x = np.random.default_rng(0).standard_normal((8, 3, 32, 32)).astype("float32")
    logits = paddle_tsm.Predictor("run")(x)
    np.testing.assert_array_equal(logits, paddle_tsm.Predictor("run/best.safetensors")(x))
    assert paddle_tsm.load_model("run").network == paddle_tsm.load_model("run/best.safetensors").network


def test_what_train_writes(clips, tmp_path, capsys):
    words = "arch=tsm_resnet10 num_classes=4 num_segments=2 size=32 batch=4 epochs=1 warmup=0 lr=0.01".split()
    out = tmp_path / "run"
    assert main(["train", str(clips / "train.txt"), "--root", str(clips), "--out", str(out), "--set", *words]) == 0
    assert main(["predict", str(clips / "0.mp4"), "--weights", str(out)]) == 0
    assert f"{out}: takes last.safetensors" in capsys.readouterr().err
