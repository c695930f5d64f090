"""What runs the network for `predict`, `evaluate` and `stream`."""

from __future__ import annotations


def engine_of(weights: str, args, options: dict):
    """(the Network, a function from views [N*T, 3, H, W] to logits [N, K], both NumPy) of a checkpoint."""
    from paddle_tsm.runtime import import_paddle

    import_paddle()
    from paddle_tsm.create import build
    from paddle_tsm.evaluation.paddle_run import run_of
    from paddle_tsm.layouts.network_file import read_network
    from paddle_tsm.load import assign_weights

    network, tensors = read_network(weights, **options).as_asked()
    model = assign_weights(build(network), tensors)
    model.eval()
    return network, run_of(model)


def stream_of(weights: str, args, options: dict):
    """(the Network, a function from the next frame [1, 3, H, W] to its logits [1, K], both NumPy) of a causal checkpoint."""
    from paddle_tsm.runtime import import_paddle

    paddle = import_paddle()
    from paddle_tsm.layouts.network_file import read_network
    from paddle_tsm.stream import load_stream

    stream = load_stream(weights, **options)
    network, _ = read_network(weights, **options).as_asked()
    return network, lambda frame: stream.step(paddle.to_tensor(frame)).numpy()
