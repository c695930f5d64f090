"""The report of any two models: what it prints and writes, with names of any length and with what explains it."""

import html
import io
import json
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import paddle
import pytest
import torch
from rich.console import Console

from paddle_tsm.parity import assert_equal, compare_models
from paddle_tsm.parity.compare import ComparisonRow
from paddle_tsm.parity.diagnosis.cause import Cause
from paddle_tsm.parity.report.console_report import print_report
from paddle_tsm.parity.report.plots import TICKS, readable
from paddle_tsm.parity.report.report import Report
from paddle_tsm.parity.report.report_plots import group_starts
from paddle_tsm.parity.summary_row import LayersRow, SummaryRow, layers_row

LONG = "a_name_of_a_layer_that_is_longer_than_the_room_for_it_in_a_terminal"
X = np.random.default_rng(0).standard_normal((2, 5, 8))


class Attends(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.attn = torch.nn.MultiheadAttention(8, 2, batch_first=True)
        self.norm = torch.nn.LayerNorm(8)
        setattr(self, LONG, torch.nn.Linear(8, 3))
        self.register_buffer("table", torch.arange(4.0))

    def forward(self, x):
        return getattr(self, LONG)(self.norm(self.attn(x, x, x)[0]))


class AttendsToo(paddle.nn.Layer):
    def __init__(self, epsilon=1e-5):
        super().__init__()
        self.attn = paddle.nn.MultiHeadAttention(8, 2)
        self.norm = paddle.nn.LayerNorm(8, epsilon)
        setattr(self, LONG, paddle.nn.Linear(8, 3))

    def forward(self, x):
        return getattr(self, LONG)(self.norm(self.attn(x, x, x)))


@pytest.fixture(scope="module")
def equal():
    torch.manual_seed(0)
    return compare_models(Attends(), AttendsToo(), X, steps=2)


@pytest.fixture(scope="module")
def different():
    torch.manual_seed(0)
    return compare_models(Attends(), AttendsToo(1e-3), X, steps=2)


def printed(report, width=80):
    console = Console(file=io.StringIO(), width=width, markup=False, emoji=False)
    print_report(report, console)
    return console.file.getvalue()


def test_a_row_counts_the_layers(equal, different):
    row = next(row for row in equal.rows if isinstance(row, LayersRow))
    assert row.name == "layers" and row.count == 3 and row.passed and 0 < row.max_rel < 1e-13
    assert max(equal.layers["float64"].values()) == row.max_rel, "the worst of what the plot shows"
    row = next(row for row in different.rows if isinstance(row, LayersRow))
    assert not row.passed and row.worst == "norm" == different.first_layer and row.problem == "norm: beyond the limit"


def test_a_layer_that_one_side_does_not_run():
    rows = [
        ComparisonRow("a: input", "float64", (2,), 0.0, 0.0, 1e-10),
        ComparisonRow("a", "float64", (2,), 0.0, 0.0, 1e-10),
        ComparisonRow("a#2", "", (), np.inf, np.inf, 1e-10, "Paddle does not run this layer as often"),
    ]
    row = layers_row(rows)
    assert not row.passed and row.count == 2 and row.label == "2 layers, worst: a#2"
    report = Report(rows=[row], first_layer="a#2", layers={"float64": {one.name: one.max_rel for one in rows}})
    assert "inf" in printed(report) and "inf" not in str(report)
    assert str(report).splitlines() == [
        "differs at layers (float64): a#2: Paddle does not run this layer as often; first layer that differs: a#2",
        "float64 layers: a#2: Paddle does not run this layer as often",
    ]


@pytest.mark.parametrize("worst", ["loss", f"{LONG}.weight: momentum_buffer"])
@pytest.mark.parametrize("width", [80, 60])
def test_long_names_break_and_nothing_is_cut(equal, different, width, worst):
    """worst: in every row, because rounding decides which tensor it is."""
    for found in (equal, different):
        rows = [replace(row, worst=worst) if isinstance(row, SummaryRow) else row for row in found.rows]
        report = Report(rows, found.first_layer)
        lines = printed(report, width).splitlines()
        assert max(map(len, lines)) <= width
        head = next(line for line in lines if "compared" in line and "worst" in line)
        column = slice(head.index("compared"), head.index("worst"))
        names = "".join(line[column] for line in lines[lines.index(head) :]).replace(" ", "")
        assert f"gradientsof{LONG}" in names, "folded over lines, whole"
        rows = [line for line in lines if line.rstrip().endswith(("equal", "differs", "first breach"))]
        assert len(rows) == len(report.rows) and "…" not in "".join(lines)


def test_str_is_the_verdict_and_what_does_not_pass(equal, different):
    assert str(equal).startswith("equal: largest") and "\n" not in str(equal)
    different.diagnosed = [Cause("norm", "eps", "1e-5", "1e-3", "norm: with epsilon 1e-3 they agree")]
    try:
        lines = str(different).splitlines()
        assert lines[0].startswith("differs at output (float64)") and "first layer that differs: norm" in lines[0]
        assert lines[1].startswith("float64 output: beyond the limit, ")
        assert lines[-1] == different.causes[0] and len(lines) <= 15 and not any("equal" in line for line in lines)
        with pytest.raises(AssertionError, match="with epsilon 1e-3"):
            assert_equal(different)
    finally:
        different.diagnosed = []
    assert_equal(equal)
    assert repr(equal) == f"<Report: {equal}>", "what a failed `assert report.equal` shows"


def test_write_writes_what_is_asked_for(equal, tmp_path):
    equal.write()
    equal.write(junit=tmp_path / "a.xml")
    assert [path.name for path in tmp_path.iterdir()] == ["a.xml"]
    equal.write(tmp_path / "page", json=tmp_path / "a.json")
    assert json.loads((tmp_path / "a.json").read_text())["equal"]
    plots = sorted(path.stem for path in (tmp_path / "page").glob("*.png"))
    assert plots == ["forward_error", "gradient_error", "loss_difference", "losses"]
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "index.html").write_text("<h1>Mine</h1>")
    with pytest.raises(ValueError, match="not a page of parity"):
        equal.write(tmp_path / "other")
    assert (tmp_path / "other" / "index.html").read_text() == "<h1>Mine</h1>"


def test_the_page_shows_the_alignment(equal, tmp_path):
    equal.write(tmp_path)
    text = html.unescape((tmp_path / "index.html").read_text())
    assert "Attends in PyTorch, AttendsToo in Paddle: 3 pairs of layers with 12 pairs of tensors" in text
    rows = [[cell.partition(">")[2] for cell in row.split("</td>")[:-1]] for row in text.split("<tr>")]
    by_name = {(row[0].rpartition(">")[2], row[1]): row[2:] for row in rows if len(row) == 4}
    assert by_name["attn.in_proj_weight", "attn.k_proj.weight"] == [
        "8x8",
        "transposed, PyTorch's rows 8 to 15, by name",
    ]
    assert by_name["norm.weight", "norm.weight"] == ["8", "by name"]
    assert by_name["table", ""] == ["", "no twin"]
    assert "<summary>Alignment: 13 tensors</summary>" in text


def test_what_explains_a_difference_is_everywhere(different, tmp_path):
    cause, known = "norm: with epsilon 1e-3 they agree to 2e-16", "BatchNorm <constants>"
    diagnosed = [Cause("norm", "eps", "1e-5", "1e-3", cause)]
    report = Report(different.rows, different.first_layer, known=[known], diagnosed=diagnosed)
    report.write(tmp_path, tmp_path / "a.xml", tmp_path / "a.json")
    page = (tmp_path / "index.html").read_text()
    assert f"<p>{cause}</p>" in page and "BatchNorm &lt;constants&gt;" in page
    content = json.loads((tmp_path / "a.json").read_text())
    assert content["causes"][0]["sentence"] == cause and any(known in note for note in content["notes"])
    suite = ElementTree.parse(tmp_path / "a.xml").getroot()
    assert cause in next(suite.iter("failure")).text
    assert [one.get("value") for one in suite.iter("property")] == [known]
    assert cause in printed(report, 200) and printed(report, 200).rstrip().endswith(cause)


def test_where_groups_begin():
    groups = {"stem": ["conv.weight"], "attn": ["attn.in_proj_weight", "attn.out.weight"], "gone": ["gone.weight"]}
    names = ["conv: input", "conv", "conv#2: input", "relu", "attn: input", "attn[1]"]
    assert group_starts(groups, names) == {"stem": 0, "attn": 4}
    assert group_starts(groups, ["input", "conv.weight", "attn.out.weight"]) == {"stem": 1, "attn": 2}


def test_names_below_a_plot_do_not_run_into_each_other():
    starts = {"conv1": 0, "bn1": 2, "layer1": 4, "layer2": 40, "fc": 98}
    assert readable(starts, 100) == {"layer1": 4, "layer2": 40, "fc": 98}, "of three at one place the longest"
    assert readable({"a": 0, "b": 1}, 2) == {"a": 0, "b": 1} and readable({}, 0) == {}
    many = readable({str(number): number for number in range(200)}, 200)
    gaps = np.diff(list(many.values()))
    assert 12 <= len(many) <= TICKS and gaps.min() >= 200 / TICKS


def test_a_plot_of_many_groups_and_infinite_errors(tmp_path):
    """A Sequential has a group a layer; a layer that one side does not run has an infinite difference."""
    names = [f"{number}" for number in range(200)]
    report = Report(layers={"float64": dict.fromkeys(names, 1e-16) | {"7": np.inf, "8": np.nan}})
    report.groups = {name: [f"{name}.weight"] for name in names}
    report.write(tmp_path)
    assert (tmp_path / "forward_error.png").is_file()
