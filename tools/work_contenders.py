"""One contender of `tools/benchmark.py work`: python tools/work_contenders.py NAME JOB

It does whole work, from video files to scores or to updates of the weights: a request is a line of JSON on standard
input, its answer a line of JSON on standard output. JOB is the JSON of the fields of `Job`. All contenders take the
same frames of the same videos and have the same weights. Two threads read (mmaction2: two processes).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

WORKERS, RATE = 2, 1e-3
ONE_THREAD_EACH = "evaluate: paddle_tsm, two processes of one thread"


@dataclass(frozen=True)
class Job:
    """What is worked on. checkpoint: of ResNet-50-TSM, in mmaction2's layout. paths: videos, taken in turn. batch:
    clips of a forward pass or an update. size: height and width of the frames. segments: frames of a clip.
    """

    checkpoint: str
    paths: list[str]
    batch: int
    size: int
    segments: int

    def listed(self, count: int) -> list[str]:
        """The videos of `count` clips."""
        return [self.paths[number % len(self.paths)] for number in range(count)]


@dataclass
class Contender:
    """work: reads `count` clips and returns their scores, or the losses of their updates. network: the part of the work
    that is left where the batch is there already. tell: of the first of several processes, tells the others how many.
    """

    work: Callable[[int], list]
    network: Callable[[np.ndarray], Any]
    tell: Callable[[int], Any] = lambda count: None


def our_reader(job: Job, count: int, train: bool = False) -> Any:
    """Our reader of `count` clips."""
    from paddle_tsm.data.clip_reader import ClipReader
    from paddle_tsm.data.presets import preset
    from paddle_tsm.lists.annotations import Entry

    entries = [Entry(path, (0,), "list", line) for line, path in enumerate(job.listed(count), 1)]
    return ClipReader(entries, preset("mmaction2", size=job.size), job.segments, train=train)


def our_network(job: Job, engine: str) -> Callable[[np.ndarray], np.ndarray]:
    """What runs the network, opened as `paddle-tsm evaluate --engine` opens it."""
    from paddle_tsm import runtime

    runtime.import_paddle()
    from paddle_tsm.inference.engine_choice import EngineChoice
    from paddle_tsm.inference.evaluated_networks import read_networks

    (network,) = read_networks([job.checkpoint], "auto", None, {"num_segments": job.segments}, None)
    return network.run(EngineChoice(engine), our_reader(job, 1).preset.test_size)


def our_evaluation(job: Job, engine: str = "dygraph") -> Contender:
    """What `paddle-tsm evaluate` does for a list."""
    run = our_network(job, engine)
    from paddle_tsm.evaluation.score_list import score_list
    from paddle_tsm.evaluation.time_spent import TimeSpent
    from paddle_tsm.lists.bad_clips import SkippedClips
    from paddle_tsm.processes.processes import join

    processes = join()

    def work(count: int) -> list:
        rest: dict[str, Any] = {"skipped": SkippedClips(), "progress": lambda done, total: None, "spent": TimeSpent()}
        reader = our_reader(job, count)
        scored = score_list(lambda: run, reader, processes, None, batch=job.batch, workers=WORKERS, **rest)
        return scored.scores.tolist()

    if processes.count > 1 and not processes.is_first:
        while count := processes.from_first(int):
            work(count)
        sys.exit()
    return Contender(work, run, lambda count: processes.from_first(lambda: count))


def two_processes(job: Job) -> Contender:
    """The same in two processes of one thread each: this one is the first, and starts the second."""
    if "PADDLE_TRAINER_ID" not in os.environ:
        port = 20000 + os.getpid() % 20000
        ends = [f"127.0.0.1:{port + rank}" for rank in range(2)]
        os.environ |= {"PADDLE_TRAINERS_NUM": "2", "PADDLE_LOCAL_SIZE": "2", "PADDLE_DISTRI_BACKEND": "gloo"}
        os.environ |= {"PADDLE_MASTER": ends[0], "PADDLE_TRAINER_ENDPOINTS": ",".join(ends), "OMP_NUM_THREADS": "1"}
        second = os.environ | {"PADDLE_TRAINER_ID": "1", "PADDLE_CURRENT_ENDPOINT": ends[1]}
        os.environ |= {"PADDLE_TRAINER_ID": "0", "PADDLE_CURRENT_ENDPOINT": ends[0]}
        nothing = subprocess.DEVNULL
        subprocess.Popen([sys.executable, "-W", "ignore", *sys.argv], env=second, stdin=nothing, stdout=nothing)
    return our_evaluation(job)


def our_predictions(job: Job, engine: str = "dygraph") -> Contender:
    """What `paddle-tsm predict` does: the next videos are decoded while the network runs on the one before."""
    run = our_network(job, engine)
    from paddle_tsm.evaluation.time_spent import TimeSpent
    from paddle_tsm.inference.predicted_videos import predicted_videos
    from paddle_tsm.sources.source_patience import Patience
    from paddle_tsm.sources.video_sources import VideoSource

    preset = our_reader(job, 1).preset

    def work(count: int) -> list:
        sources = [VideoSource(path) for path in job.listed(count)]
        found = predicted_videos(run, preset, job.segments, sources, False, Patience(), TimeSpent())
        return [np.asarray(one.probabilities).tolist() for one in found]

    return Contender(work, run)


def our_training(job: Job) -> Contender:
    """Updates of the weights as `paddle-tsm train` makes them, with its clips, recipe and optimizer."""
    from paddle_tsm import runtime

    runtime.import_paddle()
    from paddle_tsm.data.read_ahead import read_ahead
    from paddle_tsm.processes.processes import Processes
    from paddle_tsm.training.published_recipes import recipe
    from paddle_tsm.training.session import Session
    from paddle_tsm.training.weight_update import update_weights

    changes = {"size": job.size, "num_segments": job.segments, "batch": job.batch}
    session = Session(recipe("mmaction2-kinetics400", **changes), "")
    session.framework.load_pretrained(session.model, job.checkpoint, False, "future_first")

    def update(samples: list) -> float:
        return update_weights(session, samples, Processes(), RATE).loss

    def work(count: int) -> list:
        clips = read_ahead(our_reader(job, count, train=True), [(0, i) for i in range(count)], WORKERS)
        samples = ((clip, labels, (0, index)) for clip, labels, index in clips)
        return [update(batch) for batch in batches(samples, job.batch)]

    return Contender(work, lambda x: update([(clip, (0,), (0, i)) for i, clip in enumerate(split(x, job))]))


def peer_reader(job: Job, count: int, decoder: str, train: bool = False) -> Any:
    """Clips as a user of a decoder's package reads them."""
    import data_contenders

    return data_contenders.PlainReader(data_contenders.PEERS[decoder], job.listed(count), train)


def torch_network(job: Job) -> Any:
    """The reference network in PyTorch, with a thread for each processor."""
    import torch

    import torch_ref
    from paddle_tsm import runtime

    runtime.prepare()  # its setting for malloc, so that PyTorch, too, keeps the memory that it frees
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    return torch_ref.load_model(job.checkpoint, num_segments=job.segments)


def torch_run(job: Job) -> Callable[[np.ndarray], np.ndarray]:
    """The probabilities of clips."""
    import torch

    model = torch_network(job).eval()

    def run(x: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return model(torch.from_numpy(x)).softmax(1).numpy()

    return run


def peer_evaluation(job: Job, decoder: str) -> Contender:
    """A decoder's package and PyTorch, with our threads that read ahead."""
    from paddle_tsm.data.read_ahead import read_ahead

    run = torch_run(job)

    def work(count: int) -> list:
        clips = read_ahead(peer_reader(job, count, decoder), [(0, i) for i in range(count)], WORKERS)
        return [row for batch in batches(clips, job.batch) for row in run(np.concatenate(batch)).tolist()]

    return Contender(work, run)


def peer_predictions(job: Job, decoder: str) -> Contender:
    """One video after the other, of which the next are decoded ahead as ours are."""
    from paddle_tsm.data.read_ahead import read_ahead

    run = torch_run(job)

    def work(count: int) -> list:
        clips = read_ahead(peer_reader(job, count, decoder), [(0, i) for i in range(count)], WORKERS, ahead=WORKERS)
        return [run(clip)[0].tolist() for clip in clips]

    return Contender(work, run)


def peer_training(job: Job, decoder: str) -> Contender:
    """Updates of the same network by PyTorch's SGD, of the clips that a decoder's package reads."""
    import torch

    from paddle_tsm.data.read_ahead import read_ahead

    model = torch_network(job).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE, momentum=0.9, weight_decay=1e-4)

    def update(x: np.ndarray) -> float:
        logits = model(torch.from_numpy(x))
        loss = torch.nn.functional.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 40.0)
        optimizer.step()
        return loss.item()

    def work(count: int) -> list:
        clips = read_ahead(peer_reader(job, count, decoder, train=True), [(0, i) for i in range(count)], WORKERS)
        return [update(np.concatenate(batch)) for batch in batches(clips, job.batch)]

    return Contender(work, update)


def mmaction2_evaluation(job: Job) -> Contender:
    """The network, the loader and the loop over it of mmaction2's own configuration and registries."""
    from mmaction2_loop import evaluation_loop  # imported here, because only this contender needs mmaction2

    return Contender(*evaluation_loop(job.checkpoint, job.listed, job.batch, job.size, WORKERS))


def batches(items: Any, size: int) -> Iterator[list]:
    """Successive lists of `size` items; the last may have fewer."""
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch


def split(x: np.ndarray, job: Job) -> list[np.ndarray]:
    """The clips of a batch [N*T, 3, H, W]."""
    return np.split(x, len(x) // job.segments)


PEERS = {"PyAV and PyTorch": "av", "decord and PyTorch": "decord"}
CONTENDERS: dict[str, Callable[[Job], Contender]] = {
    "evaluate: paddle_tsm": our_evaluation,
    "evaluate: paddle_tsm, Paddle Inference": partial(our_evaluation, engine="paddle-inference"),
    "evaluate: paddle_tsm, ONNX Runtime": partial(our_evaluation, engine="onnx"),
    ONE_THREAD_EACH: two_processes,
    **{f"evaluate: {name}": partial(peer_evaluation, decoder=decoder) for name, decoder in PEERS.items()},
    "evaluate: mmaction2": mmaction2_evaluation,
    "predict: paddle_tsm": our_predictions,
    "predict: paddle_tsm, ONNX Runtime": partial(our_predictions, engine="onnx"),
    **{f"predict: {name}": partial(peer_predictions, decoder=decoder) for name, decoder in PEERS.items()},
    "train: paddle_tsm": our_training,
    **{f"train: {name}": partial(peer_training, decoder=decoder) for name, decoder in PEERS.items()},
}


def main() -> None:
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what a library prints is no answer
    name, job = sys.argv[1], Job(**json.loads(sys.argv[2]))
    contender = CONTENDERS[name](job)
    clips = 1 if name.startswith("predict") else job.batch
    shape = (clips * job.segments, 3, job.size, job.size)
    ready = np.random.default_rng(0).standard_normal(shape, "float32")
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        count, result = request["count"], []
        if request["alone"]:
            start = time.perf_counter()
            for _ in range(count // clips):
                contender.network(ready)
        else:
            contender.tell(count)
            start = time.perf_counter()
            result = contender.work(count)
        print(json.dumps({"seconds": time.perf_counter() - start, "result": result}), file=answers, flush=True)
    contender.tell(0)


if __name__ == "__main__":
    main()
