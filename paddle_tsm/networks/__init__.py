"""What a network is, without any framework: its options, its layers and tensors, and what follows from them."""
