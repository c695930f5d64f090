"""What a command takes as a network's input: what its file says of it, changed by what the user gave, and that said."""

from __future__ import annotations

import os
import sys

from paddle_tsm.checkpoint.error import one_line
from paddle_tsm.layouts.network_input import NetworkInput, contradictions

NETWORK_FLAGS = (
    "num_segments",
    "shift_div",
    "shift_place",
    "shift_every",
)  # whose recorded values a flag may contradict


def described(weights: str, **options):
    """What says how to feed the checkpoint or the exported folder: a NetworkFile or a Sidecar. `options`: of
    `read_network`.
    """
    if os.path.isdir(weights):
        from paddle_tsm.export.sidecar import read_sidecar

        return read_sidecar(weights)
    from paddle_tsm.layouts.network_file import read_network

    return read_network(weights, allow_nan=True, **options)  # whoever runs it looks for NaN


def chosen_input(command: str, weights: str, found, given: dict, options: dict) -> NetworkInput:
    """The input as the file says it, changed by what was given. Says on stderr, a line each, what contradicts the
    record.

    found: of `described`. given: preset, size, sampling, crops, class_names, or None. options: those of the network.
    """
    say(command, remarks(weights, found, given, options))
    return found.input.changed(given).filled()


def say(command: str, lines: list[str]) -> None:
    """Print each as a line of the command on stderr."""
    for line in lines:
        print(one_line(f"paddle-tsm {command}: {line}"), file=sys.stderr)


def say_unbelieved(command: str, *paths: str | None) -> None:
    """Say of each file that a record lies beside it that is not believed; for commands that need no more of a record."""
    from paddle_tsm.layouts.record import unbelieved

    say(command, [line for path in paths if path is not None and (line := unbelieved(path))])


def remarks(weights: str, found, given: dict, options: dict) -> list[str]:
    """What `chosen_input` says."""
    from paddle_tsm.layouts.record import recorded_options, unbelieved

    if os.path.isdir(weights):  # an export, whose network's options are fixed
        return contradictions(weights, found.input, given)
    recorded, lines = recorded_options(found.checkpoint), []
    for name in NETWORK_FLAGS:
        here, there = options.get(name), recorded.get(name)
        if here is not None and there is not None and here != there:
            lines.append(f"--{name.replace('_', '-')}: {weights} records {there}; {here} is used")
    beside = unbelieved(weights)
    return [*([beside] if beside else []), *contradictions(weights, found.recorded_input, given), *lines]


def given_names(path: str | None, classes: int) -> list[str] | None:
    """The class names in the file that --classes gave, or None."""
    from paddle_tsm.evaluation.class_names import read_class_names

    return read_class_names(path, classes) if path else None
