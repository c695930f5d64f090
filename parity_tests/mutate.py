"""Mutation fuzzer for the checkpoint readers: python -m parity_tests.mutate --count 20000 --seed 0

A mutant is a valid file, or a pickle that wants to run something, with a few bytes changed, moved, cut or replaced by
interesting numbers. Reading it must succeed or raise CheckpointError, in a second, opening nothing but the file.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from paddle_tsm.checkpoint import CheckpointError, read_checkpoint
from parity_tests import hostile_files as hostile

SECONDS = 1.0
_INTERESTING = (
    b"\0", b"\xff", b"\x7f", b"\x80", b".", b"R", b"b", b"(", b"t", b"c", b"q\0", b"h\0", b"\0" * 4, b"\xff" * 4,
    b"\xff\xff\xff\x7f", b"\0\0\0\x80", b"\xff" * 8, b"\xff" * 7 + b"\x7f", b"\0" * 7 + b"\x40", b"N", b"}", b"]",
    b"cio\nopen\n", b"\x93", b"\x81", b"Q", b"{", b"[", b'"', b"-1", b"9999999999999999999",
)  # fmt: skip
# What a reader may not do. Reading opens one file, maps it, and imports nothing once everything is loaded.
_FORBIDDEN = (
    "exec",
    "compile",
    "import",
    "pickle.find_class",
    "os.",
    "subprocess.",
    "socket.",
    "shutil.",
    "ctypes.",
    "code.",
)


@dataclass
class Summary:
    read: int = 0
    refused: int = 0
    slowest: float = 0.0
    failures: list = field(default_factory=list)
    reasons: Counter = field(default_factory=Counter)


class _Watch:
    """An audit hook (PEP 578) that can be switched on and off, since hooks cannot be removed."""

    def __init__(self):
        self.path = None
        self.seen = []
        sys.addaudithook(self._hook)

    def _hook(self, event, arguments):
        if self.path is None:
            return
        if event == "open" and (str(arguments[0]) != self.path or arguments[1] not in ("r", "rb", None)):
            self.seen.append(f"open {arguments[0]!r} {arguments[1]!r}")
        elif event.startswith(_FORBIDDEN):
            self.seen.append(event)


_watch = None


def seeds(canary):
    """[bytes]: valid files of each format and, in each format, pickles that want to run something."""
    files = list(hostile.valid_files().values()) * 12
    for data in hostile.canary_pickles(canary).values():
        files += [hostile.torch_zip(data), hostile.torch_legacy(data), hostile.torch_tar(data), data]
    return files


def mutant(rng, files):
    """One seed with one to six changes."""
    data = bytearray(rng.choice(files))
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        if not data:
            break
        at = rng.randrange(len(data))
        how = rng.randrange(9)
        if how == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif how == 1:
            data[at] = rng.randrange(256)
        elif how == 2:
            piece = rng.choice(_INTERESTING)
            data[at : at + len(piece)] = piece
        elif how == 3:
            data[at:at] = rng.choice(_INTERESTING)
        elif how == 4:
            del data[at : at + rng.randrange(1, 16)]
        elif how == 5:
            data[at:at] = data[at : at + rng.randrange(1, 64)] * rng.choice((1, 1, 2, 50))
        elif how == 6:
            del data[at:]
        elif how == 7:
            other = rng.choice(files)
            start = rng.randrange(len(other))
            data[at : at + 32] = other[start : start + 32]
        else:
            data[at] = (data[at] + rng.choice((-1, 1))) % 256
    return bytes(data)


def run(count, seed, folder):
    """Read ``count`` mutants in ``folder``; returns a Summary, whose failures say how to make the mutant again."""
    global _watch
    _watch = _watch or _Watch()
    folder = Path(folder)
    canary = folder / "canary"
    path = str(folder / "mutant")
    files = seeds(str(canary))
    summary = Summary()
    for index in range(-5, count):
        rng = random.Random(f"{seed}:{index}")
        # The first five are read unchanged and unwatched, so that everything that is imported late is there.
        data = files[index + 5] if index < 0 else mutant(rng, files)
        Path(path).unlink(missing_ok=True)  # never rewrite a file that arrays may still show
        Path(path).write_bytes(data)
        _read_one(path, f"seed {seed} mutant {index}", summary, watched=index >= 0)
        if canary.exists():
            summary.failures.append(f"seed {seed} mutant {index}: code was run")
            canary.unlink()
    return summary


def _read_one(path, label, summary, watched):
    _watch.seen = []
    began = time.process_time()
    error = None
    try:
        _watch.path = path if watched else None
        read_checkpoint(path)
    except CheckpointError as caught:
        error = caught
    except BaseException as caught:
        if isinstance(caught, KeyboardInterrupt):
            raise
        summary.failures.append(f"{label}: {type(caught).__name__}: {caught}")
    finally:
        _watch.path = None
    seconds = time.process_time() - began
    summary.slowest = max(summary.slowest, seconds)
    if not watched:
        return
    if seconds > SECONDS:
        summary.failures.append(f"{label}: took {seconds:.1f} s")
    if _watch.seen:
        summary.failures.append(f"{label}: did {_watch.seen[:3]}")
    if error is None:
        summary.read += 1
        return
    summary.refused += 1
    summary.reasons[str(error).removeprefix(path)[:40]] += 1
    if not str(error).isprintable():
        summary.failures.append(f"{label}: a message of several lines")


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=20000)
    parser.add_argument("--seed", default="0")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        summary = run(options.count, options.seed, folder)
    for failure in summary.failures[:20]:
        print(failure)
    print(
        f"{options.count} mutants of seed {options.seed}: {summary.read} read, {summary.refused} refused for "
        f"{len(summary.reasons)} reasons, slowest {summary.slowest:.2f} s, {len(summary.failures)} failures"
    )
    return 1 if summary.failures else 0


if __name__ == "__main__":
    sys.exit(main())
