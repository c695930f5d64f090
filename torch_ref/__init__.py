"""TSM in PyTorch, the reference: written from the paper's definition and pinned to vectors recorded from upstream."""

from torch_ref import optim
from torch_ref.create import create_model
from torch_ref.load import load_model, load_pretrained

__all__ = ["create_model", "load_model", "load_pretrained", "optim"]
