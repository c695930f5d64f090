"""Every layout to every layout: there and back to the bit, and the same logits on both sides."""

import itertools

import numpy as np
import pytest

from paddle_tsm.checkpoint import read_checkpoint, write_checkpoint
from paddle_tsm.cli import main
from paddle_tsm.conversion.matrix import matrix, source_network
from paddle_tsm.demo.material import draw_weights
from paddle_tsm.layouts.key_table import expand
from paddle_tsm.layouts.network_file import read_network
from paddle_tsm.layouts.registry import LAYOUTS
from paddle_tsm.networks.network import Network
from paddle_tsm.networks.option import flags_of
from paddle_tsm.parity.compare import distance
from paddle_tsm.parity.seeded_input import noise_clip
from paddle_tsm.parity.torch_side import TorchSide

# the usual networks; then, as a longer proof, every other kind that some layout shares with another
USUAL = (None, {})
OTHERS = (
    ("tsm_resnet18", {}),
    ("tsm_resnet101", {}),
    ("tsm_mobilenet_v2", {}),
    ("pptsm_mobilenet_v2", {}),
    ("pptsm_mobilenet_v3", {}),
    ("tsm_resnet50", {"num_segments": 16}),
    ("tsm_resnet50", {"shift_place": "block"}),
    ("tsm_resnet50", {"temporal_pool": True}),
    ("tsm_resnet50", {"non_local": "dot_product"}),
    ("tsm_resnet50", {"non_local": "embedded_gaussian"}),
    ("pptsm_v2", {}),
    ("pptsm_v2", {"temporal_attention": True, "num_segments": 16}),
    ("tsm_resnet50", {"num_segments": 16, "shift_segments": 8}),
    ("tsm_mobileone_s0", {}),
    ("tsm_mobileone_s0", {"is_shift": False}),
)
FLAGS = flags_of(Network)
SUFFIXES = {"paddlevideo": "pdparams", "pptsm": "pdparams", "paddle-vision": "pdparams", "canonical": "safetensors"}


def possible(arch, options):
    """The cells that are not 'cannot'."""
    return [(*pair, arch, options) for pair, text in matrix(arch, options).items() if not text.startswith("cannot")]


def cases():
    """The usual networks; of them, for the short run, two targets of each source, other ones from source to source."""
    targets = {}
    for case in possible(*USUAL):
        targets.setdefault(case[0], []).append(case)
    for number, cells in enumerate(targets.values(), 1):
        quick = {number % len(cells), (number + 1) % len(cells)}
        for place, case in enumerate(cells):
            yield case if place in quick else pytest.param(*case, marks=pytest.mark.slow)
    for arch, options in OTHERS:
        yield from (pytest.param(*case, marks=pytest.mark.slow) for case in possible(arch, options))


def write_source(folder, layout, network):
    """The file that the layout's system would have written."""
    tensors = draw_weights(network)
    if network.non_local and network.non_local.out_bias:  # a bias of 0 is the only one that both can hold
        tensors |= {name: array * 0 for name, array in tensors.items() if name.endswith("non_local.out.bias")}
    path = folder / f"source.{SUFFIXES.get(layout.name, 'pth')}"
    there = {e.key: tensors[e.canonical].T if e.transposed else tensors[e.canonical] for e in expand(layout, network)}
    write_checkpoint(path, there, wrapper=layout.wrapper if path.suffix == ".pth" else ())
    return path


def logits(path, layout, **options):
    """The file's network in PyTorch, as its own system runs it."""
    found = read_network(path, layout=layout, **options)
    return TorchSide(found.network, found.tensors, "float64").outputs(noise_clip(found.network.num_segments, 32))[
        "logits"
    ]


def flags(options):
    """The command's flags that say the options. The tensors themselves say an option that has no flag."""
    for name, value in options.items():
        if name == "is_shift":
            yield "--no-shift"
            continue
        if name not in FLAGS:
            continue
        yield f"--{name.replace('_', '-')}"
        if value is not True:
            yield str(value)


@pytest.mark.parametrize("source, target, arch, options", list(cases()), ids=lambda value: str(value).replace("/", ""))
def test_cell(tmp_path, source, target, arch, options):
    network = source_network(LAYOUTS[source], arch, **({"num_classes": 5} | options))
    if source == "mit" and network.non_local:
        network = source_network(
            LAYOUTS[source], arch, **({"num_classes": 5} | options | {"non_local": {"out_bias": True}})
        )
    given = {name: value for name, value in options.items() if name != "shift_place" and name != "temporal_pool"}
    if source == "canonical":
        given |= options
    path = write_source(tmp_path, LAYOUTS[source], network)
    there, back = (
        tmp_path / f"{name}.{SUFFIXES.get(layout, 'pth')}" for name, layout in (("there", target), ("back", source))
    )
    assert main(["convert", str(path), str(there), "--from", source, "--to", target, *flags(given)]) == 0
    assert main(["convert", str(there), str(back), "--from", target, "--to", source]) == 0

    before, after = read_checkpoint(path).tensors, read_checkpoint(back).tensors
    assert list(before) == list(after)
    for key, array in before.items():
        assert (array.dtype, array.shape) == (after[key].dtype, after[key].shape), key
        assert np.array_equal(array, after[key]), key
    assert distance(logits(path, source, **given), logits(there, target))[1] <= 1e-10


def test_renaming_alone_is_not_enough(tmp_path):
    """What the 'permuted' cells would be without the permutation: the comparison finds it."""
    network = source_network(LAYOUTS["paddlevideo"], num_classes=5)
    path = write_source(tmp_path, LAYOUTS["paddlevideo"], network)
    found = read_network(path)
    x = noise_clip(8, 32)
    right = TorchSide(found.network, found.tensors, "float64").outputs(x)["logits"]
    renamed = TorchSide(found.network.with_options(shift_order="future_first"), found.tensors, "float64").outputs(x)[
        "logits"
    ]
    assert distance(right, renamed)[1] > 1e-8


def test_every_pair_of_layouts_has_a_cell():
    assert set(matrix()) == set(itertools.product(LAYOUTS, LAYOUTS))
    cells = matrix()
    assert {text.split(":")[0] for text in cells.values()} == {"exact", "permuted", "cannot"}
    assert cells["paddlevideo", "mmaction2"] == "permuted" and cells["mmaction2", "mit"] == "exact"
    assert matrix("tsm_resnet101")["paddlevideo", "mmaction2"].startswith("cannot: mmaction2 shifts")
    assert cells["pptsm", "torchvision"].startswith("cannot")
