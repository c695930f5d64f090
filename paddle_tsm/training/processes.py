"""Several processes that train one network: who they are, and what they tell each other.

Started by Paddle's own launcher (`python -m paddle.distributed.launch`): gloo on a CPU, NCCL on GPUs.
Gradients are summed, not averaged: each process weighs its loss by its share of the batch's clips, so that any division of
the clips gives the gradient of the whole batch.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Processes:
    """`rank` of `count`. Everything below is for all of them to call together; with one process nothing is sent."""

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the one that writes and shows."""
        return self.rank == 0

    def share(self, items: list) -> list:
        """This process's part of `items`: together the parts are all of them, each once."""
        return items[self.rank :: self.count]

    def total(self, *values: float) -> list[float]:
        """The sums over the processes."""
        return [sum(column) for column in zip(*self.gather(values))]

    def gather(self, thing) -> list:
        """What each process gave, by rank."""
        if self.count == 1:
            return [thing]
        import paddle.distributed as dist

        things: list = []
        dist.all_gather_object(things, thing)
        return things

    def sum_gradients(self, optimizer) -> None:
        """Add up the gradients of all processes, as one message. One without clips adds zeros."""
        if self.count == 1:
            return
        import paddle
        import paddle.distributed as dist

        trained = [p for group in optimizer.param_groups for p in group["params"] if not p.stop_gradient]
        with paddle.no_grad():
            flat = paddle.concat([(p if p.grad is None else p.grad).reshape([-1]) for p in trained])
            if all(p.grad is None for p in trained):
                flat = paddle.zeros_like(flat)
            dist.all_reduce(flat)
            for parameter, part in zip(trained, flat.split([p.size for p in trained])):
                part = part.reshape(parameter.shape)
                if parameter.grad is None:
                    parameter.grad = part
                else:
                    paddle.assign(part, parameter.grad)

    def share_buffers(self, model) -> None:
        """Give every process the first one's running statistics, as PyTorch's DistributedDataParallel does. They do not
        enter a training step, so once before an evaluation or a checkpoint is enough."""
        if self.count == 1:
            return
        import paddle.distributed as dist

        for buffer in model.buffers():
            dist.broadcast(buffer, 0)


def join() -> Processes:
    """The processes that the launcher started, or this one alone. Raises ValueError where they do not find each other."""
    count = int(os.environ.get("PADDLE_TRAINERS_NUM", "1"))
    if count == 1:
        return Processes()
    import paddle.distributed as dist

    dist.init_parallel_env()
    return Processes(dist.get_rank(), count)


def mean_over(processes: Processes, total: float, count: int) -> float:
    """The mean of something that each process holds a sum and a count of; NaN where there is none."""
    total, count = processes.total(total, count)
    return total / count if count else float(np.nan)
