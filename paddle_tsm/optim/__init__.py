"""Optimizers over TSM's parameter groups that are equal to PyTorch's number for number."""

from paddle_tsm.optim.optimizers import (
    SGD,
    AdamW,
    Optimizer,
    clip_gradients,
    tsm_adamw,
    tsm_sgd,
)

__all__ = ["SGD", "AdamW", "Optimizer", "clip_gradients", "tsm_adamw", "tsm_sgd"]
