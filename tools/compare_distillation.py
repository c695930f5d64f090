"""Train a small network with a teacher and without one, from several seeds, and compare the accuracies at the end.

    python tools/compare_distillation.py

For each seed, both trainings have the same initial weights, clips, augmentation and rates, in Paddle and float32. The
program prints the top-1 accuracy of the student, with a teacher and without one, on clips that no network has seen, and
the mean of the differences with its 95 % confidence interval, over the seeds.
"""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import compare_training
from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table

from paddle_tsm.data.motion_videos import CLASSES, write_motion_videos

CLIPS, VAL_CLIPS = 25, 30  # of each class
# as `paddle-tsm demo --train`, on fewer clips, so that the accuracy is not 100 % either way
SETTINGS = compare_training.SETTINGS | {"epochs": "4", "dropout": "0"}


def main() -> int:
    parser = compare_training.comparison_parser(__doc__, CLIPS, "compare_distillation")
    parser.add_argument("--teacher", default="tsm_resnet18", metavar="ARCH", help="The teacher's architecture.")
    args = parser.parse_args()
    out = compare_training.new_folder(parser, args.out)
    write_motion_videos(out, args.clips, VAL_CLIPS)
    console = Console()
    pairs = []
    for seed in track(range(args.seeds), "training", console=Console(stderr=True)):
        alone, taught = (accuracy(out, teacher, seed, args.changes) for teacher in ("none", args.teacher))
        pairs.append((alone, taught))
    console.print(table(pairs))
    mean, half = compare_training.interval([taught - alone for alone, taught in pairs])
    sentence = (
        f"top-1 on {VAL_CLIPS * len(CLASSES)} clips, with the teacher minus alone: {100 * mean:+.2f} ± "
        f"{100 * half:.2f} percentage points (95 % of Student's t, {len(pairs)} seeds)"
    )
    console.print(sentence, highlight=False, soft_wrap=True)
    return 0


def accuracy(out: Path, teacher: str, seed: int, changes: list[str]) -> float:
    """The student's top-1 accuracy at the end of a training beside this teacher, "none" for none."""
    run = out / f"{teacher}_{seed}"
    lists = [out / "train.txt", "--root", out, "--validation", out / "val.txt", "--classes", out / "classes.txt"]
    settings = SETTINGS | {"seed": str(seed), "teacher": teacher} | dict(change.split("=", 1) for change in changes)
    words = [*lists, "--out", run, "--set", *map("=".join, settings.items())]
    command = [sys.executable, "-m", "paddle_tsm", "train", *map(str, words)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise SystemExit(f"teacher {teacher}, seed {seed}: {done.stderr.strip()}")
    with open(run / "validation.csv", newline="", encoding="utf-8") as file:
        return float(list(csv.DictReader(file))[-1]["top1"])


def table(pairs: list[tuple[float, float]]) -> Table:
    """A row for each seed."""
    found = Table(box=box.SIMPLE_HEAD)
    for name in ("seed", "alone", "with a teacher", "difference"):
        found.add_column(name, justify="right")
    for seed, (alone, taught) in enumerate(pairs):
        found.add_row(
            str(seed), *(f"{100 * value:.2f} %" for value in (alone, taught)), f"{100 * (taught - alone):+.2f}"
        )
    return found


if __name__ == "__main__":
    sys.exit(main())
