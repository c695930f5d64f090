"""`paddle-tsm parity` of files whose networks have other options: they are said before a layer is, in every form of the
report; the two orders of the shift are compared in one.
"""

import json
from xml.etree import ElementTree

import numpy as np
import pytest

from paddle_tsm.checkpoint import read_checkpoint, write_checkpoint
from paddle_tsm.cli import main
from paddle_tsm.demo.material import draw_weights, write_demo_checkpoint
from paddle_tsm.layouts.key_table import expand
from paddle_tsm.layouts.registry import layout_named
from paddle_tsm.networks.network import Network
from paddle_tsm.parity.checkpoint_pair import compare_files, read_pair
from paddle_tsm.parity.report.report_page import write_page
from paddle_tsm.parity.seeded_input import noise_clip

FILES = ["--json", "p.json", "--junit", "p.xml", "--size", "32"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder: a.pth, a ResNet-18-TSM as mmaction2 would have written it."""
    monkeypatch.chdir(tmp_path)
    write_demo_checkpoint("a.pth", Network("tsm_resnet18", num_classes=5))
    return tmp_path


def convert(source, destination, *options) -> None:
    assert main(["convert", source, destination, *options]) == 0


def parity(capsys, *words) -> tuple[int, str, dict]:
    """The exit code, what was printed, in one line, and the report."""
    capsys.readouterr()
    code = main(["parity", *words, *FILES])
    with open("p.json") as file:
        return code, " ".join(capsys.readouterr().out.split()), json.load(file)


def properties() -> list[str]:
    """What the JUnit file says of the networks."""
    return [found.get("value") for found in ElementTree.parse("p.xml").getroot().findall("properties/property")]


def failures() -> list[str]:
    return [found.text for found in ElementTree.parse("p.xml").getroot().findall("testcase/failure")]


def named(report) -> set[str]:
    """The names of the rows that pass."""
    return {row["name"] for row in report["rows"] if row["passed"]}


def test_an_assumed_option_against_a_recorded_one(folder, capsys):
    convert("a.pth", "b.safetensors", "--shift-div", "4")
    code, printed, report = parity(capsys, "a.pth", "b.safetensors")
    said = "A: shift_div 8, assumed; B: 4, recorded"
    assert code == 1 and printed.index(said) < printed.index("layer1")
    assert report["verdict"].index(said) < report["verdict"].index("layer1")
    assert report["options"] == [{"name": "shift_div", "a": 8, "a_from": "assumed", "b": 4, "b_from": "recorded"}]
    assert (
        said in properties()[0] and failures() and all(text.index(said) < text.index("layer1") for text in failures())
    )
    code, printed, report = parity(capsys, "a.pth", "b.safetensors", "--shift-div", "4")
    assert code == 0 and report["options"] == [] and "shift_div" not in printed


def write_paddlevideo(path) -> None:
    """A ResNet-50-TSM as PaddleVideo would have written it."""
    network = Network("tsm_resnet50", num_classes=5, shift_order="past_first")
    tensors, entries = draw_weights(network), expand(layout_named("paddlevideo"), network, transposed=True)
    write_checkpoint(
        path,
        {
            entry.key: np.ascontiguousarray(tensors[entry.canonical].T)
            if entry.transposed
            else tensors[entry.canonical]
            for entry in entries
        },
    )


def test_what_a_system_runs_against_a_recorded_option(folder, capsys):
    """PaddleVideo shifts 1 / num_segments of the channels."""
    write_paddlevideo("b.pdparams")
    convert("b.pdparams", "a.safetensors", "--num-segments", "4", "--shift-div", "8")
    code, printed, report = parity(capsys, "a.safetensors", "b.pdparams", "--num-segments", "4")
    said = "A: shift_div 8, recorded; B: 4, paddlevideo shifts 1 / num_segments of the channels"
    assert code == 1 and said in printed and report["verdict"].startswith(f"differs ({said}) at layer1")


def test_clips_of_other_lengths(folder, capsys):
    convert("a.pth", "b.safetensors", "--num-segments", "4")
    capsys.readouterr()
    assert main(["parity", "a.pth", "b.safetensors", *FILES]) == 2
    assert "A: num_segments 8, assumed; B: 4, recorded" in capsys.readouterr().err
    assert main(["parity", "a.pth", "b.safetensors", "--num-segments", "4", *FILES]) == 0, "what was advised"


def test_equal_options_are_not_spoken_of(folder, capsys):
    convert("a.pth", "b.safetensors")
    code, printed, report = parity(capsys, "a.pth", "b.safetensors")
    assert code == 0 and report["options"] == report["notes"] == properties() == []
    assert "order" not in printed and "option" not in printed


ORDERED = [
    ("tsm_resnet18", "mmaction2", {}, False),
    ("tsm_resnet18", "mmaction2", {}, True),
    ("tsm_resnet18", "mit", {"shift_place": "block", "temporal_pool": True}, True),
    ("tsm_mobilenet_v2", "mmaction2", {}, False),
    ("tsm_resnet50", "mmaction2", {"non_local": {"mode": "dot_product", "blocks": ((2, 0), (3, 1))}}, False),
]


@pytest.mark.parametrize("arch, layout, options, turned_is_a", ORDERED)
def test_files_of_the_two_orders_are_compared_in_one(folder, capsys, arch, layout, options, turned_is_a):
    """All of it is equal: logits, every stage, features and running statistics."""
    write_demo_checkpoint("a.pth", Network(arch, num_classes=5, **options), layout)
    mode = ["--non-local", options["non_local"]["mode"]] if "non_local" in options else []
    convert("a.pth", "b.pth", "--shift-order", "past_first", *mode)
    pair = ["b.pth", "a.pth"] if turned_is_a else ["a.pth", "b.pth"]
    code, printed, report = parity(capsys, *pair, *mode)
    assert code == 0 and report["options"] == [] and {"layer1", "features", "logits", "running stats"} <= named(report)
    order = ("past_first", "future_first")[:: 1 if turned_is_a else -1]
    said = f"A's channels are in {order[0]} order, B's in {order[1]}: two folds of every residual stream were exchanged"
    assert printed.index(said) < printed.index("layer1") and said in report["notes"][0] and said in properties()[0]
    tensors = [dict(read_checkpoint(name).tensors) for name in ("a.pth", "b.pth")]
    stem = [next(array for key, array in file.items() if array.ndim == 4) for file in tensors]
    assert arch == "tsm_mobilenet_v2" or not np.array_equal(*stem), "the channels were not permuted"


def test_a_difference_in_the_other_order_is_found(folder, capsys):
    convert("a.pth", "b.safetensors", "--shift-order", "past_first")
    file = read_checkpoint("b.safetensors")
    tensors = {name: np.array(array) for name, array in file.tensors.items()}
    tensors["layer2.0.bn2.bias"] += np.float32(1e-3)
    write_checkpoint("c.safetensors", tensors, metadata=file.metadata)
    code, printed, report = parity(capsys, "a.pth", "c.safetensors")
    assert code == 1 and report["first_layer"] == "layer2.0.bn2" and "layer1" in named(report)


def test_a_paddlevideo_network_against_its_conversion(folder, capsys):
    write_paddlevideo("pv.pdparams")
    for name, order in (("own.safetensors", ["--shift-order", "past_first"]), ("usual.safetensors", [])):
        convert("pv.pdparams", name, *order)
        code, printed, report = parity(capsys, "pv.pdparams", name)
        assert code == 0 and {"layer1", "layer4", "features", "logits"} <= named(report)
        assert ("A's channels are in past_first order, B's in future_first" in printed) == (order == [])


def test_a_lost_record_of_the_order_is_named_and_the_advice_works(folder, capsys):
    """A past-first network whose record was lost, as by another program that wrote the file again: its own keys say
    nothing, and the usual order is assumed.
    """
    convert("a.pth", "b.pth", "--shift-order", "past_first")
    write_checkpoint("b.pth", read_checkpoint("b.pth").tensors)
    code, printed, report = parity(capsys, "a.pth", "b.pth")
    said = "B's weights are A's with two folds of channels exchanged"
    assert (
        code == 1
        and printed.index(said) < printed.index("layer1")
        and said in report["notes"][0]
        and said in properties()[0]
    )
    assert "B's order is assumed; --shift-order past_first reads it in the other one." in report["notes"][0]
    code, _, report = parity(capsys, "a.pth", "b.pth", "--shift-order", "past_first")
    assert code == 0 and "layer1" in named(report), "what was advised"


def test_other_weights_are_not_taken_for_the_other_order(folder, capsys):
    write_demo_checkpoint("b.pth", Network("tsm_resnet18", num_classes=5), seed=1)
    code, printed, report = parity(capsys, "a.pth", "b.pth")
    assert code == 1 and report["notes"] == [] and "exchanged" not in printed


@pytest.mark.parametrize("online_is_a", [False, True])
def test_the_causal_network_is_another_network(folder, capsys, online_is_a):
    convert("a.pth", "b.safetensors", "--shift-order", "causal")
    code, printed, report = parity(capsys, *(["b.safetensors", "a.pth"] if online_is_a else ["a.pth", "b.safetensors"]))
    online, other = ("A", "B") if online_is_a else ("B", "A")
    said = (
        f"{online} is a causal network, which sees no later frame, {other} a bidirectional one: they are two networks"
    )
    assert (
        code == 1
        and printed.index(said) < printed.index("layer1")
        and said in report["notes"][0]
        and said in properties()[0]
    )
    assert [one["name"] for one in report["options"]] == ["shift_order"]


def test_folds_that_cannot_be_exchanged(folder, capsys):
    """Of 64 channels a seventh is 9, and Paddle's second fold has 9 too; of 128 it is 18 and 18; of 256, 36 and 37."""
    for name, _order in (("f", "future_first"), ("p", "past_first")):
        convert("a.pth", f"{name}.safetensors", "--shift-order", "future_first", "--shift-div", "7")
    file = read_checkpoint("p.safetensors")
    metadata = {key: text.replace("future_first", "past_first") for key, text in file.metadata.items()}
    write_checkpoint(
        "p.safetensors", {name: np.array(array) for name, array in file.tensors.items()}, metadata=metadata
    )
    code, printed, report = parity(capsys, "f.safetensors", "p.safetensors")
    assert code == 1 and "cannot be brought to one order" in printed and "past-first" in report["notes"][0]
    assert [one["name"] for one in report["options"]] == ["shift_order"]


def test_the_page_says_it_too(folder, capsys):
    convert("a.pth", "b.safetensors", "--shift-div", "4")
    pair = read_pair("a.pth", "b.safetensors")
    text = write_page(compare_files(*pair, noise_clip(8, 32)), "page").read_text()
    assert text.index("A: shift_div 8, assumed; B: 4, recorded") < text.index("layer1")
