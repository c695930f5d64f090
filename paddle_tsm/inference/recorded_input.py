"""How frames become a network's input: what its file records, changed by what the user gave."""

from __future__ import annotations

import os

from paddle_tsm.evaluation.class_names import read_class_names
from paddle_tsm.export.sidecar import Sidecar, read_sidecar
from paddle_tsm.layouts.network_file import NetworkFile, read_network
from paddle_tsm.layouts.network_input import NetworkInput, contradictions
from paddle_tsm.layouts.record import remark_on_record_beside

# Options of the network that a file can record and a user can contradict.
RECORDED_OPTIONS = ("num_segments", "shift_div", "shift_place", "shift_every")


def read_description(path: str, **options) -> NetworkFile | Sidecar:
    """What describes the network at `path`: the checkpoint itself, or the tsm.json of a folder that `export` wrote.

    options: those of `read_network`, for a checkpoint. NaN in the weights is no error here: who runs the network looks
    for it.
    """
    return read_sidecar(path) if os.path.isdir(path) else read_network(path, allow_nan=True, **options)


def chosen_input(path: str, found: NetworkFile | Sidecar, given: dict, options: dict) -> tuple[NetworkInput, list[str]]:
    """(the input that the file records, changed by what was given; a remark on each value that contradicts the record).

    found: see `read_description`. given: preset, size, sampling, crops and class_names, None where not given. options:
    the network's options, None where not given.
    """
    return found.input.changed(given).filled(), contradicted(path, found, given, options)


def contradicted(path: str, found: NetworkFile | Sidecar, given: dict, options: dict) -> list[str]:
    """A remark on each value that contradicts what the file records, and on a record that is ignored."""
    if isinstance(found, Sidecar):  # the options of an exported network are fixed
        return contradictions(path, found.input, given)
    ignored, recorded = remark_on_record_beside(path), found.record.options
    remarks = [ignored] if ignored else []
    remarks += contradictions(path, found.record.input, given)
    for name in RECORDED_OPTIONS:
        here, there = options.get(name), recorded.get(name)
        if here is not None and there is not None and here != there:
            remarks.append(f"--{name.replace('_', '-')}: {path} records {there}; {here} is used")
    return remarks


def named_classes(path: str | None, count: int) -> list[str] | None:
    """The names of the classes in the file `path`, which must be `count`; None where no file was given."""
    return read_class_names(path, count) if path else None
