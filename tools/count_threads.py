"""On how many threads a training runs, in many starts: python tools/count_threads.py --starts 100

Each start is a process of its own that imports paddle_tsm as a user's program does, and trains a ResNet-18-TSM on one
clip (8 frames of 112) for three steps after one. A thread counts where it worked at least a fifth as long as the one
that worked longest. A start is shown where fewer threads worked than OMP_NUM_THREADS says, where one of them may not
use all processors, and where they used less than 0.8 processors each; "others" are the processors that other processes
used meanwhile. Exit code 1: a start ran on fewer threads, or used fewer processors though nobody else used them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from disturbance import QUIET, machine_ticks, own_ticks

ALLOWED = os.sched_getaffinity(0)  # when the process starts
STEPS, CLIP = 3, (8, 3, 112, 112)
LEAST = 0.2  # of the busiest thread's time: a thread with less does not count
USED = 0.8  # processors of a thread: it waits busily for the others, so that it uses nearly one
CHOSEN = ("OMP_NUM_THREADS", "MKL_DEBUG_CPU_TYPE")  # variables that paddle_tsm sets; the caller's are taken away


def thread_ticks() -> dict[str, int]:
    """Thread -> ticks of the clock for which it has worked."""
    paths = Path("/proc/self/task").glob("*/stat")
    fields = {path.parent.name: path.read_text("utf-8").rsplit(")", 1)[1].split() for path in paths}
    return {thread: int(of_thread[11]) + int(of_thread[12]) for thread, of_thread in fields.items()}


def train() -> dict:
    """Train in this process. Returns {"threads", "wanted", "mkl", "step": seconds, "processors": that its threads used,
    "others": that other processes used, "free": whether each thread that worked may use every processor}.
    """
    import paddle_tsm

    model = paddle_tsm.create_model("tsm_resnet18", num_classes=5)
    import paddle  # after paddle_tsm, which makes its settings before

    model.train()
    x = paddle.to_tensor(np.random.default_rng(0).standard_normal(CLIP).astype("float32"))

    def step() -> None:
        model(x).square().mean().backward()
        model.clear_gradients()

    step()
    others, before = machine_ticks() - own_ticks(os.getpid()), thread_ticks()
    start, used = time.perf_counter(), time.process_time()
    for _ in range(STEPS):
        step()
    seconds, used = time.perf_counter() - start, time.process_time() - used
    others = machine_ticks() - own_ticks(os.getpid()) - others
    spent = {thread: ticks - before.get(thread, 0) for thread, ticks in thread_ticks().items()}
    worked = [int(thread) for thread, ticks in spent.items() if ticks >= LEAST * max(spent.values())]
    return {
        "threads": len(worked),
        "wanted": int(os.environ["OMP_NUM_THREADS"]),
        "mkl": os.environ.get("MKL_DEBUG_CPU_TYPE", "-"),
        "step": seconds / STEPS,
        "processors": used / seconds,
        "others": others / os.sysconf("SC_CLK_TCK") / seconds,
        "free": all(os.sched_getaffinity(thread) == ALLOWED for thread in worked),
    }


def is_slow(one: dict) -> bool:
    """Whether the threads used less than they might."""
    return one["threads"] < one["wanted"] or one["processors"] < USED * one["wanted"] or not one["free"]


def is_wrong(one: dict) -> bool:
    """Whether they did so though no other process used the machine."""
    return is_slow(one) and (one["threads"] < one["wanted"] or not one["free"] or one["others"] <= QUIET)


def start_one(environment: dict[str, str]) -> dict:
    """What a training in a new process found. Raises subprocess.CalledProcessError where it fails."""
    words = [sys.executable, "-W", "ignore", __file__, "--one"]
    return json.loads(subprocess.run(words, env=environment, stdout=subprocess.PIPE, check=True).stdout)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=100, help="how many trainings are started (100)")
    parser.add_argument("--mkl", default="", help="with this MKL_DEBUG_CPU_TYPE (what paddle_tsm chooses)")
    parser.add_argument("--one", action="store_true", help="train in this process, and print what it found as JSON")
    args = parser.parse_args()
    if args.one:
        print(json.dumps(train()))
        return 0
    environment = {name: value for name, value in os.environ.items() if name not in CHOSEN}
    environment |= {"MKL_DEBUG_CPU_TYPE": args.mkl} if args.mkl else {}
    found = []
    for number in range(args.starts):
        found.append(start_one(environment))
        if is_slow(found[-1]):
            print(f"start {number + 1}: {found[-1]}", flush=True)
    for (mkl, threads, wanted), times in sorted(Counter((f["mkl"], f["threads"], f["wanted"]) for f in found).items()):
        print(f"MKL_DEBUG_CPU_TYPE={mkl}: {times} of {args.starts} starts ran on {threads} threads, wanted {wanted}")
    for key, unit in (("processors", "processors in use"), ("others", "by other processes"), ("step", "s a step")):
        values = [one[key] for one in found]
        print(f"  {unit}: median {statistics.median(values):.2f}, {min(values):.2f} to {max(values):.2f}")
    disturbed = sum(is_slow(one) and not is_wrong(one) for one in found)
    print(f"  {sum(map(is_wrong, found))} starts were slow by themselves, {disturbed} because of other processes")
    return int(any(map(is_wrong, found)))


if __name__ == "__main__":
    sys.exit(main())
