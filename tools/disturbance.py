"""Whether other processes used the machine during a measurement, and ratios that are given only where none did.

Every benchmark measures in this way:

    timings = Timings()
    timings.ask(name, contender)                        # a ContenderProcess, whose answer has its "seconds"
    timings.add(name, *undisturbed(lambda: seconds))    # work of this process and of those that it starts
    timings.ratio(name, against)                        # "1.07", or "disturbed"
    print(timings.note())
"""

from __future__ import annotations

import os
import statistics
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from contender_process import ContenderProcess

DISTURBED = "disturbed"
RETRIES = 6  # how often a disturbed measurement is made again
QUIET = 0.1  # processors that other processes may use during a measurement
ROUNDING = 3  # ticks of the system's clock by which the sums over all processes may be wrong
PAUSE = 0.25  # seconds after each measurement: a contender's threads wait busily for a while
NAMED = 5  # so many disturbed contenders are named

Answer = TypeVar("Answer")


def machine_ticks() -> int:
    """Ticks of the clock for which the processors worked since the machine started, also for others on its host."""
    user, nice, system, _, _, interrupts, soft, stolen = map(int, Path("/proc/stat").read_text("utf-8").split()[1:9])
    return user + nice + system + interrupts + soft + stolen


def own_ticks(root: int) -> int:
    """Ticks of the clock for which a process and all that it started have worked so far."""
    parents, ticks = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text("utf-8", errors="replace").rsplit(")", 1)[1].split()
        except OSError:  # it has ended; its parent has its ticks
            continue
        process = int(path.parent.name)
        parents[process], ticks[process] = int(fields[1]), sum(map(int, fields[11:15]))
    return sum(spent for process, spent in ticks.items() if is_below(process, root, parents))


def is_below(process: int, root: int, parents: dict[int, int]) -> bool:
    """Whether the process is `root` or was started below it."""
    while process != root and process in parents:
        process = parents[process]
    return process == root


def undisturbed(
    measure: Callable[[], Answer], root: int | None = None, retries: int = RETRIES, pause: float = 0.0
) -> tuple[Answer, bool]:
    """(what `measure` returns, whether other processes used the machine meanwhile).

    A disturbed measurement is made again, up to `retries` times. root: the process that is measured, with all that it
    starts; None means this one. pause: seconds after each measurement.
    """
    root = root or os.getpid()
    for attempt in range(retries + 1):
        before, start = machine_ticks() - own_ticks(root), time.perf_counter()
        answer = measure()
        seconds = time.perf_counter() - start
        others = machine_ticks() - own_ticks(root) - before
        time.sleep(pause)
        allowed = QUIET * seconds * os.sysconf("SC_CLK_TCK") + ROUNDING
        if others <= allowed or attempt == retries:
            return answer, others > allowed
    raise AssertionError("unreachable")


class Timings:
    """Seconds of each contender in interleaved runs, and how many of each contender's runs were disturbed."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.disturbed: Counter[str] = Counter()

    def add(self, name: str, seconds: float, disturbed: bool) -> None:
        """Keep a run of a contender."""
        self.seconds[name].append(seconds)
        self.disturbed[name] += disturbed

    def ask(self, name: str, contender: ContenderProcess, **request: Any) -> dict[str, Any]:
        """Ask a contender, keep its "seconds", and return its answer.

        Once a run of it was disturbed even after all repetitions, no later run is repeated: it has no ratio any more.
        """
        retries = 0 if self.disturbed[name] else RETRIES
        answer, disturbed = undisturbed(lambda: contender.ask(**request), contender.process.pid, retries, PAUSE)
        self.add(name, answer["seconds"], disturbed)
        return answer

    def median(self, name: str) -> float:
        """The median of a contender's seconds."""
        return statistics.median(self.seconds[name])

    def quotient(self, name: str, against: str) -> float | None:
        """The ratio of two contenders' medians; None where a run of either was disturbed."""
        if self.disturbed[name] or self.disturbed[against]:
            return None
        return self.median(name) / self.median(against)

    def ratio(self, name: str, against: str) -> str:
        """`quotient` as text: "1.07", or "disturbed"."""
        quotient = self.quotient(name, against)
        return DISTURBED if quotient is None else f"{quotient:.2f}"

    def note(self) -> str:
        """A sentence on the runs that were disturbed."""
        runs, disturbed = sum(map(len, self.seconds.values())), sum(self.disturbed.values())
        if not disturbed:
            return f"none of {runs} runs was disturbed by other processes"
        names = [name for name, times in self.disturbed.items() if times]
        named = ", ".join(names) if len(names) <= NAMED else f"of {len(names)} contenders"
        again = f"{DISTURBED}: other processes used the machine during {disturbed} of {runs} runs, each after {RETRIES}"
        return f"{again} repetitions ({named}); run it again while nothing else runs"
