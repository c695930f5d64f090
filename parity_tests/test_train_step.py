"""A training step of either package: accumulation, and one curve that is handed from framework to framework."""

from functools import partial

import numpy as np
import pytest

from paddle_tsm.networks.layers import BATCH_NORM_TENSORS
from paddle_tsm.training.blending import mixup
from paddle_tsm.training.schedule import LinearLR, MultiStepLR, learning_rates
from parity_tests.packages import PADDLE, TORCH

T, CLASSES = 2, 5
PACKAGES = pytest.mark.parametrize("package", [PADDLE, TORCH])


def new_model(package, seed=0, **options):
    """The first half of a ResNet-18-TSM, which is quicker, in float64 and training mode, from the seed."""
    model = package.create_model("tsm_resnet18", num_classes=CLASSES, num_segments=T, dropout=0.0, **options)
    model.stage_ends = {name: model.stage_ends[name] for name in ("layer1", "layer2")}
    del model.layer3, model.layer4
    model.fc = type(model.fc)(128, CLASSES)
    model = model.to(dtype="float64") if package is PADDLE else model.double()
    package.initial_weights.initialise(model, seed)
    model.train()
    return model


def batch(step, clips=4, size=32):
    rng = np.random.default_rng(step)
    return rng.standard_normal((clips * T, 3, size, size)), rng.integers(0, CLASSES, clips)


def layers(model):
    return model.sublayers() if hasattr(model, "sublayers") else model.modules()


def tensors(model):
    """Every tensor under its canonical name, in PyTorch's orientation."""
    arrays = {name: np.array(tensor.numpy()) for name, tensor in model.state_dict().items()}
    return {n: a.T if n == "fc.weight" and hasattr(model, "sublayers") else a for n, a in arrays.items()}


def worst(a, b):
    assert a.keys() == b.keys()
    return max(np.abs(a[name] - b[name]).max() / max(np.abs(b[name]).max(), 1e-300) for name in a if np.any(b[name]))


def split(x, target, sizes):
    ends = np.cumsum([0, *sizes])
    return [(x[a * T : b * T], target[a:b]) for a, b in zip(ends, ends[1:])]


@PACKAGES
@pytest.mark.parametrize("sizes", [(2, 2, 2), (1, 5), (3, 2, 1)])
@pytest.mark.parametrize("soft", [False, True])
def test_accumulated_batches_are_the_full_batch(package, sizes, soft):
    """With the BatchNorms frozen, whose statistics would be each batch's own."""

    def two_steps(sizes, frozen=True):
        model = new_model(package)
        for layer in layers(model):
            if frozen and type(layer).__name__ == "BatchNorm":
                layer.eval()
        optimizer = package.optim.tsm_sgd(model, max_norm=0.5)
        results = []
        for step in range(2):
            x, target = batch(step, 6)
            x, target = mixup(x, target, CLASSES, np.random.default_rng(step)) if soft else (x, target)
            loss_fn = partial(package.loss.cross_entropy, label_smoothing=0.1)
            results.append(package.train_step.train_step(model, optimizer, split(x, target, sizes), loss_fn))
        return model, results

    (full, expected), (model, found) = two_steps((6,)), two_steps(sizes)
    for a, b in zip(found, expected):
        assert a.loss == pytest.approx(b.loss, rel=1e-12) and a.grad_norm == pytest.approx(b.grad_norm, rel=1e-10)
        np.testing.assert_allclose(a.logits, b.logits, rtol=0, atol=1e-12 * np.abs(b.logits).max())
    assert expected[0].grad_norm > 0.5  # so that the clip acts, once a step
    assert worst(tensors(model), tensors(full)) < 1e-11
    assert worst(tensors(two_steps(sizes, frozen=False)[0]), tensors(two_steps((6,), frozen=False)[0])) > 1e-6


def train(package, model, optimizer, steps):
    """Losses, norms and logits of these steps, with a schedule."""
    rates = learning_rates(0.02, [LinearLR(start_factor=0.1, end=4), MultiStepLR(milestones=(6,))], 9, 1)[:, 0]
    results = []
    for step in steps:
        optimizer.set_lr(rates[step])
        results.append(package.train_step.train_step(model, optimizer, [batch(step)], package.loss.cross_entropy))
    return results


@pytest.mark.parametrize("kind", ["tsm_sgd", "tsm_adamw"])
def test_one_curve_from_framework_to_framework(kind):
    """PyTorch, Paddle, PyTorch, three steps each, against PyTorch alone: losses, norms, logits and every tensor."""
    alone = new_model(TORCH)
    expected = train(TORCH, alone, getattr(TORCH.optim, kind)(alone), range(9))

    def relay(keep_state):
        found, arrays, state = [], tensors(new_model(TORCH)), None
        for package, steps in ((TORCH, range(3)), (PADDLE, range(3, 6)), (TORCH, range(6, 9))):
            model = new_model(package, seed=1)
            package.load.assign_weights(model, arrays)
            optimizer = getattr(package.optim, kind)(model)
            if state is not None and keep_state:
                optimizer.load_state_dict(state)
            found += train(package, model, optimizer, steps)
            arrays, state = tensors(model), optimizer.state_dict()
        return found, arrays

    found, arrays = relay(keep_state=True)
    limit = 1e-12 if kind == "tsm_sgd" else 1e-9  # AdamW divides by the root of a gradient, however small it is
    for a, b in zip(found, expected):
        assert a.loss == pytest.approx(b.loss, rel=limit) and a.grad_norm == pytest.approx(b.grad_norm, rel=limit)
        np.testing.assert_allclose(a.logits, b.logits, rtol=0, atol=limit * np.abs(b.logits).max())
    assert worst(arrays, tensors(alone)) < limit
    assert worst(relay(keep_state=False)[1], tensors(alone)) > 1e-6


@PACKAGES
def test_result_is_of_the_step(package):
    model = new_model(package)
    optimizer = package.optim.tsm_sgd(model)
    x, target = batch(0)
    x = x.astype("float32")
    result = package.train_step.train_step(model, optimizer, [(x, target)], package.loss.cross_entropy)
    assert type(result.loss) is float and type(result.grad_norm) is float
    assert result.logits.shape == (4, CLASSES) and result.logits.dtype == np.float64  # x is cast to the weights' dtype
    assert result.loss == pytest.approx(np.log(CLASSES), abs=0.1)  # the classifier starts near 0
    with pytest.raises(ValueError, match="no batches"):
        package.train_step.train_step(model, optimizer, [], package.loss.cross_entropy)


@PACKAGES
def test_partial_bn_leaves_all_but_the_first_and_the_non_local_ones(package):
    """The non-local blocks' BatchNorm is a BatchNorm3d in MIT's and mmaction2's networks, which freeze BatchNorm2d."""
    model = new_model(package, partial_bn=True, non_local={"blocks": ((2, 1),)})
    before = tensors(model)
    train(package, model, package.optim.tsm_sgd(model), range(2))
    after = tensors(model)
    batch_norms = {name for name in before if ".bn" in f".{name}" or "downsample.1" in name or ".norm." in name}
    changed = {name for name in batch_norms if (before[name] != after[name]).any()}
    assert changed == {
        f"{norm}.{tensor}" for norm in ("bn1", "layer2.1.non_local.norm") for tensor in BATCH_NORM_TENSORS
    }


@PACKAGES
def test_a_flipped_view_is_a_batch(package):
    """NumPy flips by negative strides, which no framework takes as they are."""
    x, target = batch(0)
    results = []
    for clip in (x[..., ::-1], x[..., ::-1].copy()):
        model = new_model(package)
        optimizer = package.optim.tsm_sgd(model)
        results.append(package.train_step.train_step(model, optimizer, [(clip, target)], package.loss.cross_entropy))
    np.testing.assert_array_equal(results[0].logits, results[1].logits)
