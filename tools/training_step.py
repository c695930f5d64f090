"""Run one contender of `tools/benchmark.py train`.

    python tools/training_step.py CONTENDER CHECKPOINT CLIPS

For each line on standard input, the program makes one training step of the network in CHECKPOINT on a batch of CLIPS
clips, and prints its seconds and its loss as JSON. At the end of the input it prints the peak of its memory.

Each contender imports what it is measured with itself, so that nothing else is loaded or set.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

SEGMENTS, SIZE, LABEL = 8, 224, 3
LR, MOMENTUM, DECAY, MAX_NORM = 1e-3, 0.9, 1e-4, 20.0
Step = Callable[[], float]  # makes a step and returns its loss


def frames(clips: int) -> np.ndarray:
    """The batch: float32 [clips * T, 3, H, W]."""
    return np.random.default_rng(0).standard_normal((clips * SEGMENTS, 3, SIZE, SIZE)).astype("float32")


def torch_step(checkpoint: str, clips: int, channels_last: bool = False) -> Step:
    """A step of torch_ref in PyTorch, with as many threads as processors. channels_last: its memory format."""
    import torch

    import torch_ref
    from paddle_tsm import runtime

    runtime.prepare()  # its setting for malloc, so that PyTorch, too, keeps the memory that it frees
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    model = torch_ref.load_model(checkpoint).to(memory_format=memory_format)
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=LR, momentum=MOMENTUM, weight_decay=DECAY)
    x, label = torch.from_numpy(frames(clips)).to(memory_format=memory_format), torch.tensor([LABEL] * clips)

    def step() -> float:
        loss = torch.nn.functional.cross_entropy(model(x), label)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    return step


def paddle_step(checkpoint: str, clips: int, shift: str = "", batch_norm: str = "", optimizer: str = "ours") -> Step:
    """A step of paddle_tsm, imported as a user imports it.

    shift: "slices" or "operator" to replace our shift by that one. batch_norm: "paddle" to replace our BatchNorm by
    paddle.nn.BatchNorm2D. optimizer: "paddle" for Paddle's optimizer and Paddle's clipping of the norm.
    """
    import paddle_tsm

    model = paddle_tsm.load_model(checkpoint)
    import paddle  # after paddle_tsm, which makes its settings before

    if shift:
        replace_shift(shift)
    if batch_norm:
        replace_batch_norm(model)
    model.train()
    trained = [parameter for parameter in model.parameters() if not parameter.stop_gradient]
    x, label = paddle.to_tensor(frames(clips)), paddle.to_tensor([LABEL] * clips)
    update, clear = our_optimizer(model) if optimizer == "ours" else paddle_optimizer(trained)

    def step() -> float:
        loss = paddle.nn.functional.cross_entropy(model(x), label)
        loss.backward()
        update()
        clear()
        return float(loss)

    return step


def our_optimizer(model: Any) -> tuple[Callable, Callable]:
    """(the update with our optimizer and its clipping, the function that clears the gradients)."""
    from paddle_tsm.optim import tsm_sgd

    sgd = tsm_sgd(model, lr=LR, momentum=MOMENTUM, weight_decay=DECAY, fc_lr5=False, max_norm=MAX_NORM)
    return sgd.step, sgd.clear_grad


def paddle_optimizer(trained: list) -> tuple[Callable, Callable]:
    """(the update of these parameters with Paddle's optimizer and clipping, the function that clears the gradients)."""
    import paddle

    momentum = paddle.optimizer.Momentum(LR, MOMENTUM, parameters=trained, weight_decay=DECAY)

    def update() -> None:
        paddle.nn.utils.clip_grad_norm_(trained, MAX_NORM)
        momentum.step()

    return update, lambda: momentum.clear_grad(set_to_zero=False)


def plain_step(checkpoint: str, clips: int) -> Step:
    """A step of paddle_tsm with Paddle's own shift, BatchNorm2D, optimizer and clipping, without our settings.

    Paddle's shift goes in the other direction and does the same work.
    """
    importlib.import_module("paddle")  # before paddle_tsm, so that its settings come too late

    return paddle_step(checkpoint, clips, shift="operator", batch_norm="paddle", optimizer="paddle")


def replace_shift(kind: str) -> None:
    """Replace our shift, in every module of paddle_tsm that imported it. kind: "slices" or "operator"."""
    import paddle

    from paddle_tsm.models.layers.shift import fold_ends
    from paddle_tsm.models.layers.shift_kernels import shift_slices

    def slices(x, num_segments, shift_div=8, shift_order="future_first"):
        return shift_slices(x, num_segments, *fold_ends(x.shape[1], shift_div, shift_order), 1)

    def operator(x, num_segments, shift_div=8, shift_order="future_first"):
        return paddle.nn.functional.temporal_shift(x, num_segments, 1 / shift_div)

    replacement = {"slices": slices, "operator": operator}[kind]
    for name, module in list(sys.modules.items()):
        if name.startswith("paddle_tsm.") and hasattr(module, "temporal_shift"):
            module.temporal_shift = replacement  # type: ignore[attr-defined]  # hasattr has asked


def replace_batch_norm(model: Any) -> None:
    """Replace each of our BatchNorms by a paddle.nn.BatchNorm2D with the same weights and statistics."""
    import paddle

    from paddle_tsm.models.layers.batch_norm import BatchNorm

    for parent in [model, *model.sublayers()]:
        for name, layer in list(parent.named_children()):
            if isinstance(layer, BatchNorm):
                plain = paddle.nn.BatchNorm2D(layer.weight.shape[0], momentum=1 - layer.momentum, epsilon=layer.eps)
                plain.weight.set_value(layer.weight)
                plain.bias.set_value(layer.bias)
                plain._mean.set_value(layer.running_mean)
                plain._variance.set_value(layer.running_var)
                setattr(parent, name, plain)


CONTENDERS: dict[str, Callable[[str, int], Step]] = {
    "torch": torch_step,
    "torch-channels-last": partial(torch_step, channels_last=True),
    "ours": paddle_step,
    "plain": plain_step,
    "shift-slices": partial(paddle_step, shift="slices"),
    "shift-operator": partial(paddle_step, shift="operator"),
    "optimizer-paddle": partial(paddle_step, optimizer="paddle"),
    # our optimizer does not know Paddle's layer, so that this one is compared with "optimizer-paddle"
    "batch-norm-paddle": partial(paddle_step, batch_norm="paddle", optimizer="paddle"),
}


def main() -> None:
    step = CONTENDERS[sys.argv[1]](sys.argv[2], int(sys.argv[3]))
    for _ in sys.stdin:
        start, used = time.perf_counter(), time.process_time()
        loss = step()
        measured = {
            "seconds": time.perf_counter() - start,
            "processor_seconds": time.process_time() - used,
            "loss": loss,
        }
        print(json.dumps(measured), flush=True)
    print(json.dumps({"bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))


if __name__ == "__main__":
    main()
