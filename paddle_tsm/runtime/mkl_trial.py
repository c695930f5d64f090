"""A trial of MKL's path for AVX-512, in a process of its own, which it ends on a processor that cannot run it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import zlib
from pathlib import Path

AVX512 = {"avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512cd"}  # what MKL's path for AVX-512 uses
# The program that tries a path of MKL: products of ones and twos of every orientation and of several sizes, in float32
# and float64. Its arguments are the library's path; it fails where a value is wrong.
PRODUCTS = """
import ctypes, os, sys
for name in ("libiomp5.so", "libmklml_intel.so"):
    library = ctypes.CDLL(os.path.join(os.path.dirname(sys.argv[1]), name), mode=ctypes.RTLD_GLOBAL)
for product, number in ((library.cblas_sgemm, ctypes.c_float), (library.cblas_dgemm, ctypes.c_double)):
    for m, n, k in ((1, 1, 1), (3, 5, 7), (1, 64, 300), (64, 1, 300), (128, 49, 576), (200, 210, 220)):
        ones, twos = (number * (m * k))(*[1.0] * (m * k)), (number * (k * n))(*[2.0] * (k * n))
        for a in (111, 112):
            for b in (111, 112):
                found = (number * (m * n))()
                widths = (k if a == 111 else m), (n if b == 111 else k)
                product(101, a, b, m, n, k, number(1), ones, widths[0], twos, widths[1], number(0), found, n)
                assert all(value == 2 * k for value in found)
"""


def runs_avx512(library: Path, vendor: str, flags: frozenset) -> bool:
    """Whether this MKL gives right products with AVX-512 on this processor, tried in a process of its own.

    The outcome is remembered in the user's cache, for this processor and this library.
    """
    status = library.stat()
    key = f"{vendor} {zlib.crc32(' '.join(sorted(flags)).encode()):08x} {status.st_size} {status.st_mtime_ns}"
    memory = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "paddle-tsm", "avx512.json")
    known: dict[str, bool] = {}
    with contextlib.suppress(OSError, ValueError):
        known = dict(json.loads(memory.read_text("utf-8")))
    if key not in known:
        outcome = survives(library)
        if outcome is None:  # nothing is known, and nothing is remembered
            return False
        known[key] = outcome
        with contextlib.suppress(OSError):
            memory.parent.mkdir(parents=True, exist_ok=True)
            beside = memory.with_name(f"{memory.name}.{os.getpid()}")
            beside.write_text(json.dumps(known), "utf-8")
            os.replace(beside, memory)
    return known[key]


def survives(library: Path) -> bool | None:
    """Whether a process that multiplies matrices by this MKL with AVX-512 ends well; None where it could not be run."""
    words = [sys.executable, "-I", "-c", PRODUCTS, str(library)]
    try:
        done = subprocess.run(words, env=os.environ | {"MKL_DEBUG_CPU_TYPE": "7"}, capture_output=True, timeout=60)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.returncode == 0
