"""Training goes on in Paddle from every kind of optimizer file that mmaction2 and MIT write."""

import numpy as np
import pytest
import torch

import paddle_tsm
import paddle_tsm.training.loss
import paddle_tsm.training.train_step
from paddle_tsm.checkpoint import CheckpointError
from parity_tests.upstream_training import DECAY, LR, MAX_NORM, MOMENTUM, Kind, Training, batch

LIMIT = 1e-10

KINDS = {
    "mmaction2": Kind("mmaction2_r18_t8", "mmaction2"),
    "mmaction2, no fc_lr5": Kind("mmaction2_r18_t8", "mmaction2", fc_lr5=False),
    "mmaction2, partial BatchNorm": Kind("mmaction2_r18_t8", "mmaction2", partial_bn=True),
    "mmaction2, non-local": Kind("mmaction2_r50_t8_nl_embedded", "mmaction2"),
    "mmaction2, non-local, partial BatchNorm": Kind("mmaction2_r50_t8_nl_embedded", "mmaction2", partial_bn=True),
    "mmaction2, MobileNetV2": Kind("mmaction2_mv2_t8", "mmaction2"),
    "mmaction2, 101 layers": Kind("mmaction2_r101_t8", "mmaction2"),
    "MIT, partial BatchNorm (its default)": Kind("mit_r18_t8", "mit", partial_bn=True),
    "MIT, --npb": Kind("mit_r18_t8", "mit"),
    "MIT, partial BatchNorm, no fc_lr5": Kind("mit_r18_t8", "mit", fc_lr5=False, partial_bn=True),
    "MIT, --npb, no fc_lr5": Kind("mit_r18_t8", "mit", fc_lr5=False),
    "MIT, --non_local --npb": Kind("mit_r50_t8_dense_nl", "mit"),
    "MIT, MobileNetV2, partial BatchNorm": Kind("mit_mv2_t8", "mit", partial_bn=True),
    "MIT, 101 layers, partial BatchNorm": Kind("mit_r101_t8", "mit", partial_bn=True),
    "one group": Kind("mmaction2_r18_t8", "one group"),
    "a group for each parameter": Kind("mmaction2_r18_t8", "a group each"),
    "non-local, one group": Kind("mit_r50_t8_dense_nl", "one group"),
    "temporal pool": Kind("mit_r50_t8_tpool", "mit", partial_bn=True),
    "shift before the whole block, no fc_lr5": Kind("mmaction2_r50_t8_block", "mmaction2", fc_lr5=False),
    "non-local, gaussian, no fc_lr5": Kind("mmaction2_r50_t8_nl_gaussian", "mmaction2", fc_lr5=False),
}
QUICK = {name for name, kind in KINDS.items() if "r18" in kind.vector}


def next_step(training: Training, path, state):
    """The third step in Paddle, from the file's weights: the largest difference to PyTorch's third step."""
    kind = training.kind
    model = paddle_tsm.create_model(training.arch, **training.options).to(dtype="float64")
    paddle_tsm.load_pretrained(model, path, num_segments=training.options["num_segments"])
    model.train()
    optimizer = paddle_tsm.optim.tsm_sgd(model, 0.5, MOMENTUM, DECAY, fc_lr5=kind.fc_lr5, max_norm=MAX_NORM)
    if state:
        optimizer.load_state_dict(state)
    else:
        optimizer.set_lr(LR)
    if kind.rule not in ("mmaction2", "mit"):
        for group in optimizer.param_groups:  # one rate and one decay for all
            group["lr"], group["weight_decay"] = LR, DECAY
    paddle_tsm.training.train_step.train_step(model, optimizer, [batch(2)], paddle_tsm.training.loss.cross_entropy)
    theirs, worst = training.reference.state_dict(), 0.0
    for name, tensor in model.state_dict().items():
        ours = tensor.numpy()
        ours = ours.T if name in ("fc.weight", "classifier.1.weight") else ours
        worst = max(worst, np.abs(ours - theirs[name].numpy()).max())
    return worst


@pytest.mark.parametrize(
    "name", [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in KINDS]
)
def test_next_step_is_pytorchs(tmp_path, name):
    """Two steps in PyTorch, the file, the third step in both: the same weights and statistics."""
    training, path = Training(KINDS[name]), tmp_path / "ckpt.pth.tar"
    training.step(0), training.step(1)
    training.save(path)
    training.step(2)
    state = paddle_tsm.read_optimizer(path, num_segments=2)
    assert state["lr"] == LR
    assert len(state["state"]) == sum(bool(held) for held in training.sgd.state_dict()["state"].values())
    difference = next_step(training, path, state)
    sizes = [len(group["params"]) for group in training.sgd.param_groups]
    shown = f"{len(sizes)} groups" if len(sizes) > 8 else "+".join(map(str, sizes))
    print(f"{name:45} {shown:25} {difference:.1e}")
    assert difference < LIMIT
    assert next_step(training, path, None) > 1e-6, "without the momentum the step would be the same"


def test_every_momentum_is_its_own_parameters(tmp_path):
    """MIT's non-local network with partial BatchNorm, where even the non-local blocks' BatchNorms have no momentum: g,
    theta and phi have one shape, so that only their order tells them apart.
    """
    training, path = Training(Kind("mit_r50_t8_dense_nl", "mit", partial_bn=True)), tmp_path / "ckpt.pth.tar"
    training.step(0)
    training.save(path)
    held = {id(parameter): state["momentum_buffer"].numpy() for parameter, state in training.sgd.state.items()}
    expected = {
        name: held[id(parameter)] for name, parameter in training.reference.named_parameters() if id(parameter) in held
    }
    found = paddle_tsm.read_optimizer(path)["state"]
    assert found.keys() == expected.keys() and not any(".norm." in name for name in found)
    assert all(np.array_equal(found[name]["momentum_buffer"], expected[name]) for name in expected)


def saved(tmp_path, kind: Kind, change):
    """The path of a checkpoint of this kind after one step; `change(file)` changes it."""
    training, path = Training(kind), tmp_path / "ckpt.pth.tar"
    training.step(0)
    training.save(path)
    file = torch.load(path, weights_only=True)
    change(file)
    torch.save(file, path)
    return path


def test_of_another_network(tmp_path):
    """The groups' sizes fit, a shape does not: the tensor is named, and whose groups were taken for it."""

    def swap(file):
        state = file["optimizer"]["state"]
        state[0], state[1] = state[1], state[0]

    path = saved(tmp_path, KINDS["MIT, partial BatchNorm (its default)"], swap)
    with pytest.raises(
        CheckpointError, match=r"conv1.weight has the shape .* \(as MIT's groups with the first BatchNorm"
    ):
        paddle_tsm.read_optimizer(path)


def test_of_nobodys_groups(tmp_path):
    """Two groups, as no system makes them: one line with what was found and what was tried."""

    def regroup(file):
        groups = file["optimizer"]["param_groups"]
        numbers = [n for group in groups for n in group["params"]]
        file["optimizer"]["param_groups"] = [groups[0] | {"params": numbers[:30]}, groups[1] | {"params": numbers[30:]}]

    path = saved(tmp_path, KINDS["mmaction2"], regroup)
    with pytest.raises(CheckpointError) as error:
        paddle_tsm.read_optimizer(path)
    text = str(error.value)
    assert "62 parameters, the network 62; its groups have 30, 32 parameters" in text and "\n" not in text
    assert (
        "mmaction2's groups without fc_lr5, MIT's groups without fc_lr5; with every BatchNorm, the first BatchNorm"
        in text
    )


def test_keys_in_another_order(tmp_path):
    """A file whose keys were sorted: upstream's rule still says how its optimizer was numbered."""

    def sort(file):
        file["state_dict"] = dict(sorted(file["state_dict"].items()))

    path = saved(tmp_path, KINDS["MIT, --non_local --npb"], lambda file: None)
    expected = paddle_tsm.read_optimizer(path)["state"]
    found = paddle_tsm.read_optimizer(saved(tmp_path, KINDS["MIT, --non_local --npb"], sort))["state"]
    assert found.keys() == expected.keys()
    assert all(np.array_equal(found[n]["momentum_buffer"], expected[n]["momentum_buffer"]) for n in expected)


def test_no_momentum_yet(tmp_path):
    """PyTorch before 2.1 writes None for what has none."""

    def forget(file):
        file["optimizer"]["state"] = {n: {"momentum_buffer": None} for n in file["optimizer"]["state"]}

    state = paddle_tsm.read_optimizer(saved(tmp_path, KINDS["mmaction2"], forget))
    assert state == {"algorithm": "sgd", "lr": LR, "state": {}}


@pytest.mark.parametrize("key", ["optimizer_state_dict", "optimizer_states"])
def test_under_another_key(tmp_path, key):
    """Where other training programs keep it."""

    def move(file):
        optimizer = file.pop("optimizer")
        file[key] = [optimizer] if key.endswith("s") else optimizer

    assert len(paddle_tsm.read_optimizer(saved(tmp_path, KINDS["mmaction2"], move))["state"]) == 62


def test_in_a_file_of_its_own(tmp_path):
    """torch.save of the optimizer alone."""
    alone = tmp_path / "optimizer.pth"
    path = saved(tmp_path, KINDS["mmaction2"], lambda file: torch.save(file.pop("optimizer"), alone))
    assert len(paddle_tsm.read_optimizer(path, alone)["state"]) == 62
