"""Conversion: there and back to the bit, in every format, and files that the frameworks themselves read."""

import dataclasses
import hashlib
import json

import numpy as np
import paddle
import pytest
import torch
from safetensors.numpy import load_file

import paddle_tsm
from paddle_tsm.checkpoint import CheckpointError, read_checkpoint, write_checkpoint
from paddle_tsm.cli import main
from paddle_tsm.conversion.convert import convert, write_network
from paddle_tsm.layouts.network_file import read_network
from paddle_tsm.networks.shift_order import exchanged_channels
from parity_tests.recorded import names, recorded


def save_upstream(path, vector):
    """Write a recorded checkpoint with PyTorch itself, as its upstream system does."""
    tensors = {key: torch.from_numpy(np.array(value)) for key, value in vector.tensors().items()}
    torch.save({"state_dict": tensors, "meta": {"epoch": 50}}, path)
    return tensors


@pytest.mark.parametrize("name", names("mmaction2_r18_t8", "mmaction2_r50_t8_block", "mit_r101_t8", "mit_tsn*"))
@pytest.mark.parametrize("middle", ["safetensors", "pdparams", "pth"])
def test_there_and_back(tmp_path, name, middle):
    """Same keys, in the same order, same shapes and dtypes, same bits."""
    source, between, back = tmp_path / "a.pth", tmp_path / f"b.{middle}", tmp_path / "c.pth"
    tensors = save_upstream(source, recorded(name))
    convert(source, between)
    convert(between, back, to_layout=name.split("_")[0])
    result = torch.load(back, weights_only=True)["state_dict"]
    assert list(result) == list(tensors)
    for key, tensor in tensors.items():
        assert (result[key].dtype, result[key].shape) == (tensor.dtype, tensor.shape), key
        assert torch.equal(result[key], tensor), key


def test_options_survive(tmp_path, r18_file):
    for middle in ("safetensors", "pdparams"):
        convert(r18_file, tmp_path / f"b.{middle}", shift_div=4, num_segments=16)
        network = read_network(tmp_path / f"b.{middle}").network
        assert (network.shift_div, network.num_segments) == (4, 16)
        assert network == read_network(r18_file, shift_div=4, num_segments=16).network


def test_canonical_files_are_what_the_frameworks_expect(tmp_path, r18_file):
    convert(r18_file, tmp_path / "b.safetensors"), convert(r18_file, tmp_path / "b.pdparams")
    model = paddle_tsm.create_model("tsm_resnet18", num_classes=27)
    assert model.set_state_dict(paddle.load(str(tmp_path / "b.pdparams"))) == ([], [])
    flat = load_file(tmp_path / "b.safetensors")
    assert flat["fc.weight"].shape == (27, 512)
    np.testing.assert_array_equal(model.fc.weight.numpy(), flat["fc.weight"].T)


def test_what_a_paddle_user_saves_can_be_read(tmp_path):
    model = paddle_tsm.create_model("tsm_resnet18", num_classes=512)  # a square classifier hides a transposition
    paddle.save(model.state_dict(), str(tmp_path / "mine.pdparams"))
    loaded = paddle_tsm.load_model(tmp_path / "mine.pdparams")
    np.testing.assert_array_equal(loaded.fc.weight.numpy(), model.fc.weight.numpy())


@pytest.mark.parametrize("suffix", ["safetensors", "pdparams", "pth"])
def test_record(tmp_path, r18_file, suffix):
    """It is in the file, whatever the format, and nothing lies beside it."""
    convert(r18_file, tmp_path / f"b.{suffix}", verify=False)
    assert [path.name for path in tmp_path.iterdir()] == [f"b.{suffix}"]
    record = json.loads(read_checkpoint(tmp_path / f"b.{suffix}").metadata["paddle_tsm"])
    assert record["source"] == r18_file.name and record["layouts"] == ["mmaction2", "canonical"]
    assert record["sha256"] == hashlib.sha256(r18_file.read_bytes()).hexdigest()


def test_half_precision_keeps_its_type(tmp_path):
    source = tmp_path / "half.pth"
    tensors = {
        k: v.bfloat16() if v.is_floating_point() else v
        for k, v in save_upstream(source, recorded("mmaction2_r18_t8")).items()
    }
    torch.save(tensors, source)
    convert(source, tmp_path / "b.safetensors")
    convert(tmp_path / "b.safetensors", tmp_path / "c.pth", to_layout="mmaction2")
    result = torch.load(tmp_path / "c.pth", weights_only=True)["state_dict"]
    assert all(torch.equal(result[key], tensors[key]) and result[key].dtype == tensors[key].dtype for key in tensors)


def test_mits_bias_is_absorbed_by_the_batch_norm(tmp_path):
    """mmaction2's non-local block has no bias: the same logits, up to one float32 rounding of each running mean."""
    vector = recorded("mit_r50_t8_dense_nl")
    save_upstream(tmp_path / "mit.pth", vector)
    done = convert(tmp_path / "mit.pth", tmp_path / "mm.pth", to_layout="mmaction2")
    assert done.plan.kind == "absorbed" and 0 < done.difference < 1e-6
    written = torch.load(tmp_path / "mm.pth", weights_only=True)["state_dict"]
    assert not any("conv_out.conv.bias" in key for key in written)
    assert convert(tmp_path / "mit.pth", tmp_path / "c.safetensors").plan.kind == "exact"


def test_a_conversion_that_went_wrong_is_not_kept(tmp_path, r18_file, monkeypatch):
    """One value changed between plan and file: the proof refuses it, and no file appears."""

    def wrong(path, plan, *rest):
        weight = np.array(plan.tensors["layer2.0.conv1.weight"])
        weight[0, 0, 0, 0] += 1e-3
        tensors = plan.tensors | {"layer2.0.conv1.weight": weight}
        write_network(path, dataclasses.replace(plan, tensors=tensors), *rest)

    monkeypatch.setattr("paddle_tsm.conversion.convert.write_network", wrong)
    with pytest.raises(ValueError, match="layer2.0.conv1.weight reads back with other values"):
        convert(r18_file, tmp_path / "out.safetensors")
    assert not list(tmp_path.iterdir())


def test_a_plan_that_went_wrong_is_not_kept(tmp_path, monkeypatch):
    """The wrong fold exchanged: every tensor reads back as it was meant, and the logits tell."""
    source = tmp_path / "pv.pdparams"
    vector = recorded("paddlevideo_tsm_r50_t8")
    paddle.save({key: paddle.to_tensor(value) for key, value in vector.tensors().items()}, str(source))
    wrong = "paddle_tsm.networks.shift_order.exchanged_channels"
    monkeypatch.setattr(wrong, lambda channels, div: exchanged_channels(channels, 2 * div))
    with pytest.raises(ValueError, match="the written network differs from the source by"):
        convert(source, tmp_path / "out.safetensors", to_layout="mmaction2")
    assert [path.name for path in tmp_path.iterdir()] == ["pv.pdparams"]


@pytest.mark.parametrize(
    "changes, layer",
    [
        # a NaN that Paddle's ReLU hides from the logits
        ({"backbone.layer2.0.conv1.bn.running_var": -1.0}, "layer2.0.bn1"),
        # infinite logits of finite weights
        ({"cls_head.fc_cls.weight": 1e308, "backbone.layer4.1.conv2.bn.bias": 10.0}, "fc"),
    ],
)
def test_a_source_that_is_not_finite_is_not_proven(tmp_path, r18_file, capsys, changes, layer):
    """Finite weights whose network is not finite: refused, or with --allow-nan marked as not proven."""
    state = torch.load(r18_file, weights_only=True)["state_dict"]
    state = {key: value.double() if value.is_floating_point() else value for key, value in state.items()}
    state |= {key: torch.full_like(state[key], value) for key, value in changes.items()}
    torch.save(state, tmp_path / "x.pth")
    assert all(value.isfinite().all() for value in state.values())
    assert main(["convert", str(tmp_path / "x.pth"), str(tmp_path / "y.pth")]) == 2
    error = capsys.readouterr().err
    assert f"{layer} gives NaN or infinite values on a random clip" in error and error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["x.pth"]
    assert main(["convert", str(tmp_path / "x.pth"), str(tmp_path / "y.pth"), "--allow-nan"]) == 0
    printed = capsys.readouterr().out
    assert "not proven: the source has NaN or infinite weights or results" in printed and "both networks" not in printed


def test_nan_weights_prove_nothing(tmp_path, r18_file, capsys):
    """Paddle's ReLU turns NaN into 0, so that the logits of NaN weights may look healthy."""
    tree = torch.load(r18_file, weights_only=True)
    tree["state_dict"]["backbone.layer1.0.conv1.conv.net.weight"][0] = float("nan")
    torch.save(tree, tmp_path / "x.pth")
    assert main(["convert", str(tmp_path / "x.pth"), str(tmp_path / "y.pth"), "--allow-nan"]) == 0
    assert "not proven" in capsys.readouterr().out
    assert convert(tmp_path / "x.pth", tmp_path / "z.pth", allow_nan=True).difference is None


def test_to_paddlevideo_with_another_number_of_frames(tmp_path, capsys):
    """PaddleVideo shifts 1 / num_segments; the error says the flag, and the flag does it."""
    save_upstream(tmp_path / "x.pth", recorded("mmaction2_r50_t16"))
    typed = [
        "convert",
        str(tmp_path / "x.pth"),
        str(tmp_path / "y.pdparams"),
        "--to",
        "paddlevideo",
        "--num-segments",
        "16",
    ]
    assert main(typed) == 2
    error = capsys.readouterr().err
    assert "--shift-div 16" in error and error.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["x.pth"]
    assert main([*typed, "--shift-div", "16"]) == 0
    written = read_network(tmp_path / "y.pdparams", num_segments=16).network
    assert (written.shift_div, written.num_segments) == (16, 16)


def test_no_verify(tmp_path, r18_file, monkeypatch):
    monkeypatch.setattr("paddle_tsm.conversion.verify.verify_written", lambda *args: 1 / 0)
    convert(r18_file, tmp_path / "out.safetensors", verify=False)


def test_several_networks(tmp_path, r18_file):
    """An EMA network beside the trained one: named in the error, chosen by its key."""
    tensors = torch.load(r18_file, weights_only=True)["state_dict"]
    torch.save(
        {"state_dict": tensors, "ema_state_dict": {k: v * 0 + 1 for k, v in tensors.items()}}, tmp_path / "two.pth"
    )
    with pytest.raises(ValueError, match="state_dict, ema_state_dict"):
        read_network(tmp_path / "two.pth")
    assert read_network(tmp_path / "two.pth", network="ema_state_dict").tensors["bn1.bias"].max() == 1


@pytest.mark.parametrize(
    "record",
    [
        "no JSON",
        "[]",
        "{}",
        '{"network": 5}',
        '{"network": {"dropout": "x"}}',
        '{"network": {"num_segments": 1e400}}',
        '{"network": {"is_shift": "yes"}}',
        '{"network": {"shift_dive": 8}}',
        '{"network": {"non_local": {"blocks": "abc"}}}',
        '{"network": {"non_local": {"mode": []}}}',
        '{"network": {"shift_order": ["causal"]}}',
        '{"network": {"shift_div": true}}',
        '{"network": {}, "step_counters": 5}',
        '{"network": {}, "input": 5}',
        '{"network": {}, "input": {"size": "32"}}',
        '{"network": {}, "input": {"size": 0}}',
        '{"network": {}, "input": {"colour": "RGB"}}',
        '{"network": {}, "input": {"class_names": "abc"}}',
        '{"network": {}, "input": {"class_names": ["one", "two"]}}',
        '{"network": {}, "input": {"preset": ["mit"]}}',
        '{"network": {}, "layouts": 5}',
    ],
)
def test_a_damaged_record_is_an_error(tmp_path, r18_file, record):
    """The record in a file comes from strangers, too."""
    convert(r18_file, tmp_path / "a.pdparams", verify=False)
    write_checkpoint(
        tmp_path / "b.pdparams", read_checkpoint(tmp_path / "a.pdparams").tensors, metadata={"paddle_tsm": record}
    )
    with pytest.raises(CheckpointError) as error:
        read_network(tmp_path / "b.pdparams")
    assert "\n" not in str(error.value) and str(tmp_path / "b.pdparams") in str(error.value)
