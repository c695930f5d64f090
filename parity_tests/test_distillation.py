"""A student and a teacher that learn from each other: a whole step against plain PyTorch, and all that a training does
with the second network.
"""

import numpy as np
import paddle
import pytest
import torch
from torch.nn.functional import cross_entropy

import paddle_tsm
import torch_ref
from paddle_tsm.checkpoint import read_checkpoint
from paddle_tsm.cli import main
from paddle_tsm.demo.material import write_demo_checkpoint
from paddle_tsm.evaluation.paddle_run import run_of
from paddle_tsm.evaluation.score import score_clips
from paddle_tsm.networks.network import Network
from paddle_tsm.processes.processes import Processes
from paddle_tsm.training import loop, train_step, weight_update
from paddle_tsm.training.dropout_mask import dropout_mask
from paddle_tsm.training.framework import framework_named
from paddle_tsm.training.job import TrainingJob
from paddle_tsm.training.recipe import Recipe
from paddle_tsm.training.session import Session
from paddle_tsm.training.validate import loss_of_scores
from paddle_tsm.training.weight_update import update_weights
from parity_tests.small_training import (
    CLASSES,
    T,
    apart,
    arguments,
    clips,
    entries,
    leftovers,
    rows,
    samples,
    small_recipe,
    train_small,
    weights,
)
from parity_tests.test_processes import MORE, TWO, launch, listed
from torch_ref.load import assign_weights

__all__ = ["clips", "listed"]  # the fixtures
BOTH = {"arch": "tsm_resnet10", "teacher": "tsm_resnet18"}
LR, NORM, DECAY = 0.05, 0.5, 1e-3
STEP = BOTH | {"dtype": "float64", "mixup": 0.4, "max_norm": NORM, "weight_decay": DECAY, "nesterov": True}


def divergence(x, target):
    """PaddleVideo's DistillationDMLLoss (distillation_loss.py ed245e9)."""
    p, q = torch.softmax(x, -1), torch.softmax(target, -1)
    both = q * torch.log((q + 1e-12) / (p + 1e-12)) + p * torch.log((p + 1e-12) / (q + 1e-12))
    return torch.mean(x.shape[-1] * both / 2)


def groups_of(model: torch.nn.Module) -> list[dict]:
    """The parameters of a ResNet with TSM's rates and decays."""
    norms = {id(p) for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d) for p in m.parameters()}
    rest = [p for name, p in model.named_parameters() if id(p) not in norms and not name.startswith("fc.")]
    return [
        {"params": rest, "lr": LR, "weight_decay": DECAY},
        {"params": [p for p in model.parameters() if id(p) in norms], "lr": LR, "weight_decay": 0},
        {"params": [model.fc.weight], "lr": 5 * LR, "weight_decay": DECAY},
        {"params": [model.fc.bias], "lr": 10 * LR, "weight_decay": 0},
    ]


def plain_step(recipe: Recipe, tensors: list[dict], x, target) -> tuple[float, list, list[dict]]:
    """A step of student and teacher in PyTorch: (loss, both logits, both networks' tensors after it)."""
    models = []
    for arch, found, seed in zip((recipe.arch, recipe.teacher), tensors, (recipe.seed, recipe.seed + 1)):
        model = torch_ref.create_model(arch, num_classes=CLASSES, num_segments=T).double().train()
        assign_weights(model, found)
        mask = dropout_mask([(0, i) for i in range(len(target))], seed, (T, 512), 0.5)
        model.dropout.use_mask(torch.from_numpy(mask).double())
        models.append(model)
    student, teacher = (model(torch.from_numpy(x)) for model in models)
    wanted = torch.from_numpy(target)
    loss = cross_entropy(student, wanted) + cross_entropy(teacher, wanted) + divergence(student, teacher)
    loss.backward()
    parameters = [p for model in models for p in model.parameters()]
    assert torch.nn.utils.clip_grad_norm_(parameters, NORM) > 2 * NORM  # the clip acts
    groups = [group for model in models for group in groups_of(model)]
    torch.optim.SGD(groups, lr=LR, momentum=0.9, nesterov=True).step()
    after = [{name: tensor.numpy(force=True) for name, tensor in model.state_dict().items()} for model in models]
    return loss.item(), [student.detach().numpy(), teacher.detach().numpy()], after


def our_step(framework: str = "paddle"):
    """The same step by `update_weights`, and what `plain_step` needs: (result, before, after, inputs)."""
    recipe = small_recipe(**STEP)
    session = Session(recipe, "", framework=framework_named(framework))
    before = [session.framework.canonical(model) for model, _ in session.networks]
    before = [{name: np.array(array) for name, array in tensors.items()} for tensors in before]
    seen, outputs = [], []
    for model, _ in session.networks:
        hook = model.register_forward_post_hook if framework == "paddle" else model.register_forward_hook
        hook(lambda layer, given, output: outputs.append(output.detach().numpy()))
    own = session.framework.add_mutual_gradients

    def watched(model, teacher, recipe, x, target, clips):
        seen.append((np.array(x, "float64"), target))
        return own(model, teacher, recipe, x, target, clips)

    session.framework.add_mutual_gradients = watched
    result = update_weights(session, samples(4), Processes(), LR)
    after = [session.framework.canonical(model) for model, _ in session.networks]
    return recipe, (result, outputs), before, after, seen[0]


@pytest.mark.parametrize("framework", ["paddle", "torch"])
def test_a_step_is_plain_pytorchs(framework):
    """In float64: the loss, both logits, and every weight and buffer of both networks after the step."""
    recipe, (result, outputs), before, after, inputs = our_step(framework)
    assert ((inputs[1] > 0) & (inputs[1] < 1)).any()  # mixup's
    loss, logits, expected = plain_step(recipe, before, *inputs)
    assert result.loss == pytest.approx(loss, rel=1e-9)
    for found, wanted in zip(outputs, logits):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-9 * np.abs(wanted).max())
    for was, found, wanted in zip(before, after, expected):
        assert apart(found, wanted) < 1e-9
        assert apart(was, found) > 1e-3


def without_divergence(monkeypatch):
    monkeypatch.setattr(train_step, "mutual_divergence", lambda logits, others: 0 * logits.sum())


def with_a_fixed_teacher(monkeypatch):
    own = train_step.mutual_divergence
    monkeypatch.setattr(train_step, "mutual_divergence", lambda logits, others: own(logits, others.detach()))


def clipped_apart(monkeypatch):
    def each(parameters, max_norm):
        ours = {id(p) for p in parameters[: len(parameters) // 3]}
        parts = [[p for p in parameters if (id(p) in ours) == wanted] for wanted in (True, False)]
        return sum(float(own(part, max_norm)) for part in parts)

    own = paddle_tsm.training.paddle_framework.clip_gradients
    monkeypatch.setattr("paddle_tsm.training.paddle_framework.clip_gradients", each)


def one_seed(monkeypatch):
    own = weight_update.dropout_mask
    monkeypatch.setattr(weight_update, "dropout_mask", lambda keys, seed, *rest: own(keys, 3, *rest))


@pytest.mark.parametrize("fault", [without_divergence, with_a_fixed_teacher, clipped_apart, one_seed])
def test_a_wrong_step_is_told(fault, monkeypatch):
    fault(monkeypatch)
    recipe, _, before, after, inputs = our_step()
    _, _, expected = plain_step(recipe, before, *inputs)
    assert max(apart(found, wanted) for found, wanted in zip(after, expected)) > 1e-6


def test_parts_of_a_batch_are_the_batch():
    """With frozen BatchNorms, whose statistics would be each part's own."""

    def after(accumulate):
        session = Session(small_recipe(**STEP | {"mixup": 0, "frozen_bn": True, "accumulate": accumulate}), "")
        loss = update_weights(session, samples(6), Processes(), LR).loss
        return loss, [session.framework.canonical(model) for model, _ in session.networks]

    (whole, expected), (loss, found) = after(1), after(3)
    assert loss == pytest.approx(whole, rel=1e-12)
    assert all(apart(a, b) < 1e-11 for a, b in zip(found, expected))


def test_two_equal_architectures_draw_apart():
    """Weights and masks: else both would stay equal and their divergence 0."""
    session = Session(small_recipe(arch="tsm_resnet10", teacher="tsm_resnet10"), "")
    (student, _), (teacher, recipe) = session.networks
    assert recipe.seed == session.recipe.seed + 1 and recipe.teacher is None
    assert (student.conv1.weight.numpy() != teacher.conv1.weight.numpy()).any()


def test_the_teachers_recipe():
    """It shares the clips and the kind of the shift; the rest of its network is its own."""
    own = Recipe(arch="tsm_resnet18", teacher="pptsm_resnet50", num_segments=16, shift_div=16, shift_order="past_first",
                 shift_place="block", temporal_pool=True, dropout=0.1, fc_lr5=False, seed=7, epochs=3)  # fmt: skip
    teacher = own.teacher_recipe()
    assert teacher.network() == Network("pptsm_resnet50", num_segments=16, shift_div=16, shift_order="past_first")
    assert (teacher.fc_lr5, teacher.seed, teacher.epochs, teacher.dropout) == (True, 8, 3, None)
    assert Recipe().teacher_recipe() is None


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"teacher": "resnet50"}, "teacher: got 'resnet50', wanted one of"),
        ({"teacher": "tsm_resnet50", "multi_label": True}, "teacher: got it with multi_label"),
    ],
)
def test_recipes_that_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        Recipe(**changes)


def interrupted_after(updates: int, run) -> None:
    """Call `run`, with a KeyboardInterrupt before its next update."""
    own, left = loop.update_weights, [updates]

    def counted(*given):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return own(*given)

    loop.update_weights = counted
    try:
        with pytest.raises(KeyboardInterrupt):
            run()
    finally:
        loop.update_weights = own


RUN = BOTH | {"ema": 0.9, "mixup": 0.3}


@pytest.mark.slow
def test_a_resumed_training_has_the_same_bits(clips, tmp_path):
    """Stopped within the first epoch and within the second."""
    train_small(clips, tmp_path / "whole", True, count=8, **RUN)
    out = tmp_path / "run"
    for updates in (1, 2):
        options = {"save_every": 1, "resume": True}
        interrupted_after(updates, lambda options=options: train_small(clips, out, True, options, 8, **RUN))
    train_small(clips, out, True, {"resume": True}, 8, **RUN)
    assert rows(out) == rows(tmp_path / "whole") and len(rows(out)) == 4
    for name in ("last.safetensors", "best.safetensors", "resume.safetensors"):
        assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
    assert not leftovers(out)


def test_a_resumed_training_needs_both_networks(tmp_path):
    """Each part of the teacher's state counts: without it the numbers part."""
    chosen, path = small_recipe(**BOTH), tmp_path / "resume.safetensors"

    def updates(session, steps):
        return [update_weights(session, samples(4, seed=step), Processes(), 0.005).loss for step in steps]

    def resumed(forget=""):
        session = Session(chosen, "")
        fresh = session.framework.state(session.teacher)
        fresh = {name: np.array(array) for name, array in fresh.items()}
        session.restore(path, 7)
        if forget == "weights":
            session.framework.set_state(session.teacher, fresh)
        if forget == "momentum":
            session.optimizer.optimizers["teacher"]._state = {}
        return updates(session, (2, 3))

    session = Session(chosen, "")
    updates(session, (0, 1))
    session.save(path)
    expected = updates(session, (2, 3))
    assert resumed() == expected
    assert resumed("weights")[0] != expected[0]
    without = resumed("momentum")
    assert without[0] == expected[0] and without[1] != expected[1]


def test_the_folder_holds_the_student(clips, tmp_path, capsys):
    """Its networks are the student alone, which every command takes; what resuming needs holds both."""
    out = tmp_path / "run"
    assert main(arguments(clips, out, "--validation", str(clips / "val.txt"), **BOTH, batch=7)) == 0
    student = set(Network("tsm_resnet10", num_classes=CLASSES).shapes())
    for name in ("last.safetensors", "best.safetensors"):
        assert weights(out, name).keys() == student
    saved = read_checkpoint(out / "resume.safetensors").tensors
    teacher = {name.removeprefix("teacher/") for name in saved if name.startswith("teacher/")}
    assert teacher == set(Network("tsm_resnet18", num_classes=CLASSES).shapes())
    momentum = {name.split("/")[2].split(".")[0] for name in saved if name.startswith("optimizer/")}
    assert momentum == {"student", "teacher"}
    assert paddle_tsm.load_model(out / "best.safetensors").network.arch == "tsm_resnet10"
    capsys.readouterr()
    assert main(["inspect", str(out / "last.safetensors")]) == 0
    assert "tsm_resnet10" in capsys.readouterr().out
    assert main(["evaluate", str(clips / "val.txt"), "--root", str(clips), "--weights", str(out)]) == 0
    assert main(arguments(clips, out, "--resume", **BOTH | {"teacher": "tsm_resnet34"}, batch=7)) == 2
    assert "teacher was 'tsm_resnet18', now 'tsm_resnet34'" in capsys.readouterr().err


def test_the_validation_is_the_students(clips, tmp_path):
    """Its loss and its measures are those of the network that was saved."""
    recipe = small_recipe(**BOTH)
    outcome = train_small(clips, tmp_path / "run", True, count=8, **BOTH)
    run = run_of(paddle_tsm.load_model(tmp_path / "run/last.safetensors"))
    reader = loop.ClipReader(entries(clips, "val.txt"), recipe.pixels(), T)
    scored = score_clips(run, reader)
    loss = loss_of_scores(scored.scores, scored.labels, reader.preset.average)
    assert outcome.validation["loss"] == pytest.approx(loss, rel=1e-6)


STILL = {"lr": 0.0, "frozen_bn": "true", "epochs": 1, "batch": 7}  # nothing is learned: the end is the start


def teacher_of(out) -> dict[str, np.ndarray]:
    """The teacher's tensors in the file that resuming needs, in Paddle's orientation."""
    saved = read_checkpoint(out / "resume.safetensors").tensors
    return {name[8:]: np.array(array) for name, array in saved.items() if name.startswith("teacher/")}


def test_the_teachers_own_weights(clips, tmp_path, capsys):
    path = tmp_path / "teacher.pth"
    write_demo_checkpoint(str(path), Network("tsm_resnet18", num_classes=CLASSES), "mmaction2")
    file = {name: tensor.numpy() for name, tensor in paddle_tsm.load_model(path).state_dict().items()}
    for more, kept in (((), False), (("--keep-classifier",), True)):
        out = tmp_path / f"run{kept}"
        assert main(arguments(clips, out, "--pretrained-teacher", str(path), *more, **BOTH | STILL)) == 0
        found = teacher_of(out)
        same = {name for name in found if np.array_equal(found[name], file[name])}
        assert found.keys() - same - {"fc.bias"} == (set() if kept else {"fc.weight"})
        assert weights(out).keys() == set(Network("tsm_resnet10", num_classes=CLASSES).shapes())
    capsys.readouterr()
    out = tmp_path / "none"
    run = arguments(clips, out, "--pretrained-teacher", str(path), **STILL)
    assert main(run) == 2
    assert "--pretrained-teacher: got a recipe without a teacher" in capsys.readouterr().err and not out.exists()
    run = arguments(clips, path, "--pretrained-teacher", str(path), **BOTH | STILL)
    assert main(run) == 2


def test_nudged(tmp_path):
    """Both networks' weights move, by a unit in the last place."""
    chosen = small_recipe(**BOTH)
    plain, _ = loop.open_session(chosen, TrainingJob([], [], str(tmp_path / "a")), Processes())
    moved, _ = loop.open_session(chosen, TrainingJob([], [], str(tmp_path / "b"), nudge=1), Processes())
    for (a, _), (b, _) in zip(plain.networks, moved.networks):
        was, now = (np.asarray(model.conv1.weight) for model in (a, b))
        assert (was != now).all() and np.allclose(was, now, rtol=1e-6, atol=1e-30)


def test_paddle_computes_it_in_float32():
    session = Session(small_recipe(**BOTH), "")
    assert session.teacher.fc.weight.dtype == paddle.float32
    assert np.isfinite(update_weights(session, samples(4), Processes(), 0.005).loss)


@pytest.mark.slow
def test_two_processes_give_the_weights_of_one(listed, tmp_path):
    """pytest -m slow parity_tests/test_distillation.py: of both networks, and their momentum, in float64."""
    changes = TWO | {"teacher": "tsm_resnet10", "epochs": 1, "milestones": ()}
    job = launch(listed, tmp_path / "two", *MORE, **changes)
    options = {"save_every": 3, "skip_bad": True, "pretrained": str(listed / "pretrained.pth")}
    lists = entries(listed, "two.txt"), entries(listed, "val.txt")
    loop.train(small_recipe(**changes), TrainingJob(*lists, str(tmp_path / "one"), **options))
    assert job.end(300) == 0, job.text()
    assert len(rows(tmp_path / "two")) == 4
    for name in ("last.safetensors", "resume.safetensors"):
        found = apart(weights(tmp_path / "two", name), weights(tmp_path / "one", name))
        assert found < 1e-12, name
