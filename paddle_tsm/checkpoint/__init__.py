"""Checkpoint files as NumPy arrays: PyTorch zip, legacy and tar, safetensors, Paddle. Nothing in a file is ever run."""

from .error import CheckpointError
from .read import Checkpoint, read_checkpoint
from .write import write_checkpoint

__all__ = ["Checkpoint", "CheckpointError", "read_checkpoint", "write_checkpoint"]
