"""TSM in PyTorch, the reference. It is written from the papers and pinned to outputs recorded from upstream systems.

The meaning of the options, the tables of architectures and the layouts of files come from those modules of `paddle_tsm`
that use no framework. Every number is computed here, by PyTorch's own modules where PyTorch has one. Paddle is never
imported.
"""

from torch_ref import optim
from torch_ref.create import create_model
from torch_ref.heat_maps import grad_cam
from torch_ref.load import load_model, load_pretrained

__all__ = ["create_model", "grad_cam", "load_model", "load_pretrained", "optim"]
