"""`paddle-tsm doctor`: what is set for Paddle on this machine, and what each setting gains."""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from paddle_tsm import runtime

# what is measured for each setting, and how it is described
MEASURES = {
    "threads": "3x3 convolution of [8, 64, 56, 56]",
    "mkl": "product of two 1500 x 1500 matrices",
    "malloc": "copy of [8, 256, 56, 56]",
    "shift": "shift of [8, 256, 56, 56] and its gradient",
}
THEIRS = ("OMP_NUM_THREADS", "MKL_DEBUG_CPU_TYPE", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "GLIBC_TUNABLES")
SECONDS = 60  # a measuring process that has not ended by then never will


def add_parser(subparsers) -> None:
    parser = subparsers.add_parser(
        "doctor",
        help="what is set for Paddle on this machine, and what each setting gains",
        description="Show each setting that paddle_tsm makes when it is imported before Paddle: on, off, too late, or "
        "not for this machine. Each gain is measured here, in short processes with the setting and without it.",
        epilog="example: paddle-tsm doctor --no-measure",
    )
    parser.add_argument("--no-measure", action="store_true", help="only the settings, at once")
    parser.set_defaults(run=run)


def run(args) -> int:
    from rich.table import Table

    from paddle_tsm.terminal.literal_text import as_text, plain_console, status

    shift = runtime.State("shift", runtime.ON, "-", "always; against Paddle's operator")
    states = [*runtime.states(), shift]
    gains = {}
    if not args.no_measure:
        with status("measuring") as shown:
            gains = measure(states, step=lambda what: shown.update(as_text(f"measuring {what}")))
    table = Table(box=None, pad_edge=False)
    for column in ("setting", "state", "value", "why") + (() if args.no_measure else ("gain on this machine",)):
        table.add_column(column, overflow="fold")
    for state in states:
        gain = [] if args.no_measure else [gains[state.name]]
        table.add_row(*map(as_text, (state.name, state.state, state.value, state.why, *gain)))
    plain_console().print(table)
    return 0


def measure(states, step) -> dict[str, str]:
    """Setting -> what it gains, in words. step(words) is called before each process is started."""
    here = [state.name for state in states if state.state != runtime.NOT_HERE]
    step("with every setting")
    with_it = in_a_process("", [*here, "operator"])
    gains = {state.name: "-" for state in states}
    for name in here:
        if name == "shift":
            without = with_it["operator"]
        else:
            step(f"without {name}")
            without = in_a_process(name, [name])[name]
        gains[name] = f"{without / with_it[name]:.1f} times ({without:.1f} -> {with_it[name]:.1f} ms, {MEASURES[name]})"
    return gains


def in_a_process(without: str, names: list[str]) -> dict[str, float]:
    """The measures `names` in milliseconds, from a new process in which all settings but `without` are ours.
    Raises ValueError, with its last line, where the process fails."""
    environment = {key: value for key, value in os.environ.items() if key not in THEIRS}
    environment["PADDLE_TSM_WITHOUT"] = without
    package = str(Path(__file__).resolve().parent.parent.parent)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, (package, os.environ.get("PYTHONPATH"))))
    program = "import sys; from paddle_tsm.commands import doctor; doctor.print_measures(sys.argv[1:])"
    try:
        done = subprocess.run(
            [sys.executable, "-c", program, *names],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env=environment,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise ValueError(f"measuring {', '.join(names)}: got no answer within {SECONDS} s; try --no-measure") from None
    if done.returncode:
        last = (done.stderr.splitlines() or ["no message"])[-1]
        raise ValueError(f"measuring {', '.join(names)}: {last}; try --no-measure")
    return json.loads(done.stdout.splitlines()[-1])


def print_measures(names: list[str]) -> None:
    """Print the measures `names` of this process as JSON: milliseconds, medians."""
    paddle = runtime.import_paddle()
    from paddle.nn import functional as F

    from paddle_tsm.models.layers.shift import temporal_shift

    small, kernel = paddle.ones([8, 64, 56, 56]), paddle.ones([64, 64, 3, 3])
    large, square = paddle.ones([8, 256, 56, 56]), paddle.ones([1500, 1500])
    shifted = paddle.ones(large.shape)
    shifted.stop_gradient = False
    work = {
        "threads": lambda: F.conv2d(small, kernel, padding=1),
        "mkl": lambda: paddle.matmul(square, square),
        "malloc": lambda: large.clone(),
        "shift": lambda: paddle.grad(temporal_shift(shifted, 8), shifted, large),
        "operator": lambda: paddle.grad(F.temporal_shift(shifted, 8, 1 / 8), shifted, large),
    }
    print(json.dumps({name: milliseconds(work[name]) for name in names}))


def milliseconds(work) -> float:
    """The median of the runs of `work` that fit into 0.7 seconds, at least three, after one to warm up."""
    work()
    times = []
    while len(times) < 3 or sum(times) < 0.7:
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)
