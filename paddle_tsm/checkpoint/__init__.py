"""Checkpoint files as NumPy arrays: PyTorch zip, legacy and tar, safetensors, Paddle. Nothing in a file is ever run."""

from paddle_tsm.checkpoint.error import CheckpointError
from paddle_tsm.checkpoint.read import Checkpoint, read_checkpoint
from paddle_tsm.checkpoint.write import write_checkpoint

__all__ = ["Checkpoint", "CheckpointError", "read_checkpoint", "write_checkpoint"]
