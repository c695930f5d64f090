"""TSM in PyTorch, the reference: written from the papers' definitions and pinned to vectors recorded from upstream.

What an option means, the tables of architectures and the layouts of files come from modules of `paddle_tsm` that use no
framework. Every number is computed here, by PyTorch's own modules where there are any. Paddle is never imported.
"""

from torch_ref import optim
from torch_ref.create import create_model
from torch_ref.load import load_model, load_pretrained

__all__ = ["create_model", "load_model", "load_pretrained", "optim"]
