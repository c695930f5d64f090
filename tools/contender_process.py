"""A contender of a benchmark in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any


class ContenderProcess:
    """A Python program of tools/ that answers each request, a line of JSON, with a line of JSON.

    program: the file's name. arguments: of the program. environment: all its variables. processors: those that it may
    use; None means all.
    """

    def __init__(
        self,
        program: str,
        arguments: Sequence[str],
        environment: dict[str, str],
        processors: Sequence[int] | None = None,
    ):
        self.answers: list[dict[str, Any]] = []
        self.errors = tempfile.TemporaryFile("w+", encoding="utf-8")  # a pipe that nobody reads could fill up
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", str(Path(__file__).with_name(program)), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            encoding="utf-8",
            env=environment,
            preexec_fn=partial(os.sched_setaffinity, 0, processors) if processors else None,
        )
        assert self.process.stdin is not None and self.process.stdout is not None  # both are pipes
        self.requests, self.lines = self.process.stdin, self.process.stdout

    def is_ready(self) -> bool:
        """Wait until the program prints "ready". Returns False where it ends before it does."""
        return any(line == "ready\n" for line in iter(self.lines.readline, ""))

    def ask(self, **request: Any) -> dict[str, Any]:
        """The answer to a request. Raises RuntimeError, with the last line that it wrote, where the process ended."""
        try:
            self.requests.write(json.dumps(request) + "\n")
            self.requests.flush()
            self.answers.append(json.loads(self.lines.readline()))
        except (BrokenPipeError, json.JSONDecodeError):
            raise RuntimeError(f"{self.process.args!r}: {self.last_words()}") from None
        return self.answers[-1]

    def last_words(self) -> str:
        """The last line that the process, which ends, wrote to its standard error."""
        self.process.wait(timeout=60)
        self.errors.seek(0)
        lines = self.errors.read().strip().splitlines()
        return lines[-1] if lines else "ended"

    def close(self) -> str:
        """End the requests, wait for the process, and return what it still printed."""
        output, _ = self.process.communicate()
        self.errors.close()
        return output
