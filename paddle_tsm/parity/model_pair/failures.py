"""What to say where a model itself fails."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from paddle_tsm.parity.model_pair.error_place import error_line


class ModelFailed(ValueError):
    """A model raised an error. framework: whose model. reason: the error in one line."""

    def __init__(self, framework: str, error: Exception):
        self.framework, self.reason = framework, error_line(error)
        super().__init__(f"{framework} model failed: {self.reason}")


@contextlib.contextmanager
def running(framework: str) -> Iterator[None]:
    """Raises ModelFailed for any error of the block."""
    try:
        yield
    except ModelFailed:
        raise
    except Exception as error:  # the caller's code, which may raise anything
        raise ModelFailed(framework, error) from error
