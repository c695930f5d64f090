"""`paddle-tsm features`: the pooled features of a list's clips, in any number of processes, and gone on with."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import paddle
import pytest

import paddle_tsm
from paddle_tsm.cli import main
from paddle_tsm.data.clip import views_of
from paddle_tsm.data.motion_videos import write_motion_videos
from paddle_tsm.data.presets import preset
from paddle_tsm.demo.material import write_demo_checkpoint
from paddle_tsm.networks.network import Network
from paddle_tsm.videos.video_file import read_frames
from parity_tests.small_training import ROOT

NETWORK = Network("tsm_resnet10", num_classes=3, num_segments=4)  # fewer classes than the list has


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("features")
    write_motion_videos(folder, 1, 1, size=(32, 32))
    write_demo_checkpoint(str(folder / "r10.pth"), NETWORK)
    return folder


@pytest.fixture
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)
    return folder


WORDS = ["features", "val.txt", "--weights", "r10.pth", "--num-segments", "4", "--size", "32"]


def rows_of(out) -> list[dict]:
    with open(out / "index.csv", newline="") as file:
        return list(csv.DictReader(file))


def by_hand(path, layer: str | None, sampling: str = "uniform", crops: str = "centre") -> np.ndarray:
    """[views, T, C] by the model and a hook of the test's own."""
    pixels, model = (
        preset("mmaction2", sampling=sampling, crops=crops, size=32),
        paddle_tsm.load_model("r10.pth", num_segments=4),
    )
    x = views_of(pixels, read_frames(path, lambda count: pixels.test_sampling(count, 4)))
    with paddle.no_grad():
        stages = [model.stages(paddle.to_tensor(view)) for view in np.split(x, len(x) // 4)]
    return np.stack([stage[layer or "layer4"].mean([2, 3]).numpy() for stage in stages])


def test_files_and_index(here, capsys):
    assert main([*WORDS, "--out", "plain"]) == 0
    assert "8 clips, 512 float32 each: plain" in capsys.readouterr().out
    rows, lines = rows_of(here / "plain"), (here / "val.txt").read_text().splitlines()
    assert [f"{row['path']} {row['label']}" for row in rows] == lines
    assert [row["line"] for row in rows] == [str(i) for i in range(1, 9)]
    names = ["features.json", "index.csv", *(row["file"] for row in rows)]
    assert sorted(os.listdir("plain")) == sorted(names) and len(set(names)) == 10
    for row in rows[::3]:
        found = np.load(here / "plain" / row["file"])
        assert f"{found.shape[0]}" == row["shape"] == "512" and str(found.dtype) == row["dtype"] == "float32"
        np.testing.assert_allclose(found, by_hand(row["path"], None)[0].mean(0), rtol=1e-5)
    files = [np.load(here / "plain" / row["file"]) for row in rows]
    assert not any(np.array_equal(files[0], other) for other in files[1:])  # or one clip's could be every clip's
    about = json.loads((here / "plain" / "features.json").read_text())
    assert about["layer"] == "features" and about["preset"] == "mmaction2" and about["size"] == 32


def test_layers_frames_and_views(here, capsys):
    options = ["--from-layer", "layer2", "--every-frame", "--sampling", "twice", "--crops", "three"]
    assert main([*WORDS, "--out", "frames", *options]) == 0
    row = rows_of(here / "frames")[5]
    found, size = np.load(here / "frames" / row["file"]), 36
    assert row["shape"] == "8x128" and found.shape == (8, 128)
    views = by_hand(row["path"], "layer2", "twice", "three")  # three crops of two clips each
    expected = views.reshape(3, 2, 4, 128).mean(0).reshape(8, 128)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-6)
    assert json.loads((here / "frames" / "features.json").read_text())["size"] == size


def test_from_python(here):
    """Any layer that `parity` prints, and the classifier, too."""
    clip = here / rows_path(here)
    extract = paddle_tsm.FeatureExtractor("r10.pth", num_segments=4)
    np.testing.assert_allclose(extract.of_video(clip, size=32), by_hand(clip, None)[0].mean(0), rtol=1e-5)
    logits = paddle_tsm.FeatureExtractor("r10.pth", layer="fc", num_segments=4).of_video(clip, size=32)
    predicted = paddle_tsm.Predictor("r10.pth", num_segments=4)
    x = views_of(
        preset("mmaction2", size=32), read_frames(clip, lambda count: preset("mmaction2").test_sampling(count, 4))
    )
    np.testing.assert_allclose(logits, predicted(x)[0], rtol=1e-5)
    each = paddle_tsm.FeatureExtractor("r10.pth", "layer1.0.conv1", every_frame=True, num_segments=4)
    assert each(np.concatenate([x, x])).shape == (2, 4, 64)
    for wrong in (x[:3], x[:, :2], x[0]):
        with pytest.raises(ValueError, match="wanted"):
            extract(wrong)


def rows_path(here) -> str:
    return (here / "val.txt").read_text().split()[0]


@pytest.mark.parametrize(
    "options, said",
    [
        (["--from-layer", "layer5"], "the nearest: layer"),
        (["--from-layer", "layer1.0.convv1"], "layer1.0.conv1"),
        (["--workers", "-1"], "--workers"),
        (["--size", "0"], "--size"),
        (["--root", "nowhere"], "nowhere"),
        (["--weights", "none.pth"], "none.pth"),
        (["--out", "val.txt"], "val.txt"),
    ],
)
def test_misuse(here, capsys, options, said):
    before = sorted(here.rglob("*"))
    assert main([*WORDS, "--out", "wrong/deep", *options]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert sorted(here.rglob("*")) == before


def test_an_export_has_no_layers(here, capsys):
    (here / "exported").mkdir(exist_ok=True)
    (here / "exported" / "tsm.json").write_text("{}")
    assert main([*WORDS, "--out", "wrong", "--weights", "exported"]) == 2
    assert "wanted the checkpoint" in capsys.readouterr().err


def test_a_folder_of_classes_and_a_bad_clip(here, capsys):
    for name, label in (("b", 0), ("a", 1)):
        (here / "videos" / name).mkdir(parents=True)
        shutil.copy(here / rows_path(here), here / "videos" / name / f"{label}.avi")
    (here / "videos" / "b" / "bad.avi").write_bytes(b"no video")
    words = ["features", "videos", "--weights", "r10.pth", "--num-segments", "4", "--size", "32", "--out", "classes"]
    assert main(words) == 2
    assert "bad.avi" in capsys.readouterr().err and not (here / "classes").exists()
    assert main([*words, "--skip-bad"]) == 0
    assert "1 clip was skipped" in capsys.readouterr().out
    assert [(os.path.basename(row["path"]), row["label"]) for row in rows_of(here / "classes")] == [
        ("1.avi", "0"),
        ("0.avi", "1"),
    ]


def started(folder, out, *words, pause=0.0, launcher=()):
    """The command in a process of its own, which notes each clip that it writes, and waits behind it."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COUNTED": str(folder / f"{out}.txt"), "PAUSE": str(pause)}
    program = str(ROOT / "parity_tests" / "counted_features.py")
    command = [sys.executable, *launcher, program, *WORDS, "--out", out, *words]
    return subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def counted(folder, out) -> list[str]:
    path = folder / f"{out}.txt"
    return path.read_text().split() if path.exists() else []


def same_files(a, b) -> bool:
    names = sorted(os.listdir(a))
    return names == sorted(os.listdir(b)) and all((a / name).read_bytes() == (b / name).read_bytes() for name in names)


def test_a_killed_run_goes_on_where_it_was(here, capsys):
    assert main([*WORDS, "--out", "whole"]) == 0
    run = started(here, "killed", pause=0.4)
    end = time.monotonic() + 60
    while len(counted(here, "killed")) < 3 and time.monotonic() < end:
        time.sleep(0.05)
    run.send_signal(signal.SIGKILL)
    run.communicate(timeout=30)
    before = counted(here, "killed")
    assert 3 <= len(before) < 8 and not (here / "killed" / "index.csv").exists()
    capsys.readouterr()
    assert main([*WORDS, "--out", "killed"]) == 2
    assert "--resume" in capsys.readouterr().err
    assert main([*WORDS, "--out", "killed", "--resume", "--every-frame"]) == 2
    assert "every_frame False, got True" in capsys.readouterr().err
    (here / "killed" / ".000005.npy.12-0123abcd.tmp").write_bytes(b"half")  # what a kill can leave
    (here / "killed" / "index.csv").write_text("of an older run")
    resumed = started(here, "killed", "--resume")
    printed, _ = resumed.communicate(timeout=60)
    assert resumed.returncode == 0, printed.decode()
    again = counted(here, "killed")[len(before) :]
    assert len(again) in (8 - len(before), 8 - len(before) + 1)  # the one in hand may have been written, not yet kept
    assert same_files(here / "whole", here / "killed")


@pytest.mark.slow
def test_two_processes_write_what_one_writes(here, capsys):
    assert main([*WORDS, "--out", "one"]) == 0
    launcher = ["-m", "paddle.distributed.launch", "--nproc_per_node", "2", "--backend", "gloo", "--log_dir", "logs"]
    run = started(here, "two", launcher=launcher)
    printed, _ = run.communicate(timeout=300)
    assert run.returncode == 0, printed.decode()
    assert sorted(counted(here, "two")) == [f"{i:06d}.npy" for i in range(8)]  # each once
    assert same_files(here / "one", here / "two")
