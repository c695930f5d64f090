"""What has to be set for Paddle to use the machine: threads, the matrix library's code path, the allocator.

`prepare` runs just before Paddle is imported, if paddle_tsm was imported first, and when a command starts. So a program
that imports paddle_tsm and not Paddle, as `torch_ref` may, keeps its environment and its allocator.
It never overrides what the user has set, and PADDLE_TSM_WITHOUT, a list of names with commas, leaves settings out.
`paddle-tsm doctor` shows what is on and what each gains.
"""

import contextlib
import ctypes
import io
import os
import platform
import signal
import sys
import warnings
from dataclasses import dataclass
from functools import cache

ON, OFF, TOO_LATE, NOT_HERE = "on", "off", "too late", "not for this machine"


class LateImportWarning(UserWarning):
    """Paddle was imported before paddle_tsm; a setting that would have helped can no longer be made."""


@dataclass(frozen=True)
class State:
    """One setting as it stands. `state`: ON, OFF, TOO_LATE or NOT_HERE; `value`: what is in force."""

    name: str
    state: str
    value: str
    why: str


_states: dict[str, State] = {}


class BeforePaddle:
    """A finder for `sys.meta_path` that finds nothing: asked for Paddle, it calls `prepare`, once, and steps aside."""

    def find_spec(self, name: str, path=None, target=None) -> None:
        if name == "paddle":
            sys.meta_path.remove(self)
            prepare()


def prepare_in_time() -> None:
    """Call `prepare` when Paddle is about to be imported; now, where it is already imported."""
    if "paddle" in sys.modules:
        prepare()
    else:
        sys.meta_path.insert(0, BeforePaddle())


def prepare() -> None:
    """Make every setting that helps on this machine, once a process. Warns (LateImportWarning), once and in one line,
    of those for which it is too late because Paddle is already imported."""
    if _states:
        return
    left_out = {name.strip() for name in os.environ.get("PADDLE_TSM_WITHOUT", "").split(",")} - {""}
    for name, make in (("threads", _threads), ("mkl", _mkl), ("malloc", _malloc)):
        _states[name] = State(name, OFF, "-", "PADDLE_TSM_WITHOUT") if name in left_out else State(name, *make())
    unknown = left_out - set(_states)
    if unknown:
        got, wanted = ", ".join(sorted(unknown)), ", ".join(_states)
        warnings.warn(f"PADDLE_TSM_WITHOUT: got {got}, wanted some of {wanted}", stacklevel=3)
    late = [state for state in _states.values() if state.state == TOO_LATE]
    if late:
        lost = "; ".join(f"{state.name}: {state.why}" for state in late)
        text = f"paddle was imported before paddle_tsm ({lost}). Import paddle_tsm first."
        warnings.warn(text, LateImportWarning, stacklevel=4)


def states() -> tuple[State, ...]:
    """What `prepare` did, one State a setting; it is called first, if Paddle was not imported yet."""
    prepare()
    return tuple(_states.values())


def _threads() -> tuple[str, str, str]:
    """OpenMP's threads. `import paddle` sets OMP_NUM_THREADS to 1 unless it is set: a ResNet-50 on 8 frames then takes
    2.1 s where two threads take 1.17 s."""
    found, wanted = os.environ.get("OMP_NUM_THREADS"), str(processors())
    if found is None:
        os.environ["OMP_NUM_THREADS"] = wanted
        return (ON, wanted, "a thread a processor") if wanted != "1" else (NOT_HERE, wanted, "one processor")
    if found == "1" and wanted != "1" and "paddle" in sys.modules and "OMP_NUM_THREADS" not in _initial_environment():
        # it may be the user's own, set in Python, so it stays
        return TOO_LATE, found, f"1 thread, of {wanted} processors"
    return ON if found == wanted else OFF, found, "OMP_NUM_THREADS was set"


def _mkl() -> tuple[str, str, str]:
    """The Paddle wheel's MKL takes a slow path on processors that are not Intel's: 37 GFLOP/s a thread where
    MKL_DEBUG_CPU_TYPE=5 (AVX2) gives 100. It reads the variable when it is loaded, at the first matrix product."""
    if "MKL_DEBUG_CPU_TYPE" in os.environ:
        found = os.environ["MKL_DEBUG_CPU_TYPE"]
        return ON if found == "5" else OFF, found, "MKL_DEBUG_CPU_TYPE was set"
    vendor, flags = _processor()
    if vendor != "AuthenticAMD" or not {"avx2", "fma"} <= flags:
        return NOT_HERE, "-", "for AMD processors with AVX2, on Linux"
    if "paddle" in sys.modules and "libmklml" in _read("/proc/self/maps"):
        return TOO_LATE, "-", "matrix products stay on a path that is slow on AMD"
    os.environ["MKL_DEBUG_CPU_TYPE"] = "5"
    return ON, "5", "AVX2 on AMD"


def _malloc() -> tuple[str, str, str]:
    """glibc maps each large block afresh and returns it when it is freed, so every large tensor pays its page faults:
    a copy of [8, 256, 56, 56] takes 12 ms, from blocks that are kept 1.3 ms. The process keeps its peak memory."""
    if platform.system() != "Linux" or platform.libc_ver()[0] != "glibc":
        return NOT_HERE, "-", "for glibc"
    theirs = [name for name in ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_") if name in os.environ]
    if any(f"malloc.{name}" in os.environ.get("GLIBC_TUNABLES", "") for name in ("mmap_threshold", "trim_threshold")):
        theirs.append("GLIBC_TUNABLES")
    if theirs:
        return OFF, "-", f"{theirs[0]} was set"
    try:
        mallopt = ctypes.CDLL(None).mallopt
        # M_MMAP_THRESHOLD, M_TRIM_THRESHOLD (malloc.h); an older glibc takes no mapping threshold above 32 MiB
        limit = next((size for size in (2**31 - 1, 2**25) if mallopt(-3, size)), None)
        if limit and mallopt(-1, 2**31 - 1):
            return ON, f"{limit >> 20} MiB", "freed blocks are kept"
    except (OSError, AttributeError):
        pass
    return NOT_HERE, "-", "mallopt refused"


@cache
def _processor() -> tuple[str, frozenset]:
    """The first processor's vendor and flags from /proc/cpuinfo; empty on other systems."""
    fields = {}
    for line in _read("/proc/cpuinfo").split("\n\n")[0].splitlines():
        name, _, value = line.partition(":")
        fields[name.strip()] = value.strip()
    return fields.get("vendor_id", ""), frozenset(fields.get("flags", "").split())


def _initial_environment() -> set[str]:
    """The names of the variables that this process was started with."""
    return {entry.partition("=")[0] for entry in _read("/proc/self/environ").split("\0")}


def _read(path: str) -> str:
    """The text of one of /proc's files, "" where there is none."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def processors() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def import_paddle():
    """Import Paddle without its notes on ccache (which builds extensions) and on the number of threads (which we
    chose). A handler of SIGTERM that was set in Python stays: Paddle's own prints a C++ traceback and ends the process
    at once."""
    handler = signal.getsignal(signal.SIGTERM)
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.filterwarnings("ignore", "No ccache found")
        import paddle
    if callable(handler):
        with contextlib.suppress(ValueError):  # elsewhere than in the main thread
            signal.signal(signal.SIGTERM, handler)
    return paddle
