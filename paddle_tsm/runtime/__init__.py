"""Settings that let Paddle use the machine: its threads, the code path of its matrix library, and the allocator.

`prepare` makes them. It runs when a command starts, and just before Paddle is imported, provided that paddle_tsm was
imported first. A program that imports paddle_tsm but never Paddle therefore keeps its environment and its allocator.
What the user has set is never overridden. The variable PADDLE_TSM_WITHOUT names settings that are left out, separated
by commas. `paddle-tsm doctor` shows which settings are on and what each gains.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import os
import platform
import signal
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path
from types import ModuleType

from paddle_tsm.runtime.mkl_trial import AVX512, runs_avx512

# The states of a setting
ON, OFF, TOO_LATE, NOT_HERE = "on", "off", "too late", "not for this machine"

MKL, ONEDNN = "libs/libmklml_intel.so", "libs/libdnnl.so.3"  # in Paddle's folder


class LateImportWarning(UserWarning):
    """Paddle was imported before paddle_tsm, and a setting that would have helped cannot be made any more."""


@dataclass(frozen=True)
class State:
    """How one setting stands.

    state: ON, OFF, TOO_LATE or NOT_HERE. value: the value in force, "-" where there is none. why: the reason, in words.
    """

    name: str
    state: str
    value: str
    why: str


_states: dict[str, State] = {}


class BeforePaddle:
    """A finder for `sys.meta_path` that finds no module. When it is asked for Paddle it removes itself and calls
    `prepare`; the finders behind it then find Paddle.
    """

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "paddle":
            sys.meta_path.remove(self)
            prepare()


def prepare_in_time() -> None:
    """Call `prepare` when Paddle is about to be imported, or now if it is imported already."""
    if "paddle" in sys.modules:
        prepare()
    else:
        sys.meta_path.insert(0, BeforePaddle())


def prepare() -> None:
    """Make every setting that helps on this machine. Calls after the first one in a process do nothing.

    Where Paddle is imported already, one LateImportWarning of one line names the settings for which it is too late.
    """
    if _states:
        return
    left_out = {name.strip() for name in os.environ.get("PADDLE_TSM_WITHOUT", "").split(",")} - {""}
    for name, make in SETTINGS.items():
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


def uses(name: str) -> bool:
    """Whether a setting is on."""
    prepare()
    return _states[name].state == ON


def states() -> tuple[State, ...]:
    """The State of each setting. `prepare` is called first, so that every setting has one."""
    prepare()
    return tuple(_states.values())


def _threads() -> tuple[str, str, str]:
    """Set OpenMP's number of threads to the number of processors; returns (state, value, why).

    `import paddle` sets OMP_NUM_THREADS to 1 where it is not set, and all other processors then stay idle.
    """
    found, wanted = os.environ.get("OMP_NUM_THREADS"), str(processors())
    if found is None:
        os.environ["OMP_NUM_THREADS"] = wanted
        return (ON, wanted, "a thread a processor") if wanted != "1" else (NOT_HERE, wanted, "one processor")
    if found == "1" and wanted != "1" and "paddle" in sys.modules and "OMP_NUM_THREADS" not in _initial_environment():
        # It stays, because the program itself may have set it.
        return TOO_LATE, found, f"1 thread, of {wanted} processors"
    return ON if found == wanted else OFF, found, "OMP_NUM_THREADS was set"


def _mkl() -> tuple[str, str, str]:
    """Let MKL use AVX-512 or AVX2 on AMD's processors; returns (state, value, why).

    The MKL in Paddle's wheel takes a slow path on every processor that is not Intel's, unless MKL_DEBUG_CPU_TYPE names
    another: 5 is that of AVX2, 7 that of AVX-512. MKL reads that variable when it is loaded, which is at the first
    matrix product. A value that the processor cannot run ends the process, so 7 is tried in another one first.
    """
    if "MKL_DEBUG_CPU_TYPE" in os.environ:
        found = os.environ["MKL_DEBUG_CPU_TYPE"]
        return ON if found in ("5", "7") else OFF, found, "MKL_DEBUG_CPU_TYPE was set"
    vendor, flags = _processor()
    if vendor != "AuthenticAMD" or not {"avx2", "fma"} <= flags:
        return NOT_HERE, "-", "for AMD processors with AVX2, on Linux"
    if "paddle" in sys.modules and "libmklml" in read_proc("/proc/self/maps"):
        return TOO_LATE, "-", "matrix products stay on a path that is slow on AMD"
    value, why = "5", "AVX2 on AMD"
    if AVX512 <= flags:
        library = paddles_file(MKL)
        if library and runs_avx512(library, vendor, flags):
            value, why = "7", "AVX-512 on AMD"
        else:
            why = "AVX2 on AMD: a trial of AVX-512 failed" if library else why
    os.environ["MKL_DEBUG_CPU_TYPE"] = value
    return ON, value, why


def paddles_file(name: str) -> Path | None:
    """The file of this name in Paddle's folder, which is found without importing Paddle; None where there is none."""
    spec = PathFinder.find_spec("paddle")
    folders = (spec and spec.submodule_search_locations) or ()
    return next((path for folder in folders if (path := Path(folder, name)).exists()), None)


def _onednn() -> tuple[str, str, str]:
    """Let networks in float32 compute with oneDNN in eager mode (`paddle_tsm.onednn`); returns (state, value, why)."""
    if paddles_file(ONEDNN) is None:
        return NOT_HERE, "-", "Paddle's wheel has no oneDNN on this system"
    return ON, "-", "convolutions in float32"


def _malloc() -> tuple[str, str, str]:
    """Let glibc's allocator keep the large blocks that are freed; returns (state, value, why).

    By default it returns each of them to the system, so that every new large tensor costs page faults again. With this
    setting the process stays as large as it ever was.
    """
    if platform.system() != "Linux" or platform.libc_ver()[0] != "glibc":
        return NOT_HERE, "-", "for glibc"
    theirs = [name for name in ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_") if name in os.environ]
    if any(f"malloc.{name}" in os.environ.get("GLIBC_TUNABLES", "") for name in ("mmap_threshold", "trim_threshold")):
        theirs.append("GLIBC_TUNABLES")
    if theirs:
        return OFF, "-", f"{theirs[0]} was set"
    try:
        mallopt = ctypes.CDLL(None).mallopt
        # -3 is M_MMAP_THRESHOLD, -1 M_TRIM_THRESHOLD (malloc.h). An older glibc takes at most 32 MiB for the first.
        limit = next((size for size in (2**31 - 1, 2**25) if mallopt(-3, size)), None)
        if limit and mallopt(-1, 2**31 - 1):
            return ON, f"{limit >> 20} MiB", "freed blocks are kept"
    except (OSError, AttributeError):
        pass
    return NOT_HERE, "-", "mallopt refused"


# in the order in which they are made
SETTINGS = {"threads": _threads, "mkl": _mkl, "malloc": _malloc, "onednn": _onednn}


@cache
def _processor() -> tuple[str, frozenset]:
    """The first processor's vendor and flags from /proc/cpuinfo; both are empty where there is no such file."""
    fields = {}
    for line in read_proc("/proc/cpuinfo").split("\n\n")[0].splitlines():
        name, _, value = line.partition(":")
        fields[name.strip()] = value.strip()
    return fields.get("vendor_id", ""), frozenset(fields.get("flags", "").split())


def _initial_environment() -> set[str]:
    """The names of the environment variables that this process was started with."""
    return {entry.partition("=")[0] for entry in read_proc("/proc/self/environ").split("\0")}


def read_proc(path: str) -> str:
    """The text of a file in /proc; "" where it cannot be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def processors() -> int:
    """The number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextlib.contextmanager
def interrupt_afterwards() -> Iterator[None]:
    """Have Ctrl-C and SIGTERM act behind the block instead of inside it, by the handlers that they have now.

    Ctrl-C waits only where it has Python's own handler, SIGTERM only where a program has set one. Nothing changes
    outside the main thread, which alone has handlers. SIGTERM is also blocked, because a block that imports Paddle
    gives it another handler. That handler stays where a program has set none.
    """
    handlers = {}
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        handlers[signal.SIGINT] = signal.default_int_handler
    if callable(handler := signal.getsignal(signal.SIGTERM)):
        handlers[signal.SIGTERM] = handler
    came: list[int] = []
    try:
        for number in handlers:
            signal.signal(number, lambda number, frame: came.append(number))
    except ValueError:  # not the main thread
        yield
        return
    blocks = signal.SIGTERM in handlers and hasattr(signal, "pthread_sigmask")  # Windows has no such function
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM]) if blocks else None
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        if before is not None:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    for first in came[:1]:
        handlers[signal.Signals(first)](first, None)


def import_paddle() -> ModuleType:
    """Import Paddle and return it. Its notes on ccache, which builds extensions, and on the number of threads, which
    `prepare` chose, are not printed.

    A handler of SIGTERM that was set in Python stays in force. Paddle would replace it with its own, which prints a
    C++ traceback and ends the process at once. A signal during the first import acts when the import has ended: inside,
    Paddle would turn what its handler raises into an ImportError.
    """
    with interrupt_afterwards(), warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.filterwarnings("ignore", "No ccache found")
        import paddle  # here, because the settings come first, and because a command may not need it
    return paddle
