"""A trained network as files that run without paddle_tsm: for Paddle Inference and for ONNX."""
