"""What to say where a model itself fails."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator


class ModelFailed(ValueError):
    """A model raised an error. framework: whose model. reason: the error in one line."""

    def __init__(self, framework: str, error: Exception):
        text = " ".join(str(error).split())
        self.framework, self.reason = framework, f"{type(error).__name__}: {text[:400]}"
        super().__init__(f"{framework} model failed: {self.reason}")


@contextlib.contextmanager
def running(framework: str) -> Iterator[None]:
    """Raises ModelFailed for any error of the block."""
    try:
        yield
    except ModelFailed:
        raise
    except Exception as error:
        raise ModelFailed(framework, error) from error
