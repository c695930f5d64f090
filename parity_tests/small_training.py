"""Small trainings for tests: videos of 48 x 64, a ResNet-18-TSM on two frames of 32 x 32, a second or two a run."""

import csv
import os
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from paddle_tsm.checkpoint import read_checkpoint
from paddle_tsm.lists.annotations import read_list
from paddle_tsm.training.job import TrainingJob
from paddle_tsm.training.loop import train
from paddle_tsm.training.published_recipes import recipe

ROOT = Path(__file__).resolve().parent.parent
CLASSES, T, TRAIN, VALIDATION = 4, 2, 13, 5
OPTIONS = {
    "arch": "tsm_resnet18",
    "num_classes": CLASSES,
    "num_segments": T,
    "size": 32,
    "batch": 4,
    "epochs": 2,
    "lr": 0.005,
    "warmup": 0,
    "milestones": (1,),
    "seed": 3,
}


def write_clip(path, seed: int, frames: int = 8) -> None:
    """A video in which a disc crosses a background that the seed draws."""
    rng = np.random.default_rng(seed)
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"mp4v"), 30.0, (64, 48))
    background = cv2.resize(rng.integers(0, 160, (6, 8, 3), dtype="uint8"), (64, 48))
    for i in range(frames):
        writer.write(cv2.circle(background.copy(), (8 + 6 * i if seed % 2 else 56 - 6 * i, 24), 7, (60, 200, 250), -1))
    writer.release()


@pytest.fixture(scope="session")
def clips(tmp_path_factory):
    """A folder with train.txt (13 clips, so that no batch divides them) and val.txt (5), the paths relative to it."""
    folder = tmp_path_factory.mktemp("clips")
    for i in range(TRAIN + VALIDATION):
        write_clip(folder / f"{i}.mp4", i)
    lines = [f"{i}.mp4 {i % CLASSES}\n" for i in range(TRAIN + VALIDATION)]
    (folder / "train.txt").write_text("".join(lines[:TRAIN]))
    (folder / "val.txt").write_text("".join(lines[TRAIN:]))
    return folder


def small_recipe(**changes):
    return recipe("mmaction2-kinetics400", **OPTIONS | changes)


def entries(clips, name: str = "train.txt", **options):
    return read_list(clips / name, root=clips, **options)


def samples(count: int, seed: int = 0) -> list:
    """Clips that need no video, as an update takes them: (clip, labels, key)."""
    draws = [np.random.default_rng([seed, i]).standard_normal((T, 3, 32, 32)) for i in range(count)]
    return [(clip.astype("float32"), (i % CLASSES,), (0, i)) for i, clip in enumerate(draws)]


def train_small(clips, out, validation: bool = False, plan: dict | None = None, count: int = TRAIN, **changes):
    """Train in this process, on the first `count` clips; returns the outcome."""
    lists = entries(clips)[:count], entries(clips, "val.txt") if validation else []
    return train(small_recipe(**changes), TrainingJob(*lists, str(out), **plan or {}))


def arguments(clips, out, *more: str, **changes) -> list[str]:
    """Of `paddle-tsm`, for the same training."""
    values = (OPTIONS | changes).items()
    texts = [f"{name}={','.join(map(str, v)) if isinstance(v, tuple) else v}" for name, v in values]
    return ["train", str(clips / "train.txt"), "--root", str(clips), "--out", str(out), *more, "--set", *texts]


def environment() -> dict:
    """This process's, with the packages of this checkout in front."""
    return os.environ | {"PYTHONPATH": str(ROOT)}


class Job:
    """`paddle-tsm` in a process of its own, what it prints in a file."""

    def __init__(self, out, command: list[str], **options):
        self.out, self.log = Path(out), Path(f"{out}.log")
        with open(self.log, "ab") as log:
            self.log_start = log.tell()
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, env=environment(), start_new_session=True, **options
            )

    def text(self) -> str:
        """What it has printed so far."""
        return self.log.read_bytes()[self.log_start :].decode()

    def wait_until(self, ready, seconds: float = 60) -> bool:
        """Until `ready()`; False where the process ended before."""
        end = time.monotonic() + seconds
        while not ready():
            if self.process.poll() is not None:
                return ready()
            assert time.monotonic() < end, f"still waiting after {seconds} s: {self.text()}"
            time.sleep(0.005)
        return True

    def end(self, seconds: float = 60) -> int:
        """Its exit code."""
        return self.process.wait(seconds)


def start(run: list[str], out, **options) -> Job:
    return Job(out, [sys.executable, "-m", "paddle_tsm", *run], **options)


def rows(out, name: str = "train.csv") -> list[dict]:
    """The rows of a CSV file, without the seconds, which no two runs share."""
    with open(Path(out) / name, newline="") as file:
        return [{column: value for column, value in row.items() if column != "seconds"} for row in csv.DictReader(file)]


def values(out, column: str = "loss") -> list[float]:
    return [float(row[column]) for row in rows(out)]


def weights(out, name: str = "last.safetensors") -> dict[str, np.ndarray]:
    return {name: np.array(array) for name, array in read_checkpoint(Path(out) / name).tensors.items()}


def apart(a: dict, b: dict) -> float:
    """The largest difference of two networks' tensors, by the largest magnitude of each."""
    assert a.keys() == b.keys()
    return max(np.abs(a[n] - b[n]).max() / max(np.abs(b[n]).max(), 1e-300) for n in a if np.any(a[n]) or np.any(b[n]))


def leftovers(out) -> list[str]:
    """Temporary files that a killed run left."""
    return [path.name for path in Path(out).iterdir() if path.name.endswith(".tmp")]
