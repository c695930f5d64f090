"""Several processes that train one network: who they are, and what they tell each other.

Started by Paddle's own launcher (`python -m paddle.distributed.launch`): gloo on a CPU, NCCL on GPUs. Gradients are
summed, not averaged: each process weighs its loss by its share of the batch's clips, so that any division of the clips
gives the gradient of the whole batch.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from dataclasses import dataclass


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
        with self.together():
            dist.all_gather_object(things, thing)
        return things

    @contextlib.contextmanager
    def together(self):
        """Say in one line that another process has gone; what gloo and NCCL raise then does not."""
        try:
            yield
        except RuntimeError as error:
            reason = " ".join(str(error).split())[-200:]
            raise ValueError(
                f"process {self.rank} of {self.count}: another one has ended ({reason}); its log says why; --resume goes on"
            ) from None

    def from_first(self, make):
        """What `make()` gives in the first process, in all of them. Where it raises there, all raise: none is left
        waiting.
        """
        if self.count == 1:
            return make()
        found, error = None, None
        if self.is_first:
            try:
                found = make()
            except (ValueError, OSError) as raised:
                error = raised
        found, text = self.gather((found, error and str(error)))[0]
        if error is not None:
            raise error
        if text is not None:
            raise ValueError(text)
        return found

    def sum_gradients(self, optimizer) -> None:
        """Add up the gradients of all processes, as one message. One without clips adds zeros."""
        if self.count == 1:
            return
        import paddle
        import paddle.distributed as dist

        trained = [p for group in optimizer.param_groups for p in group["params"] if not p.stop_gradient]
        with paddle.no_grad(), self.together():
            flat = paddle.concat([(paddle.zeros_like(p) if p.grad is None else p.grad).reshape([-1]) for p in trained])
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

        with self.together():
            for buffer in model.buffers():
                dist.broadcast(buffer, 0)


def join() -> Processes:
    """The processes that the launcher started, or this one alone. Raises ValueError where they do not find each other."""
    count = int(os.environ.get("PADDLE_TRAINERS_NUM", "1"))
    if count == 1:
        return Processes()
    import paddle.distributed as dist

    end_with_parent()
    dist.init_parallel_env()
    return Processes(dist.get_rank(), count)


def end_with_parent() -> None:
    """Have this process get SIGTERM when the launcher dies, which otherwise leaves its processes running, unseen and
    writing to the folder that a restarted job writes to. Nothing is done on other systems, which have no such call.
    """
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG of sys/prctl.h
