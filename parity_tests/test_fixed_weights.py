"""What evaluation keeps of weights that never change, and the shift of a stream by oneDNN, in float32."""

import threading

import numpy as np
import paddle
import pytest

import paddle_tsm
from paddle_tsm.demo.material import draw_weights, write_demo_checkpoint
from paddle_tsm.inference.predictor import Predictor
from paddle_tsm.inference.stream_predictor import StreamPredictor
from paddle_tsm.models.create import build
from paddle_tsm.models.layers.convolution import Convolution, fix_weights
from paddle_tsm.models.load import assign_weights
from paddle_tsm.models.stream import RememberingShift, Stream, StreamStep
from paddle_tsm.networks.network import Network
from paddle_tsm.onednn import fixed_weights, inference
from paddle_tsm.onednn.library import found
from paddle_tsm.onednn.primitive import kept_per_thread
from paddle_tsm.onednn.tensors import channels_last, is_channels_last

pytestmark = pytest.mark.skipif(found() is None, reason="Paddle's wheel has no oneDNN on this system")
ARCHITECTURES = ("tsm_resnet18", "tsm_mobilenet_v2", "pptsm_mobilenet_v3", "tsm_mobileone_s0")


def a_model(arch="tsm_resnet18", **options):
    network = Network(arch, num_classes=5, num_segments=4, **options)
    model = assign_weights(build(network), draw_weights(network))
    model.eval()
    return model


@pytest.fixture
def frames():
    return np.random.default_rng(3).standard_normal((8, 3, 48, 48)).astype("float32")


def logits(model, x):
    with paddle.no_grad():
        return model(paddle.to_tensor(x)).numpy()


@pytest.fixture
def reorders(monkeypatch):
    """A list with an entry for each weight that is brought into oneDNN's order in evaluation."""
    made = []

    class Counted(inference.Reorder):
        def __call__(self, source, target):
            made.append(source)
            super().__call__(source, target)

    monkeypatch.setattr(inference, "Reorder", Counted)
    uncached = kept_per_thread(inference.Fused)  # without those that are prepared already
    for module in (inference, fixed_weights):
        monkeypatch.setattr(module, "fused", uncached)
    return made


def apart(ours, exact):
    """The largest difference, as a fraction of the largest value."""
    return np.abs(ours - exact).max() / np.abs(exact).max()


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_as_near_as_a_model_whose_weights_are_not_fixed(arch, frames):
    """To float64. Also where the shape of x changes, which may change the order that oneDNN wants, and comes again."""
    model, fixed, exact = a_model(arch), a_model(arch), a_model(arch)
    exact.to(dtype="float64")
    fix_weights(fixed)
    assert any(layer.fixed is not None for layer in fixed.sublayers() if isinstance(layer, Convolution))
    for x in (frames, frames, frames[:4], frames[:, :, :33, :40], frames):
        true = logits(exact, x.astype("float64"))
        assert apart(logits(fixed, x), true) < 2 * apart(logits(model, x), true) + 2e-7
    other = a_model(arch)
    other.set_state_dict({key: value * 1.001 if "running_var" in key else value for key, value in a_state(other)})
    fix_weights(other)
    assert apart(logits(other, frames), logits(exact, frames.astype("float64"))) > 1e-5


def a_state(model):
    """The model's tensors by name."""
    return [(key, value.numpy()) for key, value in model.state_dict().items()]


def test_more_shapes_than_are_kept(frames):
    """The same bits when a shape comes again whose calls are no longer kept."""
    model = a_model("tsm_resnet10")
    fix_weights(model)
    shapes = range(32, 32 + 2 * fixed_weights.SHAPES, 2)
    first = [logits(model, frames[:, :, :size]) for size in shapes]
    for size, expected in list(zip(shapes, first)) * 2:
        assert np.array_equal(logits(model, frames[:, :, :size]), expected)
    kept = model.conv1.fixed
    assert len(kept._calls.prepared) == fixed_weights.SHAPES and len(kept._folded) < 4


def test_a_gradient_is_wanted_of_fixed_weights(frames):
    """Then they are used as they are, also where a call without a gradient came before."""
    model, free = a_model(), a_model()
    fix_weights(model)
    logits(model, frames)
    gradients = []
    for one in (model, free):
        x = paddle.to_tensor(frames, stop_gradient=False)
        one(x).sum().backward()
        gradients.append(x.grad.numpy())
    assert np.array_equal(*gradients) and np.abs(gradients[0]).max() > 0


def test_a_weight_is_reordered_once_for_each_order(frames, reorders):
    model = a_model()
    for count in (1, 2):  # at each call, as long as nothing is fixed
        logits(model, frames)
        assert len(reorders) == count * 20
    fix_weights(model)
    reorders.clear()
    for _ in range(3):
        logits(model, frames)
    assert len(reorders) == 20


def test_what_a_training_changes_counts(frames):
    """A model that a program can reach is not fixed: an optimizer leaves no trace by which a change is noticed."""
    model = a_model()
    before = logits(model, frames)
    weight = model.conv1.weight
    version, optimizer = weight.inplace_version, paddle.optimizer.SGD(0.1, parameters=model.parameters())
    model(paddle.to_tensor(frames)).sum().backward()
    optimizer.step()
    assert weight.inplace_version == version
    after = logits(model, frames)
    assert not np.array_equal(after, before)
    rebuilt = a_model()
    rebuilt.set_state_dict({name: value.numpy() for name, value in model.state_dict().items()})
    assert np.array_equal(logits(rebuilt, frames), after)


def test_threads_share_them(frames, tmp_path):
    """Each thread has primitives of its own; the weights are one memory."""
    checkpoint = str(tmp_path / "w.safetensors")
    write_demo_checkpoint(checkpoint, Network("tsm_mobilenet_v2", num_classes=5, num_segments=4), "canonical")
    predictor = Predictor(checkpoint)
    expected, found_in_threads = predictor(frames), []

    def run(clone):
        for x in (frames, frames[:, :, :40, :40], frames):
            last = clone(x)
        found_in_threads.append(last)

    threads = [threading.Thread(target=run, args=(predictor.clone(),)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found_in_threads) == 3
    assert all(np.array_equal(each, expected) for each in found_in_threads)


@pytest.mark.parametrize("div", [1, 4, 8])
@pytest.mark.parametrize("is_contiguous", [False, True])
def test_the_shift_of_a_stream_is_exact(div, is_contiguous):
    """is_contiguous: of the remembered fold, as a program may give it back."""
    frames = [np.random.default_rng(n).standard_normal((2, 8, 3, 5)).astype("float32") for n in range(3)]
    shift, previous = RememberingShift(div), np.zeros_like(frames[0])
    with paddle.no_grad():
        for x in frames:
            out = shift(channels_last(paddle.to_tensor(x)))
            if is_contiguous:
                shift.remember(shift.previous.contiguous())
            end = 8 // div
            assert is_channels_last(out)
            assert np.array_equal(out.numpy(), np.concatenate([previous[:, :end], x[:, end:]], axis=1))
            previous = x


def test_the_gradient_of_a_stream_is_left_to_paddle():
    shift = RememberingShift(4)
    x = paddle.to_tensor(np.ones((1, 8, 2, 2), "float32"), stop_gradient=False)
    shift(channels_last(x))
    shift(channels_last(x)).sum().backward()
    assert np.array_equal(x.grad.numpy(), np.ones((1, 8, 2, 2), "float32"))


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_a_stream_with_fixed_weights_is_one_without(arch, frames, tmp_path):
    network = Network(arch, num_classes=5, num_segments=4, shift_order="causal")
    checkpoint = str(tmp_path / "w.safetensors")
    write_demo_checkpoint(checkpoint, network, "canonical")
    fixed = StreamPredictor(checkpoint, shift_order="causal")
    free = paddle_tsm.load_stream(checkpoint, shift_order="causal")
    others = Stream(StreamStep(network, draw_weights(network, seed=1)))
    for x in frames:
        expected = free.step(paddle.to_tensor(x[None])).numpy()
        assert apart(fixed.step(x[None]), expected) < 3e-6
        assert apart(others.step(paddle.to_tensor(x[None])).numpy(), expected) > 1e-2
