"""Networks as ONNX files: their logits are the checkpoint's, for any batch; damaged files and odd inputs are one-line
errors.
"""

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import onnx
import paddle
import pytest

from paddle_tsm.demo.material import draw_weights
from paddle_tsm.export import onnx_file
from paddle_tsm.export.inference_network import exported_form
from paddle_tsm.export.io_spec import clip_io, stream_io
from paddle_tsm.export.onnx_file import write_onnx
from paddle_tsm.export.onnx_runtime import OnnxRun
from paddle_tsm.export.stream_shift import GatherShift
from paddle_tsm.models.create import build
from paddle_tsm.models.load import assign_weights
from paddle_tsm.models.stream import StreamStep
from paddle_tsm.networks.families import ARCHITECTURES
from paddle_tsm.networks.network import Network
from paddle_tsm.networks.non_local import MODES
from paddle_tsm.parity.compare import compare, distance
from paddle_tsm.parity.tolerance import float32_limit

pytestmark = pytest.mark.writes_onnx
T = 4
BATCHES = (1, 2, 5)
# Only the last block of PP-TSMv2 adds its input to its output. With the usual scales each of its BatchNorms takes what
# differs between two inputs to about a third, while the biases stay: a step that forgets the past was only 2e-10 of the
# logits away. As in the recordings of this network (`bn_scale_gain`), larger scales keep it.
SCALE_GAINS = {"pptsm_v2": np.float32(2.5)}


def frames(count: int, size: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, 3, size, size), dtype="float32")


def network_of(arch: str, **options):
    network = Network(arch, **({"num_classes": 7, "num_segments": T} | options))
    tensors = draw_weights(network)
    for name, array in tensors.items():
        if array.ndim == 1 and name.endswith(".weight"):  # the scale of a BatchNorm
            tensors[name] = array * SCALE_GAINS.get(arch, 1)
    return network, tensors


def model_of(network: Network, tensors, dtype: str = "float32"):
    model = build(network)
    model.to(dtype=dtype)
    assign_weights(model, tensors).eval()
    return model


def logits_of(model, *inputs, dtype: str = "float32"):
    with paddle.no_grad():
        return model(*(paddle.to_tensor(array.astype(dtype)) for array in inputs))


def check_clips(path, size: int, arch: str, **options) -> OnnxRun:
    """Export, and compare with Paddle's float64; the limit is of the noise of Paddle's own float32 against it."""
    network, tensors = network_of(arch, **options)
    segments = network.num_segments
    model, exact = model_of(network, tensors), model_of(network, tensors, "float64")
    write_onnx(exported_form(model, GatherShift), path, clip_io(segments, (size, size)))
    run = OnnxRun(path, threads=1)
    for clips in BATCHES:
        x = frames(clips * segments, size, seed=clips)
        wanted = logits_of(exact, x, dtype="float64").numpy()
        noise = distance(wanted, logits_of(model, x).numpy())[1]
        row = compare("logits", wanted, run.run(x).astype("float64"), float32_limit(noise))
        assert row.passed, f"{arch} {options}, {clips} clips: {row}"
    return run


@pytest.fixture(scope="module")
def r18(tmp_path_factory):
    """(file, model, weights) of a ResNet-18-TSM of 32x32 frames."""
    path = tmp_path_factory.mktemp("onnx") / "r18.onnx"
    network, tensors = network_of("tsm_resnet18")
    model = model_of(network, tensors)
    write_onnx(exported_form(model, GatherShift), path, clip_io(T, (32, 32)))
    return path, model, tensors


@pytest.mark.parametrize("arch, options", [
    ("tsm_resnet18", {"shift_place": "block", "shift_order": "past_first", "shift_div": 7, "temporal_pool": True}),
    ("tsm_resnet18", {"non_local": {"mode": "embedded_gaussian", "blocks": ((2, 0), (3, 1))}, "shift_order": "causal"}),
    ("tsm_mobilenet_v2", {"shift_div": 5}),
    ("pptsm_resnet50", {}),
])  # fmt: skip
def test_logits_are_the_checkpoints(tmp_path, arch, options):
    check_clips(tmp_path / "network.onnx", 48, arch, **options)


MANY = [
    *((arch, {"is_shift": is_shift}) for arch in ARCHITECTURES for is_shift in (True, False)),
    *(("tsm_resnet18", {"shift_place": place, "shift_order": order, "shift_div": div, "temporal_pool": pool})
      for place in ("blockres", "block") for order in ("future_first", "past_first", "causal")
      for div, pool in ((8, False), (3, True))),
    *(("tsm_mobilenet_v2", {"shift_place": place, "shift_order": order, "shift_div": div})
      for place, order, div in (("block", "past_first", 5), ("blockres", "causal", 30),
                                ("block", "future_first", 200))),
    *(("tsm_resnet18", {"num_segments": segments, "shift_every": every})
      for segments in (1, 2, 16) for every in (1, 2)),
    *(("tsm_resnet50", {"non_local": {"mode": mode, "sub_sample": half, "use_scale": half, "out_bias": not half},
                        "temporal_pool": half})
      for mode in MODES for half in (True, False)),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("arch, options", MANY)
def test_every_architecture_and_option(tmp_path, arch, options):
    """pytest -m slow parity_tests/test_onnx.py"""
    check_clips(tmp_path / "network.onnx", 48, arch, **options)


def check_stream(path, size: int, arch: str, **options):
    network, tensors = network_of(arch, **({"shift_order": "causal"} | options))
    step, exact = StreamStep(network, tensors), StreamStep(network, tensors).to(dtype="float64")
    write_onnx(exported_form(step, GatherShift), path, stream_io(step, (size, size)))
    run = OnnxRun(path, threads=1)
    assert len(run.inputs) == 1 + len(step.shifts)
    for streams in BATCHES:
        ours, paddles, wanteds = (), (), ()
        for time in range(3):
            x = frames(streams, size, seed=time)
            wanted, *wanteds = logits_of(exact, x, *(fold.numpy() for fold in wanteds), dtype="float64")
            found, *paddles = logits_of(step, x, *(fold.numpy() for fold in paddles))
            logits, ours = run.step(x, ours)
            limit = float32_limit(distance(wanted.numpy(), found.numpy())[1])
            row = compare("logits", wanted.numpy(), logits.astype("float64"), limit)
            assert row.passed, f"{arch} {options}, {streams} streams, frame {time}: {row}"
            assert [fold.shape for fold in ours] == [tuple(fold.shape) for fold in paddles]
    forgetful, _ = run.step(x)
    assert distance(wanted.numpy(), forgetful)[1] > 10 * limit or not step.shifts
    return run


def test_a_streaming_step(tmp_path):
    run = check_stream(tmp_path / "step.onnx", 32, "tsm_mobilenet_v2")
    with pytest.raises(ValueError, match=r"use step\(\)"):
        run.run(frames(T, 32))
    with pytest.raises(ValueError, match="got 1 tensors, wanted 10"):
        run.step(frames(1, 32), (np.zeros((1, 3, 8, 8), "float32"),))
    _, cache = run.step(frames(1, 32))
    with pytest.raises(ValueError, match=r"cache_0: got shape \[1, "):
        run.step(frames(2, 32), cache)


@pytest.mark.slow
@pytest.mark.parametrize("arch, options", [
    *((arch, {"shift_place": place}) for arch in ARCHITECTURES for place in ("blockres", "block")),
    ("tsm_mobilenet_v2", {"shift_div": 30}), ("tsm_resnet18", {"shift_div": 1}), ("tsm_resnet18", {"is_shift": False}),
])  # fmt: skip
def test_every_streaming_step(tmp_path, arch, options):
    """pytest -m slow parity_tests/test_onnx.py"""
    check_stream(tmp_path / "step.onnx", 32, arch, **options)


def test_the_graph(r18):
    """Only the standard's operators, BatchNorms fused, named axes; and every sum's shape known, so that it can be
    fused.
    """
    path, _, _ = r18
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    assert [opset.domain for opset in model.opset_import] == [""]
    kinds = [node.op_type for node in model.graph.node]
    assert "BatchNormalization" not in kinds and "Identity" not in kinds and kinds.count("Gather") == 8  # a block each
    assert [value.type.tensor_type.shape.dim[0].dim_param for value in model.graph.input] == ["frames"]
    assert [value.type.tensor_type.shape.dim[0].dim_param for value in model.graph.output] == ["clips"]
    shapes = {value.name: value.type.tensor_type.shape.dim for value in model.graph.value_info}
    sums = [node.output[0] for node in model.graph.node if node.op_type == "Add"]
    assert len(sums) > 8 and all(shapes[name][0].dim_param == "frames" for name in sums)
    assert OnnxRun(path).properties == {"axis": "frames", "multiple": "4"}


def test_slopes_are_the_programs(tmp_path):
    """paddle2onnx 2.1 writes unwritten memory as leaky ReLU's slope; the file says Paddle's 0.01."""

    layer = paddle.nn.Sequential(paddle.nn.LeakyReLU(), paddle.nn.Conv2D(3, 1, 1), paddle.nn.LeakyReLU(0.25))
    layer.eval()
    write_onnx(layer, tmp_path / "leaky.onnx", clip_io(1, (2, 2)))
    nodes = onnx.load(tmp_path / "leaky.onnx").graph.node
    slopes = [node.attribute[0].f for node in nodes if node.op_type == "LeakyRelu"]
    np.testing.assert_allclose(slopes, [0.01, 0.25], rtol=1e-6)


def test_another_networks_logits_do_not_pass(r18):
    path, model, tensors = r18
    other = model_of(Network("tsm_resnet18", num_classes=7, num_segments=T, shift_order="past_first"), tensors)
    x = frames(T, 32)
    assert distance(logits_of(model, x).numpy(), OnnxRun(path).run(x))[1] < 1e-5
    assert distance(logits_of(other, x).numpy(), OnnxRun(path).run(x))[1] > 1e-3


def test_threads_share_a_session(r18):
    path, _, _ = r18
    run = OnnxRun(path, threads=2)
    clips = [frames(T, 32, seed) for seed in range(8)]
    alone = [run.run(x) for x in clips]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(5):
            for wanted, found in zip(alone, pool.map(lambda x: run.clone().run(x), clips), strict=True):
                np.testing.assert_array_equal(wanted, found)


@pytest.mark.parametrize("cut", [0, 100, 0.5, -1])
def test_damaged_files(r18, tmp_path, cut):
    whole = r18[0].read_bytes()
    path = tmp_path / "damaged.onnx"
    path.write_bytes(whole[: int(cut * len(whole)) if isinstance(cut, float) else cut])
    with pytest.raises(ValueError, match="damaged, or no ONNX file") as error:
        OnnxRun(path)
    assert "\n" not in str(error.value)


def test_files_that_are_none_of_ours(r18, tmp_path):
    with pytest.raises(ValueError, match="no such file"):
        OnnxRun(tmp_path / "nothing.onnx")
    (tmp_path / "text.onnx").write_text("not a network\n")
    with pytest.raises(ValueError, match="no ONNX file"):
        OnnxRun(tmp_path / "text.onnx")
    model = onnx.load(r18[0])
    del model.metadata_props[:]
    onnx.save(model, tmp_path / "other.onnx")
    with pytest.raises(ValueError, match="another network"):
        OnnxRun(tmp_path / "other.onnx")


@pytest.mark.parametrize("shape", [(T + 1, 3, 32, 32), (0, 3, 32, 32), (T, 3, 32, 33), (T, 1, 32, 32), (3, 32, 32)])
def test_frames_that_do_not_fit(r18, shape):
    with pytest.raises(ValueError, match=r"frames: got shape .*, wanted \[a multiple of 4, 3, 32, 32\]"):
        OnnxRun(r18[0]).run(np.zeros(shape, "float32"))
    with pytest.raises(ValueError, match=r"use run\(\)"):
        OnnxRun(r18[0]).step(np.zeros((1, 3, 32, 32)))
    with pytest.raises(ValueError, match="threads: got 0"):
        OnnxRun(r18[0], threads=0)


def test_what_cannot_be_exported(tmp_path):
    network, tensors = network_of("tsm_resnet18")
    io_spec = clip_io(T, (32, 32))
    with pytest.raises(ValueError, match="training mode"):
        write_onnx(build(network), tmp_path / "network.onnx", io_spec)
    with pytest.raises(ValueError, match="float64, wanted float32"):
        write_onnx(model_of(network, tensors, "float64"), tmp_path / "network.onnx", io_spec)

    class Odd(paddle.nn.Conv2D):
        def forward(self, x):
            return paddle.linalg.svd(super().forward(x))[1]

    odd = Odd(3, 1, 1)
    odd.eval()
    with pytest.raises(ValueError, match="paddle2onnx cannot export this network: .*unsupported operators"):
        write_onnx(odd, tmp_path / "network.onnx", io_spec)
    assert list(tmp_path.iterdir()) == []


def test_without_the_packages(r18, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ValueError, match="pip install -c .*constraints.txt 'paddle2onnx>="):
        OnnxRun(r18[0])
    monkeypatch.setattr(onnx_file, "find_spec", lambda name: None)
    with pytest.raises(
        ValueError,
        match=r"paddle2onnx, onnx, onnxruntime not installed.*pip install -c .*constraints.txt 'paddle2onnx>=",
    ):
        write_onnx(r18[1], tmp_path / "network.onnx", clip_io(T, (32, 32)))


# in the conversion's process: whatever would reach a network or install a package is written down and refused, and the
# package that paddle2onnx's default optimizer installs is not there
NO_NETWORK = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name == "onnx_graphsurgeon":
            raise ModuleNotFoundError(name)
def watch(event, args):
    starts = event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn")
    if event.startswith("socket.") or starts and "install" in repr(args):
        with open({log!r}, "a") as log:
            log.write(event + repr(args) + "\\n")
        raise RuntimeError("refused")
sys.meta_path.insert(0, Refuse())
sys.addaudithook(watch)
"""


def test_nothing_is_downloaded(r18, monkeypatch, tmp_path):
    """paddle2onnx's own default does try to install a package, so that the watch is known to see it."""
    log = tmp_path / "log.txt"
    (tmp_path / "sitecustomize.py").write_text(NO_NETWORK.format(log=str(log)))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    write_onnx(exported_form(r18[1], GatherShift), tmp_path / "network.onnx", clip_io(T, (32, 32)))
    assert not log.exists(), log.read_text()
    usual = onnx_file.PADDLE2ONNX.replace(', optimize_tool=""', "")
    monkeypatch.setattr(onnx_file, "PADDLE2ONNX", usual)
    write_onnx(exported_form(r18[1], GatherShift), tmp_path / "usual.onnx", clip_io(T, (32, 32)))
    assert "'install'" in log.read_text()
