"""The record of what paddle-tsm knows of a network is in the network's own file: it goes where the file goes, belongs
to no other file, and is not seen by the frameworks that read the file.
"""

import json
import pickle
import shutil

import numpy as np
import paddle
import pytest
import torch

import paddle_tsm
from paddle_tsm.checkpoint import CheckpointError, read_checkpoint, write_checkpoint
from paddle_tsm.cli import main
from paddle_tsm.demo.material import write_demo_checkpoint, write_demo_video
from paddle_tsm.layouts.network_file import read_network
from paddle_tsm.networks.network import Network

SUFFIXES = ("safetensors", "pdparams", "pth")
OLD = {
    "network": {"arch": "tsm_resnet10", "shift_div": 4, "num_segments": 16, "shift_order": "past_first"},
    "layouts": ["mmaction2", "canonical"],
    "tool": "paddle-tsm 0.1.0",
}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """Two ResNet-10-TSM as mmaction2 would have written them, 5 classes each, and a video."""
    folder = tmp_path_factory.mktemp("small")
    for seed, name in enumerate(("one", "other")):
        write_demo_checkpoint(folder / f"{name}.pth", Network("tsm_resnet10", 5), seed=seed)
    write_demo_video(str(folder / "clip.mp4"), 10, (64, 48))
    return folder


def command(*words) -> int:
    return main([str(word) for word in words])


def inspected(capsys, path) -> dict:
    capsys.readouterr()
    assert command("inspect", path, "--json") == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_another_file_under_the_name_has_no_record(small, tmp_path, capsys, suffix):
    """Point 3: converted with options, then overwritten with a file of another origin."""
    path = tmp_path / f"net.{suffix}"
    assert command("convert", small / "one.pth", path, "--shift-div", 4, "--num-segments", 16) == 0
    found = inspected(capsys, path)["assumed"]
    assert found["shift_div"] == {"value": 4, "why": "recorded when paddle-tsm wrote the file"}
    shutil.copyfile(small / "other.pth", path)
    found = inspected(capsys, path)["assumed"]
    assert (found["shift_div"]["value"], found["num_segments"]["value"]) == (8, 8)
    assert not any("recorded" in entry["why"] for entry in found.values())


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_that_is_moved_keeps_its_record(small, tmp_path, suffix):
    """past_first stays past_first: nothing but the record tells it."""
    (tmp_path / "a").mkdir(), (tmp_path / "b").mkdir()
    assert (
        command(
            "convert", small / "one.pth", tmp_path / f"a/net.{suffix}", "--shift-order", "past_first", "--shift-div", 4
        )
        == 0
    )
    assert [path.name for path in (tmp_path / "a").iterdir()] == [f"net.{suffix}"]
    shutil.move(tmp_path / f"a/net.{suffix}", tmp_path / f"b/moved.{suffix}")
    network = read_network(tmp_path / f"b/moved.{suffix}").network
    assert (network.shift_order, network.shift_div) == ("past_first", 4)


@pytest.mark.parametrize("suffix", ["pdparams", "pth"])
def test_a_record_of_an_earlier_version_is_not_believed(small, tmp_path, capsys, suffix):
    """FILE.json without a digest: what it says is not taken, and that is said."""
    path = tmp_path / f"net.{suffix}"
    write_checkpoint(path, read_checkpoint(small / "one.pth").tensors)
    (tmp_path / f"net.{suffix}.json").write_text(json.dumps(OLD))
    found = inspected(capsys, path)
    assert found["assumed"]["shift_div"]["value"] == 8 and "default" in found["assumed"]["shift_div"]["why"]
    assert f"net.{suffix}.json is not believed" in found["not believed"]
    assert command("inspect", path) == 0
    assert "not believed" in capsys.readouterr().out
    for words in (
        ["predict", small / "clip.mp4", "--weights", path, "--size", 32],
        ["convert", path, tmp_path / "out.safetensors"],
    ):
        assert command(*words) == 0
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and "is not believed" in said and "--shift-div" in said
    assert read_network(tmp_path / "out.safetensors").network.shift_div == 8
    (tmp_path / f"net.{suffix}.json").write_text('{"somebody": "else"}')
    assert inspected(capsys, path)["not believed"] is None


def written(small, tmp_path, suffix):
    path = tmp_path / f"net.{suffix}"
    assert command("convert", small / "one.pth", path, "--no-verify") == 0
    return path, read_checkpoint(path)


@pytest.mark.parametrize(
    "options", [{"weights_only": True}, {"weights_only": False}, {"weights_only": True, "mmap": True}]
)
def test_torch_reads_the_network_as_ever(small, tmp_path, options):
    path, ours = written(small, tmp_path, "pth")
    assert "paddle_tsm" in ours.metadata
    loaded = torch.load(path, **options)
    assert list(loaded) == list(ours.tensors)
    assert all(np.array_equal(loaded[name].numpy(), array) for name, array in ours.tensors.items())


def test_paddle_and_pickle_read_the_network_as_ever(small, tmp_path):
    path, ours = written(small, tmp_path, "pdparams")
    assert "paddle_tsm" in ours.metadata
    for loaded in (paddle.load(str(path)), paddle.load(str(path), return_numpy=True), pickle.loads(path.read_bytes())):
        assert list(loaded) == list(ours.tensors)
        assert all(np.array_equal(np.asarray(loaded[name]), array) for name, array in ours.tensors.items())
    model = paddle_tsm.create_model("tsm_resnet10", num_classes=5)
    assert model.set_state_dict(paddle.load(str(path))) == ([], [])


def test_what_a_framework_saves_anew_has_no_record(small, tmp_path):
    """It was not paddle-tsm that wrote it."""
    path, _ = written(small, tmp_path, "pth")
    torch.save(torch.load(path, weights_only=True), tmp_path / "anew.pth")
    assert read_checkpoint(tmp_path / "anew.pth").metadata == {}


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_metadata_there_and_back(tmp_path, suffix):
    metadata = {"paddle_tsm": '{"é": "\\n\\u0000"}', "other": ""}
    write_checkpoint(tmp_path / f"x.{suffix}", {"a.b": np.ones(3, "float32")}, metadata=metadata)
    assert read_checkpoint(tmp_path / f"x.{suffix}").metadata == metadata
    with pytest.raises(CheckpointError, match="text to text"):
        write_checkpoint(tmp_path / f"y.{suffix}", {"a.b": np.ones(3, "float32")}, metadata={"n": 5})
    with pytest.raises(CheckpointError, match="wanted at most"):
        write_checkpoint(tmp_path / f"y.{suffix}", {"a.b": np.ones(3, "float32")}, metadata={"n": "x" * (1 << 21)})
    assert [path.name for path in tmp_path.iterdir()] == [f"x.{suffix}"]


def test_safetensors_whose_header_length_begins_like_a_pickle(tmp_path):
    """128 + 256 k bytes of header are 80 0k in the file, which is how a pickle of protocol k begins."""
    lengths = set()
    for padding in range(0, 1500, 8):
        write_checkpoint(tmp_path / "x.safetensors", {"a.b": np.ones(3, "float32")}, metadata={"n": "x" * padding})
        lengths.add(int.from_bytes((tmp_path / "x.safetensors").read_bytes()[:8], "little"))
        assert read_checkpoint(tmp_path / "x.safetensors").format == "safetensors"
    assert {128, 384, 640, 896, 1152, 1408} <= lengths


def test_a_damaged_trailer_is_one_line(small, tmp_path):
    """Cut anywhere, or with something else in its place."""
    path, _ = written(small, tmp_path, "pdparams")
    mark, whole = b"\npaddle-tsm metadata\n", path.read_bytes()
    start = whole.rindex(mark)
    for wrong in (
        whole[:-1],
        whole[: start + 3],
        whole[: start + len(mark)],
        whole[:start] + mark + b'["a"]',
        whole + b"\n{}",
        whole[:start] + mark + b'{"paddle_tsm": 5}',
        whole[:start] + mark + b"\xff",
        whole[:start] + b"anything",
        whole[:start] + mark + b'{"paddle_tsm": "' + b"x" * (3 << 20) + b'"}',
        whole[:start] + mark + b"[" * 100_000,
    ):
        path.write_bytes(wrong)
        with pytest.raises(CheckpointError) as error:
            read_checkpoint(path)
        assert "\n" not in str(error.value) and len(str(error.value)) < 700
    path.write_bytes(whole[:start])
    assert read_checkpoint(path).metadata == {}


def test_an_extra_member_that_is_no_text_is_one_line(small, tmp_path):
    path, _ = written(small, tmp_path, "pth")
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'"tool"', b'"\xfftoo"'))
    with pytest.raises(CheckpointError, match="is no text in UTF-8"):
        read_checkpoint(path)
