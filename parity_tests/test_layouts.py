"""Key maps: complete, unambiguous, there and back; and what is read off a file's keys."""

import re

import numpy as np
import pytest

from paddle_tsm.checkpoint import Checkpoint
from paddle_tsm.conversion.paddle_momentum import PADDLE_NAMES, paddle_buffers
from paddle_tsm.demo.material import draw_weights
from paddle_tsm.layouts.key_table import expand, pattern
from paddle_tsm.layouts.network_file import interpret
from paddle_tsm.layouts.recognise import canonical_names, find_layout
from paddle_tsm.layouts.registry import LAYOUTS
from paddle_tsm.networks.families import ARCHITECTURES
from paddle_tsm.networks.network import Network
from paddle_tsm.networks.non_local import MODES
from parity_tests.tested_architectures import SLOW

NETWORKS = [
    *(Network(arch, num_classes=7) for arch in ARCHITECTURES if arch not in SLOW),
    Network("tsm_mobileone_s0", is_shift=False),
    *(Network("tsm_mobileone_s4", num_classes=7, is_shift=is_shift, fused=True) for is_shift in (True, False)),
    Network("tsm_resnet50", is_shift=False),
    Network("tsm_resnet50", shift_place="block"),
    Network("tsm_resnet18", shift_every=2),
    Network("tsm_resnet101", shift_every=1, shift_order="past_first"),
    Network("tsm_resnet50", shift_order="past_first", num_segments=16, shift_div=16),
    *(Network(arch, shift_order="past_first") for arch in ARCHITECTURES if arch.startswith("pptsm_")),
    Network("tsm_mobilenet_v2", is_shift=False),
    Network("tsm_mobilenet_v2", shift_order="causal"),
    Network("tsm_resnet50", temporal_pool=True),
    Network("tsm_resnet50", dropout=0.0),
    Network("tsm_mobilenet_v2", dropout=0.0),
    Network("tsm_resnet50", non_local={"mode": "embedded_gaussian", "out_bias": True}),
    *(Network("tsm_resnet50", non_local=mode) for mode in MODES),
    Network(
        "tsm_resnet50", non_local={"mode": "gaussian", "blocks": {"layer1": (1,), "layer4": (2,)}, "sub_sample": False}
    ),
    Network("tsm_resnet50", non_local={"blocks": {"layer2": (1,)}}, shift_place="block"),
    Network("tsm_resnet50", non_local={"blocks": {"layer1": (1,)}}, temporal_pool=True),
    Network("tsm_mobilenet_v2", non_local={"mode": "concatenation", "blocks": {"layer3": (1,)}}),
    Network("pptsm_resnet50", non_local="concatenation"),
    *(Network("pptsm_v2", temporal_attention=on, shift_order="past_first") for on in (False, True)),
    *(Network("pptsm_v2", temporal_attention=on, fused=True, dropout=0.5) for on in (False, True)),
]


def pairs():
    """Every layout with every network that its system can run, in its own shift order."""
    for layout in LAYOUTS.values():
        for network in NETWORKS:
            if layout.why_not(network) is None and layout.shift_order in (None, network.shift_order):
                if (
                    layout.name == "mit"
                    or network.non_local is None
                    or not network.non_local.out_bias
                    or layout.name == "canonical"
                ):
                    if layout.name != "mit" or network.non_local is None or network.non_local.out_bias:
                        yield layout, network


def name_of(value):
    if isinstance(value, Network):
        changed = {k: v for k, v in value.options().items() if v != getattr(Network(value.arch), k)}
        return "-".join(
            [value.arch, *(f"{k}={v if not isinstance(v, dict) else v['mode']}" for k, v in changed.items())]
        )
    return value.name


PAIRS = list(pairs())


def checkpoint(network, layout, **changes):
    """The checkpoint of a network in a layout, as if read from a file; `changes`: key -> array, None to leave it
    out.
    """
    tensors = draw_weights(network)
    there = {}
    for entry in expand(LAYOUTS[layout], network):
        there[entry.key] = tensors[entry.canonical].T if entry.transposed else tensors[entry.canonical]
    there |= changes
    return Checkpoint("x.pth", "torch-zip", {k: v for k, v in there.items() if v is not None}, (), {}, {})


@pytest.mark.parametrize("layout, network", PAIRS, ids=name_of)
def test_there_and_back(layout, network):
    """Every canonical name has one key, the keys are unique, and each leads back to its name."""
    entries = expand(layout, network)
    names = [name for name in network.shapes() if layout.step_counters or not name.endswith("num_batches_tracked")]
    assert [entry.canonical for entry in entries] == names
    assert canonical_names(layout, [entry.key for entry in entries]) == {
        entry.key: entry.canonical for entry in entries
    }


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=lambda layout: layout.name)
def test_every_row_is_used(layout):
    for family, rows in (layout.tables or {}).items():
        names = [
            name
            for each, network in PAIRS
            if each is layout and network.family.name == family
            for name in network.shapes()
        ]
        for row in rows:
            assert any(pattern(row.canonical).fullmatch(name) for name in names), row


@pytest.mark.parametrize("layout, network", PAIRS, ids=name_of)
def test_options_are_read_off_the_keys(layout, network):
    """From the keys alone comes the network, but for what no key says; that is given, or is the system's own."""
    says_shift = layout.name in ("mmaction2", "mit")
    given = {"num_segments": network.num_segments}
    if layout.name == "canonical":
        given |= {
            name: getattr(network, name)
            for name in ("shift_div", "shift_order", "is_shift", "shift_place", "shift_every", "temporal_pool")
        }
        given["non_local"] = network.non_local and vars(network.non_local)
    elif network.non_local:
        given["non_local"] = {"mode": network.non_local.mode}
    if not (layout.name == "mit" and network.dropout == 0):
        given["dropout"] = network.dropout
    found = interpret(checkpoint(network, layout.name), layout.name if not says_shift else "auto", **given)
    assert found.layout.name == layout.name
    assert found.network == network


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_are_told_apart(layout):
    """torchvision's names are the canonical ones, so that its files are canonical unless they are called
    torchvision's.
    """
    network = next(network for each, network in PAIRS if each.name == layout)
    assert find_layout(checkpoint(network, layout).tensors).name == {"torchvision": "canonical"}.get(layout, layout)


def test_data_parallel_and_bare_keys():
    """MIT's files with and without DataParallel's prefix, mmaction2's with it."""
    network = Network("tsm_resnet18", num_classes=7)
    bare = {key.removeprefix("module."): array for key, array in checkpoint(network, "mit").tensors.items()}
    assert interpret(Checkpoint("x", "torch-zip", bare, (), {}, {})).network == network
    parallel = {f"module.{key}": array for key, array in checkpoint(network, "mmaction2").tensors.items()}
    found = interpret(Checkpoint("x", "torch-zip", parallel, (), {}, {}))
    assert (found.layout.name, found.network) == ("mmaction2", network)


FC = "cls_head.fc_cls.weight"


@pytest.mark.parametrize(
    "change, message",
    [
        ({FC: None}, "1 missing: cls_head.fc_cls.weight"),
        ({"backbone.layer1.0.extra": 0}, "1 unexpected: backbone.layer1.0.extra"),
        ({"other": 0}, "1 unexpected: other"),
        ({FC: "transposed"}, r"cls_head.fc_cls.weight: expected [7, 512], found [512, 7]"),
        ({"backbone.layer2.1.conv1.conv.net.weight": None}, "missing: backbone.layer2.1.conv1.conv.net.weight"),
    ],
)
def test_keys_are_strict(change, message):
    network = Network("tsm_resnet18", num_classes=7)
    weights = draw_weights(network)
    arrays = {0: weights["bn1.bias"], "transposed": weights["fc.weight"].T}
    with pytest.raises(ValueError, match=re.escape(message)):
        interpret(checkpoint(network, "mmaction2", **{k: arrays.get(v, v) for k, v in change.items()}))


def test_another_architecture():
    keys = {
        f"backbone.layer1.{i}.conv1.conv.weight": draw_weights(Network("tsm_resnet18"))["bn1.bias"] for i in range(9)
    }
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


@pytest.mark.parametrize("file_format", ["torch-zip", "safetensors", "pdparams"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_one_rule_says_which_linear_is_transposed(layout, file_format):
    """A square classifier, whose shape tells nothing: as it is read, so are the report's table and Paddle's
    momentum.
    """
    from paddle_tsm.parity.report.tensor_table import file_table

    network = next(n for each, n in PAIRS if each.name == layout)
    network = network.with_options(num_classes=network.family.features(network))
    # what a Paddle network's own state_dict holds, and what Paddle's systems save, is [in, out] whatever the format
    paddles = layout in ("paddlevideo", "pptsm", "paddle-vision")
    transposed = paddles or file_format == "pdparams" and layout in ("canonical", "torchvision")
    weight = f"{network.classifier}.weight"
    arrays = draw_weights(network)
    there = {e.key: arrays[e.canonical] for e in expand(LAYOUTS[layout], network)}
    key = next(e.key for e in expand(LAYOUTS[layout], network) if e.canonical == weight)
    there[key] = arrays[weight].T if transposed else arrays[weight]
    internal = {name: f"param_{i}" for i, name in enumerate(there)}
    file = Checkpoint("x", file_format, there, (), {PADDLE_NAMES: internal}, {})
    found = interpret(file, layout)
    assert np.array_equal(found.tensors[weight], arrays[weight])
    row = next(row for row in file_table(found, "x").rows if row.other == weight)
    assert (row.remark == "transposed") == transposed, row
    assert momentum_of(found, internal[key], there[key])[weight].tolist() == arrays[weight].tolist()


def momentum_of(found, internal, array):
    """Paddle's momentum of one parameter, which has the parameter's own orientation."""
    return paddle_buffers(found, {f"{internal}_velocity_0": array}, "x.pdopt")[1]
