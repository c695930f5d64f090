"""Names the cause of a difference: what is changed in PyTorch's copy until it gives what Paddle gives."""
