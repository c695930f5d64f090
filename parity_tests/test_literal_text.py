"""Strings that are not ours (names of classes and files, keys of a checkpoint, lines of a list) reach the terminal
literally.
"""

import ast
import csv
import json
import os
import unicodedata
from pathlib import Path
from xml.etree import ElementTree

import pytest

import paddle_tsm
from paddle_tsm.checkpoint import write_checkpoint
from paddle_tsm.cli import main
from paddle_tsm.demo.material import draw_weights, write_demo_checkpoint, write_demo_video
from paddle_tsm.networks.network import Network
from paddle_tsm.terminal.literal_text import as_text, literal, plain_console

# markup that is well formed, markup that is not, an emoji code, colour, title and bell, C1's escape, the direction
# turned
NAMES = [
    "[bold red]x[/]",
    "a[/nothing]b\\",
    ":smile: \x1b[31mred\x1b[0m",
    "\x1b]0;title\x07bell",
    "c1 \x9b31m",
    "\u202egnp.exe\u202c",
    "\u2066isolated\u2069",
    "naïve 日本 ünï",
    "<script>&\"'",
    "\u200bnothing",
]
PATH = "[bold red]a[bold]:smile:\x1b[31m\u202eb\nc\x07 "
OBEYED = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def obeyed(text: str) -> str:
    """The characters of `text` that a terminal obeys, but for the line feed that ends a line."""
    return "".join(c for c in text if unicodedata.category(c) in OBEYED and c not in "\n\u200c\u200d")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("names")
    network = Network("tsm_resnet10", num_classes=len(NAMES), shift_order="causal")
    write_demo_video(str(folder / f"{PATH}.mp4"), frames=8, size=(96, 64))
    write_demo_checkpoint(str(folder / f"{PATH}.pth"), network)
    (folder / "names.txt").write_text("".join(f"{name}\n" for name in NAMES), encoding="utf-8")
    (folder / "list.txt").write_text("".join(f"clip{i}.mp4 {i % len(NAMES)}\n" for i in range(2)))
    for i in range(2):
        os.link(folder / f"{PATH}.mp4", folder / f"clip{i}.mp4")
    return folder


@pytest.fixture
def folder(made, monkeypatch):
    monkeypatch.chdir(made)
    monkeypatch.setenv("COLUMNS", "400")  # so that no name is folded
    return made


def run(capfd, *arguments, code: int = 0) -> str:
    """What the command prints on both streams, in which nothing may be obeyed."""
    try:
        found = main(list(arguments))
    except SystemExit as error:
        found = error.code
    out, err = capfd.readouterr()
    assert found == code, (out, err)
    assert obeyed(out + err) == "", ascii(out + err)
    return out + err


def test_literal():
    assert literal("\x1b[31m\x07\n\r\t\x7f\x9b\u202e\u2028\udcff\U000e0041") == (
        "\\x1b[31m\\x07\\n\\r\\t\\x7f\\x9b\\u202e\\u2028\\udcff\\U000e0041"
    )
    for text in ("plain", "naïve 日本", "a\\b", "می‌خواهم", "\xa0"):
        assert literal(text) == text
    assert literal(literal(PATH)) == literal(PATH) != PATH
    assert obeyed("".join(map(chr, range(0x30000)))) and obeyed(literal("".join(map(chr, range(0x30000))))) == ""


def test_rich_reads_nothing(capfd):
    from rich.table import Table

    console, table = plain_console(), Table(title=as_text(NAMES[0]))
    table.add_column("name")
    for name in NAMES:
        table.add_row(as_text(name))
        console.print(literal(name), soft_wrap=True)
    console.print(table)
    out = capfd.readouterr().out
    assert all(out.count(literal(name)) >= 2 for name in NAMES) and obeyed(out) == ""


def test_predict(folder, capfd):
    printed = run(capfd, "predict", f"{PATH}.mp4", "--weights", f"{PATH}.pth", "--size", "32", "--classes", "names.txt",
                  "--top", "10", "--out", f"{PATH}out.mp4")  # fmt: skip
    assert literal(f"{PATH}.mp4") in printed
    assert all(literal(name) in printed for name in NAMES)
    found = json.loads(
        run(
            capfd,
            "predict",
            f"{PATH}.mp4",
            "--weights",
            f"{PATH}.pth",
            "--size",
            "32",
            "--classes",
            "names.txt",
            "--json",
        )
    )
    assert found["video"] == f"{PATH}.mp4" and {row["name"] for row in found["top"]} <= set(NAMES)


def test_a_drawn_label(monkeypatch):
    import cv2
    import numpy as np

    from paddle_tsm.inference import labelled_video

    drawn = []
    monkeypatch.setattr(cv2, "putText", lambda frame, text, *rest: drawn.append(text))
    labelled_video.with_lines(np.zeros((64, 64, 3), "uint8"), NAMES)
    assert len(drawn) == 2 * len(NAMES) and drawn[0] == NAMES[0]
    assert all(text.isascii() and text.isprintable() for text in drawn)


def test_stream(folder, capfd):
    printed = run(capfd, "stream", f"{PATH}.mp4", "--weights", f"{PATH}.pth", "--shift-order", "causal", "--size", "32",
                  "--classes", "names.txt", "--average", "1", "--out", f"{PATH}s.mp4")  # fmt: skip
    assert any(literal(name) in printed for name in NAMES) and literal(f"{PATH}s.mp4") in printed


def test_evaluate(folder, capfd):
    printed = run(capfd, "evaluate", "list.txt", "--weights", f"{PATH}.pth", "--size", "32", "--classes", "names.txt",
                  "--out", f"{PATH}report")  # fmt: skip
    assert literal(f"{PATH}.pth") in printed and f"{literal(PATH)}report: scores.csv" in printed
    out = folder / f"{PATH}report"
    with open(out / "confusion.csv", encoding="utf-8", newline="") as file:
        assert next(csv.reader(file))[1:] == [f"{i} {name}" for i, name in enumerate(NAMES)], (
            "a file holds the names themselves"
        )
    assert json.loads((out / "metrics.json").read_text(encoding="utf-8"))["class_names"] == NAMES


def test_clips_that_are_skipped(folder, capfd):
    Path("bad.txt").write_text("clip0.mp4 0\n\x1b[31m[red]none\u202e.mp4 1\n", encoding="utf-8")
    printed = run(capfd, "evaluate", "bad.txt", "--weights", f"{PATH}.pth", "--size", "32", "--skip-bad")
    assert "1 clip was skipped" in printed and literal("\x1b[31m[red]none\u202e.mp4: no such video file") in printed
    assert literal("\x1b[31m[red]none") in run(
        capfd, "evaluate", "bad.txt", "--weights", f"{PATH}.pth", "--size", "32", code=2
    )


def test_convert_and_inspect(folder, capfd):
    printed = run(capfd, "convert", f"{PATH}.pth", f"{PATH}.safetensors", "--shift-order", "causal")
    assert literal(f"{PATH}.safetensors") in printed
    assert literal(f"{PATH}.safetensors") in run(capfd, "inspect", f"{PATH}.safetensors")
    network = Network("tsm_resnet10", num_classes=3)
    beside = dict.fromkeys(NAMES, 1)
    write_checkpoint("aside.pth", draw_weights(network), wrapper=("state_dict",), aside=beside, format="torch-zip")
    printed = run(capfd, "inspect", "aside.pth")
    assert all(literal(name) in printed for name in NAMES)
    run(capfd, "inspect", "aside.pth", "--json")


def test_keys_in_errors(folder, capfd):
    network = Network("tsm_resnet10", num_classes=3)
    tensors = draw_weights(network)
    for name in NAMES:
        write_checkpoint("keys.safetensors", tensors | {f"layer1.{name}": tensors["fc.bias"]})
        assert literal(name) in run(capfd, "inspect", "keys.safetensors", code=2)
    record = json.dumps({"network": {"arch": "tsm_resnet10", NAMES[0]: NAMES[3]}})
    write_checkpoint("record.safetensors", tensors, metadata={"paddle_tsm": record})
    run(capfd, "inspect", "record.safetensors", code=2)
    many = {f"{name}": tensors for name in NAMES[:3]}
    write_checkpoint("many.pth", tensors, wrapper=("state_dict",), aside=many, format="torch-zip")
    assert literal(NAMES[2]) in run(capfd, "inspect", "many.pth", code=2)


def test_export(folder, capfd):
    printed = run(
        capfd, "export", f"{PATH}.pth", f"{PATH}exported", "--to", "onnx", "--size", "32", "--classes", "names.txt"
    )
    assert literal(f"{PATH}exported") in printed
    printed = run(capfd, "predict", "clip0.mp4", "--weights", f"{PATH}exported", "--top", "10")
    assert all(literal(name) in printed for name in NAMES)


def test_parity_junit_and_page(folder, capfd, monkeypatch):
    """JUnit is XML and the page HTML, whatever a name holds."""
    pytest.importorskip("torch")
    run(capfd, "parity", f"{PATH}.pth", "--junit", f"{PATH}.xml")
    ElementTree.parse(f"{PATH}.xml")

    from paddle_tsm.parity.checkpoint_pair import describe, read_pair
    from paddle_tsm.parity.compare import ComparisonRow
    from paddle_tsm.parity.report.console_report import print_report
    from paddle_tsm.parity.report.report import Report
    from paddle_tsm.parity.report.report_files import write_junit
    from paddle_tsm.parity.report.report_page import page, rows_table

    report = Report(
        rows=[ComparisonRow(name, "float64", (1,), 1.0, 1.0, 0.1, f"differs {name}") for name in NAMES],
        first_layer=NAMES[3],
    )
    write_junit(report, "hostile.xml")
    cases = ElementTree.parse("hostile.xml").getroot()
    assert [case.get("name") for case in cases] == [literal(name) for name in NAMES]
    describe(report, *read_pair(f"{PATH}.pth"))
    text = page(report, {})
    assert obeyed(text) == "" and literal(PATH).strip() in text and "<script>&" not in text
    assert "<script>" not in rows_table(report, summary=False) and obeyed(rows_table(report, summary=False)) == ""
    print_report(report)
    printed = capfd.readouterr().out
    assert obeyed(printed) == "" and all(literal(name) in printed for name in NAMES)


def test_train(folder, capfd):
    changes = [
        "arch=tsm_resnet10",
        f"num_classes={len(NAMES)}",
        "num_segments=2",
        "size=32",
        "epochs=1",
        "batch=2",
        "warmup=0",
    ]
    Path("train.txt").write_text("clip0.mp4 0\nclip1.mp4 1\n\x1b[31m[red]none\u202e.mp4 1\n", encoding="utf-8")
    options = ["--out", f"{PATH}run", "--set", *changes]
    printed = run(capfd, "train", "train.txt", *options, "--skip-bad")
    assert literal(f"done: {PATH}run") in printed and literal("\x1b[31m[red]none\u202e.mp4") in printed
    assert literal(f"{PATH}run") in run(capfd, "train", "train.txt", *options, "--skip-bad", code=2)


def test_demo_and_tables(folder, capfd):
    printed = run(capfd, "demo", "--out", f"{PATH}demo", "--arch", "tsm_resnet10")
    assert printed.count(f"{literal(PATH)}demo/") >= 3
    assert "exact" in run(capfd, "convert", "--matrix") and "cannot" in run(
        capfd, "convert", "--matrix", "--arch", "tsm_mobilenet_v2"
    )
    assert "temporal_shift" in run(capfd, "parity", "--differences")
    assert "threads" in run(capfd, "doctor", "--no-measure")


@pytest.mark.parametrize(
    "arguments",
    [
        ["inspect", PATH],
        ["convert", PATH, "x.safetensors"],
        ["convert", f"{PATH}.pth", f"{PATH}/x.pth"],
        ["parity", PATH],
        ["predict", PATH, "--weights", f"{PATH}.pth"],
        ["predict", "clip0.mp4", "--weights", PATH],
        ["stream", PATH, "--weights", f"{PATH}.pth", "--shift-order", "causal"],
        ["train", PATH],
        ["train", "list.txt", "--set", f"{PATH}=1"],
        ["train", "list.txt", "--recipe", PATH],
        ["evaluate", PATH, "--weights", f"{PATH}.pth"],
        ["evaluate", "list.txt", "--weights", f"{PATH}.pth", "--preset", PATH],
        ["export", PATH, "x"],
        ["export", f"{PATH}.pth", f"{PATH}.mp4"],
        # what a shell makes of `*`, and choices
        ["inspect", "a.pth", PATH],
        ["predict", PATH, PATH, "--weights", "w"],
        ["predict", "clip0.mp4", "--weights", "w", "--preset", PATH],
        [PATH],
    ],
    ids=lambda arguments: " ".join(literal(one).replace(literal(PATH), "P") for one in arguments),
)
def test_errors(folder, capfd, arguments):
    printed = run(capfd, *arguments, code=2)
    assert "Traceback" not in printed and literal("b\nc").replace("\\", "") in printed.replace("\\", "")


def test_every_console_is_the_plain_one():
    """A Console, a column of text or a status of rich's own would read markup in what it shows."""
    for path in sorted(Path(paddle_tsm.__file__).parent.rglob("*.py")):
        if path.name == "literal_text.py":
            continue
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(call, ast.Call):
                continue
            name = getattr(call.func, "id", getattr(call.func, "attr", ""))
            assert name not in ("Console", "from_markup", "render"), f"{path}:{call.lineno}"
            if name == "TextColumn":
                assert any(k.arg == "markup" and k.value.value is False for k in call.keywords), f"{path}:{call.lineno}"
