"""Both packages under one set of names, for tests that run on either.

`torch_ref` is flat; `paddle_tsm` has rooms. HOMES says which module of `paddle_tsm` does what a module of `torch_ref`
does.
"""

from importlib import import_module
from types import SimpleNamespace

import paddle_tsm
import torch_ref

HOMES = {
    "batch_norm": "paddle_tsm.models.layers.batch_norm",
    "create": "paddle_tsm.models.create",
    "dropout": "paddle_tsm.models.layers.dropout",
    "heat_maps": "paddle_tsm.models.heat_maps",
    "initial_weights": "paddle_tsm.models.initial_weights",
    "load": "paddle_tsm.models.load",
    "loss": "paddle_tsm.training.loss",
    "optim": "paddle_tsm.optim",
    "recognizer": "paddle_tsm.models.recognizer",
    "shift": "paddle_tsm.models.layers.shift",
    "temporal_pool": "paddle_tsm.models.layers.temporal_pool",
    "train_step": "paddle_tsm.training.train_step",
}
PUBLIC = ("create_model", "grad_cam", "load_model", "load_pretrained")


def under_one_set_of_names(package, homes: dict[str, str]) -> SimpleNamespace:
    modules = {name: import_module(home) for name, home in homes.items()}
    return SimpleNamespace(__name__=package.__name__, **modules, **{name: getattr(package, name) for name in PUBLIC})


PADDLE = under_one_set_of_names(paddle_tsm, HOMES)
TORCH = under_one_set_of_names(torch_ref, {name: f"torch_ref.{name}" for name in HOMES})
