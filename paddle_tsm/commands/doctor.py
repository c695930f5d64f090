"""`paddle-tsm doctor`: which settings are in force for Paddle on this machine, and how much faster each makes it."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from paddle_tsm import runtime
from paddle_tsm.commands.help_text import add_command

# Each setting and the work that is timed with it and without it.
WORK = {
    "threads": "3x3 convolution of [8, 64, 56, 56]",
    "mkl": "product of two 1500 x 1500 matrices",
    "malloc": "copy of [8, 256, 56, 56]",
    "onednn": "3x3 convolution of [8, 64, 56, 56] and its gradients",
    "shift": "shift of [8, 256, 56, 56] and its gradient",
}
# Variables by which a user makes these settings. A timing process is started without them.
USER_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_DEBUG_CPU_TYPE",
    "MALLOC_MMAP_THRESHOLD_",
    "MALLOC_TRIM_THRESHOLD_",
    "GLIBC_TUNABLES",
)
TIMEOUT = 60  # seconds; a timing process that has not ended by then hangs


def add_parser(subparsers) -> None:
    parser = add_command(
        subparsers,
        "doctor",
        "Show the settings that make Paddle fast on this machine.",
        "",
        (
            "Show each setting that paddle_tsm makes before Paddle is imported: on, off, too late, or not for this "
            "machine.",
            "How much each gains is measured here, in short processes with the setting and without it.",
        ),
        ("paddle-tsm doctor", "paddle-tsm doctor --no-measure"),
    )
    parser.add_argument("--no-measure", action="store_true", help="Show the settings at once, without measuring.")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    from rich.table import Table

    from paddle_tsm.terminal.literal_text import as_text, plain_console, status

    shift = runtime.State("shift", runtime.ON, "-", "always on; compared with Paddle's operator")
    states = [*runtime.states(), shift]
    gains = {}
    if not args.no_measure:
        with status("measuring") as spinner:
            gains = measure(states, step=lambda what: spinner.update(as_text(f"measuring {what}")))
    table = Table(box=None, pad_edge=False)
    for column in ("setting", "state", "value", "why") + (() if args.no_measure else ("gain on this machine",)):
        table.add_column(column, overflow="fold")
    for state in states:
        gain = [] if args.no_measure else [gains[state.name]]
        table.add_row(*map(as_text, (state.name, state.state, state.value, state.why, *gain)))
    plain_console().print(table)
    return 0


def measure(states: Sequence[runtime.State], step: Callable[[str], None]) -> dict[str, str]:
    """{setting: what it gains, in words}. step(words) is called before each process starts."""
    here = [state.name for state in states if state.state != runtime.NOT_HERE]
    step("with every setting")
    with_it = times_without("", [*here, "operator"])
    gains = {state.name: "-" for state in states}
    for name in here:
        if name == "shift":
            without = with_it["operator"]
        else:
            step(f"without {name}")
            without = times_without(name, [name])[name]
        gains[name] = f"{without / with_it[name]:.1f} times ({without:.1f} -> {with_it[name]:.1f} ms, {WORK[name]})"
    return gains


def times_without(setting: str, names: list[str]) -> dict[str, float]:
    """{name: milliseconds} of the work `names`, timed in a new process that makes every setting but `setting`.

    Raises ValueError with the last line of what the process printed where it fails, and where it does not end.
    """
    environment = {key: value for key, value in os.environ.items() if key not in USER_VARIABLES}
    environment["PADDLE_TSM_WITHOUT"] = setting
    package = str(Path(__file__).resolve().parent.parent.parent)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
    program = "import sys; from paddle_tsm.commands import doctor; doctor.print_times(sys.argv[1:])"
    try:
        done = subprocess.run(
            [sys.executable, "-c", program, *names],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env=environment,
            timeout=TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        raise ValueError(f"measuring {', '.join(names)}: got no answer within {TIMEOUT} s; try --no-measure") from None
    if done.returncode:
        last = (done.stderr.splitlines() or ["no message"])[-1]
        raise ValueError(f"measuring {', '.join(names)}: {last}; try --no-measure")
    return json.loads(done.stdout.splitlines()[-1])


def print_times(names: list[str]) -> None:
    """Print {name: milliseconds} of the work `names`, timed in this process, as JSON."""
    paddle = runtime.import_paddle()
    from paddle.nn import functional as F

    from paddle_tsm.models.layers.convolution import conv
    from paddle_tsm.models.layers.shift import temporal_shift

    small, kernel = paddle.ones([8, 64, 56, 56]), paddle.ones([64, 64, 3, 3])
    large, square = paddle.ones([8, 256, 56, 56]), paddle.ones([1500, 1500])
    shifted = paddle.ones(large.shape)
    shifted.stop_gradient = False
    layer = conv(64, 64, 3)
    work = {
        "threads": lambda: F.conv2d(small, kernel, padding=1),
        "mkl": lambda: paddle.matmul(square, square),
        "malloc": lambda: large.clone(),
        "onednn": lambda: layer(small).sum().backward(),
        "shift": lambda: paddle.grad(temporal_shift(shifted, 8), shifted, large),
        "operator": lambda: paddle.grad(F.temporal_shift(shifted, 8, 1 / 8), shifted, large),
    }
    print(json.dumps({name: milliseconds(work[name]) for name in names}))


def milliseconds(work: Callable[[], object]) -> float:
    """The median time of `work`, after one run to warm up: at least three runs, and at least 0.7 seconds of them."""
    work()
    times: list[float] = []
    while len(times) < 3 or sum(times) < 0.7:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)
