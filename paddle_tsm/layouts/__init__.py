"""The key names of each system's checkpoints, as data, and what is read off them."""
