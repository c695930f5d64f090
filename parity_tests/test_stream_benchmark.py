"""The table of `tools/benchmark.py stream`: percentiles, ratios, and no ratio of a disturbed run."""

import importlib
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parent.parent / "tools"


@pytest.fixture
def benchmark(monkeypatch):
    """The module, which is forgotten at the end with the other modules of tools/."""
    monkeypatch.syspath_prepend(str(TOOLS))
    before = set(sys.modules)
    yield importlib.import_module("stream_benchmark")
    for name in set(sys.modules) - before:
        if (TOOLS / f"{name}.py").exists():
            del sys.modules[name]


def table(benchmark, capsys, disturbed: bool) -> str:
    """What is printed of a step of 10 ms whose last of 100 took 40, a window of 80 ms and a reference of 20 ms."""
    ours, timings = "ONNX Runtime", importlib.import_module("disturbance").Timings()
    each = {ours: [0.01] * 99 + [0.04], ours + benchmark.OF_WINDOW: [0.08], benchmark.REFERENCE: [0.02]}
    each[benchmark.REFERENCE + benchmark.OF_WINDOW] = [0.16]
    for name, seconds in each.items():
        timings.add(name, seconds[0], disturbed and name == ours)
    benchmark.print_table(each, timings)
    return " ".join(next(line for line in capsys.readouterr().out.splitlines() if ours in line).split())


def test_the_ratios(benchmark, capsys):
    assert table(benchmark, capsys, False) == "ONNX Runtime 10.00 10.00 40.00 4.00 8.00 0.50"


def test_a_disturbed_run_has_no_ratio(benchmark, capsys):
    assert table(benchmark, capsys, True) == "ONNX Runtime 10.00 10.00 40.00 disturbed disturbed disturbed"


def test_percentiles(benchmark):
    values = [float(number) for number in range(100, 0, -1)]
    assert [benchmark.percentile(values, share) for share in (0.0, 0.5, 0.99, 1.0)] == [1, 51, 100, 100]
