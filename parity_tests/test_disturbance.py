"""A benchmark says "disturbed" in the place of a ratio when other processes used the machine, and makes its folder."""

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parent.parent / "tools"
sys.path.insert(0, str(TOOLS))
from benchmark import BENCHMARKS  # noqa: E402  its folder is named first

RATIO = re.compile(r"(?<![\d.])\d+\.\d\d(?![\d.])(?! s)")  # a number with two decimals, which is no number of seconds


@pytest.fixture
def tool(monkeypatch):
    """A function that imports a tool by its name."""
    monkeypatch.syspath_prepend(str(TOOLS))
    return importlib.import_module


@pytest.fixture
def watch(tool, monkeypatch):
    """The module `disturbance`, on a machine where `watch.busy` processors are used by others, and no pauses."""
    watch = tool("disturbance")
    watch.busy, clock = 0.0, [0.0]

    def tick():  # each look at the clock is a second later
        clock[0] += 1
        return clock[0]

    monkeypatch.setattr(watch.time, "perf_counter", tick)
    monkeypatch.setattr(watch.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(watch, "own_ticks", lambda root: 0)
    monkeypatch.setattr(watch, "machine_ticks", lambda: int(watch.busy * clock[0] * os.sysconf("SC_CLK_TCK")))
    yield watch
    del watch.busy


def test_a_disturbed_run_is_repeated_and_then_said(watch):
    runs = []
    assert watch.undisturbed(lambda: runs.append(0) or 7) == (7, False) and len(runs) == 1
    watch.busy = 0.5
    assert watch.undisturbed(lambda: runs.append(0) or 7) == (7, True) and len(runs) == 2 + watch.RETRIES

    def ends_soon():
        runs.append(0)
        watch.busy = 0.5 if len(runs) < 11 else 0

    assert watch.undisturbed(ends_soon)[1] is False and len(runs) == 11


def test_a_ratio_of_disturbed_runs_is_none(tool):
    timings = tool("disturbance").Timings()
    for seconds in (1.0, 3.0, 2.0):
        timings.add("ours", seconds, False)
        timings.add("theirs", 2 * seconds, False)
        timings.add("noisy", seconds, seconds == 3.0)
    assert timings.ratio("ours", "theirs") == "0.50" and timings.ratio("theirs", "ours") == "2.00"
    assert {timings.ratio("noisy", "ours"), timings.ratio("ours", "noisy")} == {"disturbed"}
    assert timings.note().startswith("disturbed: other processes used the machine during 1 of 9 runs")
    assert "(noisy)" in timings.note()


def test_after_a_disturbed_run_none_is_repeated(watch):
    class Contender:
        process = subprocess.Popen([sys.executable, "-c", "pass"])
        requests = 0

        def ask(self, **request):
            self.requests += 1
            return {"seconds": 1.0, **request}

    watch.busy, timings, contender = 1.0, watch.Timings(), Contender()
    for _ in range(3):
        assert timings.ask("one", contender, count=3)["count"] == 3
    assert contender.requests == watch.RETRIES + 3 and timings.disturbed["one"] == 3
    contender.process.wait()


def test_whose_ticks_are_own(tool):
    """A process, its children and those that ended are its own; a process beside it is not."""
    watch = tool("disturbance")
    work = "x = sum(range(10**7))"  # more than a tenth of a second
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', '{work}']); input()"
    beside, inside = (
        subprocess.Popen(
            [sys.executable, "-c", code + "; print(flush=True); input()"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for code in (work, parent.removesuffix("; input()"))
    )
    for process in (beside, inside):
        process.stdout.readline()
    ours, one, other = map(watch.own_ticks, (os.getpid(), inside.pid, beside.pid))
    assert min(one, other) >= 5, "the child that has ended, and the process itself"
    assert one + other <= ours <= watch.machine_ticks() and max(one, other) < ours
    assert not watch.is_below(1, inside.pid, {1: 0}) and watch.is_below(3, 1, {3: 2, 2: 1, 1: 0})
    for process in (beside, inside):
        process.communicate(b"\n")


class Answers:
    """What stands for a contender: it answers at once."""

    def __init__(self, *_, **__):
        self.process, self.answers = self, []
        self.pid = os.getpid()

    def is_ready(self):
        return True

    def ask(self, **request):
        self.answers.append({"seconds": 0.25, "loss": 0.0, "logits": [0.0], "bytes": 10**6, "peak": 10**6})
        return self.answers[-1]

    def close(self):
        return '{"bytes": 1000000}'


def quick_training(tool, monkeypatch):
    module = tool("train_benchmark")
    monkeypatch.setattr(module, "write_demo_checkpoint", lambda *_: None)
    return module, {}


def quick_inference(tool, monkeypatch):
    module = tool("infer_benchmark")
    monkeypatch.setattr(module, "write_demo_checkpoint", lambda *_: None)
    return module, {"only": "", "arch": "", "size": 32, "out": None, "cold": True}


def quick_conversion(tool, monkeypatch):
    module = tool("convert_benchmark")
    monkeypatch.setattr(module, "write_demo_checkpoint", lambda path, _: Path(path).write_bytes(b""))
    monkeypatch.setattr(module, "run_once", lambda *_: {"seconds": 0.25, "bytes": 10**6})
    return module, {}


def quick_reading(tool, monkeypatch):
    module = tool("data_benchmark")
    monkeypatch.setattr(module, "PEERS", {"json": None})
    monkeypatch.setattr(module, "differences_to_ours", lambda *_: {"json": 0.0})
    return module, {"videos": ["a.mp4"], "only": "", "clips": 0}


def quick_shift(tool, monkeypatch):
    module = tool("shift_benchmark")
    monkeypatch.setattr(module, "SHAPE", (8, 8, 4, 4))
    return module, {}


def quick_growth(tool, monkeypatch):
    module = tool("growth_benchmark")
    monkeypatch.setattr(module, "write_demo_checkpoint", lambda *_: None)
    monkeypatch.setattr(module, "prepare", lambda *_: None)
    return module, {"only": "eager", "arch": "tsm_resnet18", "out": None}


QUICK = {
    "train": quick_training,
    "infer": quick_inference,
    "convert": quick_conversion,
    "data": quick_reading,
    "shift": quick_shift,
    "growth": quick_growth,
}


@pytest.mark.parametrize("name", QUICK)
def test_a_benchmark_prints_no_ratio_of_disturbed_runs(tool, watch, monkeypatch, capsys, name):
    module, options = QUICK[name](tool, monkeypatch)
    monkeypatch.setattr(module, "ContenderProcess", Answers, raising=False)
    benchmark = getattr(module, BENCHMARKS[name].function.split(":")[1])
    outputs = []
    for watch.busy in (0.0, 1.0):
        benchmark(runs=2, **options)
        outputs.append(capsys.readouterr().out)
    quiet, busy = outputs
    ratios = [line for line in quiet.splitlines() if RATIO.search(line)]
    assert ratios and "none of " in quiet and "disturbed: " not in quiet
    # the memory of convert is not disturbed by other work
    assert [line for line in busy.splitlines() if RATIO.search(re.sub(r"memory \S+|\S+ ms", "", line))] == []
    assert busy.count("disturbed") > len(ratios) / 2


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_watches_for_other_work(name):
    module = BENCHMARKS[name].function.split(":")[0]
    assert re.search(r"from disturbance import .*Timings", (TOOLS / f"{module}.py").read_text(encoding="utf-8"))


def test_the_folder_of_the_results_is_made(tool, watch, monkeypatch, tmp_path):
    program = tool("benchmark")
    _, options = quick_inference(tool, monkeypatch)
    module = tool("infer_benchmark")
    monkeypatch.setattr(module, "ContenderProcess", Answers)
    out = tmp_path / "new" / "folder"
    monkeypatch.setattr(sys, "argv", ["benchmark.py", "infer", "--runs", "1", "--out", str(out), "--only", "ONNX"])
    program.main()
    assert {path.name for path in out.iterdir()} == {"infer.json", "infer.png"}
    assert '"disturbed": 0' in (out / "infer.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("options, message", [
    (["--out", "FILE"], "argument --out: got FILE, wanted a folder: File exists"),
    (["--out", "FILE/below"], "wanted a folder: Not a directory"),
    (["--runs", "0"], "argument --runs: got 0, wanted a whole number, 1 or more"),
])  # fmt: skip
def test_a_wrong_option_is_refused_before_anything_runs(tmp_path, options, message):
    (tmp_path / "FILE").write_text("kept", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, str(TOOLS / "benchmark.py"), "infer", *options], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 2 and message in done.stderr and "Traceback" not in done.stderr
    assert (tmp_path / "FILE").read_text(encoding="utf-8") == "kept"
