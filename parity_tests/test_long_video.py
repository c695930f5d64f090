"""Three minutes of eight motions, with the network of `demo --train`: pytest parity_tests/test_long_video.py -m slow"""

import csv
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from paddle_tsm.data.motion_videos import CLASSES, MOTION_JPEG, RATE, draw_bag, sort_bag, write_motion_videos
from paddle_tsm.demo.motion import RECIPE
from paddle_tsm.demo.settings import TRAIN_CLIPS
from paddle_tsm.lists.annotations import read_list
from paddle_tsm.training.job import TrainingJob
from paddle_tsm.training.loop import train
from paddle_tsm.videos.video_writer import complete_video

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parent.parent
CLIP = 2  # seconds of a generated motion
SECONDS = 180


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> str:
    """The network of `demo --train`, trained as it is there."""
    folder = tmp_path_factory.mktemp("long")
    train_list, _, _ = write_motion_videos(folder, TRAIN_CLIPS, 1)
    entries = read_list(train_list, root=folder, num_classes=len(CLASSES))
    train(replace(RECIPE, is_shift=True), TrainingJob(entries, [], str(folder / "tsm"), class_names=CLASSES))
    return str(folder / "tsm" / "last.safetensors")


def write_long(path, seed: int, seconds: int = SECONDS, size=(64, 64)) -> list[tuple[float, float, str]]:
    """Write a video in which each motion is repeated, by another shape each time, for a time that is drawn.

    Returns (start, end, class) of each. No shape of it is in the training's videos.
    """
    rng = np.random.default_rng(seed)
    repeats = 4 + rng.multinomial(seconds // CLIP - 4 * len(CLASSES), [1 / len(CLASSES)] * len(CLASSES))
    truth, time, bag = [], 0, 0
    with complete_video(path, RATE, MOTION_JPEG) as append:
        for label, count in zip(rng.permutation(len(CLASSES)), repeats):
            truth.append((float(time), float(time + CLIP * count), CLASSES[label]))
            time += CLIP * int(count)
            for _ in range(count):
                bag += 1
                for frame in sort_bag(*draw_bag(np.random.default_rng([10_000 + seed, bag]), size), int(label), 16):
                    append(frame)
    return truth


def predict(*words) -> tuple[str, int]:
    """(what stdout says, the peak of the memory in KiB) of `paddle-tsm predict`, in a process of its own."""
    process = subprocess.Popen(
        [sys.executable, "-m", "paddle_tsm", "predict", *map(str, words)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    said = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    assert process.returncode == 0
    return said, usage.ru_maxrss


def overlap(a, b) -> float:
    """Intersection over union of two spans; 0 where their classes differ."""
    both = min(a[1], b[1]) - max(a[0], b[0])
    return max(both, 0.0) / (max(a[1], b[1]) - min(a[0], b[0])) if a[2] == b[2] else 0.0


def found_in(path) -> list[tuple[float, float, str]]:
    with open(path, newline="") as file:
        return [(float(row["start"]), float(row["end"]), row["name"]) for row in csv.DictReader(file)]


def test_every_segment_is_found_in_two_videos_at_once(weights, tmp_path):
    truth = {seed: write_long(tmp_path / f"{seed}.avi", seed) for seed in (0, 1)}
    said, _ = predict(*(tmp_path / f"{seed}.avi" for seed in truth), "--weights", weights, "--timeline", tmp_path / "t")
    for seed, wanted in truth.items():
        found = found_in(tmp_path / "t" / f"{seed}.csv")
        overlaps = [max(overlap(one, other) for other in found) for one in wanted]
        assert len(wanted) == 8 and min(overlaps) >= 0.8, overlaps
        assert sum(end - start for start, end, _ in found) == SECONDS
    # neither video waits for the end of the other
    order = [line.split(":")[0].rpartition(os.sep)[2] for line in said.splitlines() if "%" in line]
    assert order != sorted(order) and order != sorted(order, reverse=True)


def test_the_memory_does_not_grow_with_the_video(weights, tmp_path):
    size = (320, 240)
    peaks = {}
    for seconds in (SECONDS // 2, 4 * SECONDS):
        write_long(tmp_path / f"{seconds}.avi", 2, seconds, size)
        _, peaks[seconds] = predict(tmp_path / f"{seconds}.avi", "--weights", weights, "--window", 2, "--step", 0.5)
    short, long = peaks.values()
    more = (4 * SECONDS - SECONDS // 2) * RATE * size[0] * size[1] * 3 / 1024  # KiB of the frames, if they were kept
    assert long - short < 0.02 * more, (short, long, more)
