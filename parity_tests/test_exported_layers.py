"""Every kind of layer in the files of an export, run by their engines; and every family's network, exported and proven
as a user exports it.
"""

import json

import numpy as np
import pytest

from paddle_tsm.demo.material import write_demo_checkpoint
from paddle_tsm.export.exporter import export_checkpoint, write
from paddle_tsm.export.io_spec import clip_io
from paddle_tsm.export.targets import target_named
from paddle_tsm.inference.predictor import Predictor
from paddle_tsm.networks.families import FAMILIES
from paddle_tsm.networks.network import Network
from paddle_tsm.parity.compare import compare
from paddle_tsm.parity.tolerance import TOLERANCES
from parity_tests.toy_networks import T, Toy, random_frames

SIZE, CLASSES = 32, 7
TOY = Toy(
    (
        ("rep_dw relu", "se sigmoid", "pw relu"),
        ("pw hardswish", "dw hardswish", "se hardsigmoid", "pw"),
        ("rep_pw relu", "dw relu"),
    ),
    end=True,
    scales_at_inference=True,
)
WAYS = [
    ("paddle-inference", "float32"),
    ("paddle-inference", "bfloat16"),
    pytest.param("onnx", "float32", marks=pytest.mark.writes_onnx),
]
OPTIONS = {"temporal_attention": True, "num_segments": 2 * T, "shift_segments": T, "in_channels": 5}


@pytest.mark.parametrize("to, precision", WAYS)
def test_the_files_hold_every_kind_of_layer(monkeypatch, tmp_path, to, precision):
    """Fused branches, squeeze and excitation, hardswish, attention and groups of frames, for two clips."""
    model = TOY.built(monkeypatch, gain=2.0, **OPTIONS)
    x = random_frames(model, 2)
    expected = model(x).numpy()
    without = TOY.built(monkeypatch, gain=2.0, **OPTIONS, is_shift=False)(x).numpy()
    target = target_named(to)
    write(model.to(dtype="float32"), tmp_path, to, clip_io(2 * T, tuple(x.shape[2:]), 5), precision)
    found = target.functions.open_run(str(tmp_path), target.files, 1, precision).run(x.numpy())
    limit = 2e-6 if precision == "float32" else TOLERANCES[precision].limit
    assert compare("logits", expected.astype("float32"), found, limit).passed
    assert not compare("logits", without.astype("float32"), found, limit).passed


ONE_OF_EACH = [(next(iter(family.depths)), variant) for family in FAMILIES for variant in family.variants]
EVERY_WAY = [("paddle-inference", "float32"), ("paddle-inference", "bfloat16"), ("onnx", "float32"), ("onnx", "int8")]
ROWS = [
    pytest.param(arch, variant, stream, *way, marks=[pytest.mark.slow, pytest.mark.writes_onnx])
    for arch, variant in ONE_OF_EACH
    for stream in (False, True)
    for way in EVERY_WAY
    if not stream or (way[1] == "float32" and not variant.get("temporal_attention"))
]


@pytest.mark.parametrize("arch, variant, stream, to, precision", ROWS)
def test_a_network_of_each_family(tmp_path, arch, variant, stream, to, precision):
    """Whole clips and one step of a stream, from a drawn checkpoint: what was written is the checkpoint's network.

    pytest parity_tests/test_exported_layers.py -m slow
    """
    options = {"num_segments": T} | ({"shift_order": "causal"} if stream else {})
    network = Network(arch, num_classes=CLASSES, **options, **variant)
    write_demo_checkpoint(tmp_path / "c.safetensors", network, "canonical")
    rng = np.random.default_rng(0)
    clips = [rng.standard_normal((T, 3, SIZE, SIZE)).astype("float32") for _ in range(10)]
    _, verified = export_checkpoint(
        tmp_path / "c.safetensors",
        tmp_path / "e",
        to,
        size=SIZE,
        stream=stream,
        precision=precision,
        options=options,
        calibration=clips if precision == "int8" else None,
    )
    assert verified and all(found.difference <= found.limit for found in verified)


def test_other_channels_and_groups_of_frames(tmp_path):
    """They are in tsm.json, in the predictor's check, and in the proof of the export."""
    network = Network("tsm_resnet10", num_classes=CLASSES, num_segments=T, shift_segments=2, in_channels=10)
    write_demo_checkpoint(tmp_path / "c.safetensors", network, "canonical")
    options = {"num_segments": T, "shift_segments": 2}
    described, _ = export_checkpoint(tmp_path / "c.safetensors", tmp_path / "e", size=SIZE, options=options)
    assert described.network.in_channels == 10
    content = json.loads((tmp_path / "e" / "tsm.json").read_text("utf-8"))
    assert content["input"]["shape"] == [f"N*{T}", 10, SIZE, SIZE] and content["input"]["colour"] is None
    assert content["inputs"][0]["shape"] == [f"N*{T}", 10, SIZE, SIZE]
    predictor, other = Predictor(tmp_path / "e", threads=1), Predictor(tmp_path / "c.safetensors", num_segments=T)
    x = np.random.default_rng(0).standard_normal((T, 10, SIZE, SIZE)).astype("float32")
    expected = Predictor(tmp_path / "c.safetensors", **options)(x)
    assert compare("logits", expected, predictor(x), 2e-6).passed
    assert not compare("logits", expected, other(x), 1e-4).passed  # the groups matter
    with pytest.raises(ValueError, match=rf"wanted \[N\*{T}, 10, {SIZE}, {SIZE}\]"):
        predictor(x[:, :3])
