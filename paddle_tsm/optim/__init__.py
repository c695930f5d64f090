"""Optimizers over TSM's parameter groups that are equal to PyTorch's number for number."""

from paddle_tsm.optim.adamw import AdamW, tsm_adamw
from paddle_tsm.optim.clipping import clip_gradients
from paddle_tsm.optim.optimizer import Optimizer
from paddle_tsm.optim.sgd import SGD, tsm_sgd

__all__ = ["SGD", "AdamW", "Optimizer", "clip_gradients", "tsm_adamw", "tsm_sgd"]
