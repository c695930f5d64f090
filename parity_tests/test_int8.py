"""Networks in 8-bit integers: what they cost in accuracy, and what cannot be calibrated."""

import json
import os

import cv2
import numpy as np
import onnx
import pytest

from paddle_tsm.cli import main
from paddle_tsm.data.clip import views_of
from paddle_tsm.data.clip_reader import ClipReader
from paddle_tsm.data.motion_videos import CLASSES, write_motion_videos
from paddle_tsm.data.presets import preset
from paddle_tsm.demo.material import write_demo_checkpoint
from paddle_tsm.export.calibration import read_clips
from paddle_tsm.export.exporter import export_checkpoint
from paddle_tsm.export.verification import compare_batches, verify_int8
from paddle_tsm.inference.predictor import Predictor
from paddle_tsm.lists.annotations import read_list
from paddle_tsm.networks.families import ARCHITECTURES
from paddle_tsm.networks.network import Network
from paddle_tsm.parity.tolerance import int8_limit
from parity_tests.motion_clips import motion_clip

pytestmark = pytest.mark.writes_onnx
T, SIZE = 4, 32
NETWORK = Network("tsm_resnet10", num_classes=8, num_segments=T)


def clips(count: int, scale: float = 1.0, size: int = SIZE) -> list:
    return [
        (scale * np.random.default_rng(i).standard_normal((T, 3, size, size))).astype("float32") for i in range(count)
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("int8")
    write_demo_checkpoint(folder / "r10.safetensors", NETWORK, "canonical")
    write_motion_videos(folder / "motion", 2, 2)
    arguments = ["--size", str(SIZE), "--num-segments", str(T), "--root", str(folder / "motion")]
    calibrate = ["--precision", "int8", "--calibrate", str(folder / "motion" / "train.txt")]
    assert main(["export", str(folder / "r10.safetensors"), str(folder / "small"), *arguments, *calibrate]) == 0
    export_checkpoint(folder / "r10.safetensors", folder / "whole", "onnx", size=SIZE, options={"num_segments": T})
    return folder


def test_an_exported_network_is_of_integers(folder):
    """Its convolutions' weights are 7 bits wide, its file a quarter as big; tsm.json says on what it was calibrated."""
    model = onnx.load(folder / "small" / "model.onnx")
    kinds = {t.name: t.data_type for t in model.graph.initializer}
    weights = [t for t in model.graph.initializer if kinds[t.name] == onnx.TensorProto.INT8 and len(t.dims) == 4]
    assert len(weights) >= 12  # of ten layers, some in parts
    assert max(np.abs(onnx.numpy_helper.to_array(weight).astype(int)).max() for weight in weights) <= 64
    big, small = ((folder / name / "model.onnx").stat().st_size for name in ("whole", "small"))
    assert small < 0.3 * big
    described = json.loads((folder / "small" / "tsm.json").read_text())
    assert described["precision"] == "int8"
    assert described["calibration"] == {"source": "train.txt", "clips": 13}  # of 16, three are compared on
    assert len(described["verified"]) == 5


def test_its_logits_are_near_and_not_the_same(folder):
    exact, rough = Predictor(folder / "whole"), Predictor(folder / "small", precision="int8")
    x = np.concatenate(clips(6))
    difference = np.sqrt(np.mean((exact(x) - rough(x)) ** 2)) / np.abs(exact(x)).max()
    assert 1e-4 < difference <= int8_limit(10)
    np.testing.assert_array_equal(rough(x), rough.clone()(x))


def test_a_predictor_quantises_a_checkpoint(folder):
    predictor = Predictor(folder / "r10.safetensors", precision="int8", calibration=clips(3), size=SIZE, num_segments=T)
    assert (predictor.engine, predictor.sidecar.precision) == ("onnx", "int8")
    assert predictor.sidecar.calibration == {"source": "arrays", "clips": 3}
    assert predictor(clips(1)[0]).shape == (1, 8)


def test_a_list_gives_one_view_of_each_clip(folder):
    """Of ten crops the first clip gives the first, the second the second, and so on round."""
    pixels = preset("mmaction2", crops="ten", size=SIZE)
    path, root = folder / "motion" / "train.txt", str(folder / "motion")
    found = read_clips(path, NETWORK, pixels, root)
    reader = ClipReader(read_list(path, root=root), pixels, T)
    assert len(found) == 16
    for number in (0, 1, 9, 10, 15):
        views = reader[number][0].reshape(10, T, 3, pixels.test_size, pixels.test_size)
        assert not np.array_equal(views[0], views[1])
        np.testing.assert_array_equal(found[number], views[number % 10])


@pytest.mark.slow
def test_calibration_on_folders_of_frames(folder, tmp_path):
    """The same clips as folders of frames give the same ranges as arrays of their pixels."""
    lines = []
    for number in range(5):
        frames = motion_clip(seed=3, index=number)[0]
        os.makedirs(tmp_path / f"clip{number}")
        for i, frame in enumerate(frames):
            cv2.imwrite(str(tmp_path / f"clip{number}" / f"{i:03d}.png"), frame)
        lines.append(f"clip{number} {len(frames)} 0\n")
    (tmp_path / "list.txt").write_text("".join(lines))
    arguments = [
        "--size",
        str(SIZE),
        "--num-segments",
        str(T),
        "--precision",
        "int8",
        "--calibrate",
        str(tmp_path / "list.txt"),
    ]
    of_frames = ["--root", str(tmp_path), "--form", "frames", "--template", "{:03d}.png", "--first-frame", "0"]
    assert main(["export", str(folder / "r10.safetensors"), str(tmp_path / "x"), *arguments, *of_frames]) == 0
    pixels, seen = Predictor(tmp_path / "x").sidecar.pixels(), []
    for number in range(5):
        frames = [frame[:, :, ::-1] for frame in motion_clip(seed=3, index=number)[0]]
        seen.append(views_of(pixels, [frames[i] for i in pixels.test_sampling(len(frames), T)]))
    export_checkpoint(
        folder / "r10.safetensors",
        tmp_path / "y",
        "onnx",
        size=SIZE,
        precision="int8",
        calibration=seen,
        options={"num_segments": T},
    )
    x = clips(1)[0]
    np.testing.assert_array_equal(Predictor(tmp_path / "x")(x), Predictor(tmp_path / "y")(x))


class Run:
    """What runs a network here: an array of logits."""

    def __init__(self, logits):
        self.logits = np.array(logits, "float32")

    def run(self, clip):
        return self.logits


def test_a_network_that_differs_is_refused():
    """Off by more than the limit, or NaN."""
    exact = np.linspace(-1, 1, 16)[None]
    limit = int8_limit(13)  # stem, four blocks of two, three shortcuts, fc
    near = verify_int8(Run(exact + 0.9 * limit), Run(exact), NETWORK, clips(1))
    assert near.difference == pytest.approx(0.9 * limit, rel=1e-4) and near.also == "the same class in 1 of 1 views"
    for off in (1.1 * limit, np.nan):
        with pytest.raises(ValueError, match="nothing was kept"):
            verify_int8(Run(exact + off), Run(exact), NETWORK, clips(1))


def test_nan_in_a_later_batch_does_not_pass():
    good, bad = np.ones((2, 3), "float32"), np.full((2, 3), np.nan, "float32")
    assert compare_batches([good, good], [good, good], 1e-6, "itself").difference == 0
    for wrong in (bad, np.ones((1, 3), "float32")):
        with pytest.raises(ValueError, match="differs from itself"):
            compare_batches([good, good], [good, wrong], 1e-6, "itself")


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--precision", "int8"], "wanted a list of videos"),
        (["--calibrate", "motion/train.txt"], "which needs none"),
        (["--precision", "int8", "--calibrate", "none.txt"], "none.txt"),
        (["--precision", "int8", "--calibrate", "r10.safetensors"], "r10.safetensors"),
        (["--precision", "int8", "--calibrate", "motion/train.txt"], "clips/"),  # without --root
        (
            ["--precision", "int8", "--to", "paddle-inference", "--calibrate", "motion/train.txt"],
            "wanted float32 or bfloat16",
        ),
        (["--precision", "int8", "--calibrate", "motion/train.txt", "--form", "frames"], "wanted --template"),
        (["--precision", "bfloat16", "--to", "onnx"], "wanted float32 or int8"),
        (
            ["--precision", "int8", "--stream", "--shift-order", "causal", "--calibrate", "motion/train.txt"],
            "wanted float32",
        ),
    ],
)
def test_misuse(folder, capsys, monkeypatch, arguments, said):
    monkeypatch.chdir(folder)
    before = sorted(folder.iterdir())
    assert main(["export", "r10.safetensors", "x", "--size", str(SIZE), *arguments]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and said in error
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    "wrong, said",
    [
        ([], "no clips"),
        (clips(1, size=48), r"wanted \[N\*4, 3, 32, 32\]"),
        ([clips(1)[0][:3]], r"got a clip of shape \[3, 3"),
    ],
)
def test_clips_that_do_not_fit(folder, tmp_path, wrong, said):
    with pytest.raises(ValueError, match=said):
        export_checkpoint(
            folder / "r10.safetensors",
            tmp_path / "x",
            "onnx",
            size=SIZE,
            precision="int8",
            calibration=wrong,
            options={"num_segments": T},
        )


@pytest.mark.slow
@pytest.mark.parametrize("arch", [*ARCHITECTURES, "non-local"])
def test_every_architecture(tmp_path, arch):
    """pytest parity_tests/test_int8.py -m slow -k architecture"""
    options = {"num_segments": T} | ({"non_local": "embedded_gaussian"} if arch == "non-local" else {})
    network = Network("tsm_resnet50" if arch == "non-local" else arch, num_classes=40, **options)
    write_demo_checkpoint(tmp_path / "c.safetensors", network, "canonical")
    calibration = clips(20, size=64)
    _, verified = export_checkpoint(
        tmp_path / "c.safetensors",
        tmp_path / "e",
        "onnx",
        size=64,
        precision="int8",
        calibration=calibration,
        options=options,
    )
    assert 1e-4 < verified[-1].difference <= verified[-1].limit


@pytest.mark.slow
def test_top1_of_every_precision(tmp_path, capsys):
    """On 1,200 generated clips that no training and no calibration saw, at most a point: trains for two minutes.

    pytest parity_tests/test_int8.py -m slow -k top1 -s
    """
    assert main(["demo", "--train", "--out", str(tmp_path)]) == 0
    motion, fresh = tmp_path / "motion", tmp_path / "fresh"
    _, val, _ = write_motion_videos(fresh, 1, 1200 // len(CLASSES), seed=1)
    entries, top1, exports = (
        read_list(val, root=str(fresh)),
        {},
        [("paddle-inference", "float32"), ("paddle-inference", "bfloat16"), ("onnx", "float32"), ("onnx", "int8")],
    )
    for to, precision in exports:
        calibration = {"calibration": motion / "train.txt", "root": str(motion)} if precision == "int8" else {}
        export_checkpoint(
            motion / "tsm" / "last.safetensors", tmp_path / "e", to, size=SIZE, precision=precision, **calibration
        )
        predictor = Predictor(tmp_path / "e")
        reader = ClipReader(entries, predictor.sidecar.pixels(), predictor.network.num_segments)
        right = [predictor(reader[i][0]).argmax() == entries[i].labels[0] for i in range(len(entries))]
        top1[to, precision] = 100 * np.mean(right)
    with capsys.disabled():
        print(
            "\n" + "\n".join(f"{to:18} {precision:10} top-1 {value:.2f} %" for (to, precision), value in top1.items())
        )
    assert top1["onnx", "float32"] == top1["paddle-inference", "float32"] > 95
    assert all(abs(value - top1["onnx", "float32"]) <= 1 for value in top1.values())
