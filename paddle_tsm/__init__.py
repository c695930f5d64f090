"""TSM video recognition for PaddlePaddle, held number for number against a PyTorch reference.

The public names are imported when they are first used, so that commands which only read files (`inspect`, `convert`)
start without Paddle.
"""

from importlib import import_module
from typing import Any

from paddle_tsm import runtime

__version__ = "0.2.0"  # setup.cfg reads it from here

runtime.prepare_in_time()  # makes the settings that Paddle reads when it is imported

# Each public name and the module that defines it, or that it is.
_HOMES = {
    "FeatureExtractor": "paddle_tsm.inference.features",
    "Predictor": "paddle_tsm.inference.predictor",
    "StreamPredictor": "paddle_tsm.inference.stream_predictor",
    "create_model": "paddle_tsm.models.create",
    "explain_video": "paddle_tsm.inference.explanation",
    "grad_cam": "paddle_tsm.models.heat_maps",
    "load_model": "paddle_tsm.models.load",
    "load_pretrained": "paddle_tsm.models.load",
    "load_stream": "paddle_tsm.models.stream",
    "optim": "paddle_tsm.optim",
    "parity": "paddle_tsm.parity",
    "read_optimizer": "paddle_tsm.conversion.optimizer_state",
}
__all__ = sorted([*_HOMES, "__version__"])


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        runtime.import_paddle()
        home = import_module(_HOMES[name])
        return home if home.__name__.endswith(f".{name}") else getattr(home, name)
    raise AttributeError(f"module 'paddle_tsm' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
