"""`paddle-tsm predict` of many videos: in several processes, each video once, and gone on with after a kill."""

import json
import os
import shutil
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from paddle_tsm.cli import main
from paddle_tsm.demo.material import write_demo_checkpoint, write_demo_video
from paddle_tsm.evaluation.time_spent import TimeSpent
from paddle_tsm.inference import predicted_videos
from paddle_tsm.networks.network import Network
from paddle_tsm.processes import list_work
from parity_tests.small_training import ROOT, Job
from parity_tests.test_list_work import counted, stop_at_third
from parity_tests.test_processes import alive, workers

CLASSES, VIDEOS = 6, 9
FILE = "predictions.jsonl"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Videos, a list in another order than that of their names, in which one cannot be read, and a checkpoint."""
    folder = tmp_path_factory.mktemp("many")
    for i in range(VIDEOS):
        write_demo_video(str(folder / f"{i}.mp4"), 4 + i % 3, (48, 32), seed=i)
    (folder / "5.mp4").write_bytes(b"no video")
    (folder / "list.txt").write_text("".join(f"{i}.mp4\n" for i in reversed(range(VIDEOS))))
    write_demo_checkpoint(folder / "net.pth", Network("tsm_resnet10", CLASSES), layout="mmaction2")
    return folder


@pytest.fixture
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)
    return folder


def words(*more) -> list[str]:
    return ["predict", "--list", "list.txt", "--weights", "net.pth", "--size", "32", "--num-segments", "2", *more]


@pytest.fixture
def alone(here, capsys) -> list[str]:
    """The lines of --json of one process that keeps nothing."""
    assert main(words("--json")) == 2
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["video"] for line in lines] == [f"{i}.mp4" for i in reversed(range(VIDEOS)) if i != 5]
    assert len({json.loads(line)["top"][0]["probability"] for line in lines}) == len(lines)  # or order would not show
    return lines


def test_the_folder_has_the_lines_of_json(alone, capsys, tmp_path):
    out = tmp_path / "new" / "results"
    assert main(words("--out", str(out))) == 2
    printed, said = capsys.readouterr()
    assert (out / FILE).read_text().splitlines() == alone and os.listdir(out) == [FILE]
    assert said.count("\n") == 1 and "error: 5.mp4: OpenCV cannot open it" in said
    assert f"{out}: {FILE}, 8 of 9 videos" in printed and "videos/s; " in printed and "probability" not in printed
    assert main(words("--out", str(out), "--json")) == 2
    assert capsys.readouterr().out.splitlines() == alone


def test_a_run_that_was_broken_off(alone, capsys, tmp_path, monkeypatch):
    kept, out = list_work.write_piece, tmp_path / "out"
    with monkeypatch.context() as patch:
        patch.setattr(list_work, "write_piece", stop_at_third(kept))
        assert main(words("--out", str(out))) == 130
    assert "unfinished: holds what is done; the same command with --resume goes on" in capsys.readouterr().err
    for more, wanted in [
        ([], "--resume goes on with it"),
        (["--resume", "--top", "2"], "was begun with --top 5, got 2"),
        (["--resume", "--sampling", "twice"], "was begun with --sampling uniform, got twice"),
        (["--resume", "0.mp4"], "was begun with the videos "),
    ]:
        assert main(words("--out", str(out), *more)) == 2
        error = capsys.readouterr().err
        assert wanted in error and error.count("\n") == 1, error
    again = []

    def counting(folder, number, result):
        again.append(number)
        kept(folder, number, result)

    monkeypatch.setattr(list_work, "write_piece", counting)
    assert main(words("--out", str(out), "--resume")) == 2  # one video cannot be read
    assert again == list(range(2, VIDEOS)) and (out / FILE).read_text().splitlines() == alone
    assert os.listdir(out) == [FILE]


@pytest.mark.parametrize(
    "more, said",
    [
        (["--resume"], "--resume: got no folder in --out"),
        (["--resume", "--out", "x.mp4"], "--resume: got no folder in --out"),
        (["--out", "x.mkv"], "wanted one video file"),
        (["--out", "list.txt"], "list.txt"),
        (["--out", "nowhere", "--window", "1"], "--out: got nowhere with windows"),
        (["--out", "nowhere", "--weights", "none.pth"], "none.pth"),
    ],
)
def test_misuse(here, capsys, more, said):
    before = sorted(here.rglob("*"))
    assert main(words(*more)) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1, error
    assert sorted(here.rglob("*")) == before


def test_results_do_not_replace_what_is_read(here, capsys):
    shutil.copy("list.txt", FILE)
    assert main(["predict", "--list", FILE, "--weights", "net.pth", "--out", "."]) == 2
    assert f"--out: ./{FILE} is {FILE}, which is read" in capsys.readouterr().err
    assert (here / FILE).read_text() == (here / "list.txt").read_text()
    (here / FILE).unlink()


def test_where_the_time_goes(monkeypatch):
    """A reader and a network that take known times: each is counted for its own part."""

    class Slow:
        def __init__(self, *rest):
            pass

        def __getitem__(self, source):
            time.sleep(0.2)
            return np.zeros((1, 3, 2, 2), "float32"), predicted_videos.PredictedVideo(source)

    def run(views):
        time.sleep(0.05)
        return np.zeros((1, 3), "float32")

    class Pixels:
        average, reader = "logits", "pixels"

    spent = TimeSpent()
    monkeypatch.setattr(predicted_videos, "ViewReader", Slow)
    found = list(predicted_videos.predicted_videos(run, Pixels, 1, [1, 2, 3], False, None, spent))
    whole, loading, waiting, network = spent.seconds()
    assert [one.source for one in found] == [1, 2, 3] and loading == 0
    # Two are read at once, so that the second is there with the first, and the third 0.2 s later.
    assert network >= 0.15 and waiting >= 0.2 + (0.2 - 2 * 0.05) - 0.05 and waiting + network <= whole


def launch(folder, out, *more, processes=2, pause=0.0):
    """The command under the launcher, which counts its pieces: each is one video."""
    shutil.rmtree(f"{out}.workers", ignore_errors=True)
    launcher = ["-m", "paddle.distributed.launch", "--nproc_per_node", str(processes), "--log_dir", f"{out}.workers"]
    script = str(ROOT / "parity_tests" / "counted_pieces.py")
    variables = ["env", f"COUNTED={out}.counted", f"PAUSE={pause}", "OMP_NUM_THREADS=1"]
    return Job(out, [*variables, sys.executable, *launcher, script, *words("--out", str(out), *more)], cwd=folder)


@pytest.fixture(scope="module")
def one_process(folder, tmp_path_factory) -> bytes:
    """The file of one process of one thread."""
    out = tmp_path_factory.mktemp("alone") / "out"
    command = ["env", "OMP_NUM_THREADS=1", sys.executable, "-m", "paddle_tsm", *words("--out", str(out))]
    job = Job(out, command, cwd=folder)
    assert job.end(120) == 2, job.text()
    return (out / FILE).read_bytes()


def test_two_processes_write_the_bytes_of_one(folder, one_process, tmp_path):
    out = tmp_path / "out"
    job = launch(folder, out)
    assert job.end(120) != 0, "one video cannot be read"
    assert (out / FILE).read_bytes() == one_process
    scored, kept = counted(out)
    assert scored == kept == Counter(map(str, range(VIDEOS)))
    assert os.listdir(out) == [FILE]
    logs = [Path(f"{out}.workers/workerlog.{rank}").read_text() for rank in range(2)]
    assert ["videos/s; " in log for log in logs] == ["5.mp4: OpenCV" in log for log in logs] == [True, False], logs


@pytest.mark.slow
@pytest.mark.parametrize("processes", [2, 3])
def test_what_is_printed_does_not_depend_on_the_processes(folder, alone, tmp_path, processes):
    """pytest -m slow parity_tests/test_predict_list.py -k printed: without a folder, the first prints all of it."""
    launcher = ["-m", "paddle.distributed.launch", "--nproc_per_node", str(processes), "--log_dir", str(tmp_path)]
    script = str(ROOT / "parity_tests" / "counted_pieces.py")
    variables = ["env", f"COUNTED={tmp_path}/counted", "OMP_NUM_THREADS=1"]
    job = Job(tmp_path / "job", [*variables, sys.executable, *launcher, script, *words("--json")], cwd=folder)
    assert job.end(180) != 0
    logs = [(tmp_path / f"workerlog.{rank}").read_text().splitlines() for rank in range(processes)]
    printed = [[line for line in log if line.startswith('{"video"')] for log in logs]
    command = ["env", "OMP_NUM_THREADS=1", sys.executable, "-m", "paddle_tsm", *words("--json")]
    one = Job(tmp_path / "one", command, cwd=folder)
    assert one.end(120) == 2
    assert printed[0] == [line for line in one.text().splitlines() if line.startswith('{"video"')]
    assert len(printed[0]) == VIDEOS - 1 and not any(printed[1:])


@pytest.mark.slow
@pytest.mark.parametrize("killed", ["the first", "the second", "both", "all with the launcher"])
@pytest.mark.parametrize("after", [1, 2])
def test_a_killed_run_is_gone_on_with(folder, one_process, tmp_path, killed, after):
    """pytest -m slow parity_tests/test_predict_list.py -k killed"""
    out = tmp_path / "out"
    job = launch(folder, out, pause=0.5)
    assert job.wait_until(lambda: sum(counted(out)[1].values()) >= 3, 120), job.text()
    ranks = workers(job)
    dead = {"the first": [ranks[0]], "the second": [ranks[1]]}.get(killed, list(ranks.values()))
    for pid in [*dead, *([job.process.pid] if killed == "all with the launcher" else [])]:
        os.kill(pid, signal.SIGKILL)
    job.end(60)
    end = time.monotonic() + 30
    while any(map(alive, ranks.values())) and time.monotonic() < end:
        time.sleep(0.05)
    done = {path.stem.lstrip("0") or "0" for path in (out / "unfinished").glob("[0-9]*.npz")}
    assert 3 <= len(done) < VIDEOS and not (out / FILE).exists()
    again = launch(folder, out, "--resume", processes=after)
    assert again.end(120) != 0, "one video cannot be read"
    assert (out / FILE).read_bytes() == one_process
    scored, _ = counted(out)
    assert all(scored[number] == 1 for number in done), "a finished video was scored again"
    assert all(1 <= scored[str(number)] <= 2 for number in range(VIDEOS))
    assert os.listdir(out) == [FILE]
