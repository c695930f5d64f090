"""What one layer of a network gives while the network runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import paddle

from paddle_tsm.models.recognizer import Recognizer
from paddle_tsm.networks.layer_names import check_layer_name


@contextmanager
def changed_output(
    model: Recognizer, name: str, change: Callable[[paddle.Tensor], paddle.Tensor | None]
) -> Iterator[None]:
    """While the context lasts, `change(output)` is called for what the layer gives, and what it returns takes its place
    unless it is None.

    name: canonical, as `paddle-tsm parity` prints it: a layer's, a block's, or a stage's, which stands for its last
    block. Raises ValueError for a name that the network does not have, and, at the end, for a layer that did not run.
    """
    check_layer_name(name, model.network, model.stage_ends)
    ran = False

    def hook(layer: paddle.nn.Layer, arguments: tuple, output: paddle.Tensor) -> paddle.Tensor | None:
        nonlocal ran
        ran = True
        return change(output)

    layer = dict(model.named_sublayers()).get(model.stage_ends.get(name, name))
    handle = None if layer is None else layer.register_forward_post_hook(hook)
    try:
        yield
    finally:
        if handle is not None:
            handle.remove()
    if not ran:
        raise ValueError(f"layer: got {name!r}, which does not run as a whole; wanted a layer in it, such as a block")
