"""One contender of `tools/benchmark.py train`: python tools/training_step.py CONTENDER CHECKPOINT

Waits for a line on standard input, does one training step of the network in CHECKPOINT on a batch of one clip, and
prints its seconds and loss; at the end of the input it prints its peak memory.
"""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

SEGMENTS, SIZE, LABEL = 8, 224, 3
LR, MOMENTUM, DECAY, MAX_NORM = 1e-3, 0.9, 1e-4, 20.0


def clip() -> np.ndarray:
    """The batch: one clip, float32 [T, 3, H, W]."""
    return np.random.default_rng(0).standard_normal((SEGMENTS, 3, SIZE, SIZE)).astype("float32")


def torch_step(checkpoint: str):
    """PyTorch: torch_ref, as many threads as processors."""
    import os

    import torch

    import torch_ref
    from paddle_tsm import runtime

    runtime.prepare()  # so that PyTorch, too, keeps the blocks that it frees
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    model = torch_ref.load_model(checkpoint)
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=LR, momentum=MOMENTUM, weight_decay=DECAY)
    x, label = torch.from_numpy(clip()), torch.tensor([LABEL])

    def step() -> float:
        loss = torch.nn.functional.cross_entropy(model(x), label)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss.item()

    return step


def paddle_step(checkpoint: str, shift: str = "", batch_norm: str = "", optimizer: str = "ours"):
    """Paddle: paddle_tsm, imported as a user imports it. shift: "slices" or "operator" puts another one in;
    batch_norm="paddle" puts paddle.nn.BatchNorm2D in; optimizer="paddle" takes Paddle's optimizer and clipping."""
    import paddle_tsm

    model = paddle_tsm.load_model(checkpoint)
    import paddle

    if shift:
        replace_shift(shift)
    if batch_norm:
        replace_batch_norm(model)
    model.train()
    trained = [parameter for parameter in model.parameters() if not parameter.stop_gradient]
    x, label = paddle.to_tensor(clip()), paddle.to_tensor([LABEL])
    if optimizer == "ours":
        from paddle_tsm.optim import tsm_sgd

        sgd = tsm_sgd(model, lr=LR, momentum=MOMENTUM, weight_decay=DECAY, fc_lr5=False, max_norm=MAX_NORM)
        update, clear = sgd.step, sgd.clear_grad
    else:
        momentum = paddle.optimizer.Momentum(LR, MOMENTUM, parameters=trained, weight_decay=DECAY)

        def update():
            paddle.nn.utils.clip_grad_norm_(trained, MAX_NORM)
            momentum.step()

        def clear():
            momentum.clear_grad(set_to_zero=False)

    def step() -> float:
        loss = paddle.nn.functional.cross_entropy(model(x), label)
        loss.backward()
        update()
        clear()
        return float(loss)

    return step


def plain_step(checkpoint: str):
    """Paddle as imported, its own shift (the other direction, the same work), BatchNorm2D, optimizer and clipping."""
    import paddle  # noqa: F401  (before paddle_tsm, so that nothing is set for it)

    return paddle_step(checkpoint, shift="operator", batch_norm="paddle", optimizer="paddle")


def replace_shift(kind: str) -> None:
    """Let every network of paddle_tsm shift by "slices" or by Paddle's "operator"."""
    import paddle

    import paddle_tsm.models.layers.shift as shift
    from paddle_tsm.models.layers.shift_kernels import moved_slices

    def slices(x, num_segments, shift_div=8, shift_order="future_first"):
        return moved_slices(x, num_segments, *shift.fold_ends(x.shape[1], shift_div, shift_order), 1)

    def operator(x, num_segments, shift_div=8, shift_order="future_first"):
        return paddle.nn.functional.temporal_shift(x, num_segments, 1 / shift_div)

    shift.temporal_shift = {"slices": slices, "operator": operator}[kind]


def replace_batch_norm(model) -> None:
    """paddle.nn.BatchNorm2D, with the same weights, in the place of each BatchNorm."""
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


CONTENDERS = {
    "torch": torch_step,
    "ours": paddle_step,
    "plain": plain_step,
    "shift-slices": lambda checkpoint: paddle_step(checkpoint, shift="slices"),
    "shift-operator": lambda checkpoint: paddle_step(checkpoint, shift="operator"),
    "optimizer-paddle": lambda checkpoint: paddle_step(checkpoint, optimizer="paddle"),
    # ours need not know Paddle's layer, so that the BatchNorms are compared under Paddle's optimizer
    "batch-norm-paddle": lambda checkpoint: paddle_step(checkpoint, batch_norm="paddle", optimizer="paddle"),
}


def main() -> None:
    step = CONTENDERS[sys.argv[1]](sys.argv[2])
    for _ in sys.stdin:
        start, used = time.perf_counter(), time.process_time()
        loss = step()
        print(
            json.dumps(
                {
                    "seconds": time.perf_counter() - start,
                    "processor_seconds": time.process_time() - used,
                    "loss": loss,
                }
            ),
            flush=True,
        )
    print(json.dumps({"bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}))


if __name__ == "__main__":
    main()
