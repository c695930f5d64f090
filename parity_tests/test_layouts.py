"""Key maps: complete, unambiguous, there and back; and what is read off a file's keys."""

import re

import pytest

from paddle_tsm.checkpoint import Checkpoint
from paddle_tsm.demo import draw_weights
from paddle_tsm.layouts.key_map import expand, pattern
from paddle_tsm.layouts.network_file import interpret
from paddle_tsm.layouts.recognise import find_layout, match_keys
from paddle_tsm.layouts.resnet_layouts import LAYOUTS
from paddle_tsm.network import ARCHITECTURES, Network

NETWORKS = [Network(arch, num_classes=7) for arch in ARCHITECTURES] + [
    Network("tsm_resnet50", is_shift=False),
    Network("tsm_resnet50", shift_place="block"),
    Network("tsm_resnet18", shift_every=2),
    Network("tsm_resnet101", shift_every=1),
]


def checkpoint(network, layout, **changes):
    """The checkpoint of a network in a layout, as if read from a file; `changes`: key -> array, None to leave it out."""
    tensors = draw_weights(network)
    there = {entry.there: tensors[entry.canonical] for entry in expand(LAYOUTS[layout], network)} | changes
    return Checkpoint("x.pth", "torch-zip", {k: v for k, v in there.items() if v is not None}, (), {}, {})


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.name)
@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: f"{n.arch}-{n.shift_place}-{n.is_shift}-{n.shift_every}")
def test_there_and_back(layout, network):
    """Every canonical name has one key, the keys are unique, and each leads back to its name by exactly one row."""
    entries = expand(layout, network)
    assert [entry.canonical for entry in entries] == list(network.shapes())
    matches = match_keys(layout, [entry.there for entry in entries])
    assert {entry.there: entry.canonical for entry in entries} == {key: m.canonical for key, m in matches.items()}
    for entry in entries:
        assert sum(bool(pattern(row.there).fullmatch(entry.there)) for row in layout.rows) == 1, entry.there


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.name)
def test_every_row_is_used(layout):
    names = [name for network in NETWORKS for name in network.shapes()]
    for row in layout.rows:
        assert any(pattern(row.canonical).fullmatch(name) for name in names), row


@pytest.mark.parametrize("layout", ["mmaction2", "mit"])
@pytest.mark.parametrize("network", NETWORKS, ids=lambda n: f"{n.arch}-{n.shift_place}-{n.is_shift}-{n.shift_every}")
def test_options_are_read_off_the_keys(layout, network):
    found = interpret(checkpoint(network, layout))
    assert found.layout.name == layout
    assert found.network == network


def test_layouts_are_told_apart():
    network = Network("tsm_resnet18")
    for layout in LAYOUTS:
        assert find_layout(checkpoint(network, layout).tensors).name == layout


FC = "cls_head.fc_cls.weight"


@pytest.mark.parametrize("change, message", [
    ({FC: None}, "1 missing: cls_head.fc_cls.weight"),
    ({"backbone.layer1.0.extra": 0}, "1 unexpected: backbone.layer1.0.extra"),
    ({"other": 0}, "1 unexpected: other"),
    ({FC: "transposed"}, r"cls_head.fc_cls.weight: expected [7, 512], found [512, 7]"),
    ({"backbone.layer2.1.conv1.conv.net.weight": None}, "missing: backbone.layer2.1.conv1.conv.net.weight"),
])
def test_keys_are_strict(change, message):
    network = Network("tsm_resnet18", num_classes=7)
    weights = draw_weights(network)
    arrays = {0: weights["bn1.bias"], "transposed": weights["fc.weight"].T}
    with pytest.raises(ValueError, match=re.escape(message)):
        interpret(checkpoint(network, "mmaction2", **{k: arrays.get(v, v) for k, v in change.items()}))


def test_another_architecture():
    keys = {f"backbone.layer1.{i}.conv1.conv.weight": draw_weights(Network("tsm_resnet18"))["bn1.bias"] for i in range(9)}
    with pytest.raises(ValueError, match="another architecture"):
        interpret(Checkpoint("x.pth", "torch-zip", keys, (), {}, {}))
    with pytest.raises(ValueError, match="layout not recognised"):
        interpret(Checkpoint("x.pth", "torch-zip", {"blocks.0.attn.qkv.weight": keys.popitem()[1]}, (), {}, {}))


def test_options_may_not_contradict_the_keys():
    file = checkpoint(Network("tsm_resnet18", num_classes=7), "mmaction2")
    with pytest.raises(ValueError, match="shift_place: got 'block', but the keys of the file say 'blockres'"):
        interpret(file, shift_place="block")
    with pytest.raises(ValueError, match="option: got 'shift_dive'"):
        interpret(file, shift_dive=4)
    assert interpret(file, shift_div=4, num_segments=16).network.shift_div == 4


def test_step_counters_all_or_none():
    network = Network("tsm_resnet18", num_classes=7)
    file = checkpoint(network, "mmaction2")
    counters = [key for key in file.tensors if key.endswith("num_batches_tracked")]
    found = interpret(checkpoint(network, "mmaction2", **dict.fromkeys(counters)))
    assert len(found.tensors) == len(file.tensors) - len(counters)
    with pytest.raises(ValueError, match="missing"):
        interpret(checkpoint(network, "mmaction2", **dict.fromkeys(counters[:1])))
