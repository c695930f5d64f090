"""Exports with a fault put in are refused, in every precision and both formats; right ones pass, whatever their weights
are.
"""

import shutil

import numpy as np
import onnx
import pytest

from paddle_tsm.demo.material import draw_weights, write_demo_checkpoint
from paddle_tsm.export import exporter as export_module
from paddle_tsm.export.exporter import export_checkpoint, write
from paddle_tsm.export.quantise import quantise
from paddle_tsm.models.create import build
from paddle_tsm.models.load import assign_weights
from paddle_tsm.networks.network import Network

T, SIZE, CLASSES = 4, 32, 7
ARCHITECTURES = ("tsm_mobilenet_v2", "tsm_resnet10", "tsm_resnet18", "tsm_resnet50", "pptsm_resnet50")
WAYS = (("paddle-inference", "float32"), ("paddle-inference", "bfloat16"), ("onnx", "float32"), ("onnx", "int8"))
FAULTS = {
    "reversed": {"shift_order": "past_first"},
    "no shift": {"is_shift": False},
    "wrong fold": {"shift_div": 4},
    "one block": {},
}


def checkpoint(path, arch: str, seed: int = 0) -> Network:
    network = Network(arch, num_classes=CLASSES, num_segments=T)
    write_demo_checkpoint(path, network, "canonical", seed)
    return network


def clips(count: int = 10) -> list:
    return [np.random.default_rng(i).standard_normal((T, 3, SIZE, SIZE)).astype("float32") for i in range(count)]


def exported(path, folder, to: str, precision: str):
    calibration = clips() if precision == "int8" else None
    return export_checkpoint(
        path, folder, to, size=SIZE, precision=precision, calibration=calibration, options={"num_segments": T}
    )[1]


def faulty(network: Network, seed: int, fault: str):
    """The network of the seed's weights, built with the fault. "one block": the last one that shifts does not."""
    layer = assign_weights(build(network.with_options(**FAULTS[fault])), draw_weights(network, seed))
    if fault == "one block":
        blocks = [block for stage in layer.blocks_of_stages().values() for block in stage]
        [block for block in blocks if getattr(block, "shift", None) is not None][-1].shift = None
    layer.eval()
    return layer


def rows(ways, quick) -> list:
    """Each (architecture, format, precision, fault); those that `quick` does not name are slow."""
    every = [(arch, *way, fault) for arch in ARCHITECTURES for way in ways for fault in FAULTS]
    return [row if quick(*row) else pytest.param(*row, marks=pytest.mark.slow) for row in every]


@pytest.mark.parametrize(
    "arch, to, precision, fault",
    rows(
        WAYS,
        lambda arch, to, precision, fault: (
            arch == "tsm_mobilenet_v2" and (fault == "reversed" or (to, precision) == ("paddle-inference", "bfloat16"))
        ),
    ),
)
def test_a_faulty_graph_is_refused(tmp_path, monkeypatch, arch, to, precision, fault):
    """The files are those of a network with the fault. A MobileNetV2 of drawn weights is the hardest: its biases drown
    its input, so that its logits say next to nothing of a shift.

    pytest parity_tests/test_export_faults.py -m slow -k faulty_graph
    """
    network = checkpoint(tmp_path / "c.safetensors", arch)
    wrong = faulty(network, 0, fault)
    monkeypatch.setattr(export_module, "write", lambda layer, *arguments: write(wrong, *arguments))
    with pytest.raises(ValueError, match="differs from the checkpoint"):
        exported(tmp_path / "c.safetensors", tmp_path / "e", to, precision)
    assert [path.name for path in tmp_path.iterdir()] == ["c.safetensors"]


def where(name: str):
    """The module that an export calls `name` in."""
    import importlib

    names = ("verified_files", "export")
    modules = [m for m in names if importlib.util.find_spec(f"paddle_tsm.export.{m}")]
    return next(m for m in (importlib.import_module(f"paddle_tsm.export.{m}") for m in modules) if hasattr(m, name))


@pytest.mark.parametrize(
    "arch, to, precision, fault", rows([("onnx", "int8")], lambda arch, to, precision, fault: arch == "tsm_resnet10")
)
def test_a_fault_of_the_quantiser_is_refused(tmp_path, monkeypatch, arch, to, precision, fault):
    """The float32 graph is right, and the 8-bit file that is kept is that of a network with the fault."""
    network = checkpoint(tmp_path / "c.safetensors", arch)
    wrong = faulty(network, 0, fault)

    def of_another(source, target, ranges):
        folder = tmp_path / "wrong"
        folder.mkdir()
        io_spec = export_module.clip_io(T, (SIZE, SIZE))
        write(wrong, str(folder), "onnx", io_spec)
        quantise(folder / "model.onnx", target, ranges)
        shutil.rmtree(folder)

    monkeypatch.setattr(where("quantise"), "quantise", of_another)
    with pytest.raises(ValueError, match="the checkpoint without its biases|8-bit network"):
        exported(tmp_path / "c.safetensors", tmp_path / "e", to, precision)
    assert [path.name for path in tmp_path.iterdir()] == ["c.safetensors"]


def test_a_quantised_weight_that_is_another_is_refused(tmp_path, monkeypatch):
    """One integer of one convolution, moved by two steps."""
    checkpoint(tmp_path / "c.safetensors", "tsm_resnet10")

    def spoilt(source, target, ranges):
        quantise(source, target, ranges)
        model = onnx.load(target)
        weight = [t for t in model.graph.initializer if t.data_type == onnx.TensorProto.INT8 and len(t.dims) == 4][3]
        array = onnx.numpy_helper.to_array(weight).copy()
        array.flat[5] += 2 if array.flat[5] < 0 else -2
        weight.CopyFrom(onnx.numpy_helper.from_array(array, weight.name))
        onnx.save(model, target)

    monkeypatch.setattr(where("quantise"), "quantise", spoilt)
    with pytest.raises(ValueError, match="is not the float32 one's, rounded"):
        exported(tmp_path / "c.safetensors", tmp_path / "e", "onnx", "int8")


SEEN_IN_BFLOAT16 = ("reversed", "no shift")


@pytest.mark.parametrize(
    "arch, to, precision, fault",
    [
        row
        for row in rows(
            [("paddle-inference", "bfloat16")], lambda arch, *_: arch in ("tsm_resnet10", "tsm_mobilenet_v2")
        )
        if getattr(row, "values", row)[-1] in SEEN_IN_BFLOAT16
    ],
)
def test_a_fault_of_bfloat16_alone_is_refused(tmp_path, monkeypatch, arch, to, precision, fault):
    """The files are right, and what the engine makes of them in bfloat16 has the fault."""
    network = checkpoint(tmp_path / "c.safetensors", arch)
    write(faulty(network, 0, fault), make(tmp_path / "wrong"), to, export_module.clip_io(T, (SIZE, SIZE)), precision)
    module = where("open_files")
    for name in ("open_files", "open_without_biases"):
        if hasattr(module, name):
            right = getattr(module, name)
            monkeypatch.setattr(
                module,
                name,
                lambda folder, sidecar, *more, right=right: right(
                    tmp_path / "wrong" if sidecar.precision == precision else folder, sidecar, *more
                ),
            )
    with pytest.raises(ValueError, match="differs from the checkpoint"):
        exported(tmp_path / "c.safetensors", tmp_path / "e", to, precision)


def make(folder) -> str:
    folder.mkdir()
    return str(folder)


QUICK_SEEDS = [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 20))]


@pytest.mark.parametrize("seed", QUICK_SEEDS)
@pytest.mark.parametrize("to, precision", WAYS[1::2])
@pytest.mark.parametrize(
    "arch", ["tsm_mobilenet_v2", *(pytest.param(arch, marks=pytest.mark.slow) for arch in ARCHITECTURES[1:])]
)
def test_a_right_export_passes(tmp_path, arch, to, precision, seed):
    """pytest parity_tests/test_export_faults.py -m slow -k right_export"""
    checkpoint(tmp_path / "c.safetensors", arch, seed)
    for found in exported(tmp_path / "c.safetensors", tmp_path / "e", to, precision):
        assert found.difference <= found.limit
        print(arch, precision, seed, found.against, f"{found.difference:.1e}", f"{found.limit:.1e}", found.also)
