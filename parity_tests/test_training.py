"""Trainings on small videos: every number against a training step done by hand."""

import dataclasses
import json

import numpy as np
import paddle
import pytest

import paddle_tsm
import paddle_tsm.models.initial_weights
import paddle_tsm.optim
import paddle_tsm.training.loss
import paddle_tsm.training.train_step
import torch_ref
from paddle_tsm.checkpoint import read_checkpoint
from paddle_tsm.data.clip_reader import ClipReader
from paddle_tsm.data.presets import preset
from paddle_tsm.models.create import build
from paddle_tsm.processes.processes import Processes
from paddle_tsm.training import loop, weight_update
from paddle_tsm.training.blending import draw_cutmix, draw_mixup
from paddle_tsm.training.dropout_mask import dropout_mask
from paddle_tsm.training.job import TrainingJob
from paddle_tsm.training.moving_average import MovingAverage
from paddle_tsm.training.order import batches_of, epoch_order, steps_of
from paddle_tsm.training.session import Session
from paddle_tsm.training.weight_update import update_weights
from parity_tests.small_training import (
    CLASSES,
    OPTIONS,
    TRAIN,
    T,
    apart,
    clips,
    entries,
    rows,
    samples,
    small_recipe,
    train_small,
    values,
    weights,
)

__all__ = ["clips"]  # the fixture


def test_every_number_is_a_training_steps(clips, tmp_path):
    """The whole loop, once more by hand: order, clips, dropout, rate, step."""
    train_small(clips, tmp_path / "run")
    model = paddle_tsm.models.initial_weights.initialise(
        paddle_tsm.create_model("tsm_resnet18", num_classes=CLASSES, num_segments=T, dropout=0.5), OPTIONS["seed"]
    )
    optimizer = paddle_tsm.optim.tsm_sgd(model, lr=0.005, momentum=0.9, weight_decay=1e-4, max_norm=20.0)
    reader = ClipReader(entries(clips), preset("mmaction2", size=32), T, train=True, seed=OPTIONS["seed"])
    expected = []
    for epoch in range(2):
        optimizer.set_lr(0.005 * 0.1**epoch)
        order = epoch_order(TRAIN, OPTIONS["seed"], epoch).tolist()
        for step, first in enumerate(range(0, TRAIN, 4)):
            keys = [(epoch, index) for index in order[first : first + 4]]
            read = [reader[key] for key in keys]
            x, y = np.concatenate([clip for clip, _, _ in read]), np.array([labels[0] for _, labels, _ in read])
            model.dropout.use_mask(paddle.to_tensor(dropout_mask(keys, OPTIONS["seed"], (T, 512), 0.5)))
            result = paddle_tsm.training.train_step.train_step(
                model, optimizer, [(x, y)], paddle_tsm.training.loss.cross_entropy
            )
            right = (result.logits.argmax(1) == y).mean()
            row = (epoch + 1, step + 1, optimizer.get_lr(), result.loss, right, result.grad_norm, len(y))
            expected.append(dict(zip(rows(tmp_path / "run")[0], map(str, row))))
    assert rows(tmp_path / "run") == expected  # to the last digit
    assert paddle_tsm.load_model(tmp_path / "run" / "last.safetensors").num_segments == T
    own = {name: np.array(tensor.numpy()) for name, tensor in model.state_dict().items()}
    own["fc.weight"] = own["fc.weight"].T
    assert apart(weights(tmp_path / "run"), own) == 0


def test_the_order_of_the_clips():
    seen = set()
    for clips_, batch, seed, epoch in [
        (13, 4, 0, 0),
        (13, 4, 0, 1),
        (13, 4, 1, 0),
        (8, 4, 0, 0),
        (3, 5, 0, 0),
        (1, 1, 0, 0),
    ]:
        batches = batches_of(clips_, batch, seed, epoch)
        assert len(batches) == steps_of(clips_, batch) and all(len(part) == batch for part in batches[:-1])
        keys = [key for part in batches for key in part]
        assert sorted(keys) == [(epoch, i) for i in range(clips_)]
        seen.add(tuple(index for _, index in keys))
    assert len(seen) == 6


def shuffled(clips: int, words: list[int]) -> list[int]:
    """The order by hand: Fisher and Yates from the end, each index from PCG64's 32-bit halves, masked, those too large
    left out.
    """
    bits, halves, order = np.random.PCG64(words), [], list(range(clips))
    for last in range(clips - 1, 0, -1):
        index = clips
        while index > last:
            if not halves:
                both = int(bits.random_raw())
                halves = [both & 0xFFFFFFFF, both >> 32]
            index = halves.pop(0) & ((1 << last.bit_length()) - 1)
        order[last], order[index] = order[index], order[last]
    return order


def test_the_order_stays_with_any_numpy():
    """A resumed run depends on it. NumPy promises PCG64's bits for ever, but not what `permutation` makes of them:
    should that change, this test says so.
    """
    assert epoch_order(10, 3, 1).tolist() == [7, 4, 0, 3, 2, 1, 5, 8, 6, 9]
    for clips_, seed, epoch in [(6, 0, 0), (13, 5, 2), (1000, 7, 49)]:
        assert epoch_order(clips_, seed, epoch).tolist() == shuffled(clips_, [seed, epoch, 0x0DE2])


def test_the_seed_and_the_workers(clips, tmp_path):
    """Another seed is another training; any number of reading threads is the same one."""
    for name, plan, changes in [("a", {"workers": 0}, {}), ("b", {"workers": 3}, {}), ("c", {}, {"seed": 4})]:
        train_small(clips, tmp_path / name, plan=plan, count=6, epochs=1, **changes)
    assert rows(tmp_path / "a") == rows(tmp_path / "b")
    assert (tmp_path / "a" / "last.safetensors").read_bytes() == (tmp_path / "b" / "last.safetensors").read_bytes()
    assert not set(values(tmp_path / "a")) & set(values(tmp_path / "c"))


def test_accumulation_changes_nothing():
    """With the BatchNorms frozen, in float64; five clips in parts of 3 and 2, or one by one."""

    def trained(accumulate, frozen=True):
        chosen = small_recipe(dtype="float64", frozen_bn=frozen, accumulate=accumulate, label_smoothing=0.1)
        session = Session(chosen, "")
        result = update_weights(session, samples(5), Processes(), 0.01)
        return result, {name: tensor.numpy().copy() for name, tensor in session.model.state_dict().items()}

    expected, model = trained(1)
    for accumulate in (2, 9):
        found, weights = trained(accumulate)
        assert found.loss == pytest.approx(expected.loss, rel=1e-12) and found.accuracy == expected.accuracy
        assert found.grad_norm == pytest.approx(expected.grad_norm, rel=1e-10) and found.clips == 5
        assert apart(weights, model) < 1e-10
    assert apart(trained(2, frozen=False)[1], trained(1, frozen=False)[1]) > 1e-6  # each part has statistics of its own


def test_the_moving_average():
    session = Session(small_recipe(ema=0.9, dropout=0.0), "")
    expected = None
    for step in range(4):
        update_weights(session, samples(4, seed=step), Processes(), 0.01)
        now = {name: parameter.numpy().astype("float64") for name, parameter in session.model.named_parameters()}
        expected = now if step == 0 else {name: 0.9 * expected[name] + 0.1 * now[name] for name in now}
    found = session.average.state()
    assert apart(found, expected) < 1e-5 < apart(now, expected)
    own = {name: parameter.numpy() for name, parameter in session.model.named_parameters()}
    with session.average.in_place():
        assert apart({name: p.numpy() for name, p in session.model.named_parameters()}, found) == 0
    assert apart({name: p.numpy() for name, p in session.model.named_parameters()}, own) == 0


def test_the_average_is_what_is_saved_and_validated(clips, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        loop, "validate", lambda session, *_, **__: seen.append(session.average is not None) or scores(0.5)
    )
    train_small(clips, tmp_path / "run", validation=True, ema=0.5, epochs=1)
    saved, kept = weights(tmp_path / "run"), weights(tmp_path / "run", "resume.safetensors")
    averages = {name.removeprefix("average/"): array for name, array in kept.items() if name.startswith("average/")}
    model = {name.removeprefix("model/"): array for name, array in kept.items() if name.startswith("model/")}
    for part in (averages, model):
        part["fc.weight"] = part["fc.weight"].T
    assert averages.keys() < saved.keys() and seen == [True]
    assert (
        apart({name: saved[name] for name in averages}, averages)
        == 0
        < apart({n: model[n] for n in averages}, averages)
    )
    rest = saved.keys() - averages.keys()
    assert rest and all("running" in name or "num_batches" in name for name in rest)
    assert apart({name: saved[name] for name in rest}, {name: model[name] for name in rest}) == 0


def scores(top1):
    return {"top1": top1, "top5": 1.0, "mean_class_accuracy": top1, "loss": 1.0, "clips": 5}


@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_mixed_batches(name, monkeypatch):
    """The step trains on what the mix gave, drawn from the clips and not from the run's history."""
    own, mixed = weight_update.blended, []
    rng = np.random.default_rng([OPTIONS["seed"], 0, 0, 0xB1E])  # the seed and the first clip
    drawn = draw_mixup(4, rng, 0.7) if name == "mixup" else draw_cutmix(4, 32, 32, rng, 0.7)

    def spy(x, labels, classes, blend):
        assert blend == drawn
        mixed.append(own(x, labels, classes, blend))
        return mixed[-1]

    monkeypatch.setattr(weight_update, "blended", spy)
    losses = []
    for _ in range(2):
        session = Session(small_recipe(**{name: 0.7}, dropout=0.0, label_smoothing=0.1), "")
        losses.append(update_weights(session, samples(4), Processes(), 0.01).loss)
    (x, target), (again, _) = mixed
    np.testing.assert_array_equal(x, again)
    assert losses[0] == losses[1] and (x != np.concatenate([clip for clip, _, _ in samples(4)])).any()
    fresh = Session(small_recipe(dropout=0.0), "").model
    logits = fresh(paddle.to_tensor(x)).numpy().astype("float64")
    log_probability = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    assert losses[0] == pytest.approx(-((0.9 * target + 0.1 / CLASSES) * log_probability).sum(1).mean(), rel=1e-5)


def test_several_labels_a_clip(clips, tmp_path):
    """Binary cross entropy over all classes; the mean average precision picks the best."""
    (clips / "several.txt").write_text("".join(f"{i}.mp4 {i % 4},{(i + 1) % 4}\n" for i in range(6)))
    several = entries(clips, "several.txt", multi_label=True)
    chosen = small_recipe(multi_label=True, epochs=1, batch=6, dropout=0.0)
    outcome = loop.train(chosen, TrainingJob(several, several, str(tmp_path / "run")))
    model = Session(chosen, "").model
    reader = ClipReader(several, preset("mmaction2", size=32), T, train=True, seed=chosen.seed)
    order = epoch_order(6, chosen.seed, 0).tolist()
    logits = model(paddle.to_tensor(np.concatenate([reader[0, i][0] for i in order]))).numpy().astype("float64")
    target = np.array([[float(c in (i % 4, (i + 1) % 4)) for c in range(4)] for i in order])
    expected = (np.log1p(np.exp(-np.abs(logits))) + np.maximum(logits, 0) - logits * target).mean()
    (row,) = rows(tmp_path / "run")
    assert float(row["loss"]) == pytest.approx(expected, rel=1e-5) and row["accuracy"] == "nan"
    (row,) = rows(tmp_path / "run", "validation.csv")
    assert list(row) == ["epoch", "mean_average_precision", "loss", "clips"] and row["clips"] == "6"
    assert outcome.best == float(row["mean_average_precision"]) == outcome.validation["mean_average_precision"]


def test_validation_is_of_the_whole_list(clips, tmp_path):
    """Against the saved network, which is the moving average, on each clip by itself, its views' probabilities
    averaged.
    """
    outcome = train_small(clips, tmp_path / "run", validation=True, sampling="twice", epochs=1, ema=0.5)
    model = paddle_tsm.load_model(tmp_path / "run" / "last.safetensors")
    listed = entries(clips, "val.txt")
    reader = ClipReader(listed, preset("mmaction2", sampling="twice", size=32), T)
    probabilities = []
    for i in range(len(listed)):
        logits = model(paddle.to_tensor(reader[i][0])).numpy().astype("float64")
        assert len(logits) == 2
        probabilities.append((np.exp(logits) / np.exp(logits).sum(1, keepdims=True)).mean(0))
    labels = np.array([entry.label for entry in listed])
    right = np.array(probabilities).argmax(1) == labels
    assert outcome.validation["top1"] == right.mean() and outcome.validation["top5"] == 1.0
    assert outcome.validation["clips"] == 5
    assert outcome.validation["mean_class_accuracy"] == np.mean([right[labels == c].mean() for c in set(labels)])
    expected = -np.mean(np.log(np.array(probabilities)[np.arange(5), labels]))
    assert outcome.validation["loss"] == pytest.approx(expected, rel=1e-5)


def test_the_best_is_kept(clips, tmp_path, monkeypatch):
    """The first of equals; over a stop, too."""
    tops, out, lasts = [0.2, 0.6, 0.6, float("nan"), 0.4], tmp_path / "run", []

    def scripted(session, *_, **__):
        if session.position.epoch:
            lasts.append((out / "last.safetensors").read_bytes())
        top = tops[session.position.epoch]
        if len(lasts) == 3:
            raise KeyboardInterrupt
        return scores(top)

    monkeypatch.setattr(loop, "validate", scripted)
    options = {"validation": True, "arch": "tsm_mobilenet_v2", "count": 2, "epochs": 5}
    with pytest.raises(KeyboardInterrupt):
        train_small(clips, out, **options)
    assert [row["top1"] for row in rows(out, "validation.csv")] == ["0.2", "0.6", "0.6"]
    outcome = train_small(clips, out, plan={"resume": True}, **options)
    assert (outcome.best, outcome.best_epoch) == (0.6, 1) and outcome.validation["top1"] == 0.4
    assert (out / "best.safetensors").read_bytes() == lasts[1] != (out / "last.safetensors").read_bytes()
    assert [row["top1"] for row in rows(out, "validation.csv")] == [str(top) for top in tops]
    paddle_tsm.load_model(out / "best.safetensors")


def test_what_is_written(clips, tmp_path):
    chosen = small_recipe(epochs=1, shift_div=4, dropout=0.3)
    loop.train(chosen, TrainingJob(entries(clips), [], str(tmp_path / "run")))
    files = {path.name for path in (tmp_path / "run").iterdir()} - {"tensorboard", "curves.png"}  # of optional packages
    assert files == {"last.safetensors", "recipe.json", "resume.safetensors", "train.csv", "validation.csv"}
    record = json.loads(read_checkpoint(tmp_path / "run" / "last.safetensors").metadata["paddle_tsm"])
    assert record["network"] == dataclasses.asdict(chosen.network())
    for package in (paddle_tsm, torch_ref):
        assert package.load_model(tmp_path / "run" / "last.safetensors").num_segments == T


def test_tensorboard(clips, tmp_path):
    """Its scalars are the CSV files'; a run that goes on purges only what it will write again."""
    pytest.importorskip("tensorboardX", reason="pip install 'tensorboardX>=2.6'")
    out = tmp_path / "run"
    train_small(clips, out, validation=True, epochs=2)
    found = scalars(out)
    losses = values(out)
    assert found["train/loss"] == {step: np.float32(loss) for step, loss in enumerate(losses)}
    assert found["train/lr"].keys() == found["train/grad_norm"].keys() == set(range(8))
    tops = [np.float32(row["top1"]) for row in rows(out, "validation.csv")]
    assert found["validation/top1"] == dict(zip((3, 7), tops))
    assert max(found["validation/top1"]) < 8  # where the next epoch would start, and with it the purge


def scalars(out) -> dict[str, dict[int, float]]:
    """tag -> step -> value of all event files: records of length, its checksum, an event, its checksum."""
    from tensorboardX.proto.event_pb2 import Event

    found: dict[str, dict[int, float]] = {}
    for path in sorted((out / "tensorboard").iterdir()):
        data = path.read_bytes()
        while data:
            size = int.from_bytes(data[:8], "little")
            event = Event.FromString(data[12 : 12 + size])
            data = data[16 + size :]
            for value in event.summary.value:
                found.setdefault(value.tag, {})[event.step] = np.float32(value.simple_value)
    return found


def test_a_frozen_network_stays(clips, tmp_path):
    """frozen_bn: statistics, scales and shifts of every BatchNorm; the rest is trained, after a validation as
    before.
    """
    chosen = small_recipe(frozen_bn=True, epochs=1)
    before = {name: tensor.numpy().copy() for name, tensor in Session(chosen, "").model.state_dict().items()}
    before["fc.weight"] = before["fc.weight"].T
    train_small(clips, tmp_path / "run", validation=True, frozen_bn=True)
    after = weights(tmp_path / "run")
    norms = {name for name in after if ".bn" in f".{name}" or "downsample.1" in name}
    assert all((before[name] == after[name]).all() for name in norms)
    assert all((before[name] != after[name]).any() for name in after.keys() - norms)


def test_moving_average_of_nothing():
    model = build(small_recipe().network())
    average = MovingAverage(model, 0.9)
    with average.in_place():
        assert average.state() == {}
