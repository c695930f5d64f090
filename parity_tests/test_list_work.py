"""Work on a list, shared out over processes: every item once, the same bits, and gone on with after a kill."""

import os
import shutil
import signal
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from paddle_tsm.cli import main
from paddle_tsm.demo.material import write_demo_checkpoint, write_demo_video
from paddle_tsm.evaluation.score import clips_a_unit
from paddle_tsm.networks.network import Network
from paddle_tsm.processes import list_work
from paddle_tsm.processes.list_work import PieceResult, kept_work, pieces_of, work_through
from paddle_tsm.processes.processes import Processes
from parity_tests.small_training import ROOT, Job
from parity_tests.test_processes import alive, workers

CLASSES, VIDEOS = 6, 14
OPTIONS = ["--size", "32", "--num-segments", "2", "--batch", "2"]
FILES = ("scores.csv", "confusion.csv", "metrics.json")


@pytest.mark.parametrize("count, unit", [(0, 8), (1, 8), (8, 8), (17, 8), (8001, 8), (100_000, 3), (5, 1)])
def test_pieces_are_the_list(count, unit):
    pieces = pieces_of(count, unit)
    assert [i for piece in pieces for i in piece] == list(range(count))
    assert len(pieces) <= list_work.MOST_PIECES
    assert all(len(piece) % unit == 0 for piece in pieces[:-1])
    assert len({len(piece) for piece in pieces[:-1]}) <= 1


def test_a_unit_fills_its_batches():
    for batch in range(1, 20):
        for views in range(1, 31):
            unit = clips_a_unit(batch, views)
            assert unit * views % batch == 0 and all(n * views % batch for n in range(1, unit))


class Together(Processes):
    """Processes that are threads of this one."""

    @classmethod
    def run(cls, count, work):
        """[work(process) of each], or the first error."""
        barrier, given = threading.Barrier(count), [None] * count
        found, errors = [None] * count, []

        def one(rank):
            process = cls(rank, count)
            object.__setattr__(process, "met", (barrier, given))
            try:
                found[rank] = work(process)
            except BaseException as error:
                errors.append(error)
                barrier.abort()

        threads = [threading.Thread(target=one, args=(rank,)) for rank in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        for error in errors:
            if not isinstance(error, threading.BrokenBarrierError):
                raise error
        return found

    def meet(self):
        pass  # `gather` waits long enough

    def gather(self, thing):
        barrier, given = self.met
        given[self.rank] = thing
        barrier.wait(30)
        everyones = list(given)
        barrier.wait(30)
        return everyones


def squares(calls):
    def work(pieces):
        for piece in pieces:
            calls.extend(piece)
            yield PieceResult({"squares": np.array([i * i for i in piece])}, {"first": piece.start})

    return work


@pytest.mark.parametrize("count", [1, 2, 3, 7])
@pytest.mark.parametrize("kept", [False, True])
def test_every_item_is_worked_on_once(tmp_path, count, kept):
    pieces, calls = pieces_of(23, 4), []
    folder = str(tmp_path / "pieces") if kept else None

    def run(process):
        return work_through(pieces, squares(calls), process, folder)

    first, *others = Together.run(count, run) if count > 1 else [run(Processes())]
    assert others == [[]] * (count - 1) and sorted(calls) == list(range(23))
    assert np.concatenate([one.arrays["squares"] for one in first]).tolist() == [i * i for i in range(23)]
    assert [one.facts["first"] for one in first] == [piece.start for piece in pieces]


@pytest.mark.parametrize("before, after", [(1, 1), (2, 1), (1, 2), (3, 2)])
def test_what_is_finished_is_not_done_again(tmp_path, before, after):
    """Each process is broken off at its second piece; one file is torn as a power failure may tear it."""
    pieces, folder, calls, remarks = pieces_of(40, 4), str(tmp_path / "work"), [], []

    def broken(pieces):
        for number, result in enumerate(squares([])(pieces)):
            if number == 2:
                raise OSError("the power went")
            yield result

    def run(process, work, resume):
        with kept_work(process, folder, {"unit": 4}, resume, remarks.append):
            return work_through(pieces, work, process, folder)

    def all_of(count, work, resume):
        return Together.run(count, lambda process: run(process, work, resume))

    with pytest.raises(OSError):
        all_of(before, broken, False)
    assert remarks == [f"{folder}: holds what is done; the same command with --resume goes on"]
    names = sorted(name for name in os.listdir(folder) if name.endswith(".npz"))
    assert len(names) == 2 * before
    torn = Path(folder) / names[-1]
    content = bytearray(torn.read_bytes())
    content[len(content) // 3] ^= 1
    torn.write_bytes(content)
    (Path(folder) / ".0009.npz.123-0123abcd.tmp").write_bytes(b"half")
    with pytest.raises(ValueError, match="--resume goes on with it"):
        all_of(after, squares(calls), False)
    assert calls == []
    first, *_ = all_of(after, squares(calls), True)
    finished = {i for name in names[:-1] for i in pieces[int(name[:4])]}
    assert sorted(calls) == sorted(set(range(40)) - finished)
    assert np.concatenate([one.arrays["squares"] for one in first]).tolist() == [i * i for i in range(40)]
    assert not os.path.exists(folder)


def test_another_work_is_refused(tmp_path):
    folder = str(tmp_path / "work")

    def run(resume, **about):
        with kept_work(Processes(), folder, about, resume, lambda text: None):
            work_through([range(1), range(1, 2)], fail_at_second, Processes(), folder)

    def fail_at_second(pieces):
        yield PieceResult()
        raise ValueError("bad")

    with pytest.raises(ValueError, match="bad"):
        run(False, batch=8, engine=None)
    for about in ({"batch": 4, "engine": None}, {"batch": 8}, {"batch": 8, "engine": "onnx"}):
        with pytest.raises(ValueError, match=r"was begun with (batch 8, got 4|.* None|engine None, got onnx)"):
            if about == {"batch": 8}:
                about["more"] = 1
            run(True, **about)
    with pytest.raises(ValueError, match="bad"):
        run(True, batch=8, engine=None)


def test_nothing_stays_where_nothing_is_finished(tmp_path):
    folder, said = str(tmp_path / "out" / "work"), []
    with pytest.raises(ValueError, match="bad"), kept_work(Processes(), folder, {}, False, said.append):
        raise ValueError("bad")
    assert said == [] and not os.path.exists(folder)


def test_pieces_of_a_work_that_was_being_removed_are_not_taken(tmp_path):
    """It is killed when its description is gone already: what is left belongs to no work."""
    folder = str(tmp_path)
    list_work.write_piece(folder, 0, PieceResult(facts="stale"))
    with kept_work(Processes(), folder, {}, True, print):
        (found,) = work_through([range(1)], lambda pieces: iter([PieceResult(facts="new")]), Processes(), folder)
    assert found.facts == "new"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Videos, a list in which one cannot be read, a checkpoint, and one process's evaluation."""
    folder = tmp_path_factory.mktemp("listed")
    for i in range(VIDEOS):
        write_demo_video(str(folder / f"{i}.mp4"), 4 + i % 3, (48, 32), seed=i)
    (folder / "5.mp4").write_bytes(b"no video")
    (folder / "list.txt").write_text("".join(f"{i}.mp4 {i % 5}\n" for i in range(VIDEOS)))
    write_demo_checkpoint(folder / "net.pth", Network("tsm_resnet18", CLASSES), layout="mmaction2")
    return folder


def words(folder, out, *more):
    list_and_net = [str(folder / "list.txt"), "--root", str(folder), "--weights", str(folder / "net.pth")]
    skip = ["--skip-bad", "--check", "none"]
    return ["evaluate", *list_and_net, *OPTIONS, *skip, "--out", str(out), *more]


def launch(folder, out, *more, processes=2, pause=0.0, slow=None):
    """The command under the launcher, which counts its pieces. slow: the only process that pauses."""
    shutil.rmtree(f"{out}.workers", ignore_errors=True)
    launcher = ["-m", "paddle.distributed.launch", "--nproc_per_node", str(processes), "--log_dir", f"{out}.workers"]
    script = str(ROOT / "parity_tests" / "counted_pieces.py")
    variables = ["env", f"COUNTED={out}.counted", f"PAUSE={pause}", "OMP_NUM_THREADS=1"]
    variables += [] if slow is None else [f"SLOW={slow}"]
    return Job(out, [*variables, sys.executable, *launcher, script, *words(folder, out, *more)])


def counted(out) -> tuple[Counter, Counter]:
    """How often each piece was scored, and kept."""
    path = Path(f"{out}.counted")
    lines = [line.split() for line in path.read_text().splitlines()] if path.exists() else []
    return tuple(Counter(number for what, _, number in lines if what == kind) for kind in ("scored", "kept"))


def files(out) -> dict[str, bytes]:
    return {name: (Path(out) / name).read_bytes() for name in FILES}


@pytest.fixture(scope="module")
def alone(folder, tmp_path_factory):
    """The files of one process of one thread."""
    out = tmp_path_factory.mktemp("alone") / "out"
    job = Job(out, ["env", "OMP_NUM_THREADS=1", sys.executable, "-m", "paddle_tsm", *words(folder, out)])
    assert job.end(120) == 0, job.text()
    assert "videos/s" in job.text() and "1 clip was skipped" in job.text()
    return files(out)


def test_two_processes_write_the_bytes_of_one(folder, alone, tmp_path):
    out = tmp_path / "out"
    job = launch(folder, out)
    assert job.end(120) == 0, job.text()
    assert files(out) == alone
    scored, kept = counted(out)
    assert scored == kept == Counter(map(str, range(VIDEOS // 2)))
    assert "1 clip was skipped" in job.text() and not (out / "unfinished").exists()
    logs = [Path(f"{out}.workers/workerlog.{rank}").read_text() for rank in range(2)]
    assert "videos/s" in logs[0] and "videos/s" not in logs[1]


@pytest.mark.slow
def test_a_slow_process_is_waited_for(folder, alone, tmp_path):
    """pytest -m slow parity_tests/test_list_work.py -k slow_process: gloo by itself gives up after 30 s."""
    out = tmp_path / "out"
    job = launch(folder, out, pause=9.0, slow=1)
    assert job.end(180) == 0, job.text()
    assert files(out) == alone


@pytest.mark.slow
@pytest.mark.parametrize("killed", ["the first", "the second", "both", "all with the launcher"])
@pytest.mark.parametrize("after", [1, 2, 3])
def test_a_killed_run_is_gone_on_with(folder, alone, tmp_path, killed, after):
    """pytest -m slow parity_tests/test_list_work.py -k killed"""
    out = tmp_path / "out"
    job = launch(folder, out, pause=0.5)
    assert job.wait_until(lambda: sum(counted(out)[1].values()) >= 3, 120), job.text()
    ranks = workers(job)
    dead = {"the first": [ranks[0]], "the second": [ranks[1]]}.get(killed, list(ranks.values()))
    if killed == "all with the launcher":
        dead.append(job.process.pid)
    for pid in dead:
        os.kill(pid, signal.SIGKILL)
    job.end(60)
    end = time.monotonic() + 30
    while any(map(alive, ranks.values())) and time.monotonic() < end:
        time.sleep(0.05)
    names = {path.stem.lstrip("0") or "0" for path in (out / "unfinished" / "1").glob("[0-9]*.npz")}
    assert 3 <= len(names) < VIDEOS // 2 and not (out / "scores.csv").exists()
    before, _ = counted(out)
    again = launch(folder, out, "--resume", processes=after)
    assert again.end(120) == 0, again.text()
    assert files(out) == alone
    scored, _ = counted(out)
    assert all(scored[number] == before[number] == 1 for number in names), "a finished piece was scored again"
    assert all(1 <= scored[str(number)] <= 2 for number in range(VIDEOS // 2))
    assert not (out / "unfinished").exists()


def test_resume_needs_the_same_command(folder, tmp_path, capsys):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(list_work, "write_piece", stop_at_third(list_work.write_piece))
        assert main(words(folder, tmp_path)) == 130
    said = capsys.readouterr().err
    assert "unfinished: holds what is done; the same command with --resume goes on" in said
    for more, wanted in [
        ([], "--resume goes on with it"),
        (["--resume", "--batch", "3"], "was begun with --batch 2, got 3"),
        (["--resume", "--sampling", "twice"], "was begun with --sampling ['uniform'], got ['twice']"),
    ]:
        assert main(words(folder, tmp_path, *more)) == 2
        error = capsys.readouterr().err
        assert wanted in error and error.count("\n") == 1, error
    assert main(words(folder, tmp_path, "--resume")) == 0
    assert (tmp_path / "scores.csv").exists() and not (tmp_path / "unfinished").exists()


def stop_at_third(write):
    calls = []

    def stopping(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        write(*arguments)

    return stopping
