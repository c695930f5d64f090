"""Trainings that are stopped, killed, or run out of disk, against the one that never was: the same bytes in the end."""

import errno
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import paddle_tsm
from paddle_tsm.checkpoint import read_checkpoint
from paddle_tsm.cli import main
from paddle_tsm.processes.processes import Processes
from paddle_tsm.training import loop
from paddle_tsm.training.log import TrainingLog
from paddle_tsm.training.run_folder import digest_of
from paddle_tsm.training.session import Session
from paddle_tsm.training.weight_update import UpdateResult, update_weights
from parity_tests.small_training import (
    Job,
    arguments,
    clips,
    entries,
    environment,
    leftovers,
    rows,
    samples,
    small_recipe,
    start,
    train_small,
    values,
    weights,
)

__all__ = ["clips"]  # the fixture
# 2 epochs of 7 updates, with all that a resumed run must take up again; small files, for a disk that others use, too
SEVEN = {"arch": "tsm_mobilenet_v2", "batch": 2, "ema": 0.9, "mixup": 0.3}
MORE = ("--save-every", "2")


def seven(clips, out, *more) -> list[str]:
    return arguments(clips, out, *MORE, *more, "--validation", str(clips / "val.txt"), **SEVEN)


@pytest.fixture(scope="module")
def unbroken(clips, tmp_path_factory):
    """The folder of the run that was left alone."""
    out = tmp_path_factory.mktemp("unbroken") / "run"
    assert main(seven(clips, out)) == 0
    return out


def go(clips, out, **options) -> Job:
    """The same training in a process of its own, from where it was left."""
    return start(seven(clips, out, "--resume"), out, **options)


def assert_same_as(unbroken, out) -> None:
    assert rows(out) == rows(unbroken) and len(rows(out)) == 14
    assert rows(out, "validation.csv") == rows(unbroken, "validation.csv")
    for name in ("last.safetensors", "best.safetensors", "resume.safetensors"):
        assert (out / name).read_bytes() == (unbroken / name).read_bytes(), name


def test_the_unbroken_run(unbroken):
    """What the others are compared with is a training: every loss is another one, and the weights have moved."""
    assert len(set(values(unbroken))) == 14 and len(rows(unbroken, "validation.csv")) == 2
    first, last = Session(small_recipe(**SEVEN), "").model.state_dict(), weights(unbroken)
    assert np.abs(last["features.0.0.weight"] - first["features.0.0.weight"].numpy()).max() > 1e-3


SAVED = "paddle-tsm train: stopped; everything is saved; to go on: paddle-tsm train --resume --out {}"
SIGNALS = {  # after this update: the signals, the exit code, the last line
    2: ((signal.SIGINT, signal.SIGINT), 130, "paddle-tsm train: interrupted"),
    5: ((signal.SIGINT,), 130, SAVED),
    7: ((signal.SIGTERM,), 143, SAVED),  # the last of its epoch
    9: ((signal.SIGTERM, signal.SIGTERM), 143, SAVED),  # as Paddle's launcher sends them
}


def test_signals(clips, unbroken, tmp_path, capsys, monkeypatch):
    """Ctrl-C and SIGTERM, each in a run that goes on from the one before: all is saved, unless Ctrl-C came twice."""
    own, out, done = loop.update_weights, tmp_path / "run", 0

    def signalled(*arguments):
        nonlocal done
        result, done = own(*arguments), done + 1
        for number in signals if done == after else ():
            os.kill(os.getpid(), number)
        return result

    monkeypatch.setattr(loop, "update_weights", signalled)
    for after, (signals, code, last) in SIGNALS.items():  # noqa: B007  signalled reads it
        assert main(seven(clips, out, "--resume")) == code
        assert capsys.readouterr().err.splitlines()[-1] == last.format(out)
        assert not leftovers(out)
        if last is SAVED:
            assert len(rows(out)) == after == position(out)
        done = after if last is SAVED else 0  # what was done since the last save is done again
    signals = ()
    assert main(seven(clips, out, "--resume")) == 0
    assert_same_as(unbroken, out)


@pytest.mark.slow
def test_signals_to_a_process(clips, unbroken, tmp_path):
    """pytest -m slow parity_tests/test_resume.py -k to_a_process: the same from outside."""
    out = tmp_path / "run"

    def stop(count, *signals):
        job = go(clips, out)
        assert job.wait_until(lambda: updates(out) >= count), job.text()
        for number in signals:
            os.kill(job.process.pid, number)
            time.sleep(0.02)  # the same signal sent at once would be one
        code, text = job.end(), job.text()
        assert "Traceback" not in text and not leftovers(out), text
        return code, text.splitlines()[-1]

    assert stop(2, signal.SIGINT, signal.SIGINT) == (130, "paddle-tsm train: interrupted")
    assert stop(5, signal.SIGINT) == (130, SAVED.format(out))
    done = updates(out)
    assert stop(9, signal.SIGTERM) == (143, SAVED.format(out))
    assert done < updates(out) < 14
    assert go(clips, out).end() == 0
    assert_same_as(unbroken, out)


def position(out) -> int:
    """How many updates the saved training has done."""
    found = json.loads(read_checkpoint(out / "resume.safetensors").metadata["paddle_tsm_training"])["position"]
    return 7 * found["epoch"] + found["step"]


def check_files(out, session) -> None:
    """Every file that carries a checkpoint's name loads."""
    session.restore(out / "resume.safetensors", 7)
    for name in ("last.safetensors", "best.safetensors"):
        if (out / name).exists():
            assert paddle_tsm.load_model(out / name).num_segments == 2


def updates(out) -> int:
    return len(rows(out)) if (out / "train.csv").exists() else 0


def kill_until(clips, folder, unbroken, kills: int, seed: int) -> tuple[int, int]:
    """Kill -9 at random moments, half of them in a save or soon after, going on after each until the end, then anew in
    another folder until there were `kills`.
    Returns (runs that came to their end, kills that hit a save)."""
    rng, session = np.random.default_rng(seed), Session(small_recipe(**SEVEN), digest_of(entries(clips)))
    done = runs = hits = 0
    while True:
        out = folder / f"run{runs}"
        while done < kills:
            job, first = go(clips, out), not (out / "resume.safetensors").exists()
            ready = (out / "resume.safetensors").exists if first else lambda job=job: "going on at" in job.text()
            if not job.wait_until(ready):
                assert "epochs are done already" in job.text(), job.text()  # the last kill came behind the last save
                break
            after = updates(out) + rng.integers(4)
            job.wait_until(lambda out=out, after=after: updates(out) >= after)
            if rng.integers(2):
                time.sleep(rng.uniform(0, 0.3))  # an update takes some 0.1 s here, and so does a save
            else:
                job.wait_until(lambda out=out: leftovers(out))  # so that half of them come when they do most harm
                time.sleep(rng.uniform(0, 0.05))
            job.process.kill()
            if job.end() != -signal.SIGKILL:  # it had come to its end
                break
            done += 1
            hits += bool(leftovers(out))
            check_files(out, session)
        assert main(seven(clips, out, "--resume")) == 0
        assert_same_as(unbroken, out)
        assert not leftovers(out)  # those of the killed runs were taken away
        shutil.rmtree(out)
        runs += 1
        if done >= kills:
            return runs, hits


def test_killed_three_times(clips, unbroken, tmp_path):
    kill_until(clips, tmp_path, unbroken, kills=3, seed=0)


@pytest.mark.slow
@pytest.mark.parametrize("ten", [1, 2, 3])
def test_killed_thirty_times(clips, unbroken, tmp_path, capsys, ten):
    """pytest -m slow parity_tests/test_resume.py -k thirty"""
    runs, hits = kill_until(clips, tmp_path, unbroken, kills=10, seed=ten)
    with capsys.disabled():
        print(
            f"\n10 kills, {hits} of them in the middle of a save; every file loaded; "
            f"{runs} runs ended as the unbroken one"
        )


def test_a_resumed_run_needs_what_it_saved(tmp_path):
    """Each part of the state counts: without it the numbers part, so the tests above would fail."""
    chosen, path = small_recipe(arch="tsm_mobilenet_v2", ema=0.9), tmp_path / "resume.safetensors"

    def updates(session, steps):
        losses = [update_weights(session, samples(4, seed=step), Processes(), 0.001).loss for step in steps]
        return losses, session.average.state()["classifier.1.weight"]

    def resumed(forget=None):
        session = Session(chosen, "")
        session.restore(path, 7)
        if forget == "momentum":
            session.optimizer._state = {}
        if forget == "average":
            session.average.load({})
        return updates(session, (2, 3))

    session = Session(chosen, "")
    updates(session, (0, 1))
    session.save(path)
    expected, average = updates(session, (2, 3))
    losses, found = resumed()
    assert losses == expected and (found == average).all()
    losses, _ = resumed("momentum")
    assert losses[0] == expected[0] and losses[1] != expected[1]
    _, found = resumed("average")
    assert (found != average).any()


def test_rows_behind_the_position_go(clips, tmp_path):
    """A run that was killed between two saves wrote rows that the resumed one writes again; what a crash left goes,
    too.
    """
    out = tmp_path / "run"
    options = {"count": 4, "epochs": 2, "batch": 2, "arch": "tsm_mobilenet_v2"}
    train_small(clips, out, **options)
    whole = rows(out)
    shutil.copy(out / "resume.safetensors", tmp_path / "end")
    shutil.rmtree(out)
    with pytest.raises(KeyboardInterrupt):
        interrupted_after(3, lambda: train_small(clips, out, plan={"save_every": 1}, **options))
    with open(out / "train.csv", "a") as file:
        file.write("2,2,0.5,9,9,9,9,9\n2,3,0.5,9,9,9,9,9\n8,1,nonsense\n\0\0\0\n2,1,0.1")
    train_small(clips, out, plan={"resume": True}, **options)
    assert rows(out) == whole and (out / "resume.safetensors").read_bytes() == (tmp_path / "end").read_bytes()


def interrupted_after(updates: int, run) -> None:
    """Call `run` with a KeyboardInterrupt before its next update."""
    own, left = loop.update_weights, [updates]

    def counted(*arguments):
        if not left[0]:
            raise KeyboardInterrupt
        left[0] -= 1
        return own(*arguments)

    loop.update_weights = counted
    try:
        run()
    finally:
        loop.update_weights = own


def run_main(clips, out, *more, **changes):
    return main(arguments(clips, out, *more, **{"arch": "tsm_mobilenet_v2", "epochs": 1, "batch": 7} | changes))


def test_resuming_what_is_not_the_same_training(clips, tmp_path, capsys):
    out = tmp_path / "run"
    assert run_main(clips, out) == 0
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    (clips / "others.txt").write_text("0.mp4 0\n1.mp4 2\n")

    def refused(message, *more, list_file=None, **changes):
        capsys.readouterr()
        run = arguments(clips, out, *more, **{"arch": "tsm_mobilenet_v2", "epochs": 1, "batch": 7} | changes)
        run[1] = list_file or run[1]
        assert main(run) == 2
        error = capsys.readouterr().err
        assert message in error and error.count("\n") == 1, error

    refused("holds a training already; --resume goes on with it")
    refused("another recipe: lr was 0.005, now 0.01; ema was 0.0, now 0.9;", "--resume", lr=0.01, ema=0.9)
    refused("warmup was 0, now 2", "--resume", warmup=2)
    refused("the training list has changed since", "--resume", list_file=str(clips / "others.txt"))
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == before
    capsys.readouterr()
    assert run_main(clips, out, "--resume") == 0  # nothing is left to do, and nothing changes
    assert "all 1 epochs are done already" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()} == before
    shutil.copy(out / "last.safetensors", out / "resume.safetensors")
    refused("holds no training to go on with", "--resume")
    (out / "resume.safetensors").write_bytes(b"torn")
    refused("resume.safetensors", "--resume")


def test_folders_that_are_not_a_trainings(clips, tmp_path, capsys):
    """A list called train.csv in the folder, or another system's best.safetensors, is not overwritten."""
    for name in ("train.csv", "validation.csv", "best.safetensors"):
        (tmp_path / name).write_text("mine")
        for more in ((), ("--resume",)):
            assert run_main(clips, tmp_path, *more) == 2
            assert f"holds {name} and no resume.safetensors" in capsys.readouterr().err
        assert (tmp_path / name).read_text() == "mine" and len(list(tmp_path.iterdir())) == 1
        assert run_main(clips, tmp_path / name) == 2
        assert "is a file; wanted a folder" in capsys.readouterr().err
        (tmp_path / name).unlink()


def test_resume_starts_where_there_is_nothing(clips, tmp_path):
    """The same command line before and after: `--resume` in a new folder, beside a temporary file of a killed first
    save.
    """
    out = tmp_path / "run"
    out.mkdir()
    (out / ".resume.safetensors.123-0123abcd.tmp").write_bytes(b"half")
    (out / ".mine.tmp").write_bytes(b"mine")
    assert run_main(clips, out, "--resume") == 0
    assert leftovers(out) == [".mine.tmp"]


GO_ON = "what was saved before is whole: make room and go on with --resume"


@pytest.mark.parametrize("name, full_at", [("resume", 3), ("last", 1)])
def test_a_full_disk(clips, tmp_path, capsys, monkeypatch, name, full_at):
    """A save finds no room: the one before is still there, the training goes on from it to the same end. The networks
    come first, so that a training that counts as ended has them.
    """
    whole, out = tmp_path / "whole", tmp_path / "run"
    assert run_main(clips, whole, "--save-every", "1", batch=5) == 0
    own, before = os.fsync, []

    def full(handle):
        if os.path.basename(os.readlink(f"/proc/self/fd/{handle}")).startswith(f".{name}.safetensors"):
            before.append((out / "resume.safetensors").read_bytes() if (out / "resume.safetensors").exists() else b"")
            if len(before) == full_at:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        own(handle)

    monkeypatch.setattr(os, "fsync", full)
    capsys.readouterr()
    assert run_main(clips, out, "--save-every", "1", batch=5) == 2
    error = capsys.readouterr().err.splitlines()
    assert f"{out}/{name}.safetensors: cannot be written: No space left on device; {GO_ON}" in error[-1]
    assert len(error) == (1 if name == "resume" else 2)  # below the line of the epoch
    assert (
        (out / "resume.safetensors").read_bytes() == before[-1] and len(set(before)) == full_at and not leftovers(out)
    )
    monkeypatch.setattr(os, "fsync", own)
    assert run_main(clips, out, "--save-every", "1", "--resume", batch=5) == 0
    assert rows(out) == rows(whole)
    assert (out / "last.safetensors").read_bytes() == (whole / "last.safetensors").read_bytes()


def test_a_file_that_may_not_grow(clips, unbroken, tmp_path):
    """The system's own error (EFBIG) in the middle of a write: the first save fits, that with momentum does not."""
    out = tmp_path / "run"
    limit = (15 * 2**20, 15 * 2**20)
    job = go(clips, out, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
    assert job.end() == 2
    error = job.text()
    assert f"cannot be written: File too large; {GO_ON}" in error and error.count("\n") == 1
    assert not leftovers(out) and len(rows(out)) == 2
    check_files(out, Session(small_recipe(**SEVEN), digest_of(entries(clips))))
    assert main(seven(clips, out, "--resume")) == 0
    assert_same_as(unbroken, out)


@pytest.mark.slow
def test_a_full_file_system(clips, unbroken, tmp_path):
    """pytest -m slow parity_tests/test_resume.py -k file_system, as root: a file system of 30 MiB, which holds the
    first save and no second one beside it.
    """
    out = tmp_path / "run"
    out.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=30m", "tmpfs", str(out)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    try:
        job = go(clips, out)
        assert job.end() == 2
        assert f"cannot be written: No space left on device; {GO_ON}" in job.text() and job.text().count("\n") == 1
        assert not leftovers(out)
        check_files(out, Session(small_recipe(**SEVEN), digest_of(entries(clips))))
        subprocess.run(["mount", "-o", "remount,size=100m", str(out)], check=True)
        assert go(clips, out).end() == 0
        assert_same_as(unbroken, out)
    finally:
        subprocess.run(["umount", str(out)], check=True)


def test_no_room_for_the_rows(clips, tmp_path, monkeypatch):
    """train.csv is named, too, and closing it does not fail a second time."""
    log = TrainingLog(tmp_path, 0, 0, 1)
    log._train.close()

    class Full:
        name = "train.csv"

        def write(self, text):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        close = flush = lambda self: self.write("")

    log._train = Full()
    with pytest.raises(ValueError, match=f"train.csv: cannot be written: No space left on device; {GO_ON}"):
        log.update(0, 0, 0.1, UpdateResult(1.0, 0.5, 1.0, 2), 0.1)
    log.close()


def test_sigterm_before_the_first_update():
    """Paddle's own handler, which it sets when it is imported, would print a C++ traceback and leave half-written
    files.
    """
    code = """
import os, signal, sys
from paddle_tsm import runtime
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
runtime.import_paddle()
os.kill(os.getpid(), signal.SIGTERM)
"""
    done = subprocess.run([sys.executable, "-c", code], env=environment(), capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (143, "", "")


@pytest.mark.parametrize(
    "schedule",
    [
        {"milestones": (1,)},
        pytest.param({"schedule": "constant"}, marks=pytest.mark.slow),
        pytest.param({"milestones": (1, 2)}, marks=pytest.mark.slow),
    ],
)
def test_resume_for_more_epochs(clips, tmp_path, schedule):
    """The commonest reason to resume: the rates of what is done stay, so the result is the longer training's."""
    train_small(clips, tmp_path / "whole", **schedule, epochs=3)
    train_small(clips, tmp_path / "longer", **schedule, epochs=2)
    train_small(clips, tmp_path / "longer", plan={"resume": True}, **schedule, epochs=3)
    assert rows(tmp_path / "longer") == rows(tmp_path / "whole")
    a, b = weights(tmp_path / "longer"), weights(tmp_path / "whole")
    assert all(np.array_equal(a[name], b[name]) for name in a)
    assert json.loads((tmp_path / "longer" / "recipe.json").read_text())["epochs"] == 3


def test_resume_refuses_what_changes_the_past(clips, tmp_path):
    """A cosine of another length has other rates from its first update on; so has another rate."""
    train_small(clips, tmp_path / "run", schedule="cosine", epochs=2)
    for changes, said in (({"epochs": 3}, "epochs was 2, now 3"), ({"lr": 0.01}, "lr was 0.005, now 0.01")):
        with pytest.raises(ValueError, match=said):
            train_small(clips, tmp_path / "run", plan={"resume": True}, **{"schedule": "cosine", "epochs": 2} | changes)
    train_small(clips, tmp_path / "steps", epochs=2)
    with pytest.raises(ValueError, match="epochs was 2, now 1"):
        train_small(clips, tmp_path / "steps", plan={"resume": True}, epochs=1)
    with pytest.raises(ValueError, match="weight_decay was 0.0001, now 0.1"):
        train_small(clips, tmp_path / "steps", plan={"resume": True}, epochs=3, weight_decay=0.1)
