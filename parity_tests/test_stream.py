"""The online network a frame at a time: against MIT's recorded one, and against the causal network on whole clips."""

import numpy as np
import paddle
import pytest

import paddle_tsm
from paddle_tsm.cli import main
from paddle_tsm.demo.material import draw_weights, write_demo_checkpoint, write_demo_video
from paddle_tsm.layouts.network_file import interpret
from paddle_tsm.models.create import build
from paddle_tsm.models.load import assign_weights
from paddle_tsm.models.stream import Stream, StreamStep
from paddle_tsm.networks.network import Network
from paddle_tsm.parity.compare import compare
from paddle_tsm.parity.tolerance import TOLERANCES
from paddle_tsm.videos.open_video import count_frames
from parity_tests.recorded import recorded

FLOAT64 = TOLERANCES["float64"].limit
T = 4


def drawn(arch="tsm_resnet18", **options):
    network = Network(arch, num_classes=7, num_segments=T, shift_order="causal", **options)
    return network, draw_weights(network)


def streamed(step: StreamStep, x: np.ndarray, segments: int) -> np.ndarray:
    """Logits [N, T, K] of x [N*T, 3, H, W], frame after frame."""
    stream, clips = Stream(step), paddle.to_tensor(x.reshape(-1, segments, *x.shape[1:]))
    return np.stack([stream.step(clips[:, t]).numpy() for t in range(segments)], axis=1)


def test_mits_online_network():
    vector = recorded("online_mv2_jester")
    found = interpret(vector.checkpoint(), **vector.options())
    x = vector.input().astype("float64")
    step = StreamStep(found.network, found.tensors).to(dtype="float64")
    assert len(step.shifts) == 10  # MIT's ten buffers
    assert compare("logits", vector.outputs["logits_f64"], streamed(step, x, len(x))[0], FLOAT64).passed


EQUALS = [
    *((arch, {"shift_place": place, "shift_div": 4})
      for arch in ("tsm_resnet18", "tsm_resnet50", "tsm_mobilenet_v2", "pptsm_resnet50", "pptsm_mobilenet_v2",
                   "pptsm_mobilenet_v3")
      for place in ("blockres", "block")),
    ("tsm_mobileone_s0", {"shift_div": 4}),  # its first shift moves no colour
    ("tsm_mobileone_s0", {"shift_div": 2, "fused": True}),  # its first shift moves one
]  # fmt: skip


@pytest.mark.parametrize("arch, options", EQUALS)
def test_equals_the_causal_network_on_a_clip(arch, options):
    network, tensors = drawn(arch, **options)
    x = np.random.default_rng(0).standard_normal((2 * T, 3, 64, 64))
    model = assign_weights(build(network), tensors).to(dtype="float64")
    model.eval()
    with paddle.no_grad():
        whole = model.frame_logits(paddle.to_tensor(x)).numpy().reshape(2, T, -1)
    step = StreamStep(network, tensors).to(dtype="float64")
    assert compare("logits", whole, streamed(step, x, T), FLOAT64).passed
    # frames on their own: a stream that forgets is another network
    alone = np.stack([streamed(step, x.reshape(2, T, 3, 64, 64)[:, t], 1)[:, 0] for t in range(T)], axis=1)
    assert compare("first frames", whole[:, 0], alone[:, 0], FLOAT64).passed
    assert not compare("later frames", whole[:, 1:], alone[:, 1:], 1e-3).passed


def test_reset_forgets():
    network, tensors = drawn()
    stream = Stream(StreamStep(network, tensors))
    frames = paddle.to_tensor(np.random.default_rng(1).standard_normal((2, 1, 3, 32, 32)).astype("float32"))
    first, second = (stream.step(frame).numpy() for frame in frames)
    stream.reset()
    assert not np.array_equal(stream.step(frames[1]).numpy(), second)
    stream.reset()
    np.testing.assert_array_equal(stream.step(frames[0]).numpy(), first)


def test_frames_that_do_not_fit():
    network, tensors = drawn()
    stream = Stream(StreamStep(network, tensors))
    with pytest.raises(ValueError, match=r"wanted \[N, 3, H, W\]"):
        stream.step(paddle.zeros([3, 32, 32]))
    stream.step(paddle.zeros([1, 3, 32, 32]))
    with pytest.raises(ValueError, match="reset"):
        stream.step(paddle.zeros([2, 3, 32, 32]))


@pytest.mark.parametrize(
    "options, said",
    [
        ({"shift_order": "future_first"}, "needs the next frame"),
        ({"shift_order": "past_first"}, "needs the next frame"),
        ({"temporal_pool": True}, "temporal pooling"),
        ({"non_local": "gaussian"}, "non-local"),
        ({"shift_segments": 2}, "shift_segments: got 2, but a stream has no groups; wanted None"),
    ],
)
def test_networks_that_need_the_future(options, said):
    network = Network("tsm_resnet50", num_segments=T, **({"shift_order": "causal"} | options))
    with pytest.raises(ValueError, match=said):
        StreamStep(network, {})


def test_a_network_without_shift_streams():
    network = Network("tsm_resnet18", num_classes=3, num_segments=T, is_shift=False)
    assert StreamStep(network, draw_weights(network)).shifts == []


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stream")
    write_demo_video(str(folder / "clip.mp4"), frames=6, size=(96, 64))
    network = Network("tsm_mobilenet_v2", num_classes=5, shift_order="causal")
    write_demo_checkpoint(str(folder / "online.pth"), network, "mit-online")
    write_demo_checkpoint(str(folder / "offline.pth"), Network("tsm_resnet18", num_classes=5))
    (folder / "names.txt").write_text("".join(f"gesture {i}\n" for i in range(5)))
    return folder


def test_command(folder, capsys):
    out = folder / "labelled.mp4"
    clip, weights, names = (str(folder / name) for name in ("clip.mp4", "online.pth", "names.txt"))
    arguments = ["stream", clip, "--weights", weights, "--size", "32", "--classes", names, "--out", str(out)]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "gesture" in printed and "6 frames, " in printed
    assert count_frames(str(out)) == 6


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["clip.mp4", "--weights", "offline.pth"], "needs the next frame"),
        (["clip.mp4", "--weights", "none.pth"], "none.pth"),
        (["none.mp4", "--weights", "online.pth"], "no such video file"),
        (["clip.mp4", "--weights", "online.pth", "--every", "0"], "--every"),
        (["clip.mp4", "--weights", "online.pth", "--classes", "clip.mp4"], "UTF-8"),
        (["clip.mp4", "--weights", "online.pth", "--out", "x.mkv"], "wanted a name that ends in"),
    ],
)
def test_misuse(folder, capsys, monkeypatch, arguments, said):
    monkeypatch.chdir(folder)
    before = sorted(folder.iterdir())
    assert main(["stream", *arguments, "--size", "32"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and said in error
    assert sorted(folder.iterdir()) == before


def test_load_stream_of_a_file(folder):
    stream = paddle_tsm.load_stream(folder / "online.pth")
    assert stream.step(paddle.zeros([1, 3, 32, 32])).shape == [1, 5]
    with pytest.raises(ValueError, match="offline.pth"):
        paddle_tsm.load_stream(folder / "offline.pth")
    assert paddle_tsm.load_stream(folder / "offline.pth", shift_order="causal")  # the caller's own statement
