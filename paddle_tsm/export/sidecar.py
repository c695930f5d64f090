"""The file `tsm.json` beside an exported network: how to make the network's input, and what its outputs mean.

A folder holds one export: tsm.json and the files under its "files". tsm.json is written last, so that a folder that has
one is complete.
"""

from __future__ import annotations

import dataclasses
import json
import os
from dataclasses import dataclass, field

from paddle_tsm.checkpoint.trained_file import BEST, EXPORT, LAST
from paddle_tsm.data import flow_sampling, normalise
from paddle_tsm.data.presets import CLIPS, CROPS, Preset, preset_of
from paddle_tsm.data.sampling import DEFINITIONS
from paddle_tsm.export.io_spec import FIRST_INPUT
from paddle_tsm.export.targets import PRECISIONS, target_named
from paddle_tsm.files.atomic import atomic_file
from paddle_tsm.files.digest import sha256_of
from paddle_tsm.layouts.network_input import NetworkInput
from paddle_tsm.networks.network import Network
from paddle_tsm.networks.option_checks import must_be_one_of

NAME, VERSION = EXPORT, 1
KINDS = ("clip", "stream")


@dataclass(frozen=True)
class Sidecar:
    """What tsm.json says.

    format: the name of a target (`targets.py`). kind: "clip" (frames [N*T, 3, size, size] -> logits [N, K]) or "stream"
    (a frame of each of N streams and the cache -> logits and the next cache). files: the name of each file by its role.
    cache: shapes without N. inputs, outputs: those of the graph, in its order, see `IOSpec.for_sidecar`; () in exports
    that are older than these fields. preset, sampling, crops, size, train_crop, data_set, multi_label: see
    `layouts.network_input`. labels: the classes' names, or (). verified: what the export was compared with -> by how
    much it differed. checkpoint: the name and the SHA-256 of the file that it was made of. calibration: for int8, what
    its ranges were measured on. sha256: of each of the files, by name.
    """

    format: str
    kind: str
    network: Network
    files: dict
    size: int = 224
    preset: str = "mmaction2"
    sampling: str = "uniform"
    crops: str = "centre"
    labels: tuple[str, ...] = ()
    precision: str = "float32"
    cache: tuple[tuple[int, ...], ...] = ()
    inputs: tuple[dict, ...] = ()
    outputs: tuple[dict, ...] = ()
    verified: dict = field(default_factory=dict)
    checkpoint: dict = field(default_factory=dict)
    calibration: dict = field(default_factory=dict)
    sha256: dict = field(default_factory=dict)
    data_set: str | None = None
    train_crop: str | None = None
    multi_label: bool | None = None

    def __post_init__(self):
        target = target_named(self.format)
        must_be_one_of("kind", self.kind, KINDS)
        must_be_one_of("precision", self.precision, PRECISIONS)
        known = target.precisions if self.kind == "clip" else ("float32",)
        if self.precision not in known:
            raise ValueError(
                f"precision: got {self.precision!r} for a {self.kind} in {self.format}, wanted {' or '.join(known)}"
            )
        if self.labels and len(self.labels) != self.network.num_classes:
            raise ValueError(
                f"labels: got {len(self.labels)}, wanted {self.network.num_classes}, the network's classes"
            )
        self.pixels()

    @property
    def input(self) -> NetworkInput:
        """How clips become the network's input, and what its classes are called."""
        return NetworkInput(
            self.preset,
            self.size,
            self.sampling,
            self.crops,
            self.train_crop,
            self.data_set,
            self.multi_label,
            self.labels,
        )

    def pixels(self) -> Preset:
        """The preset that makes the network's input."""
        return preset_of(self.input)

    def write(self, folder: str | os.PathLike) -> None:
        """Write tsm.json into `folder`, complete or not at all."""
        content = {"paddle_tsm_export": VERSION} | dataclasses.asdict(self) | {"input": self.describe_input()}
        with atomic_file(os.path.join(folder, NAME)) as file:
            file.write(json.dumps(content, indent=2).encode() + b"\n")

    def describe_input(self) -> dict:
        """For programs without paddle_tsm: the shape of the network's input, and how frames become it."""
        pixels = self.pixels()
        frames = "N" if self.kind == "stream" else f"N*{self.network.num_segments}"
        return {
            "name": FIRST_INPUT[self.kind],
            "shape": [frames, self.network.in_channels, pixels.test_size, pixels.test_size],
            "dtype": "float32",
            **self.describe_values(),
            "frames": f"{self.network.num_segments} of a clip, adjacent" if self.kind == "clip" else "the next one",
            **({"sampling": self.describe_sampling()} if self.kind == "clip" else {}),
            "short_edge": pixels.short,
            "views": f"{CLIPS[self.sampling]} clips x {CROPS[self.crops]} crops",
            "crops": pixels.crops_in_words,
            "average_of_views": pixels.average,
            "source": pixels.source,
        }

    def describe_values(self) -> dict:
        """What a value of the input is. Of a network that takes no pictures, only its training knows it."""
        channels = self.network.in_channels
        if channels != Network.in_channels:
            return {"colour": None, "values": f"{channels} channels, made as for the training of the network"}
        mean, std = normalise.MEAN_1.tolist(), normalise.STD_1.tolist()
        return {"colour": "RGB", "mean": mean, "std": std, "scale": "pixels / 255 first"}

    def describe_sampling(self) -> dict:
        """Which frames of a video make the clips, in words and as a formula of Python."""
        words, indices = (DEFINITIONS | flow_sampling.DEFINITIONS)[self.pixels().test_sampling]
        where = (
            f"n: frames of the video; T = {self.network.num_segments}: frames of a clip; the first frame is 0; clip "
            "after clip"
        )
        return {"name": self.sampling, "frames": words, "indices": indices, "where": where}


def check_files(folder: str | os.PathLike, sidecar: Sidecar) -> None:
    """Raise ValueError where a file of the export has changed since it was written."""
    for name in sidecar.files.values():
        if sha256_of(os.path.join(folder, name)) != sidecar.sha256.get(name):
            raise ValueError(
                f"{os.path.join(folder, name)}: damaged, its SHA-256 is not the one in {NAME}; export the network again"
            )


def read_sidecar(folder: str | os.PathLike) -> Sidecar:
    """The Sidecar in a folder. Raises ValueError, in one line, where there is none, or a damaged one."""
    folder = os.fspath(folder)
    path = os.path.join(folder, NAME)
    if not os.path.isfile(path):
        raise ValueError(
            f"{folder}: holds no {NAME}; wanted a folder that `paddle-tsm export` wrote, "
            f"or a training's with {BEST} or {LAST}"
        )
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        version = content.pop("paddle_tsm_export")
        content.pop("input")
        network = content.pop("network")
        content["network"] = Network(network.pop("arch"), **network)
        for name in ("labels", "cache", "inputs", "outputs"):
            content[name] = tuple(tuple(v) if isinstance(v, list) else v for v in content.get(name, ()))
        sidecar = Sidecar(**content)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise ValueError(f"{path}: damaged ({error}); export the network again") from None
    if version != VERSION:
        raise ValueError(
            f"{path}: got version {version!r}, wanted {VERSION}; export the network again with this paddle-tsm"
        )
    missing = [name for name in sidecar.files.values() if not os.path.isfile(os.path.join(folder, name))]
    if missing:
        raise ValueError(f"{folder}: found no {', '.join(missing)}, which {NAME} names; export the network again")
    return sidecar
