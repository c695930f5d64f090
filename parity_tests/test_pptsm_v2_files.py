"""PP-TSMv2's checkpoints: under every prefix that PaddleVideo writes, there and back, fused, and inspected."""

import json

import numpy as np
import pytest

from paddle_tsm.checkpoint import CheckpointError, read_checkpoint, write_checkpoint
from paddle_tsm.cli import main
from paddle_tsm.conversion.convert import convert
from paddle_tsm.demo.material import draw_weights
from paddle_tsm.layouts.key_table import expand
from paddle_tsm.layouts.network_file import read_network
from paddle_tsm.layouts.registry import LAYOUTS
from paddle_tsm.models.stream import load_stream
from paddle_tsm.networks.network import Network
from parity_tests.recorded import recorded

FRAMES = 4
NETWORK = Network("pptsm_v2", 5, FRAMES, shift_div=FRAMES, shift_order="past_first", temporal_attention=True)
TEACHER = Network("pptsm_resnet50", 5, FRAMES, shift_div=FRAMES, shift_order="past_first")


def keys_of(network) -> dict[str, np.ndarray]:
    """The tensors of a drawn network as PaddleVideo writes them."""
    tensors = draw_weights(network, seed=2)
    entries = expand(LAYOUTS["pptsm"], network)
    return {e.key: tensors[e.canonical].T if e.transposed else tensors[e.canonical] for e in entries}


def sequential(keys, front=""):
    """The names of paddle.nn.Sequential(backbone, head)."""
    numbers = {"backbone": "0", "head": "1"}
    parts = ((key.partition("."), array) for key, array in keys.items())
    return {f"{front}{numbers[part]}.{rest}": array for (part, _, rest), array in parts}


FORMS = {  # name -> (the keys, what is said of them)
    "Recognizer2D": (keys_of, []),
    "the student alone": (lambda n: sequential(keys_of(n)), ["0. stripped from the keys"]),
    "the backbone alone": (lambda n: {k.removeprefix("backbone."): a for k, a in keys_of(n).items()}, []),
    "data parallel": (lambda n: {f"_layers.{k}": a for k, a in keys_of(n).items()}, ["_layers. stripped"]),
    "a distillation": (
        lambda n: sequential(keys_of(TEACHER), "Teacher.") | sequential(keys_of(n), "Student."),
        ["the student of a distillation; --network Teacher", "0. stripped from the keys"],
    ),
}


def inspected(capsys, path, *flags):
    capsys.readouterr()
    assert main(["inspect", str(path), "--json", *flags]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_the_keys(form, tmp_path, capsys):
    keys, said = FORMS[form]
    path = tmp_path / "v2.pdparams"
    write_checkpoint(path, keys(NETWORK))
    found = read_network(path)
    assert found.network == NETWORK
    for name, array in draw_weights(NETWORK, seed=2).items():
        assert name.endswith("num_batches_tracked") or np.array_equal(found.tensors[name], array), name
    notes = inspected(capsys, path)["keys"]
    assert len(notes) == len(said) and all(note.startswith(start) for note, start in zip(notes, said)), notes


def test_the_teacher_is_there_when_it_is_asked_for(tmp_path, capsys):
    path = tmp_path / "distilled.pdparams"
    write_checkpoint(path, FORMS["a distillation"][0](NETWORK))
    teacher = inspected(capsys, path, "--network", "Teacher", "--num-segments", str(FRAMES))
    assert (teacher["architecture"], teacher["network at"], teacher["beside it"]) == (
        "pptsm_resnet50",
        "Teacher",
        ["Student"],
    )
    assert teacher["keys"] == ["0. and 1. stripped from the keys"]
    found = read_network(path, network="Teacher", num_segments=FRAMES)
    assert np.array_equal(found.tensors["fc.weight"], draw_weights(TEACHER, seed=2)["fc.weight"])
    with pytest.raises(CheckpointError, match="no network 'Tutor'; it holds: Student, Teacher"):
        read_network(path, network="Tutor")


def test_a_sequential_of_another_system_is_still_its_own(tmp_path):
    """`0.` in front of canonical names is a wrapper's, and no backbone of PaddleVideo."""
    network = Network("tsm_resnet10", 5)
    path = tmp_path / "wrapped.safetensors"
    write_checkpoint(path, {f"0.{name}": array for name, array in draw_weights(network).items()})
    assert read_network(path).layout.name == "canonical"


@pytest.mark.parametrize("choice", [None, "Teacher"])
def test_there_and_back_to_the_bit(choice, tmp_path):
    """From a distillation to canonical names and to `backbone.` keys: every tensor of the source, the convolutions that
    PaddleVideo does not use among them.
    """
    source, middle, back = (tmp_path / name for name in ("source.pdparams", "middle.safetensors", "back.pdparams"))
    vector = recorded("paddlevideo_pptsmv2_t16_attention_distilled")
    write_checkpoint(source, vector.tensors())
    options = {"num_segments": 16} if choice else {}  # the student's file says it
    convert(source, middle, network=choice, **options)
    moved = "conv1_3.weight" if choice else "stage2.1.pw.conv.weight"
    past_first, future_first = read_network(source, network=choice, **options), read_network(middle)
    assert not np.array_equal(past_first.tensors[moved], future_first.tensors[moved])
    convert(middle, back, to_layout="pptsm")
    written, name = read_checkpoint(back).tensors, choice or "Student"
    fronts = {f"{name}.0.": "backbone.", f"{name}.1.": "head."}
    expected = {
        front + key.removeprefix(old): array
        for key, array in vector.tensors().items()
        for old, front in fronts.items()
        if key.startswith(old)
    }
    assert written.keys() == expected.keys() and len(written) > 250
    assert choice or sum(".dw_conv.weight" in key for key in written) == 8
    assert all(np.array_equal(written[key], array) for key, array in expected.items())


def test_fused_and_proven(tmp_path, capsys):
    source, fused = tmp_path / "v2.pdparams", tmp_path / "fused.safetensors"
    write_checkpoint(source, keys_of(NETWORK))
    done = convert(source, fused, fuse=True)
    assert done.plan.kind == "fused" and done.difference is not None and done.difference < 1e-10
    assert done.plan.network.fused
    found = read_network(fused)
    assert (found.network.fused, found.network.temporal_attention, found.network.num_segments) == (True, True, FRAMES)
    assert not any(".branches." in name for name in found.tensors)
    assert inspected(capsys, fused)["layout"] == "canonical"
    with pytest.raises(CheckpointError, match="pptsm holds the branches of every re-parameterised convolution"):
        convert(fused, tmp_path / "back.pdparams", to_layout="pptsm")
    with pytest.raises(CheckpointError, match="the pptsm_v2 is fused already"):
        convert(fused, tmp_path / "again.safetensors", fuse=True)


def test_a_wrong_fusion_is_not_kept(tmp_path, monkeypatch):
    from paddle_tsm.networks import branch_fusion

    source = tmp_path / "v2.pdparams"
    write_checkpoint(source, keys_of(NETWORK))
    monkeypatch.setattr(branch_fusion, "EPS", 1e-3)
    with pytest.raises(CheckpointError, match="differs from the source"):
        convert(source, tmp_path / "fused.safetensors", fuse=True)
    assert not (tmp_path / "fused.safetensors").exists()


def test_inspect_says_what_the_tensors_say(tmp_path, capsys):
    path = tmp_path / "v2.pdparams"
    write_checkpoint(path, keys_of(NETWORK))
    found = inspected(capsys, path)
    assert (found["architecture"], found["layout"]) == ("pptsm_v2", "pptsm")
    assert found["read"] | {"temporal_attention": True, "num_segments": FRAMES} == found["read"]
    assert found["assumed"]["shift_div"]["value"] == FRAMES
    capsys.readouterr()
    assert main(["inspect", str(path), "--num-segments", "8"]) == 2
    assert "num_segments: got 8, but the keys of the file say 4" in capsys.readouterr().err


def test_a_stream_needs_a_network_without_attention(tmp_path):
    path = tmp_path / "v2.safetensors"
    write_checkpoint(path, draw_weights(NETWORK.with_options(shift_order="future_first")))
    with pytest.raises(ValueError, match="temporal attention looks at all frames of a clip"):
        load_stream(path, shift_order="causal")
