"""No command writes over what it reads: every spelling and link of it, and folders that are or hold it."""

import os

import pytest

from paddle_tsm.cli import main
from paddle_tsm.demo.material import write_demo_checkpoint, write_demo_video
from paddle_tsm.files.kept_inputs import keep_inputs
from paddle_tsm.networks.network import Network


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    write_demo_video(str(folder / "clip.mp4"), frames=8, size=(96, 64))
    network = Network("tsm_resnet10", num_classes=3, shift_order="causal")
    write_demo_checkpoint(str(folder / "online.pth"), network, "mmaction2")
    write_demo_checkpoint(str(folder / "w.pth"), Network("tsm_resnet10", num_classes=3))
    return folder


@pytest.fixture
def folder(made, tmp_path, monkeypatch):
    """Copies of the files, as each test may lose them; the current folder."""
    for path in made.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "names.txt").write_text("a\nb\nc\n")
    (tmp_path / "list.txt").write_text("clip.mp4 1\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(folder) -> dict:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def refused(folder, capsys, *arguments, says: str = "which is read") -> str:
    """The one line of a command that is refused and has changed nothing."""
    before = contents(folder)
    assert main(list(arguments)) == 2, arguments
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and says in error, error
    assert contents(folder) == before
    return error


SPELLINGS = ["clip.mp4", "./clip.mp4", "sub/../clip.mp4", "absolute", "symlink.mp4", "hardlink.mp4"]


def spelt(folder, spelling: str) -> str:
    (folder / "sub").mkdir()
    os.symlink("clip.mp4", folder / "symlink.mp4")
    os.link(folder / "clip.mp4", folder / "hardlink.mp4")
    return str(folder / "clip.mp4") if spelling == "absolute" else spelling


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_predict_and_stream_keep_the_video(folder, capsys, spelling):
    out = spelt(folder, spelling)
    refused(folder, capsys, "predict", "clip.mp4", "--weights", "w.pth", "--size", "32", "--out", out)
    refused(
        folder,
        capsys,
        "stream",
        "clip.mp4",
        "--weights",
        "online.pth",
        "--shift-order",
        "causal",
        "--size",
        "32",
        "--out",
        out,
    )


@pytest.mark.parametrize("command, weights", [("predict", "w.mp4"), ("stream", "online.mp4")])
def test_weights_and_classes_are_inputs_too(folder, capsys, command, weights):
    """Files are told by content, so that weights may well be called .mp4."""
    os.rename(folder / weights.replace(".mp4", ".pth"), folder / weights)
    os.rename(folder / "names.txt", folder / "names.avi")
    options = ["clip.mp4", "--weights", weights, "--size", "32", "--classes", "names.avi", "--out"]
    refused(folder, capsys, command, *options, weights)
    refused(folder, capsys, command, *options, "names.avi")


def test_an_export_is_not_written_into(folder, capsys):
    """A folder that is read, and the one that the export comes to."""
    assert main(["export", "w.pth", "exported", "--size", "32", "--to", "onnx"]) == 0
    refused(folder, capsys, "predict", "clip.mp4", "--weights", "exported", "--out", "exported/labelled.mp4")
    refused(folder, capsys, "evaluate", "list.txt", "--weights", "exported", "--json", "exported/tsm.json")
    for name in ("w.pth", "names.txt", "clip.mp4"):
        os.rename(folder / name, folder / "exported" / name)
    options = ["exported", "--size", "32", "--to", "onnx"]
    refused(folder, capsys, "export", "exported/w.pth", *options)
    refused(folder, capsys, "export", "exported/w.pth", "./exported/.", *options[1:])
    refused(folder, capsys, "export", "online.pth", *options, "--classes", "exported/names.txt")
    (folder / "calibration.txt").write_text("exported/clip.mp4 1\n")
    refused(folder, capsys, "export", "online.pth", *options, "--precision", "int8", "--calibrate", "calibration.txt")


@pytest.mark.parametrize("name", ["w.pth", "list.txt", "names.txt", "clip.mp4", "frames/img_00001.jpg"])
def test_evaluate_keeps_what_it_reads(folder, capsys, name):
    options = ["--weights", "w.pth", "--size", "32", "--classes", "names.txt", "--json", name]
    if name.startswith("frames"):
        (folder / "frames").mkdir()
        import cv2
        import numpy as np

        for number in (1, 2):
            cv2.imwrite(str(folder / f"frames/img_{number:05d}.jpg"), np.zeros((40, 40, 3), "uint8"))
        (folder / "list.txt").write_text("frames 2 1\n")
        options += ["--form", "frames", "--template", "img_{:05d}.jpg"]
        refused(folder, capsys, "evaluate", "list.txt", *options)
        options[-5] = "frames/new.json"  # nothing is there yet, but the folder is a clip
    refused(folder, capsys, "evaluate", "list.txt", *options)


@pytest.mark.parametrize("name", ["scores.csv", "confusion.csv", "confusion.png", "metrics.json"])
def test_evaluate_keeps_a_list_in_its_own_folder(folder, capsys, name):
    os.rename(folder / "list.txt", folder / name)
    refused(folder, capsys, "evaluate", name, "--weights", "w.pth", "--size", "32", "--out", ".")


def test_convert(folder, capsys):
    spelt(folder, "clip.mp4")
    os.symlink("w.pth", folder / "other.safetensors")
    os.link(folder / "w.pth", folder / "hard.pdparams")
    for destination in ("w.pth", "sub/../w.pth", "other.safetensors", "hard.pdparams"):
        refused(folder, capsys, "convert", "w.pth", destination)


@pytest.mark.parametrize("option", ["--json", "--junit"])
@pytest.mark.parametrize("name", ["w.pth", "online.pth", "clip.mp4"])
def test_parity(folder, capsys, option, name):
    refused(
        folder, capsys, "parity", "w.pth", "online.pth", "--video", "clip.mp4", option, name, says="which would be lost"
    )


def test_parity_report(folder, capsys):
    os.rename(folder / "w.pth", folder / "index.html")
    refused(folder, capsys, "parity", "index.html", "--report", ".", says="is another file of this command")


@pytest.mark.parametrize(
    "name, option",
    [
        ("train.csv", "LIST"),
        ("best.safetensors", "--pretrained"),
        ("last.safetensors", "--pretrained"),
        ("validation.csv", "--validation"),
    ],
)
def test_train(folder, capsys, name, option):
    """With --resume, as without it a folder that holds these files is refused anyway."""
    source = {"LIST": "list.txt", "--validation": "list.txt", "--pretrained": "w.pth"}[option]
    (folder / "run").mkdir()
    (folder / "run" / name).write_bytes((folder / source).read_bytes())
    (folder / "run" / "resume.safetensors").write_bytes(b"begun")
    given = [f"run/{name}"] if option == "LIST" else ["list.txt", option, f"run/{name}"]
    refused(folder, capsys, "train", *given, "--out", "run", "--resume", "--set", "num_classes=3")


def test_what_is_no_input_may_be_written(folder):
    """Or the tests above would pass where everything is refused."""
    (folder / "earlier.mp4").write_bytes(b"an earlier result")
    keep_inputs({"--out": "earlier.mp4", "--json": None}, ("clip.mp4", None, "none.txt", "list.txt"), {"DIR": "new"})
    keep_inputs({"--out": "sub/x"}, ("clip.mp4",), {"DIR": folder / "sub"})
    with pytest.raises(ValueError, match="holds .*clip.mp4"):
        keep_inputs({}, (folder / "clip.mp4",), {"DIR": folder})
