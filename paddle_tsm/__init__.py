"""TSM video recognition for PaddlePaddle, held number for number against a PyTorch reference.

The names below are imported when they are first used, so that what works on files alone (inspect, convert)
starts without Paddle.
"""

from importlib import import_module

from paddle_tsm import runtime

runtime.prepare_in_time()  # the settings that Paddle reads when it is imported

# public name -> the module that has it, or that it is
_HOMES = {
    "Predictor": "paddle_tsm.inference.predictor",
    "StreamPredictor": "paddle_tsm.inference.stream_predictor",
    "create_model": "paddle_tsm.models.create",
    "load_model": "paddle_tsm.models.load",
    "load_pretrained": "paddle_tsm.models.load",
    "load_stream": "paddle_tsm.models.stream",
    "optim": "paddle_tsm.optim",
    "parity": "paddle_tsm.parity",
    "read_optimizer": "paddle_tsm.conversion.optimizer_state",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str):
    if name in _HOMES:
        runtime.import_paddle()
        home = import_module(_HOMES[name])
        return home if home.__name__.endswith(f".{name}") else getattr(home, name)
    raise AttributeError(f"module 'paddle_tsm' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
