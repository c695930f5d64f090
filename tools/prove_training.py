"""Both frameworks train a ResNet-18-TSM from one seed on clips made on the spot.

    python tools/prove_training.py

float64, 200 steps: losses, gradient norms, logits, weights, buffers and momentum stay within 1e-6. float32, 100 steps:
the gap between the frameworks is at most 3 times their own noise (the same framework, weights and inputs moved by one
unit in the last place). Prints the figures, writes the plots to --out, ends with 1 where a limit is broken.
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from rich.console import Console
from rich.progress import Progress

from paddle_tsm.files.atomic import atomic_file
from paddle_tsm.networks.network import Network
from paddle_tsm.runtime import import_paddle

# what a clip's class says: the bar's height and width in eighths of the picture, and where it moves to, (rows, columns)
CLASSES = (((6, 1), (0, 1)), ((6, 1), (0, -1)), ((1, 6), (1, 0)), ((1, 6), (-1, 0)))
SHOWN = (1, 10, 50, 100, 200)
CONSOLE = Console()


def moving_bar(kind: int, frames: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """A clip [frames, 3, size, size] of values about 0: a bar that moves over a textured ground."""
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


def make_batches(steps: int, clips: int, frames: int, size: int, seed: int) -> list:
    """`steps` pairs (x [clips * frames, 3, size, size], classes [clips])."""
    made = []
    for step in range(steps):
        rng = np.random.default_rng([seed, step])
        target = rng.integers(0, len(CLASSES), clips)
        made.append((np.concatenate([moving_bar(c, frames, size, rng) for c in target]), target))
    return made


def builders(network: Network, seed: int) -> list:
    """For each framework a function (dtype, seed of the nudge or None) to a side with the initial weights of `seed`."""
    from paddle_tsm.models.initial_weights import draw_initial_weights
    from paddle_tsm.parity.noise import nudged_weights
    from paddle_tsm.parity.paddle_side import PaddleSide
    from paddle_tsm.parity.torch_side import TorchSide

    tensors = draw_initial_weights(network.shapes(), seed)

    def builder(side):
        return lambda dtype, nudge: side(network, tensors if nudge is None else nudged_weights(tensors, nudge), dtype)

    return [builder(TorchSide), builder(PaddleSide)]


def prove_float64(both, batches, lr: float, out: Path) -> bool:
    """Train in float64, print and plot the differences. Returns whether they stayed within the limit."""
    from paddle_tsm.parity.plots import differences_plot
    from paddle_tsm.parity.steps import compare_states, compare_steps, step_limit

    limit, states = step_limit(len(batches)), {"weights": [], "buffers": [], "optimizer state": []}
    with Progress(console=CONSOLE) as bar:
        task = bar.add_task("float64", total=len(batches))

        def see(number, sides):
            for name, rows in compare_states(*sides, limit).items():
                states[name].append(max(row.max_rel for row in rows))
            bar.update(task, advance=1, description=f"float64, difference {max(v[-1] for v in states.values()):.0e}")

        found = compare_steps(*(build("float64", None) for build in both), batches, lr, see)
    differences = found.differences | states
    CONSOLE.print("float64: largest relative difference between the frameworks")
    CONSOLE.print("  step" + "".join(f"{name:>15}" for name in differences), soft_wrap=True)
    for step in (step for step in SHOWN if step <= len(batches)):
        CONSOLE.print(
            f"  {step:4}" + "".join(f"{v[step - 1]:15.1e}" for v in differences.values()),
            soft_wrap=True,
            highlight=False,
        )
    losses = found.losses["PyTorch"]
    CONSOLE.print(
        f"loss, mean of the first and of the last 10 steps: {np.mean(losses[:10]):.3f}, {np.mean(losses[-10:]):.3f}"
    )
    largest = max(max(values) for values in differences.values())
    CONSOLE.print(f"largest of all steps: {largest:.1e}, limit {limit:.0e}")
    shown = {name: differences[name] for name in ("loss", "logits", "weights", "optimizer state")}
    save(out / "training_difference.png", differences_plot(shown, limit, "Paddle to PyTorch, ResNet-18-TSM, float64"))
    return all(row.passed for row in found.rows) and largest <= limit


def prove_float32(both, batches, lr: float, out: Path) -> bool:
    """Train in float32, print and plot gap and noise. Returns whether the gap stayed within the limit at every step."""
    from paddle_tsm.parity.noise import PERTURBED_RUNS, measure_gaps
    from paddle_tsm.parity.plots import gaps_plot

    with Progress(console=CONSOLE) as bar:
        task = bar.add_task("float32", total=2 * (1 + PERTURBED_RUNS))
        done = iter(range(2 * (1 + PERTURBED_RUNS)))
        gaps = measure_gaps(
            *(lambda nudge, build=build: build("float32", nudge) for build in both),
            batches,
            lr,
            progress=lambda part: bar.update(task, description=part, completed=next(done)),
        )
        bar.update(task, completed=2 * (1 + PERTURBED_RUNS))
    CONSOLE.print(f"float32, {len(batches)} steps: gap between the frameworks over their own noise (limit 3)")
    for gap in gaps:
        number, ratio = gap.worst
        CONSOLE.print(
            f"  {gap.name:>13}: at most {ratio:.2f} (step {number}), median {np.median(gap.ratios):.2f}; "
            f"at the last step gap {gap.gap[-1]:.1e}, noise {gap.noise[-1]:.1e}"
            f"{'' if gap.judged else '; without a verdict'}",
            soft_wrap=True,
        )
    save(out / "float32_gap.png", gaps_plot(gaps))
    return all(gap.passed for gap in gaps)


def save(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as file:
        file.write(content)
    CONSOLE.print(f"wrote {path} ({len(content) / 1000:.0f} kB)", soft_wrap=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=200, help="in float64 (200)")
    parser.add_argument("--float32-steps", type=int, default=100, help="(100)")
    parser.add_argument("--clips", type=int, default=4, help="in a batch (4)")
    parser.add_argument("--frames", type=int, default=4, help="of a clip (4)")
    parser.add_argument("--size", type=int, default=48, help="height and width, a multiple of 8 (48)")
    parser.add_argument("--lr", type=float, default=1e-4, help="(0.0001)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent.parent / "docs")
    args = parser.parse_args()
    import_paddle()
    start, passed = time.perf_counter(), True
    both = builders(Network("tsm_resnet18", num_classes=len(CLASSES), num_segments=args.frames), args.seed)
    made = make_batches(max(args.steps, args.float32_steps), args.clips, args.frames, args.size, args.seed)
    if args.steps:
        passed &= prove_float64(both, made[: args.steps], args.lr, args.out)
    if args.float32_steps:
        passed &= prove_float32(both, made[: args.float32_steps], args.lr, args.out)
    CONSOLE.print(f"{'within the limits' if passed else 'BEYOND A LIMIT'}; {time.perf_counter() - start:.0f} seconds")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
