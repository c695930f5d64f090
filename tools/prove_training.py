"""Train a ResNet-18-TSM in both frameworks, from one seed and on clips that the program draws, and compare them.

    python tools/prove_training.py

In 200 steps of float64, losses, gradient norms, logits, weights, buffers and momentum must stay within 1e-6. In 100
steps of float32, the gap between the frameworks must be at most 3 times their own noise, which is what one framework
gives when weights and inputs move by one unit in the last place. The program prints the numbers, writes the plots to
--out, and ends with exit code 1 where a limit is broken.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from rich.console import Console
from rich.progress import Progress

from paddle_tsm.files.atomic import atomic_file
from paddle_tsm.networks.network import Network
from paddle_tsm.runtime import import_paddle

# for each class, the bar's height and width in eighths of the picture, and its direction, as (rows, columns)
CLASSES = (((6, 1), (0, 1)), ((6, 1), (0, -1)), ((1, 6), (1, 0)), ((1, 6), (-1, 0)))
PRINTED_STEPS = (1, 10, 50, 100, 200)
CONSOLE = Console()
Batches = list[tuple[np.ndarray, np.ndarray]]
Build = Callable[[str, int | None], Any]  # (dtype, seed of the nudge or None) -> a side of the comparison


def moving_bar(kind: int, frames: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """A clip in which a bar moves over a textured ground: float64 [frames, 3, size, size], values about 0.

    kind: an index of CLASSES. The values are ones that float32 holds exactly.
    """
    extent, direction = (np.array(part) for part in CLASSES[kind])
    ground = np.kron(rng.standard_normal((3, size // 8, size // 8)), np.ones((8, 8))) * 0.2
    place, colour = rng.integers(0, size, 2), 1.5 + rng.random(3)
    clip = np.repeat(ground[None], frames, 0)
    for t, frame in enumerate(clip):
        start = place + t * size // 12 * direction
        rows, columns = ((start[i] + np.arange(extent[i] * size // 8)) % size for i in range(2))
        frame[:, rows[:, None], columns] = colour[:, None, None]
    clip += 0.1 * rng.standard_normal(clip.shape)
    return clip.astype("float32").astype("float64")


def make_batches(steps: int, clips: int, frames: int, size: int, seed: int) -> Batches:
    """A pair (x [clips * frames, 3, size, size], classes [clips]) for each step."""
    batches: Batches = []
    for step in range(steps):
        rng = np.random.default_rng([seed, step])
        target = rng.integers(0, len(CLASSES), clips)
        batches.append((np.concatenate([moving_bar(c, frames, size, rng) for c in target]), target))
    return batches


def builders(network: Network, seed: int) -> list[Build]:
    """For each framework, a function that builds its side of the comparison, with the initial weights of `seed`.

    It takes the dtype, and the seed by which the weights are moved by one unit in the last place; None moves none.
    """
    # imported here and below, because they import Paddle, which `main` prepares first
    from paddle_tsm.models.initial_weights import draw_initial_weights
    from paddle_tsm.parity.paddle_side import PaddleSide
    from paddle_tsm.parity.torch_side import TorchSide
    from paddle_tsm.training.nudge import nudged_weights

    tensors = draw_initial_weights(network.shapes(), seed)

    def builder(side):
        return lambda dtype, nudge: side(network, tensors if nudge is None else nudged_weights(tensors, nudge), dtype)

    return [builder(TorchSide), builder(PaddleSide)]


def prove_float64(both: list[Build], batches: Batches, lr: float, out: Path) -> bool:
    """Train in float64; print and plot the differences. Returns whether every step stayed within the limit."""
    from paddle_tsm.parity.report.plots import differences_plot
    from paddle_tsm.parity.steps import compare_states, compare_steps, step_limit

    limit = step_limit(len(batches))
    states: dict[str, list[float]] = {"weights": [], "buffers": [], "optimizer state": []}
    with Progress(console=CONSOLE) as bar:
        task = bar.add_task("float64", total=len(batches))

        def see(number: int, sides: tuple[Any, Any]) -> None:
            for name, rows in compare_states(*sides, limit).items():
                states[name].append(max(row.max_rel for row in rows))
            largest = max(values[-1] for values in states.values())
            bar.update(task, advance=1, description=f"float64, difference {largest:.0e}")

        reference, other = (build("float64", None) for build in both)
        found = compare_steps(reference, other, batches, lr, see)
    differences = found.differences | states
    print_differences(differences, found.losses["PyTorch"])
    largest = max(max(values) for values in differences.values())
    CONSOLE.print(f"largest of all steps: {largest:.1e}, limit {limit:.0e}")
    plotted = {name: differences[name] for name in ("loss", "logits", "weights", "optimizer state")}
    save(out / "training_difference.png", differences_plot(plotted, limit, "Paddle to PyTorch, ResNet-18-TSM, float64"))
    return all(row.passed for row in found.rows) and largest <= limit


def print_differences(differences: dict[str, list[float]], losses: list[float]) -> None:
    """Print the differences after some of the steps, and how far the loss fell."""
    CONSOLE.print("float64: largest relative difference between the frameworks")
    CONSOLE.print("  step" + "".join(f"{name:>15}" for name in differences), soft_wrap=True)
    for step in (step for step in PRINTED_STEPS if step <= len(losses)):
        columns = "".join(f"{values[step - 1]:15.1e}" for values in differences.values())
        CONSOLE.print(f"  {step:4}{columns}", soft_wrap=True, highlight=False)
    CONSOLE.print(
        f"loss, mean of the first and of the last 10 steps: {np.mean(losses[:10]):.3f}, {np.mean(losses[-10:]):.3f}"
    )


def prove_float32(both: list[Build], batches: Batches, lr: float, out: Path) -> bool:
    """Train in float32; print and plot gap and noise. Returns whether the gap stayed within the limit at every step."""
    from paddle_tsm.parity.noise import PERTURBED_RUNS, measure_gaps
    from paddle_tsm.parity.report.plots import gaps_plot
    from paddle_tsm.parity.tolerance import TOLERANCES

    runs, (reference, other) = 2 * (1 + PERTURBED_RUNS), both
    with Progress(console=CONSOLE) as bar:
        task = bar.add_task("float32", total=runs)
        done = iter(range(runs))
        gaps = measure_gaps(
            partial(reference, "float32"),
            partial(other, "float32"),
            batches,
            lr,
            progress=lambda part: bar.update(task, description=part, completed=next(done)),
        )
        bar.update(task, completed=runs)
    limit = TOLERANCES["float32 steps"].limit
    CONSOLE.print(f"float32, {len(batches)} steps: gap between the frameworks over their own noise (limit {limit:g})")
    for gap in gaps:
        number, ratio = gap.worst
        verdict = "" if gap.judged else "; without a verdict"
        CONSOLE.print(
            f"  {gap.name:>13}: at most {ratio:.2f} (step {number}), median {np.median(gap.ratios):.2f}; "
            f"at the last step gap {gap.gap[-1]:.1e}, noise {gap.noise[-1]:.1e}{verdict}",
            soft_wrap=True,
        )
    save(out / "float32_gap.png", gaps_plot(gaps))
    return all(gap.passed for gap in gaps)


def save(path: Path, content: bytes) -> None:
    """Write the file, and say so."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as file:
        file.write(content)
    CONSOLE.print(f"wrote {path} ({len(content) / 1000:.0f} kB)", soft_wrap=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=200, help="Steps in float64. Default: %(default)s.")
    parser.add_argument("--float32-steps", type=int, default=100, help="Steps in float32. Default: %(default)s.")
    parser.add_argument("--clips", type=int, default=4, help="Clips in a batch. Default: %(default)s.")
    parser.add_argument("--frames", type=int, default=4, help="Frames of a clip. Default: %(default)s.")
    parser.add_argument("--size", type=int, default=48, help="Height and width, a multiple of 8. Default: %(default)s.")
    parser.add_argument("--lr", type=float, default=1e-4, help="The learning rate. Default: %(default)s.")
    parser.add_argument("--seed", type=int, default=0, help="Of weights and clips. Default: %(default)s.")
    docs = Path(__file__).resolve().parent.parent / "docs"
    parser.add_argument("--out", type=Path, default=docs, help="The folder for the plots. Default: docs.")
    args = parser.parse_args()
    import_paddle()
    start, passed = time.perf_counter(), True
    both = builders(Network("tsm_resnet18", num_classes=len(CLASSES), num_segments=args.frames), args.seed)
    batches = make_batches(max(args.steps, args.float32_steps), args.clips, args.frames, args.size, args.seed)
    if args.steps:
        passed &= prove_float64(both, batches[: args.steps], args.lr, args.out)
    if args.float32_steps:
        passed &= prove_float32(both, batches[: args.float32_steps], args.lr, args.out)
    CONSOLE.print(f"{'within the limits' if passed else 'BEYOND A LIMIT'}; {time.perf_counter() - start:.0f} seconds")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
