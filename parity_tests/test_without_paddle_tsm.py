"""An export is enough: what tsm.json says of the frames, and the guide's program that runs one without paddle_tsm."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import paddle_tsm
from paddle_tsm.checkpoint import write_checkpoint
from paddle_tsm.cli import main
from paddle_tsm.data import flow_sampling
from paddle_tsm.data.presets import SYSTEMS
from paddle_tsm.data.sampling import DEFINITIONS
from paddle_tsm.demo.material import draw_weights, write_demo_video
from paddle_tsm.export.sidecar import Sidecar
from paddle_tsm.networks.network import Network
from parity_tests.test_imports import BLOCK

ROOT = Path(__file__).resolve().parent.parent
GUIDE = ROOT / "docs" / "guide_training.md"
CHOICES = [(name, sampling) for name, system in SYSTEMS.items() for sampling in system.test_sampling]


@pytest.mark.parametrize("name, sampling", CHOICES)
@pytest.mark.parametrize("num_segments", [1, 3, 8, 16])
def test_the_formula_gives_the_indices(name, sampling, num_segments):
    channels = 10 if SYSTEMS[name].stack > 1 else 3
    network = Network("tsm_resnet10", num_segments=num_segments, in_channels=channels)
    sidecar = Sidecar("onnx", "clip", network, {}, preset=name, sampling=sampling)
    said = sidecar.describe_input()["sampling"]
    assert said["name"] == sampling and f"T = {num_segments}:" in said["where"] and len(said["frames"]) > 40
    for n in [*range(1, 400), 1000, 12345]:
        indices = sidecar.pixels().test_sampling(n, num_segments).tolist()
        assert eval(said["indices"], {"n": n, "T": num_segments}) == indices


def test_every_rule_has_its_own_definition():
    rules = {rule for system in SYSTEMS.values() for rule in system.test_sampling.values()}
    known = DEFINITIONS | flow_sampling.DEFINITIONS
    assert rules == known.keys() and len(set(known.values())) == len(rules)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An export for Paddle Inference with class names, a video, and the guide's program."""
    folder = tmp_path_factory.mktemp("plain")
    write_checkpoint(folder / "w.safetensors", draw_weights(Network("tsm_resnet10", num_classes=6)))
    (folder / "names.txt").write_text("".join(f"action {i}\n" for i in range(6)))
    words = [str(folder / "w.safetensors"), str(folder / "exported"), "--size", "64"]
    assert main(["export", *words, "--classes", str(folder / "names.txt")]) == 0
    write_demo_video(str(folder / "clip.mp4"), frames=21, size=(160, 96))
    section = GUIDE.read_text(encoding="utf-8").partition("### Without paddle-tsm\n")[2]
    program = re.search(r"```python\n(.*?)```", section, re.DOTALL)[1]
    (folder / "plain.py").write_text(BLOCK.format(blocked=("paddle_tsm", "torch", "torch_ref")) + program)
    return folder


def test_the_guides_program(folder):
    words = [sys.executable, "plain.py", "exported", "clip.mp4"]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = [line.split("\t") for line in done.stdout.splitlines()]
    expected = paddle_tsm.Predictor(folder / "exported").predict_video(folder / "clip.mp4")
    assert [name for name, _ in found] == [name for name, _ in expected]
    np.testing.assert_allclose([float(text) for _, text in found], [value for _, value in expected], atol=2e-6)
    assert len({text for _, text in found}) == 5
    assert not re.search(r"^[IWEF]\d{4} ", done.stderr, re.MULTILINE), "a line of Paddle's log"


def test_a_stream_chooses_no_frames(folder):
    network = Network("tsm_resnet10", shift_order="causal")
    assert "sampling" not in Sidecar("onnx", "stream", network, {}).describe_input()
    assert json.loads((folder / "exported/tsm.json").read_text())["input"]["sampling"]["name"] == "uniform"
