"""A fork: a known network with other names, or with layers of its own, is read with changes that the user names."""

import json
import shlex
from pathlib import Path

import numpy as np
import paddle
import pytest
import safetensors.numpy
import torch

import paddle_tsm
import torch_ref
from paddle_tsm.checkpoint import CheckpointError, read_checkpoint
from paddle_tsm.cli import main
from paddle_tsm.layouts.network_file import interpret, read_network
from parity_tests.recorded import recorded

CLASSES = 5
FLAGS = ["--strip-prefix", "encoder", "--rename", "head.proj=fc", "--ignore", "encoder.attn.*", "--ignore", "loss.*"]
CHANGES = {"strip_prefix": "encoder", "rename": {"head.proj": "fc"}, "ignore": ["encoder.attn.*", "loss.*"]}


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return torch_ref.create_model("tsm_resnet10", num_classes=CLASSES).eval()


def forked(state: dict) -> dict[str, np.ndarray]:
    """A network in `encoder` with an attention of its own, its classifier beside it and another name, and a loss."""
    state = {key: value.numpy().copy() for key, value in state.items()}
    head = {f"head.proj.{last}": state.pop(f"fc.{last}") for last in ("weight", "bias")}
    own = {"encoder.attn.q.weight": np.ones((4, 4), "float32"), "loss.centres": np.zeros((5, 3), "float32")}
    return {f"encoder.{key}": value for key, value in state.items()} | own | head


def write_fork(folder, tensors, file_format: str):
    """The fork's file, written by the format's own library."""
    path = folder / f"fork.{'pth' if file_format == 'legacy' else file_format}"
    if file_format == "safetensors":
        safetensors.numpy.save_file({name: np.array(a, order="C") for name, a in tensors.items()}, path)
    elif file_format == "pdparams":
        tensors = tensors | {"head.proj.weight": tensors["head.proj.weight"].T}
        paddle.save({name: paddle.to_tensor(array) for name, array in tensors.items()}, str(path))
    else:
        state = {name: torch.from_numpy(array) for name, array in tensors.items()}
        torch.save({"state_dict": state}, path, _use_new_zipfile_serialization=file_format == "pth")
    return path


@pytest.fixture
def fork(tmp_path, model):
    return write_fork(tmp_path, forked(model.state_dict()), "pth")


def refused(capsys, *arguments) -> str:
    capsys.readouterr()
    assert main([*map(str, arguments)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


def inspected(capsys, path, *flags) -> dict:
    """The JSON that `inspect` prints of a file that is no known network. Its exit code is 2."""
    capsys.readouterr()
    assert main(["inspect", str(path), "--json", *flags]) == 2
    out, error = capsys.readouterr()
    assert error.count("\n") == 1 and json.loads(out)["error"] in error
    return json.loads(out)


def advised(found: dict, destination) -> list[str]:
    """The command line that `inspect` printed, with the user's own destination."""
    words = shlex.split(found["loads with"])
    assert words[0] == "paddle-tsm"
    return [str(destination) if word == "DST" else word for word in words[1:]]


@pytest.mark.parametrize("file_format", ["pth", "legacy", "safetensors", "pdparams"])
@pytest.mark.parametrize("target", ["canonical", "mmaction2", "mit"])
def test_a_fork_converts_with_its_proof(tmp_path, capsys, model, file_format, target):
    source = write_fork(tmp_path, forked(model.state_dict()), file_format)
    assert "layout not recognised" in refused(capsys, "convert", source, tmp_path / "x.safetensors")
    for suffix in ("safetensors", "pdparams", "pth") if file_format == "pth" else ("safetensors",):
        out = tmp_path / f"out.{suffix}"
        assert main(["convert", str(source), str(out), "--to", target, *FLAGS]) == 0
        printed = capsys.readouterr().out
        assert "both networks run" in printed
        assert (
            "renamed, as asked: head.proj to fc" in printed and "encoder. stripped from the keys, as asked" in printed
        )
        assert "2 of the file's tensors: encoder.attn.q.weight, loss.centres; " in printed
        found = read_network(out)
        assert list(found.tensors) == list(model.state_dict())
        for name, tensor in model.state_dict().items():
            assert np.array_equal(found.tensors[name], tensor.numpy()), name


@pytest.mark.parametrize("vector", ["mmaction2_r18_t8", "mit_r18_t8", "paddlevideo_tsm_r50_t8", "online_mv2_jester"])
def test_every_systems_network_with_a_head_of_another_name(tmp_path, vector):
    """The classifier's keys are those that hold K values or K rows; every system has its own names for it."""
    checkpoint = recorded(vector).checkpoint()
    head = next(key for key in reversed(checkpoint.tensors) if key.endswith(".bias")).removesuffix(".bias")
    renamed = {key.replace(f"{head}.", "my.head."): array for key, array in checkpoint.tensors.items()}
    torch.save(
        {key: torch.from_numpy(np.array(a)) for key, a in (renamed | {"extra.a.b": np.ones(2)}).items()},
        tmp_path / "x.pth",
    )
    plain, found = recorded(vector), read_network(tmp_path / "x.pth", rename={"my.head": head}, ignore="extra.*")
    assert {key: found.named.keys[key] for key in (f"{head}.weight", f"{head}.bias")} == {
        f"{head}.weight": "my.head.weight",
        f"{head}.bias": "my.head.bias",
    }
    assert len(found.entries) == len(plain.tensors())
    with pytest.raises(CheckpointError):
        read_network(tmp_path / "x.pth", ignore="extra.*")


@pytest.mark.parametrize("package", [paddle_tsm, torch_ref])
def test_load_model_takes_the_same(fork, model, package):
    loaded = package.load_model(fork, **CHANGES)
    for name, tensor in loaded.state_dict().items():
        wanted = model.state_dict()[name].numpy()
        array = tensor.numpy()
        assert np.array_equal(array.T if package is paddle_tsm and name == "fc.weight" else array, wanted), name
    other = package.create_model("tsm_resnet10", num_classes=CLASSES)
    package.load_pretrained(other, fork, **CHANGES)
    assert np.array_equal(other.state_dict()["fc.bias"].numpy(), model.fc.bias.detach().numpy())
    with pytest.raises(ValueError, match="not recognised"):
        package.load_model(fork)


def test_the_written_file_records_them_and_inspect_shows_them(tmp_path, fork, capsys):
    assert main(["convert", str(fork), str(tmp_path / "out.safetensors"), *FLAGS]) == 0
    record = json.loads(read_checkpoint(tmp_path / "out.safetensors").metadata["paddle_tsm"])
    assert record["keys"] == CHANGES
    capsys.readouterr()
    assert main(["inspect", str(tmp_path / "out.safetensors"), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)["converted"]
    assert shown == (
        "from fork.pth with --strip-prefix encoder --rename head.proj=fc --ignore 'encoder.attn.*' --ignore 'loss.*'"
    )
    assert main(["inspect", str(tmp_path / "out.safetensors")]) == 0
    assert "--rename head.proj=fc" in " ".join(capsys.readouterr().out.split())
    assert main(["convert", str(tmp_path / "out.safetensors"), str(tmp_path / "again.pth")]) == 0
    assert "keys" not in json.loads(read_checkpoint(tmp_path / "again.pth").metadata["paddle_tsm"])


@pytest.mark.parametrize(
    "flags, words",
    [
        (["--strip-prefix", "encodr"],
         "--strip-prefix encodr (strip_prefix=): no key begins with it; did you mean encoder"),
        (["--strip-prefix", "student"], "no key begins with it; the keys begin with encoder, "),
        (["--rename", "proj=fc"], "--rename proj=fc (rename=): no key begins with proj; did you mean head.proj?"),
        (["--rename", "head.pro=fc"], "no key begins with head.pro; did you mean head.proj"),
        (["--ignore", "encoder.attention.*"],
         "--ignore encoder.attention.* (ignore=) matches no key; did you mean encoder.attn"),
        (["--ignore", "ENCODER.*"], "matches no key"),
        (["--ignore", "*"], "--ignore * (ignore=) leaves no tensor of"),
        (["--rename", "head.proj"], "got 'head.proj', wanted OLD=NEW"),
        (["--rename", "head.proj=fc", "--rename", "head.proj=cls"], "head.proj becomes both fc and cls"),
        (["--strip-prefix", "."], "strip_prefix: got '.', wanted the beginning of a key"),
        ([*FLAGS, "--ignore", "encoder.bn1.bias"], "1 missing: bn1.bias"),
        ([*FLAGS, "--rename", "head.proj.bias=bn1.bias"], "both bn1.bias"),
        (FLAGS[:-2], "1 unexpected: loss.centres"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", ["convert", "inspect"])
def test_loading_stays_strict(tmp_path, fork, capsys, command, flags, words):
    """What concerns nothing, what is left out although the network needs it, and what becomes one name."""
    destination = [tmp_path / "out.pdparams"] if command == "convert" else []
    try:
        error = refused(capsys, command, fork, *destination, *flags)
    except SystemExit as exit:  # argparse's own way to refuse
        assert exit.code == 2
        error = capsys.readouterr().err
    assert words in error, error
    assert [path.name for path in tmp_path.iterdir()] == ["fork.pth"]


def test_segments_are_whole_and_the_longest_name_decides(tmp_path, model):
    """`layer1` is not the beginning of `layer10`; names may be exchanged; a dot at the end says nothing else."""
    state = {key.replace("layer1.", "layer2x.").replace("layer2.", "layer1.").replace("layer2x.", "layer2."): value
             for key, value in model.state_dict().items()}  # fmt: skip
    torch.save({**state, "layer10.a.weight": torch.ones(1)}, tmp_path / "x.pth")
    found = read_network(
        tmp_path / "x.pth", rename={"layer1.": "layer2.", "layer2": "layer1"}, ignore="layer10.*", layout="canonical"
    )
    for name, tensor in model.state_dict().items():
        assert np.array_equal(found.tensors[name], tensor.numpy()), name
    with pytest.raises(CheckpointError, match="1 unexpected: layer10.a.weight"):
        read_network(tmp_path / "x.pth", rename={"layer1": "layer2", "layer2": "layer1"})
    by_longest = {"layer2": "nowhere", "layer2.0": "layer1.0", "layer1": "layer2"}
    assert list(read_network(tmp_path / "x.pth", rename=by_longest, ignore="layer10.*").tensors) == list(found.tensors)


def test_what_is_ignored_may_be_nan(tmp_path, fork, model):
    tensors = forked(model.state_dict())
    tensors["loss.centres"][:] = np.nan
    assert read_network(write_fork(tmp_path, tensors, "safetensors"), **CHANGES)


@pytest.mark.parametrize("options", [{"rename": ["a=b"]}, {"rename": {"a": ""}}, {"ignore": [3]}, {"strip_prefix": 3}])
@pytest.mark.parametrize("package", [paddle_tsm, torch_ref])
def test_values_of_another_kind(fork, package, options):
    with pytest.raises(ValueError, match=f"{next(iter(options))}: got .*, wanted"):
        package.load_model(fork, **options)


def test_inspect_says_what_differs_and_its_command_line_converts(tmp_path, fork, model, capsys):
    found = inspected(capsys, fork)
    nearest = found["nearest"]
    assert (nearest["layout"], nearest["architecture"], nearest["prefix"]) == ("canonical", "tsm_resnet10", "encoder.")
    assert nearest["missing"] == {"fc.weight": [CLASSES, 512], "fc.bias": [CLASSES]}
    assert set(nearest["unexpected"]) == {"head.proj.weight", "head.proj.bias", "attn.q.weight", "loss.centres"}
    assert nearest["fits"] == len(model.state_dict()) - 2 and nearest["misshapen"] == {}
    assert ["encoder.attn.q.weight", [4, 4], "float32"] in found["tensors"]
    assert len(found["tensors"]) == len(model.state_dict()) + 2
    assert main(advised(found, tmp_path / "out.safetensors")) == 0
    written = read_network(tmp_path / "out.safetensors").tensors
    assert all(np.array_equal(written[name], tensor.numpy()) for name, tensor in model.state_dict().items())


def test_what_inspect_prints_of_it(fork, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "90")
    capsys.readouterr()
    assert main(["inspect", str(fork)]) == 2
    out = capsys.readouterr().out
    assert "encoder.layer1.0.bn1.{weight,bias,running_mean,running_var}" in out and "encoder.attn.q.weight" in out
    assert "tsm_resnet10 in the canonical layout" in out and "2: fc.weight, fc.bias" in out
    last = out.splitlines()[-1]
    assert last.startswith("it loads with: paddle-tsm convert ") and "--rename head.proj=fc" in last
    assert max(map(len, out.splitlines()[:-1])) <= 90
    capsys.readouterr()


def changed(state: dict, change: str) -> dict:
    """The state_dict of a fork of another kind."""
    own = {f"layer{s}.0.se.fc.weight": torch.ones(4, 4) for s in (1, 2, 3, 4)}
    return {
        "another stage": {key.replace("layer3.", "stage3."): value for key, value in state.items()},
        "another name in every block": {key.replace(".conv1.", ".convA."): value for key, value in state.items()},
        "a layer in every block": {**state, **own},
        "two classifiers": {**{key.replace("fc.", "verb."): value for key, value in state.items()},
                            "noun.weight": torch.ones(9, 512), "noun.bias": torch.ones(9)},
        "brackets in a name": {**state, "ops[0].weight": torch.ones(2)},
        "wrapped and more": {**{f"_orig_mod.{key}": value for key, value in state.items()},
                             "_orig_mod.x.y": torch.ones(2)},
    }[change]  # fmt: skip


@pytest.mark.parametrize(
    "change, flags",
    [
        ("another stage", ["--rename", "stage3=layer3"]),
        ("another name in every block", [f"layer{n}.0.convA=layer{n}.0.conv1" for n in (1, 2, 3, 4)]),
        ("a layer in every block", ["--ignore", "layer*.*.se.*"]),
        ("two classifiers", ["--rename", "verb=fc", "--ignore", "noun.*"]),
        ("brackets in a name", ["--ignore", "ops[[]0].*"]),
        ("wrapped and more", ["--ignore"]),
    ],
)
def test_other_forks(tmp_path, model, capsys, change, flags):
    torch.save(changed(model.state_dict(), change), tmp_path / "x.pth")
    found = inspected(capsys, tmp_path / "x.pth")
    arguments = advised(found, tmp_path / "out.pdparams")
    assert set(flags) <= set(arguments), arguments
    if change == "two classifiers":
        assert "verb, noun could each be the classifier" in found["remarks"][0]
    assert main(arguments) == 0
    assert all(
        np.array_equal(read_network(tmp_path / "out.pdparams").tensors[name], tensor.numpy())
        for name, tensor in model.state_dict().items()
    )


@pytest.mark.parametrize("vector", ["mmaction2_r50_t8", "mit_r18_t8", "mit_mv2_t8", "paddlevideo_tsm_r50_t8"])
def test_the_nearest_layout(tmp_path, vector, capsys):
    """Of each system's keys, of which one is missing, one misshapen and one too many: no flag makes that load."""
    checkpoint = recorded(vector).checkpoint()
    plain = interpret(checkpoint)
    state = {key: torch.from_numpy(np.array(array)) for key, array in checkpoint.tensors.items()}
    first, second = list(state)[:2]
    state[first] = torch.ones(3, 3)
    del state[second]
    torch.save({"state_dict": state | {"module.own.weight": torch.ones(2)}}, tmp_path / "x.pth")
    found = inspected(capsys, tmp_path / "x.pth")
    nearest = found["nearest"]
    assert (nearest["layout"], nearest["architecture"]) == (plain.layout.name, plain.network.arch)
    assert list(nearest["missing"]) == [second] and list(nearest["unexpected"]) == ["module.own.weight"]
    assert nearest["misshapen"] == {first: {"found": [3, 3], "wanted": list(checkpoint.tensors[first].shape)}}
    assert found["loads with"] is None and f"1 missing: {second}" in found["why not"]


def test_what_is_no_fork(tmp_path, fork, r18_file, capsys):
    """Nothing near; another error than the keys'; and a file that cannot be read at all."""
    torch.save({"a.b.weight": torch.ones(2), "a.c.weight": torch.ones(3)}, tmp_path / "x.pth")
    found = inspected(capsys, tmp_path / "x.pth")
    assert found["nearest"] is None and found["loads with"] is None and len(found["tensors"]) == 2
    (tmp_path / "y.pth").write_bytes(b"no checkpoint")
    for path, flags in ((tmp_path / "y.pth", []), (r18_file, ["--temporal-pool"]), (fork, ["--ignore", "nothing"])):
        capsys.readouterr()
        assert main(["inspect", str(path), *flags, "--json"]) == 2
        assert capsys.readouterr().out == ""


def test_inspect_goes_on_from_what_is_given(tmp_path, fork, capsys):
    found = inspected(capsys, fork, "--strip-prefix", "encoder", "--ignore", "loss.*")
    assert found["nearest"]["prefix"] == "" and "loss.centres" not in found["nearest"]["unexpected"]
    assert main(advised(found, tmp_path / "out.pth")) == 0


def test_the_guides_example(tmp_path, capsys, monkeypatch):
    """The lines that docs/guide_weights.md shows are what the command prints."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    state = torch_ref.create_model("tsm_resnet18", num_classes=CLASSES).state_dict()
    tensors = forked(state)
    del tensors["encoder.attn.q.weight"]
    write_fork(tmp_path, tensors, "pth")
    capsys.readouterr()
    assert main(["inspect", "fork.pth"]) == 2
    printed = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    guide = (Path(__file__).parent.parent / "docs" / "guide_weights.md").read_text(encoding="utf-8")
    shown = guide.partition("$ paddle-tsm inspect fork.pth\n    ...\n")[2].partition("\n\n`--ignore")[0]
    assert [line for line in shown.split("\n") if line.removeprefix("    ") not in printed] == []
