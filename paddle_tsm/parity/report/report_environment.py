"""What a report says about the machine and the versions; it names no host, no user and no path."""

from __future__ import annotations

import contextlib
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from paddle_tsm import runtime


def environment() -> dict[str, str]:
    """Versions, processor, threads and the settings of `runtime`, each under the name that the page gives it."""
    import torch  # optional: a report is written only where both frameworks ran

    found = {package: version_of(package) for package in ("paddle-tsm", "paddlepaddle", "torch", "numpy")}
    found["Python"] = platform.python_version()
    found["processor"] = processor_name()
    found["threads"] = f"Paddle {os.environ.get('OMP_NUM_THREADS', '?')}, PyTorch {torch.get_num_threads()}"
    found["settings"] = ", ".join(f"{state.name} {state.state}" for state in runtime.states())
    return found


def version_of(package: str) -> str:
    """The installed version of a package."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def processor_name() -> str:
    """The processor's name where Linux tells it, else its architecture."""
    lines: list[str] = []
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text("utf-8", errors="replace").splitlines()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
