"""Two processes under Paddle's launcher train as one does, and end together."""

import os
import shutil
import signal
import sys
import time

import numpy as np
import pytest

from paddle_tsm import load_model
from paddle_tsm.data.clip_reader import ClipReader
from paddle_tsm.demo.material import write_demo_checkpoint
from paddle_tsm.evaluation.metrics import top_k_accuracy
from paddle_tsm.evaluation.paddle_run import run_of
from paddle_tsm.evaluation.score import score_clips
from paddle_tsm.networks.network import Network
from paddle_tsm.processes.processes import Processes
from paddle_tsm.training import validate
from paddle_tsm.training.job import TrainingJob
from paddle_tsm.training.loop import train
from paddle_tsm.training.order import batches_of, epoch_order
from parity_tests.small_training import (
    OPTIONS,
    ROOT,
    TRAIN,
    Job,
    T,
    apart,
    arguments,
    clips,
    entries,
    leftovers,
    rows,
    small_recipe,
    weights,
)

__all__ = ["clips"]  # the fixture
# 13 clips in batches of 4: the last one has one clip, so that one of two processes has none
TWO = {
    "arch": "tsm_mobilenet_v2",
    "dtype": "float64",
    "frozen_bn": True,
    "accumulate": 2,
    "epochs": 3,
    "milestones": (2,),
    "label_smoothing": 0.1,
    "ema": 0.5,
}
MORE = ("--save-every", "3", "--skip-bad", "--check", "none")
# a clip that only the second of two processes reads, in every epoch: it has the odd ones of each batch
ORDERS = [epoch_order(TRAIN, OPTIONS["seed"], epoch).tolist() for epoch in range(TWO["epochs"])]
BAD = next(clip for clip in range(TRAIN) if all(order.index(clip) % 2 for order in ORDERS))


@pytest.fixture(scope="module")
def listed(clips):
    """The folder, with a list of 13 clips of which only the second process comes to see that one is bad."""
    lines = (clips / "train.txt").read_text().splitlines()
    lines[BAD] = "zero.mp4 1"
    (clips / "zero.mp4").write_bytes(b"")
    (clips / "two.txt").write_text("".join(f"{line}\n" for line in lines))
    # drawn as if it were trained: under frozen BatchNorms a network as initialised hardly has a gradient
    write_demo_checkpoint(str(clips / "pretrained.pth"), Network("tsm_mobilenet_v2", num_classes=9))
    return clips


def launch(clips, out, *more, list_file="two.txt", processes=2, script=None, **changes) -> Job:
    """The command under the launcher, from this checkout."""
    lists = ("--validation", str(clips / "val.txt"), "--pretrained", str(clips / "pretrained.pth"))
    run = arguments(clips, out, *lists, *more, **changes)
    run[1] = str(clips / list_file)
    shutil.rmtree(f"{out}.workers", ignore_errors=True)
    launcher = ["-m", "paddle.distributed.launch", "--nproc_per_node", str(processes), "--backend", "gloo"]
    script = script or str(ROOT / "paddle_tsm" / "__main__.py")
    return Job(out, [sys.executable, *launcher, "--log_dir", f"{out}.workers", script, *run])


def worker_log(out, rank: int) -> str:
    """What this process printed, without Paddle's own lines."""
    with open(f"{out}.workers/workerlog.{rank}") as file:
        return "".join(line for line in file if not line.startswith(("=", "FLAGS", "I1", "I0", "W1", "W0")))


def workers(job: Job) -> dict[int, int]:
    """rank -> process id, of those that this launcher has started."""
    found = {}
    with open(f"/proc/{job.process.pid}/task/{job.process.pid}/children") as file:
        children = file.read().split()
    for child in children:
        try:
            with open(f"/proc/{child}/environ") as file:
                values = dict(entry.partition("=")[::2] for entry in file.read().split("\0"))
        except OSError:  # it has ended
            continue
        if "PADDLE_TRAINER_ID" in values:
            found[int(values["PADDLE_TRAINER_ID"])] = int(child)
    return found


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture(scope="module")
def one(listed, tmp_path_factory):
    """The folder and the outcome of one process's run."""
    out = tmp_path_factory.mktemp("one") / "run"
    lists = entries(listed, "two.txt"), entries(listed, "val.txt")
    plan = TrainingJob(*lists, str(out), save_every=3, skip_bad=True, pretrained=str(listed / "pretrained.pth"))
    return out, train(small_recipe(**TWO), plan)


@pytest.fixture(scope="module")
def two(listed, tmp_path_factory):
    """The folder of two processes' run, and what the launcher printed."""
    out = tmp_path_factory.mktemp("two") / "run"
    job = launch(listed, out, *MORE, **TWO)
    assert job.end(120) == 0, job.text()
    return out, job.text()


def close(a: str, b: str) -> bool:
    return a == b or abs(float(a) - float(b)) <= 1e-12 * abs(float(b))


def test_two_processes_give_the_weights_of_one(one, two):
    """Twelve updates in float64: every loss and norm, every weight, and the moving average."""
    (alone, _), (out, _) = one, two
    assert len(rows(out)) == 12
    for ours, theirs in zip(rows(out), rows(alone)):
        assert all(close(ours[column], theirs[column]) for column in theirs), (ours, theirs)
    for name in ("last.safetensors", "resume.safetensors"):
        assert apart(weights(out, name), weights(alone, name)) < 1e-12
    kept = weights(alone, "resume.safetensors")
    moved = {name: kept[f"model/{name}"] for name in ("features.0.0.weight", "classifier.1.weight")}
    averages = {name: kept[f"average/{name}"] for name in moved}
    assert apart(moved, averages) > 1e-3  # so that there was something to get wrong


def test_every_clip_once_an_epoch(one, two):
    assert [sum(int(row["clips"]) for row in rows(two[0]) if row["epoch"] == str(e)) for e in (1, 2, 3)] == [12] * 3
    for clips_, batch, count in [(13, 4, 2), (13, 4, 3), (5, 1, 2), (7, 7, 4), (2, 8, 3)]:
        for epoch in range(2):
            batches = batches_of(clips_, batch, 0, epoch)
            shares = [Processes(rank, count).share(part) for part in batches for rank in range(count)]
            assert sorted(key for share in shares for key in share) == [(epoch, i) for i in range(clips_)]
            assert max(len(share) for share in shares) <= -(-batch // count)


def test_validation_is_over_all_clips(one, two):
    """Five of them, so that the two processes have shares of different sizes."""
    found, expected = rows(two[0], "validation.csv"), rows(one[0], "validation.csv")
    assert len(found) == 3 and all(row["clips"] == "5" for row in found)
    for ours, theirs in zip(found, expected):
        for column in ("top1", "top5", "mean_class_accuracy"):
            assert ours[column] == theirs[column]
        assert close(ours["loss"], theirs["loss"])
    assert float(expected[0]["loss"]) != float(expected[1]["loss"])


def test_what_the_second_process_skipped_is_reported(one, two, listed):
    assert one[1].skipped.report().splitlines()[0] == "1 clip was skipped:"
    assert one[1].skipped.report() in two[1]
    assert f"{listed}/two.txt, line {BAD + 1}: " in two[1]


def test_only_the_first_process_writes(two):
    out, text = two
    assert (out / "train.csv").read_text().count("epoch") == 1
    assert "epoch 3/3" in worker_log(out, 0) and "done: " in text
    assert worker_log(out, 1) == ""
    if (out / "tensorboard").exists():
        assert len(list((out / "tensorboard").iterdir())) == 1


def test_the_second_process_leaves_no_file(listed, tmp_path):
    """By itself, where nobody else's files could hide its own."""

    class Second(Processes):
        def gather(self, thing):
            return [thing]  # as if the others had nothing

        def sum_gradients(self, optimizer):
            pass

        share_buffers = sum_gradients

        def meet(self):
            pass

    out = tmp_path / "run"
    lists = entries(listed)[:4], entries(listed, "val.txt")[:2]
    changes = {"arch": "tsm_mobilenet_v2", "epochs": 1}
    assert (
        train(small_recipe(**changes), TrainingJob(*lists, str(out), save_every=1), Second(1, 2)).validation["clips"]
        == 1
    )
    assert not out.exists()


@pytest.mark.slow
def test_a_process_that_is_killed_ends_the_job(listed, two, tmp_path):
    """With a code that says so, in one line a process, and soon; --resume then goes on to the same bytes."""
    out = tmp_path / "run"
    job = launch(listed, out, *MORE, **TWO)
    assert job.wait_until(lambda: (out / "train.csv").exists() and len(rows(out)) >= 4, 90), job.text()
    started = workers(job)
    os.kill(started[1], signal.SIGKILL)
    killed = time.monotonic()
    assert (
        job.end(60) != 0 and time.monotonic() - killed < 45
    )  # the launcher looks every 3 s, and waits 8 s on its way out
    assert not any(alive(pid) for pid in started.values())
    said = [line for line in worker_log(out, 0).splitlines() if "error" in line]
    assert "Traceback" not in worker_log(out, 0) and len(said) == 1
    assert "process 0 of 2: another one has ended" in said[0] and "--resume goes on" in said[0]
    done = len(rows(out))
    assert 4 <= done < 12 and not leftovers(out)
    job = launch(listed, out, *MORE, "--resume", **TWO)
    assert job.end(120) == 0, job.text()
    assert "going on at epoch" in job.text() and rows(out) == rows(two[0])
    for name in ("last.safetensors", "best.safetensors", "resume.safetensors"):
        assert (out / name).read_bytes() == (two[0] / name).read_bytes(), name


@pytest.mark.slow
def test_a_bad_clip_in_one_process_ends_the_job(listed, tmp_path):
    out = tmp_path / "run"
    job = launch(listed, out, "--check", "none", **TWO)
    assert job.end(90) != 0
    text = worker_log(out, 1)
    assert text.count("\n") == 1 and f"two.txt, line {BAD + 1}: {listed}/zero.mp4: the file is empty" in text
    assert "Traceback" not in worker_log(out, 0)


def test_a_shared_error_is_every_processes():
    """Where the first process fails before the training, the others are told, and do not wait for it."""

    def fail():
        raise OSError(2, "No such file or directory", "list.txt")

    sent = []

    class First(Processes):
        def gather(self, thing):
            sent.append(thing)
            return [sent[0], (None, None)]

        def meet(self):
            pass

    with pytest.raises(OSError, match="list.txt"):
        First(0, 2).from_first(fail)
    with pytest.raises(ValueError, match="No such file or directory.*list.txt"):
        First(1, 2).from_first(fail)
    sent.clear()
    assert First(0, 2).from_first(lambda: 5) == First(1, 2).from_first(fail) == 5
    assert Processes().from_first(lambda: 5) == 5


@pytest.mark.slow
def test_three_processes(listed, one, tmp_path):
    """pytest -m slow parity_tests/test_processes.py -k three"""
    out = tmp_path / "run"
    assert launch(listed, out, *MORE, processes=3, **TWO).end(120) == 0
    assert apart(weights(out), weights(one[0])) < 1e-12
    assert [row["top1"] for row in rows(out, "validation.csv")] == [r["top1"] for r in rows(one[0], "validation.csv")]


@pytest.mark.slow
def test_the_first_process_fails_before_the_training(listed, tmp_path):
    """pytest -m slow parity_tests/test_processes.py -k before_the_training"""
    out = tmp_path / "run"
    job = launch(listed, out, **TWO)  # the list is checked, by the first process
    assert job.end(90) != 0
    for rank in range(2):
        assert worker_log(out, rank).count("\n") == 1 and "zero.mp4: the file is empty" in worker_log(out, rank)
    assert not out.exists()


@pytest.mark.slow
@pytest.mark.parametrize("how", ["ctrl-c", "the launcher is killed"])
def test_the_launcher_is_stopped(listed, two, tmp_path, how):
    """pytest -m slow parity_tests/test_processes.py -k launcher: both processes save and end."""
    out = tmp_path / "run"
    job = launch(listed, out, *MORE, **TWO)
    assert job.wait_until(lambda: (out / "train.csv").exists() and len(rows(out)) >= 4, 90), job.text()
    started = workers(job)
    os.kill(job.process.pid, signal.SIGINT if how == "ctrl-c" else signal.SIGKILL)
    job.end(60)  # after Ctrl-C Paddle's launcher gives 0 or 1, as it comes
    end = time.monotonic() + 30
    while any(alive(pid) for pid in started.values()) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(alive(pid) for pid in started.values())
    assert "Traceback" not in worker_log(out, 0) + worker_log(out, 1)
    assert "stopped; everything is saved" in worker_log(out, 0)
    assert launch(listed, out, *MORE, "--resume", **TWO).end(120) == 0
    assert rows(out) == rows(two[0]) and len(rows(out)) == 12
    assert (out / "last.safetensors").read_bytes() == (two[0] / "last.safetensors").read_bytes()


@pytest.mark.slow
def test_running_statistics_of_the_first_process(listed, tmp_path):
    """pytest -m slow parity_tests/test_processes.py -k statistics: with BatchNorms in training, which each process
    feeds with its own clips, what is validated by both is what is saved.
    """
    out = tmp_path / "run"
    changes = TWO | {"frozen_bn": False, "dtype": "float32", "ema": 0.0, "epochs": 1}
    assert launch(listed, out, *MORE, **changes).end(120) == 0
    reader = ClipReader(entries(listed, "val.txt"), small_recipe(**changes).pixels(), T)
    scored = score_clips(run_of(load_model(out / "last.safetensors")), reader)
    (row,) = rows(out, "validation.csv")
    assert float(row["top1"]) == top_k_accuracy(scored.scores, scored.labels, 1)
    assert float(row["loss"]) == pytest.approx(validate.loss_of_scores(scored.scores, scored.labels, "probabilities"))
    assert np.isfinite(scored.scores).all()
