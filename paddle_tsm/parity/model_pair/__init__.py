"""Any PyTorch module against any Paddle layer: pairing their tensors, running both, and naming what differs and why."""
