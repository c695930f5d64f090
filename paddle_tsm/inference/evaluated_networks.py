"""The networks that are evaluated on the same clips: one, or several that make an ensemble."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from paddle_tsm import runtime
from paddle_tsm.data.datasets import data_set
from paddle_tsm.data.presets import Preset, preset_of
from paddle_tsm.export.sidecar import Sidecar, read_sidecar
from paddle_tsm.inference.engine_choice import EngineChoice
from paddle_tsm.inference.recorded_input import contradicted
from paddle_tsm.layouts.network_file import NetworkFile, read_network
from paddle_tsm.layouts.network_input import NetworkInput

INPUT_FIELDS = ("preset", "size", "sampling", "crops")  # of a NetworkInput: how a clip becomes input


@dataclass(frozen=True)
class EvaluatedNetwork:
    """One network that is evaluated.

    path: a checkpoint or a folder that `export` wrote. found: what describes its network. reading: the options of
    `read_network`, for a checkpoint; an option that the user did not give is None.
    """

    path: str
    found: NetworkFile | Sidecar
    reading: dict

    @property
    def num_segments(self) -> int:
        return self.found.network.num_segments

    def run(self, engine: EngineChoice, size: int) -> Callable[[np.ndarray], np.ndarray]:
        """What runs the network: float32 [N*T, 3, size, size] -> logits [N, K]."""
        runtime.import_paddle()
        if isinstance(self.found, Sidecar) or engine.exports(self.path):
            return engine.predictor(self.path, self.reading, size)
        # Only running needs Paddle; networks are read and checked without it.
        from paddle_tsm.inference.eager import EagerClips

        return EagerClips(self.found).run


def read_networks(
    paths: list[str], layout: str, key: str | None, options: dict, data_set_name: str | None
) -> list[EvaluatedNetwork]:
    """The networks at `paths`. layout, options: of `read_network`; key: which of several networks in a file.

    Raises ValueError where a network has another number of classes than the first one, or than the data set.
    """
    wanted = data_set(data_set_name) if data_set_name else None
    networks = []
    for path in paths:
        if os.path.isdir(path):
            networks.append(EvaluatedNetwork(path, read_sidecar(path), options))
        else:
            reading = options | {"layout": layout, "network": key}
            networks.append(EvaluatedNetwork(path, read_network(path, **reading), reading))
    first = networks[0].found.network.num_classes
    for one in networks:
        classes = one.found.network.num_classes
        if classes != first:
            raise ValueError(f"{one.path}: got {classes} classes, wanted {first} as in {paths[0]}")
        if wanted and classes != wanted.num_classes:
            raise ValueError(f"{one.path}: got {classes} classes, wanted the {wanted.num_classes} of {wanted.title}")
    return networks


def remarks(networks: list[EvaluatedNetwork], given: dict, options: dict) -> list[str]:
    """A remark on each given value that contradicts what a file records. given, options: see `chosen_input`."""
    return [line for one in networks for line in contradicted(one.path, one.found, given, options)]


def shared_input(networks: list[EvaluatedNetwork], given: dict) -> NetworkInput:
    """The input of all the networks: what was given, else what the files record, else the default of their layout.

    given: the values of INPUT_FIELDS and class_names, None where not given. Raises ValueError where the files differ in
    what was not given, because a clip is read once for all of them.
    """
    inputs = [one.found.input for one in networks]
    for name in INPUT_FIELDS:
        several = sorted({str(getattr(one, name)) for one in inputs} - {"None"})
        if given[name] is None and len(several) > 1:
            what = "" if name == "preset" else f"{name} "
            wanted = "to say whose pixels they take" if name == "preset" else "to say which of them to take"
            raise ValueError(f"weights: got checkpoints of {what}{' and '.join(several)}, wanted --{name} {wanted}")
    recorded = {
        name: next((value for one in inputs if (value := getattr(one, name)) is not None), None)
        for name in (*INPUT_FIELDS, "data_set")
    }
    chosen = [one.changed(given).filled() for one in inputs]
    names = shared_names([one.class_names for one in chosen if one.class_names])
    multi_label = any(one.multi_label for one in chosen) or None
    return NetworkInput(class_names=names, multi_label=multi_label).changed(recorded).changed(given).filled()


def shared_names(known: list[tuple[str, ...]]) -> tuple[str, ...]:
    """The class names of all the networks that have names, or (). Raises ValueError where two networks differ."""
    for names in known:
        if names != known[0]:
            k = next(k for k, (a, b) in enumerate(zip(names, known[0])) if a != b)
            raise ValueError(
                f"weights: class {k} is {known[0][k]!r} in one checkpoint and {names[k]!r} in another: "
                "their scores are of different classes; give --classes if they are the same"
            )
    return known[0] if known else ()


def shared_preset(networks: list[EvaluatedNetwork], taken: NetworkInput, average: str | None) -> Preset:
    """The preset that makes the input `taken`. average: what replaces the preset's average over the views, or None.

    Raises ValueError where an exported network takes frames of another size.
    """
    preset = preset_of(taken)
    for one in networks:
        preset.check_network(one.found.network)
        if isinstance(one.found, Sidecar) and one.found.pixels().test_size != preset.test_size:
            raise ValueError(
                f"{one.path}: was exported for frames of {one.found.pixels().test_size}, got --size {taken.size} "
                f"--crops {taken.crops}, which make {preset.test_size}; "
                f"wanted --size {one.found.size} --crops {one.found.crops}"
            )
    return replace(preset, average=average) if average else preset
