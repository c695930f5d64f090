"""The comparison itself: what passes, and what never does."""

import json
from xml.etree import ElementTree

import numpy as np
import pytest

from paddle_tsm.parity.compare import compare
from paddle_tsm.parity.report.report import Report
from paddle_tsm.parity.report.report_files import write_json, write_junit
from paddle_tsm.parity.report.report_text import verdict
from paddle_tsm.parity.tolerance import LEAST_NOISE, float32_limit

A = np.array([[1.0, -4.0], [0.0, 2.0]])


@pytest.mark.parametrize(
    "other, limit, passes",
    [
        (A, 0.0, True),
        (A + 4e-11, 1e-10, True),
        (A + 8e-10, 1e-10, False),
        (A * np.nan, 1e9, False),
        (A + np.array([0.0, np.inf]), 1e9, False),
        (A.astype("float32"), 1e9, False),
        (A[:1], 1e9, False),
        (A.T, 1e-3, False),
    ],
)
def test_what_passes(other, limit, passes):
    assert compare("x", A, other, limit).passed is passes


def test_nan_on_both_sides_does_not_pass():
    assert not compare("x", A * np.nan, A * np.nan, 1e9).passed


def test_relative_to_the_largest_magnitude():
    row = compare("x", A, A + np.array([[0, 0], [1e-3, 0]]), 1.0)
    assert row.max_abs == pytest.approx(1e-3) and row.max_rel == pytest.approx(1e-3 / 4)


def test_float32_limit_follows_the_noise():
    assert float32_limit(1e-5) == pytest.approx(10 * float32_limit(1e-6))
    assert float32_limit(0.0) == float32_limit(LEAST_NOISE)


def test_reports_for_programs(tmp_path):
    rows = [compare("layer1", A, A, 1e-10), compare("layer2", A, A * np.nan, 1e-10)]
    report = Report(rows, first_layer="layer2.0.conv1", seconds={"PyTorch": 1.0})
    write_json(report, tmp_path / "r.json"), write_junit(report, tmp_path / "r.xml")
    content = json.loads((tmp_path / "r.json").read_text())
    assert content["equal"] is False and content["first_layer"] == "layer2.0.conv1"
    assert [row["passed"] for row in content["rows"]] == [True, False] and content["rows"][1]["max_rel"] is None
    suite = ElementTree.parse(tmp_path / "r.xml").getroot()
    assert suite.attrib["tests"] == "2" and suite.attrib["failures"] == "1"
    assert [case.attrib["name"] for case in suite if case.find("failure") is not None] == ["layer2"]
    assert "layer2.0.conv1" in verdict(report)
