"""Train the demo's network in Paddle and in PyTorch, from several seeds, and compare the accuracies at the end.

    python tools/compare_training.py

For each seed, both frameworks train by one plan: the same initial weights, clips, augmentation, dropout masks and
rates, in float32. The program prints the top-1 accuracy of both on clips that no network has seen, and the mean of
Paddle's minus PyTorch's with its 95 % confidence interval, over the seeds.
"""

from __future__ import annotations

import argparse
import csv
import math
import statistics
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from rich import box
from rich.console import Console
from rich.progress import track
from rich.table import Table

from paddle_tsm.data.motion_videos import CLASSES, write_motion_videos
from paddle_tsm.demo.settings import TRAIN_CLIPS, VAL_CLIPS

# Student's t: the 97.5 % quantile for n - 1 degrees of freedom, by the number n of seeds
T_QUANTILE = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}
# the recipe of `paddle-tsm demo --train`, with dropout, so that there is something to plan
SETTINGS = {
    "arch": "tsm_resnet10",
    "data_set": "motion",
    "size": "32",
    "epochs": "3",
    "batch": "16",
    "optimizer": "adamw",
    "lr": "1e-3",
    "weight_decay": "1e-4",
    "schedule": "cosine",
    "warmup": "0",
    "dropout": "0.2",
}


def main() -> int:
    parser = comparison_parser(__doc__, TRAIN_CLIPS, "compare_training")
    args = parser.parse_args()
    out = new_folder(parser, args.out)
    write_motion_videos(out, args.clips, VAL_CLIPS)
    console = Console()
    pairs = []
    for seed in track(range(args.seeds), "training", console=Console(stderr=True)):
        paddle, torch = (accuracy(out, framework, seed, args.changes) for framework in ("paddle", "torch"))
        pairs.append((paddle, torch))
    console.print(table(pairs))
    console.print(sentence(pairs), highlight=False, soft_wrap=True)
    return 0


def comparison_parser(description: str | None, clips: int, out: str) -> argparse.ArgumentParser:
    """The options of a comparison over several seeds. clips, out: the defaults of those options."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3, choices=T_QUANTILE, metavar="N", help="2 to 10. Default: 3.")
    parser.add_argument("--clips", type=int, default=clips, metavar="N", help="Training clips of each class.")
    parser.add_argument("--out", default=out, metavar="DIR", help="The folder for videos and trainings.")
    parser.add_argument(
        "--set", dest="changes", nargs="+", default=[], metavar="NAME=VALUE", help="As `paddle-tsm train` takes them."
    )
    return parser


def new_folder(parser: argparse.ArgumentParser, name: str) -> Path:
    """The folder `name`, which must be new or empty: the parser's error otherwise."""
    out = Path(name)
    if out.exists() and any(out.iterdir()):
        parser.error(f"--out: {out} is not empty; wanted a new folder")
    return out


def accuracy(out: Path, framework: str, seed: int, changes: list[str]) -> float:
    """The top-1 accuracy at the end of a training in Paddle, which makes the seed's plan, or in PyTorch by that
    plan.
    """
    plan, run = out / f"plan_{seed}.json", out / f"{framework}_{seed}"
    by_plan = ["--plan", plan] if framework == "paddle" else ["--replay", plan, "--framework", framework]
    lists = [out / "train.txt", "--root", out, "--validation", out / "val.txt", "--classes", out / "classes.txt"]
    settings = SETTINGS | {"seed": str(seed)} | dict(change.split("=", 1) for change in changes)
    words = [*lists, "--out", run, *by_plan, "--set", *map("=".join, settings.items())]
    command = [sys.executable, "-m", "paddle_tsm", "train", *map(str, words)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise SystemExit(f"{framework}, seed {seed}: {done.stderr.strip()}")
    with open(run / "validation.csv", newline="", encoding="utf-8") as file:
        return float(list(csv.DictReader(file))[-1]["top1"])


def table(pairs: list[tuple[float, float]]) -> Table:
    """A row for each seed."""
    found = Table(box=box.SIMPLE_HEAD)
    for name in ("seed", "Paddle", "PyTorch", "difference"):
        found.add_column(name, justify="right")
    for seed, (paddle, torch) in enumerate(pairs):
        found.add_row(
            str(seed), *(f"{100 * value:.2f} %" for value in (paddle, torch)), f"{100 * (paddle - torch):+.2f}"
        )
    return found


def sentence(pairs: list[tuple[float, float]]) -> str:
    """The mean difference and its interval, in percentage points."""
    mean, half = interval([paddle - torch for paddle, torch in pairs])
    clips = VAL_CLIPS * len(CLASSES)
    return (
        f"top-1 on {clips} clips, Paddle minus PyTorch: {100 * mean:+.2f} ± {100 * half:.2f} percentage points "
        f"(95 % of Student's t, {len(pairs)} seeds)"
    )


def interval(differences: list[float]) -> tuple[float, float]:
    """(mean, half of the width of its 95 % confidence interval) of paired differences."""
    spread = statistics.stdev(differences) / math.sqrt(len(differences))
    return statistics.mean(differences), T_QUANTILE[len(differences)] * spread


if __name__ == "__main__":
    sys.exit(main())
