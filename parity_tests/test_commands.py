"""The commands as a user types them: exit codes, output, and one-line errors that leave nothing behind."""

import json
import os

import numpy as np
import pytest
import torch

from paddle_tsm.checkpoint import read_checkpoint, write_checkpoint
from paddle_tsm.cli import main
from paddle_tsm.conversion.convert import convert
from paddle_tsm.demo.material import write_demo_checkpoint, write_demo_video
from paddle_tsm.networks.network import Network


def changed_copy(source, path, key, change):
    """The checkpoint `source` with one tensor changed."""
    file = read_checkpoint(source)
    tensors = {name: np.array(array) for name, array in file.tensors.items()}
    tensors[key] = tensors[key] + np.asarray(change, tensors[key].dtype)
    write_checkpoint(path, tensors, metadata=file.metadata)


def test_parity_of_a_conversion(tmp_path, r18_file, capsys):
    out = tmp_path / "out.safetensors"
    assert main(["convert", str(r18_file), str(out)]) == 0
    assert main(["parity", str(r18_file), str(out), "--json", str(tmp_path / "r.json")]) == 0
    assert "equal" in capsys.readouterr().out
    report = json.loads((tmp_path / "r.json").read_text())
    precisions = [row["precision"] for row in report["rows"] if row["name"] == "logits"]
    assert report["equal"] and precisions == ["float64", "float32"]
    assert all(row["max_rel"] < 1e-10 for row in report["rows"] if row["precision"] == "float64")


@pytest.mark.parametrize("key", ["conv1.weight", "layer2.0.downsample.1.running_var", "layer4.1.bn2.bias", "fc.bias"])
def test_one_changed_tensor_is_found_and_named(tmp_path, r18_file, capsys, key):
    out, wrong = tmp_path / "out.safetensors", tmp_path / "wrong.safetensors"
    convert(r18_file, out)
    changed_copy(out, wrong, key, 1e-4)
    assert main(["parity", str(r18_file), str(wrong)]) == 1
    assert f"first layer that differs: {key.rsplit('.', 1)[0]}" in " ".join(capsys.readouterr().out.split())


def test_a_change_that_a_relu_hides_is_found(tmp_path, r18_file, capsys):
    """One bias far below zero: the ReLU behind it gives 0 before and after the change, and every stage agrees."""
    out, dead, wrong = (tmp_path / f"{name}.safetensors" for name in ("out", "dead", "wrong"))
    convert(r18_file, out)
    bias = np.zeros(64)
    bias[5] = -1e3
    changed_copy(out, dead, "layer1.0.bn1.bias", bias)
    bias[5] = -1e-2
    changed_copy(dead, wrong, "layer1.0.bn1.bias", bias)
    assert main(["parity", str(dead), str(wrong)]) == 1
    assert "first layer that differs: layer1.0.bn1" in " ".join(capsys.readouterr().out.split())


def test_parity_on_a_video(tmp_path, r18_file, capsys):
    video = tmp_path / "clip.mp4"
    write_demo_video(str(video), frames=20)
    assert (
        main(["parity", str(r18_file), "--video", str(video), "--size", "96", "--junit", str(tmp_path / "r.xml")]) == 0
    )
    assert (tmp_path / "r.xml").exists()


def test_networks_that_cannot_be_compared(tmp_path, r18_file, capsys):
    write_demo_checkpoint(str(tmp_path / "other.pth"), Network("tsm_resnet18", num_classes=5))
    assert main(["parity", str(r18_file), str(tmp_path / "other.pth")]) == 2
    assert "cannot be compared" in capsys.readouterr().err


def bad_files(folder, good):
    """name -> (path, words the error must have)"""
    file = read_checkpoint(good)
    tensors = {name: np.array(array) for name, array in file.tensors.items()}
    paths = {}

    def bad(name, words, content=None, **tensor_changes):
        paths[name] = (folder / f"{name}.pth", words)
        if content is not None:
            paths[name][0].write_bytes(content)
        elif tensor_changes:
            changed = tensors | tensor_changes["changes"]
            write_checkpoint(folder / f"{name}.pth", {k: v for k, v in changed.items() if v is not None})

    fc = "cls_head.fc_cls.weight"
    bad("missing", "no such file")
    bad("directory", "directory")
    (folder / "directory.pth").mkdir()
    bad("empty", "empty", b"")
    bad("text", "", b"not a checkpoint at all\n" * 50)
    whole = good.read_bytes()
    bad("truncated", "", whole[: len(whole) // 2])
    bad("cut_short", "", whole[:-1])
    bad(
        "other_architecture",
        "another architecture",
        changes={k: None for k in tensors if "layer3" in k or "layer4" in k},
    )
    bad("one_missing", f"1 missing: {fc}", changes={fc: None})
    bad("one_extra", "1 unexpected: backbone.layer9.weight", changes={"backbone.layer9.weight": tensors[fc]})
    bad("wrong_shape", f"{fc}: expected [27, 512], found [27, 511]", changes={fc: tensors[fc][:, 1:]})
    bad("nan", f"NaN or infinite values in {fc}", changes={fc: tensors[fc] * np.float32("nan")})
    return paths


BAD = (
    "missing",
    "directory",
    "empty",
    "text",
    "truncated",
    "cut_short",
    "other_architecture",
    "one_missing",
    "one_extra",
    "wrong_shape",
    "nan",
)


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("command", ["convert", "parity", "inspect"])
def test_bad_input(tmp_path, r18_file, capsys, command, name):
    files = bad_files(tmp_path, r18_file)
    assert set(files) == set(BAD)
    path, words = files[name]
    if command == "inspect" and name == "nan":
        pytest.skip("inspect looks at keys and shapes, not at values")
    before = sorted(os.listdir(tmp_path))
    assert main([command, str(path)] + ([str(tmp_path / "out.safetensors")] if command == "convert" else [])) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and error.startswith(f"paddle-tsm {command}: error: ") and str(path) in error
    assert words in error
    assert sorted(os.listdir(tmp_path)) == before, "a file was left behind"


def test_nan_can_be_allowed(tmp_path, r18_file):
    path, _ = bad_files(tmp_path, r18_file)["nan"]
    assert main(["convert", str(path), str(tmp_path / "out.safetensors"), "--allow-nan"]) == 0
    assert main(["parity", str(path), "--allow-nan"]) == 1, "NaN never passes"


@pytest.mark.parametrize(
    "destination, words",
    [
        ("out.bin", "suffix"),
        ("none/out.pth", "make the folder first"),
        ("r18.pth", "which is read"),
    ],
)
def test_bad_destination(tmp_path, r18_file, capsys, destination, words):
    source = tmp_path / "r18.pth"
    source.write_bytes(r18_file.read_bytes())
    assert main(["convert", str(source), str(tmp_path / destination)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and words in error
    assert os.listdir(tmp_path) == ["r18.pth"] and source.read_bytes() == r18_file.read_bytes()


def test_bad_video(tmp_path, r18_file, capsys):
    (tmp_path / "noise.mp4").write_bytes(b"0" * 5000)
    for video in ("none.mp4", "noise.mp4"):
        assert main(["parity", str(r18_file), "--video", str(tmp_path / video)]) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_help_has_an_example(capsys):
    for command in ([], ["inspect"], ["convert"], ["parity"], ["demo"]):
        with pytest.raises(SystemExit) as done:
            main([*command, "--help"])
        assert done.value.code == 0 and "example" in capsys.readouterr().out


def test_the_written_file_loads_in_torch(tmp_path, r18_file):
    assert main(["convert", str(r18_file), str(tmp_path / "mit.pth.tar"), "--to", "mit"]) == 0
    assert "module.new_fc.weight" in torch.load(tmp_path / "mit.pth.tar", weights_only=True)["state_dict"]
