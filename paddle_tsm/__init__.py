"""TSM video recognition for PaddlePaddle, held number for number against a PyTorch reference.

The names below are imported when they are first used, so that what works on files alone (inspect, convert)
starts without Paddle.
"""

from importlib import import_module

from paddle_tsm import runtime

runtime.prepare_in_time()  # the settings that Paddle reads when it is imported

_HOMES = {
    "Predictor": "paddle_tsm.predictor",
    "StreamPredictor": "paddle_tsm.stream_predictor",
    "create_model": "paddle_tsm.create",
    "load_model": "paddle_tsm.load",
    "load_pretrained": "paddle_tsm.load",
    "load_stream": "paddle_tsm.stream",
    "optim": "paddle_tsm.optim",
    "read_optimizer": "paddle_tsm.optimizer_file",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str):
    if name in _HOMES:
        runtime.import_paddle()
        home = import_module(_HOMES[name])
        return home if home.__name__ == f"paddle_tsm.{name}" else getattr(home, name)
    raise AttributeError(f"module 'paddle_tsm' has no attribute {name!r}")
