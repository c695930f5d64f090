"""What a network is, without any framework: facts that `paddle_tsm` and `torch_ref` share. Nothing here computes."""
