"""Float32 layers computed by oneDNN against the same layers in float64, which Paddle computes itself."""

import os
import subprocess
import sys
import threading
import weakref

import numpy as np
import paddle
import pytest
from paddle.nn import functional as F

from paddle_tsm import runtime
from paddle_tsm.models.create import build
from paddle_tsm.models.layers.activation import SERVED, activated, activated_sum, forked
from paddle_tsm.models.layers.batch_norm import BatchNorm
from paddle_tsm.models.layers.conv_norm import conv_norm
from paddle_tsm.models.layers.convolution import conv
from paddle_tsm.models.layers.max_pool import MaxPool
from paddle_tsm.models.layers.shift import temporal_shift
from paddle_tsm.networks.network import Network
from paddle_tsm.onednn import activation, tensors
from paddle_tsm.onednn.library import Handle, OneDNNError, call, engine, found, new
from paddle_tsm.onednn.primitive import KEPT, contiguous
from paddle_tsm.onednn.tensors import channels_last, is_channels_last

pytestmark = pytest.mark.skipif(found() is None, reason="Paddle's wheel has no oneDNN on this system")
LIMIT = 2e-6  # of the largest value: sums of up to 300 products in float32
CONVOLUTIONS = [(3, 1, 1, False), (3, 2, 1, True), (1, 2, 1, False), (3, 2, 12, True), (5, 1, 6, False)]


@pytest.fixture
def drawn():
    rng = np.random.default_rng(5)
    return lambda *shape: rng.standard_normal(shape).astype("float32")


def apart(compute, arrays, layers=(), exact=None):
    """name -> how far the result, the gradients and the buffers of `compute` in float32 are from those in float64, as a
    fraction of the largest value.

    layers: whose parameters and buffers are compared, too. exact: what is computed in float64, where it is another.
    """
    answers = []
    before = [{name: value.numpy() for name, value in layer.state_dict().items()} for layer in layers]
    for dtype, function in (("float32", compute), ("float64", exact or compute)):
        for layer, state in zip(layers, before, strict=True):
            layer.to(dtype=dtype)
            layer.set_state_dict({name: value.astype(dtype) for name, value in state.items()})
            layer.clear_gradients()
        inputs = [paddle.to_tensor(array.astype(dtype), stop_gradient=False) for array in arrays]
        y = function(*map(channels_last, inputs) if dtype == "float32" else inputs)
        assert is_channels_last(y) or dtype == "float64"
        drawn = np.random.default_rng(7).standard_normal(y.shape).astype("float32")
        (y * paddle.to_tensor(drawn.astype(dtype))).sum().backward()
        values = {"y": y} | {f"gradient of input {number}": x.grad for number, x in enumerate(inputs)}
        for number, layer in enumerate(layers):
            values |= {f"gradient of {number}.{name}": p.grad for name, p in layer.named_parameters()}
            values |= {f"{number}.{name}": buffer for name, buffer in layer.named_buffers()}
        answers.append({name: value.numpy() for name, value in values.items()})
    ours, true = answers
    return {name: float(np.abs(ours[name] - true[name]).max() / (np.abs(true[name]).max() or 1)) for name in true}


def random_norm(channels, drawn):
    """A BatchNorm whose tensors are not those it starts with."""
    norm = BatchNorm(channels)
    for tensor in (norm.weight, norm.bias, norm.running_mean):
        tensor.set_value(drawn(channels))
    norm.running_var.set_value(drawn(channels) ** 2 + 0.5)
    return norm


@pytest.mark.parametrize("kernel, stride, groups, bias", CONVOLUTIONS)
def test_convolution(drawn, kernel, stride, groups, bias):
    layer, x = conv(12, 24, kernel, stride, groups, bias), drawn(3, 12, 9, 10)
    found_apart = apart(layer, [x], [layer])
    assert len(found_apart) == 3 + bias
    assert max(found_apart.values()) < LIMIT, found_apart
    wrong = apart(layer, [x], [layer], exact=lambda x: layer(x[:, :, :, ::-1])[:, :, :, ::-1])
    assert wrong["y"] > 0.1 or kernel == 1


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("act", [None, F.relu])
def test_batch_norm(drawn, training, act):
    norm, x = random_norm(6, drawn), drawn(4, 6, 5, 7) + 0.7
    norm.train() if training else norm.eval()
    convolution = conv(6, 6, 1)

    def compute(x):
        return conv_norm(convolution, norm, x, act)

    found_apart = apart(compute, [x], [convolution, norm])
    assert len(found_apart) == 8
    found_apart.pop("gradient of 0.weight")  # behind a BatchNorm it is what is left of sums that cancel
    assert max(found_apart.values()) < LIMIT, found_apart
    wrong = apart(compute, [x], [convolution, norm], exact=lambda x: activated(norm(convolution(x * 1.001)), act))
    assert max(wrong.values()) > 100 * LIMIT


@pytest.mark.parametrize("act", [*SERVED, None])
def test_activations_and_sums(drawn, act):
    a, b = 3 * drawn(2, 5, 4, 3), 3 * drawn(2, 5, 4, 3)
    assert max(apart(lambda a: activated(a, act), [a]).values()) < LIMIT
    assert max(apart(lambda a, b: activated_sum(a, b, act), [a, b]).values()) < LIMIT
    wrong = apart(lambda a, b: activated_sum(a, b, act), [a, b], exact=lambda a, b: activated_sum(a, 1.01 * b, act))
    assert wrong["y"] > 100 * LIMIT


def test_the_gradient_of_a_fork_is_the_sum_of_both(drawn):
    pool = MaxPool(3, stride=1, padding=1)

    def compute(x):
        one, other = forked(x)
        return activated_sum(pool(one), activated(other, F.hardswish), F.relu)

    found_apart = apart(compute, [drawn(2, 5, 4, 3)])
    assert max(found_apart.values()) < LIMIT, found_apart
    assert apart(compute, [drawn(2, 5, 4, 3)], exact=lambda x: compute(x.detach() + 0 * x))["gradient of input 0"] > 0.1


def test_max_pool(drawn):
    pool = MaxPool(3, stride=2, padding=1)
    assert max(apart(pool, [drawn(2, 5, 9, 8)]).values()) < LIMIT
    other = MaxPool(3, stride=2, padding=0)
    assert apart(pool, [drawn(2, 5, 9, 9)], exact=lambda x: other(F.pad(x, [1, 1, 1, 1])))["y"] > 0.01


@pytest.mark.parametrize("order", ["future_first", "past_first", "causal"])
@pytest.mark.parametrize("frames, div", [(4, 8), (1, 8), (2, 3), (3, 2)])
def test_shift_is_exact(drawn, order, frames, div):
    x = drawn(2 * frames, 16, 3, 2)
    assert max(apart(lambda x: temporal_shift(x, frames, div, order), [x]).values()) == 0
    if frames > 1:
        wrong = apart(
            lambda x: temporal_shift(x, frames, div, order), [x], exact=lambda x: temporal_shift(x, frames, 4, order)
        )
        assert wrong["y"] > 0.1


ARCHITECTURES = ("tsm_resnet10", "tsm_mobilenet_v2", "pptsm_v2", "pptsm_resnet50", "pptsm_mobilenet_v3")


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_evaluation_in_one_pass_gives_what_the_layers_give(arch, drawn, monkeypatch):
    """With a hook on a layer the network runs layer by layer, and without oneDNN by Paddle's own layers."""
    model = build(Network(arch, num_classes=5, num_segments=4))
    for name, buffer in model.named_buffers():
        if "running" in name:
            buffer.set_value(0.1 * drawn(*buffer.shape) + (1.0 if "var" in name else 0.0))
    model.eval()
    x = paddle.to_tensor(drawn(8, 3, 32, 32))
    with paddle.no_grad():
        fused = model(x).numpy()
        seen = []
        hooks = [layer.register_forward_post_hook(lambda *_: seen.append(1)) for layer in model.sublayers()]
        layered = model(x).numpy()
        for hook in hooks:
            hook.remove()
        real = runtime.uses
        monkeypatch.setattr(runtime, "uses", lambda name: name != "onednn" and real(name))
        paddles = model(x).numpy()
        monkeypatch.undo()
        model.to(dtype="float64")
        exact = model(x.astype("float64")).numpy()
    assert len(seen) > 20
    size = np.abs(exact).max()
    limit = max(8 * np.abs(paddles - exact).max() / size, 2e-6)
    assert np.abs(fused - exact).max() / size < limit
    assert np.abs(layered - exact).max() / size < limit
    assert not np.array_equal(fused, paddles)  # so oneDNN did compute it


def test_float64_and_wrong_shapes_are_left_to_paddle(drawn):
    x = paddle.to_tensor(drawn(2, 3, 4, 4))
    assert tensors.serves(x)
    assert not tensors.serves(x.astype("float64"))
    assert not tensors.serves(x[0])
    with pytest.raises(ValueError, match="channel"):
        conv(4, 5, 3)(x)
    with pytest.raises(OneDNNError, match="status"):
        call("engine_create", None, 1, 99)


@pytest.mark.parametrize("without", ["onednn", ""])
def test_the_setting_decides(without):
    code = (
        "import paddle_tsm, paddle; from paddle_tsm.onednn.tensors import serves, is_channels_last\n"
        "from paddle_tsm.models.layers.convolution import conv\n"
        "x = paddle.ones([1, 3, 4, 5]); print(serves(x), is_channels_last(conv(3, 8, 3)(x)))"
    )
    environment = os.environ | {"PADDLE_TSM_WITHOUT": without}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, encoding="utf-8"
    )
    assert done.stdout.split() == [str(without == "")] * 2, done.stderr


def test_two_threads_at_once_get_what_one_gets(drawn):
    layer = conv(16, 16, 3)
    inputs = [paddle.to_tensor(drawn(2, 16, 24, 24)) for _ in range(2)]
    alone = [layer(x).numpy() for x in inputs]
    wrong = []

    def compute(number):
        for _ in range(50):
            if not np.array_equal(layer(inputs[number]).numpy(), alone[number]):
                wrong.append(number)

    threads = [threading.Thread(target=compute, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gradients_of_some_tensors_alone(dtype, training, drawn):
    """`paddle.grad` of any of the tensors gives what `backward` gives for all."""
    model = build(Network("tsm_resnet10", num_classes=5, num_segments=2, dropout=0.0))
    model.train() if training else model.eval()
    model.to(dtype=dtype)
    x = paddle.to_tensor(drawn(4, 3, 32, 32).astype(dtype), stop_gradient=False)
    named = dict(model.named_parameters())

    def loss():
        return F.cross_entropy(model(x), paddle.to_tensor([1, 3]))

    loss().backward()
    expected = {"x": x.grad} | {name: parameter.grad for name, parameter in named.items()}
    choices = [["x"], ["conv1.weight"], ["layer4.0.conv2.weight", "fc.bias"], ["x", *named]]
    if training or dtype == "float32":  # else Paddle's own operator runs, which gives None for its bias alone
        choices.insert(0, ["layer2.0.bn1.bias"])
    for names in choices:
        found = paddle.grad([loss()], [x if name == "x" else named[name] for name in names])
        for name, gradient in zip(names, found, strict=True):
            exact = expected[name].numpy()
            assert (
                np.abs(gradient.numpy() - exact).max() <= (1e-9 if dtype == "float64" else 1e-4) * np.abs(exact).max()
            )
    with pytest.raises(AssertionError):
        np.testing.assert_allclose(found[0].numpy(), 1.01 * expected["x"].numpy(), rtol=1e-3)


@pytest.mark.parametrize("how", ["forward", "backward", "grad"])
def test_a_graph_is_freed(how, drawn):
    """Nothing of a pass is kept when its results are gone: neither by a function's own results nor by its nodes."""
    model = build(Network("tsm_resnet10", num_classes=5, num_segments=2))
    model.train()
    x = paddle.to_tensor(drawn(8, 3, 112, 112), stop_gradient=False)
    pages = []
    for _ in range(8):
        loss = model(x).sum()
        if how == "backward":
            loss.backward()
        if how == "grad":
            paddle.grad([loss], [x, *model.parameters()])
        del loss
        pages.append(int(runtime.read_proc("/proc/self/statm").split()[1]))
    assert pages[-1] - pages[3] < 4096  # of 4 KiB; the maps of one pass alone are about 10,000 pages


def prepare_sums(count, references, counts):
    """Prepares as many computations, which are all alive when their number is added to `counts`."""
    made = [activation.added((1, 2, 1, 1 + number), None) for number in range(count)]
    references.extend(map(weakref.ref, made))
    counts.append(len(made))


def test_what_is_prepared_is_freed(monkeypatch):
    """With its thread, and where newer computations take its place."""
    destroyed, destroy = [], Handle.__del__
    monkeypatch.setattr(Handle, "__del__", lambda handle: (destroyed.append(handle.destroy.__name__), destroy(handle)))
    references, counts = [], []
    thread = threading.Thread(target=prepare_sums, args=(KEPT + 5, references, counts))
    thread.start()
    thread.join()
    assert counts == [KEPT + 5] and not any(reference() for reference in references)
    kinds = ("primitive", "primitive_desc", "memory", "memory_desc")
    assert all(destroyed.count(f"dnnl_{kind}_destroy") >= KEPT for kind in kinds), set(destroyed)
    prepare_sums(KEPT + 5, references, counts)
    assert [reference() is None for reference in references[KEPT + 5 :]] == [True] * 5 + [False] * KEPT


def test_each_object_is_destroyed_by_its_own_function():
    for made in (new("post_ops_create"), new("primitive_attr_create"), contiguous((2, 3)).handle, engine()):
        assert made.destroy is not None
    primitive = activation.added((1, 2, 3, 4), None)
    names = [handle.destroy.__name__ for handle in (primitive.desc, primitive.handle, primitive.bound.memories[0])]
    assert names == ["dnnl_primitive_desc_destroy", "dnnl_primitive_destroy", "dnnl_memory_destroy"]
    copied = Handle(contiguous((2, 3)).handle.value)
    assert copied.destroy is None, "what is not made here is not destroyed"
