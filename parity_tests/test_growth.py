"""What `tools/benchmark.py growth` says of curves, and that its contenders work."""

import importlib
import json
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parent.parent / "tools"


@pytest.fixture
def tool(monkeypatch):
    """A function that imports a tool by its name."""
    monkeypatch.syspath_prepend(str(TOOLS))
    return importlib.import_module


def curve(tool, measured, field="batch", disturbed=0):
    seconds = [measured(value) for value in (1, 2, 4, 8)]
    return tool("growth_benchmark").Curve(
        "some work", field, [1, 2, 4, 8], seconds, [10**6] * 4, [10**7] * 4, disturbed
    )


@pytest.mark.parametrize("measured, row", [
    (lambda n: 0.5 * n, "1.00, end 1.00    "),
    (lambda n: 0.5 * n**2, "2.00, end 2.00 (!)"),
    (lambda n: 1 + n, "0.72, end 0.85    "),
    (lambda n: 1 + 0.05 * n**3, "1.56, end 2.66 (!)"),
    (lambda n: 9 + 0.05 * n**3, "0.62, end 1.50 (!)"),  # what is constant hides it from a fit of all points
])  # fmt: skip
def test_the_exponent_of_a_curve(tool, measured, row):
    growth = tool("growth_benchmark")
    assert row in growth.table_row(curve(tool, measured), growth.Axis("batch", (1, 2, 4, 8)))


def test_pixels_are_the_work_of_a_resolution(tool):
    growth = tool("growth_benchmark")
    axis = next(axis for axis in growth.NETWORK_AXES if axis.field == "size")
    assert growth.exponents(curve(tool, lambda n: n**2, "size"), axis, [1.0, 4.0, 16.0, 64.0]) == pytest.approx((1, 1))


def test_a_disturbed_curve_has_no_exponent(tool):
    growth = tool("growth_benchmark")
    row = growth.table_row(curve(tool, lambda n: n, disturbed=2), growth.Axis("batch", (1, 2, 4, 8)))
    assert row.endswith("disturbed (2 runs)") and "end" not in row


def test_curves_that_are_not_made_again_are_kept(tool, tmp_path):
    growth = tool("growth_benchmark")
    names = list(growth.CONTENDERS)[:2]
    for name, seconds in ((names[1], 1.0), (names[0], 2.0), (names[0], 3.0)):
        made = growth.Curve(name, "batch", [1, 2], [seconds, 2 * seconds], [5, 6], [7, 8], 0)
        growth.write_results(tmp_path, [made], "tsm_resnet18", 3)
    kept = json.loads((tmp_path / "growth.json").read_text(encoding="utf-8"))["curves"]
    assert [(row["contender"], row["seconds"]) for row in kept] == [(names[0], [3.0, 6.0]), (names[1], [1.0, 2.0])]
    assert (tmp_path / "growth.png").stat().st_size > 1000


def test_every_contender_does_its_work(tool, tmp_path):
    """In this process, on a small network and a short list."""
    growth, contenders = tool("growth_benchmark"), tool("growth_contenders")
    options = {"frames": 2, "batch": 2, "size": 32, "folder": str(tmp_path), "threads": 1}
    job, listed = contenders.Job(clips=0, **options), contenders.Job(clips=3, **options)
    growth.write_demo_checkpoint(tmp_path / contenders.MODEL, growth.Network("tsm_resnet10"), "canonical")
    contenders.write_exports(job)()
    growth.prepare(growth.FROM_VIDEOS, listed)
    results = {name: make(listed if "list" in name else job)() for name, make in contenders.CONTENDERS.items()}
    assert results["inference, Paddle Inference"].shape == results["inference, ONNX Runtime"].shape == (2, 400)
    assert len((tmp_path / "scores.csv").read_text(encoding="utf-8").splitlines()) == 1 + 3
    assert contenders.peak_bytes() > 10**7
