"""Both frameworks on one input, compared number for number. It needs the extra `torch`.

The public names are imported when they are first used, because they import both frameworks.
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "Alignment": "alignment",
    "assert_equal": "compare_models",
    "compare_models": "compare_models",
    "convert_weights": "alignment",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"paddle_tsm.parity.model_pair.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'paddle_tsm.parity' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
