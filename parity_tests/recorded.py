"""The recorded vectors: what an upstream system computed, and the checkpoint and input it computed it from."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from paddle_tsm.checkpoint import Checkpoint
from parity_tests import recipe

FOLDER = Path(__file__).parent / "vectors"


@dataclass(frozen=True)
class Recorded:
    """`outputs`: name -> array as recorded; `meta`: source, options, seed and the keys and shapes of the checkpoint."""

    name: str
    meta: dict
    outputs: dict

    def tensors(self, seed_offset: int = 0) -> dict[str, np.ndarray]:
        """The checkpoint's flat tensors in the upstream layout.

        With the recipe's BatchNorm scales alone, a deep network nearly forgets its input, and its logits hardly tell
        whether it shifts. Where the metadata has a `bn_scale_gain`, every such scale was multiplied by it.
        """
        seed, gain = self.meta["seed"] + seed_offset, np.float32(self.meta.get("bn_scale_gain", 1))
        tensors = {key: recipe.fill(key, shape, seed) for key, shape in self.meta["state_dict"].items()}
        scales = [key for key, array in tensors.items() if array.ndim == 1 and key.endswith(".weight")]
        return tensors | {key: tensors[key] * gain for key in scales}

    def checkpoint(self, seed_offset: int = 0) -> Checkpoint:
        """The checkpoint as if it had been read from a file."""
        return Checkpoint(f"{self.name}.pth", "torch-zip", self.tensors(seed_offset), ("state_dict",), {}, {})

    def input(self) -> np.ndarray:
        """float32 [N*T, in_channels, size, size]"""
        meta = self.meta
        of_flow = 2 * meta["new_length"] if meta.get("modality") == "Flow" else 3  # x and y of each picture
        frames = meta["clips"] * meta["num_segments"] if "clips" in meta else meta["frames"]
        return recipe.clip((frames, meta.get("in_channels", of_flow), meta["size"], meta["size"]), meta["seed"])

    def options(self) -> dict:
        """What the keys cannot say."""
        config = self.meta.get("backbone") or {}
        options = {"num_segments": self.meta.get("num_segments") or self.meta["frames"]}
        if "shift_div" in config:
            options["shift_div"] = config["shift_div"]
        if config.get("num_segments", options["num_segments"]) != options["num_segments"]:
            options["shift_segments"] = config["num_segments"]  # mmaction2's backbone has its own number of frames
        if config.get("style") == "caffe":
            options["caffe_style"] = True
        if "non_local_cfg" in config:
            options["non_local"] = config["non_local_cfg"]
        return options


def recorded(name: str) -> Recorded:
    """The vector file `name`.npz."""
    with np.load(FOLDER / f"{name}.npz") as file:
        outputs = {key: file[key] for key in file.files if key != "meta"}
        return Recorded(name, json.loads(str(file["meta"])), outputs)


def names(*patterns: str) -> list[str]:
    """The recorded vectors whose names match."""
    found = sorted({path.stem for pattern in patterns for path in FOLDER.glob(f"{pattern}.npz")})
    assert found, f"no vectors match {patterns}"
    return found
