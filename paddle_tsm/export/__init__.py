"""Networks as files that need no Python class to run: Paddle Inference's, ONNX, and what is said about them beside."""
