"""What people pass instead of a checkpoint: each error says what it is, and doing what it says leads to the network."""

import json
import zipfile

import numpy as np
import pytest
import safetensors.numpy
import torch

import torch_ref
from paddle_tsm.checkpoint import CheckpointError, read_checkpoint
from paddle_tsm.cli import main
from paddle_tsm.layouts.network_file import read_network


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return torch_ref.create_model("tsm_resnet10", num_classes=5, num_segments=2).eval()


@pytest.fixture(scope="module")
def arrays(model):
    return {name: np.array(value.numpy()) for name, value in model.state_dict().items()}


def refused(capsys, path, command="inspect"):
    """The one line with which a command refuses the file."""
    before = {each: each.stat().st_mtime_ns for each in path.parent.iterdir()}
    assert main([command, str(path), *([str(path.parent / "out.pth")] if command == "convert" else [])]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and error.startswith(f"paddle-tsm {command}: error: {path}: ")
    assert {each: each.stat().st_mtime_ns for each in path.parent.iterdir()} == before, "something was written"
    return error


def write_shards(folder, arrays, count=3):
    """The tensors in `count` safetensors files and their index, as huggingface_hub writes them. Returns the index."""
    names, places = list(arrays), {}
    for i in range(count):
        shard = f"model-{i + 1:05d}-of-{count:05d}.safetensors"
        safetensors.numpy.save_file({name: arrays[name] for name in names[i::count]}, folder / shard)
        places |= dict.fromkeys(names[i::count], shard)
    index = folder / "model.safetensors.index.json"
    total = sum(array.nbytes for array in arrays.values())
    index.write_text(json.dumps({"metadata": {"total_size": total}, "weight_map": places}, indent=2))
    return index


def assert_the_network(path, arrays):
    found = read_network(path)
    assert found.network.arch == "tsm_resnet10" and found.tensors.keys() == arrays.keys()
    assert all(np.array_equal(found.tensors[name], array) for name, array in arrays.items())


def test_a_sharded_checkpoint_is_read_through_its_index(tmp_path, arrays, capsys):
    index = write_shards(tmp_path, arrays)
    assert_the_network(index, arrays)
    assert main(["convert", str(index), str(tmp_path / "whole.safetensors")]) == 0
    assert_the_network(tmp_path / "whole.safetensors", arrays)
    assert main(["inspect", str(index)]) == 0


def test_shards_of_pytorch(tmp_path, arrays):
    names = list(arrays)
    places = {}
    for shard, part in (("a.bin", names[::2]), ("b.bin", names[1::2])):
        torch.save({name: torch.from_numpy(np.array(arrays[name])) for name in part}, tmp_path / shard)
        places |= dict.fromkeys(part, shard)
    (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps({"weight_map": places}))
    assert_the_network(tmp_path / "pytorch_model.bin.index.json", arrays)


@pytest.mark.parametrize("command", ["inspect", "convert"])
def test_one_shard_alone(tmp_path, arrays, capsys, command):
    index = write_shards(tmp_path, arrays)
    shard = tmp_path / "model-00002-of-00003.safetensors"
    assert f"is shard 2 of 3; read its index instead, which names all of them: {index}" in refused(
        capsys, shard, command
    )
    index.unlink()
    assert "is shard 2 of 3; download all of them and their index" in refused(capsys, shard, command)


def test_the_name_of_a_shard_is_no_reason_to_refuse_a_whole_network(tmp_path, arrays):
    safetensors.numpy.save_file(arrays, tmp_path / "model-00001-of-00002.safetensors")
    assert_the_network(tmp_path / "model-00001-of-00002.safetensors", arrays)


@pytest.mark.parametrize(
    "change, words",
    [
        ({"weight_map": {"a.b": "../x.safetensors"}}, "wanted a file beside the index"),
        ({"weight_map": {"a.b": "/etc/passwd"}}, "wanted a file beside the index"),
        ({"weight_map": {"a.b": ".."}}, "wanted a file beside the index"),
        ({"weight_map": {"a.b": 5}}, "wanted a file beside the index"),
        (
            {"weight_map": {"a.b": "gone.safetensors"}},
            "names gone.safetensors, which is not beside it; download all shards",
        ),
        ({"weight_map": {"a.b": "model.safetensors.index.json"}}, "is an index itself"),
        ({"weight_map": {"fc.bias": "model-00001-of-00003.safetensors"}}, "do they belong together?"),
        ({"weight_map": {}}, "is JSON without a weight_map"),
        ({"network": 1}, "is JSON without a weight_map"),
        ('{"weight_map": {"a": "b", "a": "c"}}', "names one key twice"),
        ("{ no JSON", "begins like JSON and is none"),
        ('{"a":' * 100_000, "begins like JSON and is none"),
    ],
)
def test_a_bad_index(tmp_path, arrays, change, words):
    index = write_shards(tmp_path, arrays)
    index.write_text(change if isinstance(change, str) else json.dumps(change))
    with pytest.raises(CheckpointError) as error:
        read_checkpoint(index)
    assert words in str(error.value) and str(error.value).isprintable()


def test_a_folder(tmp_path, arrays, capsys):
    folder = tmp_path / "run"
    folder.mkdir()
    assert "is a directory; wanted a checkpoint file, and it holds none" in refused(capsys, folder)
    torch.save({}, folder / "best.pth")
    assert "is a directory; wanted a checkpoint file; it holds best.pth: name one" in refused(capsys, folder)
    index = write_shards(folder, arrays)
    assert f"is a directory; it holds a sharded checkpoint: read its index, {index}" in refused(
        capsys, folder, "convert"
    )
    assert_the_network(index, arrays)


def test_folders_of_pytorch(tmp_path, arrays, capsys):
    state = {name: torch.from_numpy(array) for name, array in arrays.items()}
    import torch.distributed.checkpoint as distributed
    from torch.distributed.checkpoint.format_utils import dcp_to_torch_save

    with pytest.warns(UserWarning):
        distributed.save(state, checkpoint_id=str(tmp_path / "dcp"))
    assert "python -m torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER" in refused(
        capsys, tmp_path / "dcp"
    )
    dcp_to_torch_save(str(tmp_path / "dcp"), str(tmp_path / "weights.pth"))  # what that command runs
    assert_the_network(tmp_path / "weights.pth", arrays)

    zipfile.ZipFile(tmp_path / "weights.pth").extractall(tmp_path / "unpacked")
    unpacked = next((tmp_path / "unpacked").iterdir())
    assert "it is an unpacked PyTorch file; read the .pth" in refused(capsys, unpacked)


def advice_done(error, path, folder):
    """Run the Python expression that an error advises on FILE, and return the file that it writes."""
    expression = error.rsplit("write them with ", 1)[1].strip()
    name = expression.split("'")[1]
    code = expression.replace(f"'{name}'", repr(str(folder / name)))
    import numpy
    import safetensors.numpy
    import torch.export

    eval(code, {"FILE": str(path), "numpy": numpy, "safetensors": safetensors, "torch": torch})
    return folder / name


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz(tmp_path, arrays, capsys, save):
    save(tmp_path / "x.npz", **arrays)
    error = refused(capsys, tmp_path / "x.npz", "convert")
    assert f"is a NumPy archive (.npz) of {len(arrays)} arrays" in error
    assert_the_network(advice_done(error, tmp_path / "x.npz", tmp_path), arrays)


@pytest.mark.filterwarnings("ignore")  # torch deprecates TorchScript
def test_programs(tmp_path, model, arrays, capsys):
    x = torch.zeros(2, 3, 32, 32)
    torch.export.save(torch.export.export(model, (x,)), tmp_path / "x.pt2")
    torch.jit.save(torch.jit.trace(model, x), tmp_path / "x.pt")
    for name, words in (("x.pt2", "is a program of torch.export (.pt2)"), ("x.pt", "is a TorchScript program")):
        error = refused(capsys, tmp_path / name)
        assert words in error
        assert_the_network(advice_done(error, tmp_path / name, tmp_path), arrays)


def test_a_zip_of_checkpoints(tmp_path, arrays, capsys):
    torch.save({}, tmp_path / "a.pth")
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.write(tmp_path / "a.pth", "run/a.pth")
    assert "is a zip archive that holds run/a.pth; unpack it first" in refused(capsys, tmp_path / "x.zip")


def test_no_message_names_an_argument_that_the_command_has_not(tmp_path, arrays, capsys):
    """The suffix of DST is all that says a format."""
    source = tmp_path / "x.safetensors"
    safetensors.numpy.save_file(arrays, source)
    assert main(["convert", str(source), str(tmp_path / "y.bin")]) == 2
    error = capsys.readouterr().err
    assert "unknown suffix, wanted one of .safetensors .pdparams .pth" in error and "format=" not in error


@pytest.mark.parametrize("command", ["predict", "inspect", "convert"])
def test_several_networks_lead_somewhere(tmp_path, arrays, capsys, command):
    """`predict` has no --network; the command that the error names has."""
    state = {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
    path, out = tmp_path / "x.pth", tmp_path / "y.pth"
    torch.save({"state_dict": state, "ema_state_dict": {name: value + 1 for name, value in state.items()}}, path)
    rest = {"predict": ["clip.mp4", "--weights", str(path)], "inspect": [str(path)], "convert": [str(path), str(out)]}
    if command == "predict":
        from paddle_tsm.demo.material import write_demo_video

        write_demo_video(str(tmp_path / "clip.mp4"), frames=8)
        rest["predict"][0] = str(tmp_path / "clip.mp4")
    assert main([command, *rest[command]]) == 2
    error = capsys.readouterr().err
    assert "2 networks: state_dict, ema_state_dict" in error
    typed = error.split("with paddle-tsm ")[1].split()
    assert typed == ["convert", str(path), "DST", "--network", "KEY"]
    assert main([*typed[:2], str(out), "--network", "ema_state_dict"]) == 0
    assert_the_network(out, {name: array + 1 for name, array in arrays.items()})
