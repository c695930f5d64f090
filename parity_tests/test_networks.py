"""What follows from the declaration of a network: tensors, which blocks shift, flags, and the other shift order."""

import json

import pytest

from paddle_tsm.checkpoint import CheckpointError, write_checkpoint
from paddle_tsm.demo.material import draw_weights
from paddle_tsm.layouts import record
from paddle_tsm.layouts.network_file import read_network
from paddle_tsm.networks import families, shift_order
from paddle_tsm.networks.families import ARCHITECTURES
from paddle_tsm.networks.family import Family
from paddle_tsm.networks.layers import Convolution, Place
from paddle_tsm.networks.network import Network
from paddle_tsm.networks.option import flags_of
from paddle_tsm.networks.shift_order import in_order, network_in_order


def two_stages(network):
    yield Convolution("stem", Place("stem", 1), 8, 3, (3, 3), "stem_bn", stride=2, writes=True)
    for stage in (1, 2):
        yield Convolution(f"stage{stage}.0", Place("branch", 1, stage, 0), 8, 8, (3, 3), reads=True, writes=True)


TWO_STAGES = Family(
    name="two_stages",
    model="two_stages.TwoStages",
    signature="stem|stage",
    depths={"tsm_two_stages": None},
    blocks=lambda depth: (1, 1),
    layers=two_stages,
    block_name=lambda stage, block: f"stage{stage}.{block}",
    stream_channels=lambda network, stage: 8,
    features=lambda network: 8,
    stage_halvings=(1, 1),
)


def test_a_family_of_two_stages(monkeypatch):
    monkeypatch.setattr(families, "FAMILIES", (TWO_STAGES,))
    monkeypatch.setattr(families, "ARCHITECTURES", ("tsm_two_stages",))
    network = Network("tsm_two_stages", num_classes=5)
    assert (network.every, network.shifts(2, 0)) == (1, True)
    assert list(network.shapes())[-2:] == ["fc.weight", "fc.bias"]


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize("place", ["blockres", "block"])
def test_where_every_second_block_shifts(arch, place):
    """Upstream's rule, as a list: where layer3 has 23 blocks or more, in "blockres", but not in PP-TSM."""
    every = 2 if arch in ("tsm_resnet101", "tsm_resnet152") and place == "blockres" else 1
    assert Network(arch, shift_place=place).every == every
    assert Network(arch, shift_place=place, shift_every=3).every == 3


def test_help_of_the_flags():
    """Each is a sentence or more; the default is the field's own."""
    flags = flags_of(Network)
    assert {name: flag.name for name, flag in flags.items()}["is_shift"] == "--no-shift"
    for flag in flags.values():
        assert flag.help[0].isupper() and flag.help.endswith("."), flag
    assert flags["shift_div"].help.endswith(f"Default: {Network.shift_div}.")
    assert flags["shift_place"].help.endswith(f"Default: {Network.shift_place}.")
    assert flags["shift_every"].help.endswith("Default: upstream's rule.")
    assert "Default" not in flags["temporal_pool"].help


def test_the_other_order_is_checked_without_tensors():
    """The same networks and errors as where the tensors are exchanged."""
    network = Network("tsm_resnet10", 5, shift_order="past_first")
    assert network_in_order(network, "future_first") == in_order(network, draw_weights(network), "future_first")[0]
    for other, order in ((network, "causal"), (network.with_options(shift_div=5), "future_first")):
        with pytest.raises(ValueError) as without_tensors:
            network_in_order(other, order)
        with pytest.raises(ValueError) as with_tensors:
            in_order(other, draw_weights(other), order)
        assert str(without_tensors.value) == str(with_tensors.value)


@pytest.fixture
def past_first_file(tmp_path):
    network = Network("tsm_resnet10", 5, shift_order="past_first")
    content = {"network": {"arch": network.arch, "shift_order": "past_first"}, "layouts": ["canonical", "canonical"]}
    path = tmp_path / "past.safetensors"
    write_checkpoint(path, draw_weights(network), metadata={record.METADATA_KEY: json.dumps(content)})
    return path


def test_reading_exchanges_nothing_and_parses_the_record_once(past_first_file, monkeypatch):
    calls = {"exchange": 0, "parse": 0}

    def counted(name, function):
        def call(*arguments):
            calls[name] += 1
            return function(*arguments)

        return call

    monkeypatch.setattr(shift_order, "exchange_folds", counted("exchange", shift_order.exchange_folds))
    monkeypatch.setattr(record, "input_of", counted("parse", record.input_of))
    found = read_network(past_first_file, shift_order="future_first")
    assert calls == {"exchange": 0, "parse": 1}
    network, _ = found.as_asked()
    assert (found.record.options["shift_order"], found.input.preset) == ("past_first", None)
    assert calls == {"exchange": 1, "parse": 1}
    assert (found.network.shift_order, network.shift_order) == ("past_first", "future_first")


def test_an_order_that_is_not_there_is_an_error_of_the_file(past_first_file):
    with pytest.raises(CheckpointError, match="past.safetensors: shift_order: got 'causal' for a past_first network"):
        read_network(past_first_file, shift_order="causal")
