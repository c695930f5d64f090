"""Exported networks: the same logits as the checkpoint's in every engine, or one line that says why not."""

import json
import os
import shutil
import subprocess
import sys
import threading
from importlib.util import find_spec
from types import SimpleNamespace

import numpy as np
import paddle
import pytest

import paddle_tsm
from paddle_tsm.cli import main
from paddle_tsm.demo.material import draw_weights, write_demo_checkpoint, write_demo_video
from paddle_tsm.export import expected_logits as expected_logits_module
from paddle_tsm.export.checkpoint_model import CheckpointModel
from paddle_tsm.export.expected_logits import expected_logits, run_checkpoint
from paddle_tsm.export.exporter import export_checkpoint, write
from paddle_tsm.export.inference_network import InferenceNetwork
from paddle_tsm.export.io_spec import clip_io
from paddle_tsm.export.paddle_inference import PaddleInferenceRun
from paddle_tsm.export.plain_activation import plain_activations
from paddle_tsm.export.sidecar import read_sidecar
from paddle_tsm.export.static_graph import save_static
from paddle_tsm.export.stream_shift import GatherShift, TimeMajorShift
from paddle_tsm.export.verification import verify
from paddle_tsm.inference.opening import ENGINES
from paddle_tsm.inference.predictor import Predictor
from paddle_tsm.models.create import build
from paddle_tsm.models.load import assign_weights
from paddle_tsm.networks.network import Network
from paddle_tsm.parity.compare import compare
from paddle_tsm.parity.tolerance import TOLERANCES, float32_limit
from paddle_tsm.videos.video_file import read_frames

FORMATS = ENGINES[1:]  # a page for browsers has the file for ONNX, and tests of its own
FLOAT64 = TOLERANCES["float64"].limit
T, SIZE, CLASSES = 4, 32, 7
ONE_BY_ONE = [{"arch": arch} for arch in ("tsm_resnet18", "tsm_resnet50", "tsm_mobilenet_v2", "pptsm_resnet50")] + [
    {"shift_place": "block"},
    {"shift_order": "past_first"},
    {"shift_order": "causal"},
    {"is_shift": False},
    {"shift_div": 3},
    {"shift_every": 2},
    {"temporal_pool": True},
    {"num_segments": 1},
    {"num_segments": 2},
    {"partial_bn": True},
    *({"arch": "tsm_resnet50", "non_local": mode} for mode in ("gaussian", "concatenation")),
    {"arch": "tsm_resnet50", "non_local": "embedded_gaussian", "temporal_pool": True},
    {"arch": "tsm_mobilenet_v2", "shift_place": "block", "shift_order": "causal", "shift_div": 4},
    {"arch": "pptsm_resnet50", "shift_order": "past_first", "temporal_pool": True, "shift_place": "block"},
]


def drawn(options):
    options = {"arch": "tsm_resnet18", "num_segments": T} | options
    network = Network(**options, num_classes=CLASSES)
    return network, draw_weights(network)


def named(options) -> str:
    return " ".join(map(str, options.values()))


@pytest.mark.parametrize("shift_class", [TimeMajorShift, GatherShift])
@pytest.mark.parametrize("options", ONE_BY_ONE, ids=named)
def test_the_exported_form_is_the_network(options, shift_class):
    """In float64, for 1, 2 and 5 clips; and clips do not see each other."""
    network, tensors = drawn(options)
    model = assign_weights(build(network).to(dtype="float64"), tensors)
    model.eval()
    form = InferenceNetwork(model, shift_class)
    form.eval()
    x = np.random.default_rng(0).standard_normal((5 * network.num_segments, 3, 64, 64))
    with paddle.no_grad():
        expected = model(paddle.to_tensor(x)).numpy()
        for clips in (1, 2, 5):
            found = form(paddle.to_tensor(x[: clips * network.num_segments])).numpy()
            assert compare("logits", expected[:clips], found, FLOAT64).passed


def test_the_comparison_can_fail():
    network, tensors = drawn({})
    model = assign_weights(build(network).to(dtype="float64"), tensors)
    other = assign_weights(build(network.with_options(shift_order="past_first")).to(dtype="float64"), tensors)
    for one in (model, other):
        one.eval()
    x = paddle.to_tensor(np.random.default_rng(0).standard_normal((T, 3, 64, 64)))
    with paddle.no_grad():
        assert not compare("logits", model(x).numpy(), InferenceNetwork(other)(x).numpy(), 1e-6).passed


# the others are slow: pytest parity_tests/test_export.py -m slow
QUICK = [
    options if options in ONE_BY_ONE[:4] else pytest.param(options, marks=pytest.mark.slow) for options in ONE_BY_ONE
]


@pytest.mark.parametrize("options", QUICK, ids=lambda options: named(options))
def test_paddle_inference(tmp_path, options):
    """Every architecture and option, by Paddle Inference in float32, for 1, 2 and 5 clips (`verify`)."""
    network, tensors = drawn(options)
    model = assign_weights(build(network), tensors)
    model.eval()
    with plain_activations(model):
        save_static(InferenceNetwork(model), str(tmp_path / "model"), clip_io(network.num_segments, (SIZE, SIZE)))
    verified = verify(
        PaddleInferenceRun(tmp_path / "model", 1), expected_logits(CheckpointModel(network, tensors), (SIZE, SIZE))
    )
    assert [found.against for found in verified] == ["the checkpoint in Paddle", "the checkpoint in PyTorch"]


BFLOAT16 = [
    options if options in ONE_BY_ONE[1:3] else pytest.param(options, marks=pytest.mark.slow) for options in ONE_BY_ONE
]


@pytest.mark.parametrize("options", BFLOAT16, ids=named)
def test_paddle_inference_in_bfloat16(tmp_path, options):
    """The same in bfloat16, within its own limit."""
    network, tensors = drawn(options)
    model = assign_weights(build(network), tensors)
    model.eval()
    write(model, tmp_path, "paddle-inference", clip_io(network.num_segments, (SIZE, SIZE)), "bfloat16")
    verify(
        PaddleInferenceRun(tmp_path / "model", 1, "bfloat16"),
        expected_logits(CheckpointModel(network, tensors), (SIZE, SIZE)),
        "bfloat16",
    )


def test_a_wrong_export_is_refused(tmp_path):
    network, tensors = drawn({})
    model = assign_weights(build(network.with_options(shift_order="past_first")), tensors)
    model.eval()
    save_static(InferenceNetwork(model), str(tmp_path / "model"), clip_io(T, (SIZE, SIZE)))
    with pytest.raises(ValueError, match="differs from the checkpoint"):
        verify(
            PaddleInferenceRun(tmp_path / "model", 1), expected_logits(CheckpointModel(network, tensors), (SIZE, SIZE))
        )


def test_the_noise_is_that_of_all_clips(monkeypatch):
    """The first clip of three rounds to nothing by chance, the others to 1e-5: the limit follows those."""
    rounded_by = {"float32": 1e-5, "float64": 0.0}
    monkeypatch.setattr(
        expected_logits_module, "run_of", lambda model: lambda x: np.float64([[1 + (len(x) > T) * rounded_by[model]]])
    )
    checkpoint = SimpleNamespace(float32="float32", float64="float64")
    expected = run_checkpoint(checkpoint, [np.zeros((n * T, 3, 4, 4), "float32") for n in (1, 2)], "itself")
    assert expected.limit == pytest.approx(float32_limit(1e-5))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    write_demo_checkpoint(str(folder / "r18.pth"), Network("tsm_resnet18", num_classes=CLASSES))
    write_demo_checkpoint(
        str(folder / "online.pth"), Network("tsm_mobilenet_v2", num_classes=CLASSES, shift_order="causal"), "mit-online"
    )
    write_demo_video(str(folder / "clip.mp4"), frames=12, size=(96, 64))
    (folder / "names.txt").write_text("".join(f"action {i}\n" for i in range(CLASSES)))
    (folder / "list.txt").write_text("clip.mp4 3\n")
    for to in FORMATS if find_spec("paddle2onnx") else FORMATS[:1]:
        arguments = ["--to", to, "--size", str(SIZE), "--classes", str(folder / "names.txt")]
        assert main(["export", str(folder / "r18.pth"), str(folder / to), *arguments]) == 0
        assert main(["export", str(folder / "online.pth"), str(folder / f"step-{to}"), *arguments, "--stream"]) == 0
    return folder


@pytest.mark.parametrize("to", FORMATS)
def test_predictor(folder, to):
    """A checkpoint and its exports, one call, within the limit that the export was held to."""
    x = np.random.default_rng(1).standard_normal((16, 3, SIZE, SIZE)).astype("float32")
    checkpoint, exported = Predictor(folder / "r18.pth"), paddle_tsm.Predictor(folder / to, threads=1)
    assert (checkpoint.engine, exported.engine) == ("dygraph", to)
    assert checkpoint.network == exported.network and exported.sidecar.labels[0] == "action 0"
    assert compare("logits", checkpoint(x), exported(x), 2e-6).passed
    np.testing.assert_array_equal(exported.clone()(x), exported(x))
    for one, said in ((checkpoint, "H, W"), (exported, f"{SIZE}, {SIZE}")):
        with pytest.raises(ValueError, match=rf"wanted \[N\*8, 3, {said}\]"):
            one(x[:7])
    with pytest.raises(ValueError, match=rf"got shape \[16, 3, 16, {SIZE}\]"):
        exported(x[:, :, :16])


@pytest.mark.parametrize("engine", ["dygraph", *FORMATS])
def test_clones_in_threads(folder, engine):
    """Each thread with a clone: the same bits as one thread alone."""
    predictor = Predictor(folder / ("r18.pth" if engine == "dygraph" else engine), threads=1)
    clips = [np.random.default_rng(i).standard_normal((8, 3, SIZE, SIZE)).astype("float32") for i in range(12)]
    expected = [predictor(clip) for clip in clips]
    found = {}

    def work(number, clone):
        found[number] = [clone(clip) for clip in clips[number::4]]

    threads = [threading.Thread(target=work, args=(i, predictor.clone())) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(4):
        for a, b in zip(found[number], expected[number::4], strict=True):
            np.testing.assert_array_equal(a, b)


def test_bfloat16(folder, tmp_path):
    """Within the limit for it, and not float32 under another name, on processors that have it."""
    x = np.random.default_rng(2).standard_normal((8, 3, SIZE, SIZE)).astype("float32")
    _, verified = export_checkpoint(folder / "r18.pth", tmp_path / "rough", size=SIZE, precision="bfloat16")
    exact, rough = Predictor(folder / "paddle-inference"), Predictor(tmp_path / "rough", precision="bfloat16")
    assert verified[0].difference <= verified[0].limit < 0.02
    if verified[0].difference < 1e-5:
        pytest.skip("this processor has no bfloat16 in oneDNN")
    assert not np.array_equal(exact(x), rough(x))
    with pytest.raises(ValueError, match="wanted float32 or int8"):
        export_checkpoint(folder / "r18.pth", tmp_path / "no", "onnx", size=SIZE, precision="bfloat16")


@pytest.mark.parametrize("engine", [None, *FORMATS])
def test_predict_and_evaluate_take_an_engine(folder, capsys, engine):
    """A checkpoint with --engine, and a folder: the same table as the checkpoint alone."""
    expected = None
    for weights, options in (
        ("r18.pth", []),
        ("r18.pth", ["--engine", engine or "dygraph"]),
        (engine or "r18.pth", []),
    ):
        arguments = [
            str(folder / "clip.mp4"),
            "--weights",
            str(folder / weights),
            "--size",
            str(SIZE),
            "--json",
            *options,
        ]
        assert main(["predict", *arguments]) == 0
        top = json.loads(capsys.readouterr().out)["top"]
        expected = expected or top
        assert [row["class"] for row in top] == [row["class"] for row in expected]
        np.testing.assert_allclose(
            [row["probability"] for row in top], [row["probability"] for row in expected], rtol=1e-4
        )
        size = [] if weights in FORMATS else ["--size", str(SIZE)]  # a folder knows its own
        arguments = [str(folder / "list.txt"), "--root", str(folder), "--weights", str(folder / weights), *size]
        assert main(["evaluate", *arguments, *options]) == 0
        assert "top-1" in capsys.readouterr().out


@pytest.mark.parametrize("to", FORMATS)
def test_stream_takes_an_export(folder, capsys, to):
    lines = []
    for weights, engine in (("online.pth", []), ("online.pth", ["--engine", to]), (f"step-{to}", [])):
        size = [] if weights.startswith("step") else ["--size", str(SIZE)]  # a folder knows its own
        arguments = [str(folder / "clip.mp4"), "--weights", str(folder / weights), *size, *engine]
        assert main(["stream", *arguments, "--classes", str(folder / "names.txt")]) == 0
        lines.append([line for line in capsys.readouterr().out.splitlines() if "action" in line])
    assert lines[0] == lines[1] == lines[2] and lines[0]
    assert len(read_frames(folder / "clip.mp4", range)) == 12


@pytest.mark.parametrize("to", FORMATS)
def test_a_folder_runs_quietly(folder, to):
    """In a process of its own: not a word beside the table, torch not loaded, and Paddle only for what it runs."""
    words = ["predict", str(folder / "clip.mp4"), "--weights", str(folder / to)]
    shown = "print([m in sys.modules for m in ('paddle', 'torch')])"
    program = f"import sys; from paddle_tsm.cli import main; main({words}); {shown}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == str([to != "onnx", False]) and "action" in done.stdout


@pytest.mark.parametrize("engine", ["dygraph", *FORMATS])
def test_stream_predictor(folder, engine):
    """One call for every engine: the checkpoint's logits, a past of its own for each clone, none after reset()."""
    weights, frames = (
        folder / "online.pth",
        np.random.default_rng(3).standard_normal((4, 2, 3, SIZE, SIZE)).astype("float32"),
    )
    expected = paddle_tsm.load_stream(weights)
    stream = paddle_tsm.StreamPredictor(weights if engine == "dygraph" else folder / f"step-{engine}", threads=1)
    assert stream.engine == engine
    other = stream.clone()
    first = stream.step(frames[0])
    assert compare("logits", expected.step(paddle.to_tensor(frames[0])).numpy(), first, 2e-6).passed
    for frame in frames[1:]:
        fresh = other.step(frame)
        other.reset()
        logits = stream.step(frame)
        assert compare("logits", expected.step(paddle.to_tensor(frame)).numpy(), logits, 2e-6).passed
        assert not np.allclose(fresh, logits, rtol=1e-3)  # it depends on the past
    with pytest.raises(ValueError, match="reset"):
        stream.step(frames[0][:1])
    stream.reset()
    np.testing.assert_array_equal(stream.step(frames[0]), first)
    wrong = frames[0][:, :2] if engine == "dygraph" else frames[0][:, :, :16]
    with pytest.raises(ValueError, match=r"wanted \[N, 3, "):
        stream.step(wrong)


@pytest.mark.parametrize(
    "arguments, said",
    [
        ({"path": "onnx"}, "of whole clips"),
        ({"path": "step-onnx", "engine": "paddle-inference"}, "is an export for"),
        ({"path": "step-onnx", "shift_order": "causal"}, "its options fixed"),
        ({"path": "r18.pth"}, "needs the next frame"),
        ({"path": "r18.pth", "engine": "onnx"}, "needs the next frame"),
        ({"path": "online.pth", "threads": 0}, "threads"),
        ({"path": "online.pth", "engine": "torch"}, "wanted one of"),
    ],
)
def test_streams_that_cannot_be(folder, arguments, said):
    arguments = dict(arguments)
    with pytest.raises(ValueError, match=said):
        paddle_tsm.StreamPredictor(folder / arguments.pop("path"), **arguments)


@pytest.mark.writes_onnx
def test_the_sidecar_says_it_all(folder):
    for to in FORMATS:
        written = json.loads((folder / to / "tsm.json").read_text())
        assert written["input"]["shape"] == ["N*8", 3, SIZE, SIZE] and written["input"]["colour"] == "RGB"
        assert len(written["labels"]) == CLASSES and len(written["checkpoint"]["sha256"]) == 64
        assert set(written["verified"]) == {
            "the checkpoint in Paddle",
            "the checkpoint in PyTorch",
            "the checkpoint without its biases",
        }
        step = read_sidecar(folder / f"step-{to}")
        assert step.kind == "stream" and len(step.cache) == 10


def spoil(folder, to: str, how: str):
    """A copy of an export, damaged."""
    copy = folder / f"spoilt-{to}"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder / to, copy)
    files = {"paddle-inference": ["model.json", "model.pdiparams"], "onnx": ["model.onnx"]}[to]
    for name in files:
        path = copy / name
        if how == "missing":
            path.unlink()
        elif how == "empty":
            path.write_bytes(b"")
        elif how == "cut":
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
        elif how == "text":
            path.write_text("no model")
        elif how == "one bit":
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 1
            path.write_bytes(content)
    if how == "no sidecar":
        (copy / "tsm.json").unlink()
    if how == "sidecar":
        (copy / "tsm.json").write_text("{}")
    return copy


@pytest.mark.parametrize("how", ["missing", "empty", "cut", "text", "one bit", "no sidecar", "sidecar"])
@pytest.mark.parametrize("to", FORMATS)
def test_damaged_exports(folder, capsys, to, how):
    copy = spoil(folder, to, how)
    assert main(["predict", str(folder / "clip.mp4"), "--weights", str(copy)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and f"spoilt-{to}" in error


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["none.pth", "x"], "none.pth"),
        (["r18.pth", "r18.pth"], "is a file"),
        (["r18.pth", "."], "holds files and no export"),
        (["r18.pth", "nowhere/x"], "no such folder"),
        (["r18.pth", "x", "--stream"], "needs the next frame"),
        (["r18.pth", "x", "--classes", "list.txt"], "wanted one for each"),
        (["r18.pth", "x", "--preset", "paddlevideo", "--crops", "ten"], "crops"),
    ],
)
def test_misuse(folder, capsys, monkeypatch, arguments, said):
    monkeypatch.chdir(folder)
    before = sorted(folder.iterdir())
    assert main(["export", *arguments, "--size", str(SIZE)]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and said in error
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    "arguments, said",
    [
        ({"engine": "onnx", "path": "paddle-inference"}, "is an export for"),
        ({"path": "step-onnx"}, "one step of a stream"),
        ({"path": "onnx", "precision": "bfloat16"}, "was exported as float32"),
        ({"path": "r18.pth", "precision": "bfloat16", "engine": "dygraph"}, "precision"),
        ({"path": "r18.pth", "precision": "int8"}, "wanted a list of videos"),
        ({"path": "r18.pth", "threads": 0}, "threads"),
        ({"path": "onnx", "shift_order": "causal"}, "its options fixed"),
        ({"path": "."}, "holds no tsm.json"),
    ],
)
def test_predictors_that_cannot_be(folder, arguments, said):
    arguments = dict(arguments)
    with pytest.raises(ValueError, match=said):
        Predictor(folder / arguments.pop("path"), **arguments)


@pytest.mark.writes_onnx
def test_an_earlier_export_is_replaced_whole(folder, tmp_path):
    target = tmp_path / "again"
    export_checkpoint(folder / "r18.pth", target, "onnx", size=SIZE)
    export_checkpoint(folder / "r18.pth", target, "paddle-inference", size=SIZE)
    assert sorted(path.name for path in target.iterdir()) == ["model.json", "model.pdiparams", "tsm.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["again"]


@pytest.mark.slow
@pytest.mark.parametrize("engine", FORMATS)
def test_eight_threads_and_a_thousand_clips(folder, engine):
    """The same bits as one thread, and no growth: pytest parity_tests/test_export.py -m slow -k thousand"""
    predictor = Predictor(folder / engine, threads=1)
    clips = [np.random.default_rng(i).standard_normal((8, 3, SIZE, SIZE)).astype("float32") for i in range(20)]
    expected, wrong, sizes = [predictor(clip) for clip in clips], [], []

    def work(number, clone):
        for i in range(number, 1000, 8):
            if not np.array_equal(clone(clips[i % 20]), expected[i % 20]):
                wrong.append(i)
            if i % 100 == 0:
                sizes.append(resident())

    threads = [threading.Thread(target=work, args=(i, predictor.clone())) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert sizes[-1] - sizes[2] < 10e6, f"{engine}: grew from {sizes[2] / 1e6:.0f} to {sizes[-1] / 1e6:.0f} MB"


def resident() -> float:
    """Bytes of memory of this process."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
