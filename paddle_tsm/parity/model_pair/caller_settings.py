"""What a comparison needs of both frameworks' settings, given back to the caller as it was."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import numpy as np


@contextlib.contextmanager
def own_settings() -> Iterator[None]:
    """While the context lasts, gradients are on, also inside the caller's no_grad. The generators of random numbers of
    both frameworks and NumPy are as before at its end, whatever the models drew.
    """
    from paddle_tsm.parity.model_pair.model_pair import torch_model_class

    torch_model_class()  # which says what to do where PyTorch is not installed
    import paddle
    import torch

    states = torch.get_rng_state(), paddle.get_rng_state(), np.random.get_state()
    try:
        with torch.inference_mode(False), torch.enable_grad(), paddle.enable_grad():
            yield
    finally:
        torch.set_rng_state(states[0])
        paddle.set_rng_state(states[1])
        np.random.set_state(states[2])
