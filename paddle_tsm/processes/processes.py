"""Several processes that do one work: how they share its items, and what they tell each other.

Paddle's own launcher starts them (`python -m paddle.distributed.launch`). They talk through gloo on a CPU and through
NCCL on GPUs. In a training, gradients are summed, not averaged: each process weighs its loss by its share of the
batch's clips, so that the sum is the gradient of the whole batch, however the clips are divided.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from paddle import nn

    from paddle_tsm.optim import Optimizer

# `paddle` is imported where it is used: one process alone needs none of paddle.distributed.

T = TypeVar("T")
ARRIVED = "paddle_tsm/arrived"  # in Paddle's store: how many times a process has come to a meeting
MEETINGS = itertools.count(1)  # of this process
PAUSE = 0.02  # seconds between two looks at who is there


@dataclass(frozen=True)
class Processes:
    """This process, the one with number `rank` of `count`.

    All processes must call a method together, except `share`. With one process nothing is sent.
    """

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that writes files and prints."""
        return self.rank == 0

    def share(self, items: list[T]) -> list[T]:
        """This process's part of `items`. Every item is in the part of exactly one process."""
        return items[self.rank :: self.count]

    def total(self, *values: float) -> list[float]:
        """The sum of each value over the processes."""
        return [sum(column) for column in zip(*self.gather(values))]

    def gather(self, thing: T) -> list[T]:
        """What each process gave, in the order of their ranks."""
        if self.count == 1:
            return [thing]
        import paddle.distributed as dist

        things: list[T] = []
        with self.one_line_errors():
            dist.all_gather_object(things, thing)
        return things

    def meet(self) -> None:
        """Wait until every process is here, however long that takes: for what follows work of unequal length.

        gloo waits for 30 s only, and then says that the other process has ended. Here it is Paddle's launcher that ends
        this process where another one has ended. A meeting takes about 0.1 s, too long for every update of a training.
        """
        if self.count == 1:
            return
        from paddle.base import core

        with self.one_line_errors():
            store, wanted = core.create_or_get_global_tcp_store(), self.count * next(MEETINGS)
            arrived = store.add(ARRIVED, 1)
            while arrived < wanted:
                time.sleep(PAUSE)
                arrived = store.add(ARRIVED, 0)

    @contextlib.contextmanager
    def first_prints(self) -> Iterator[None]:
        """Print nothing inside the block, in every process but the first. An error that leaves the block is told by
        each process that has it.
        """
        if self.is_first:
            yield
            return
        with open(os.devnull, "w", encoding="utf-8") as nothing:
            with contextlib.redirect_stdout(nothing), contextlib.redirect_stderr(nothing):
                yield

    @contextlib.contextmanager
    def one_line_errors(self) -> Iterator[None]:
        """Raise ValueError, in one line, for the RuntimeError of gloo or NCCL where another process has ended."""
        try:
            yield
        except RuntimeError as error:
            reason = " ".join(str(error).split())[-200:]
            raise ValueError(
                f"process {self.rank} of {self.count}: another one has ended ({reason}); its log says why; --resume "
                "goes on"
            ) from None

    def from_first(self, make: Callable[[], T]) -> T:
        """Call `make` in the first process, and return its result in all of them.

        Where `make` raises ValueError or OSError, every process raises, so that none waits for ever.
        """
        if self.count == 1:
            return make()
        found: Any = None
        error: ValueError | OSError | None = None
        if self.is_first:
            try:
                found = make()
            except (ValueError, OSError) as raised:
                error = raised
        self.meet()
        found, text = self.gather((found, error and str(error)))[0]
        if error is not None:
            raise error
        if text is not None:
            raise ValueError(text)
        return found

    def sum_gradients(self, optimizer: Optimizer) -> None:
        """Sum the gradients over the processes, in one message. A process without clips adds zeros."""
        if self.count == 1:
            return
        import paddle
        import paddle.distributed as dist

        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        trained = [p for p in parameters if not p.stop_gradient]
        with paddle.no_grad(), self.one_line_errors():
            flat = paddle.concat([(paddle.zeros_like(p) if p.grad is None else p.grad).reshape([-1]) for p in trained])
            dist.all_reduce(flat)
            for parameter, part in zip(trained, flat.split([p.size for p in trained])):
                part = part.reshape(parameter.shape)
                if parameter.grad is None:
                    parameter.grad = part
                else:
                    paddle.assign(part, parameter.grad)

    def share_buffers(self, model: nn.Layer) -> None:
        """Give every process the running statistics of the first, as PyTorch's DistributedDataParallel does.

        A training step does not read them, so that a call before each validation and each save is enough.
        """
        if self.count == 1:
            return
        import paddle.distributed as dist

        with self.one_line_errors():
            for buffer in model.buffers():
                dist.broadcast(buffer, 0)


def join() -> Processes:
    """Join the processes that the launcher started; without a launcher, this process is alone.

    Raises ValueError where the processes do not find each other.
    """
    count = int(os.environ.get("PADDLE_TRAINERS_NUM", "1"))
    if count == 1:
        return Processes()
    import paddle.distributed as dist

    end_with_parent()
    dist.init_parallel_env()
    return Processes(dist.get_rank(), count)


def end_with_parent() -> None:
    """On Linux, have this process get SIGTERM when the launcher dies. Other systems have no such call.

    Otherwise the processes would go on unseen, and write to the folder to which a restarted training writes.
    """
    if sys.platform != "linux":
        return
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # 1 is PR_SET_PDEATHSIG of sys/prctl.h
