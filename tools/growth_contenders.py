"""One contender of `tools/benchmark.py growth`: python tools/growth_contenders.py NAME JOB

It makes ready, prints "ready", and for each line on standard input does its work once. The answer is a line of JSON:
{"seconds", "bytes": what the work took of the memory at its peak, "peak": of the whole process}. JOB is the JSON of the
fields of `Job`.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from convert_contenders import resident_bytes

Work = Callable[[], object]
CLASSES = 10  # of the clips of a list
TARGETS = ("paddle-inference", "onnx")
MODEL = "model.safetensors"  # the checkpoint, in the folder of a job


@dataclass(frozen=True)
class Job:
    """The work. frames: of a clip. batch: clips in a batch. size: height and width of the frames. clips: in the list.
    folder: where the checkpoint, its exports and the lists are. threads: of one batch.
    """

    frames: int
    batch: int
    size: int
    clips: int
    folder: str
    threads: int

    @property
    def export(self) -> str:
        """The folder of the exports for these frames and this size."""
        return f"{self.folder}/{self.frames}_{self.size}"

    def input(self) -> np.ndarray:
        """A batch: float32 [batch * T, 3, H, W]."""
        shape = (self.batch * self.frames, 3, self.size, self.size)
        return np.random.default_rng(0).standard_normal(shape, "float32")


def write_exports(job: Job) -> Work:
    """Write the exports for the job's frames and size."""
    from infer_contenders import Job as OneClip
    from infer_contenders import paddle_network, write_export

    def write() -> None:
        for target in TARGETS:
            checkpoint, options = f"{job.folder}/{MODEL}", {"num_segments": job.frames}
            one = OneClip(checkpoint, options, f"{job.export}/{target}", job.threads, job.size)
            write_export(paddle_network(one), one, target)

    return write


def training_step(job: Job) -> Work:
    """A step of training in Paddle."""
    import paddle_tsm

    model = paddle_tsm.load_model(f"{job.folder}/{MODEL}", num_segments=job.frames)
    import paddle  # after paddle_tsm, which makes its settings before
    from training_step import our_optimizer

    model.train()
    update, clear = our_optimizer(model)
    x, labels = paddle.to_tensor(job.input()), paddle.zeros([job.batch], "int64")

    def step() -> None:
        paddle.nn.functional.cross_entropy(model(x), labels).backward()
        update()
        clear()

    return step


def eager_inference(job: Job) -> Work:
    """The logits of a batch, in Paddle."""
    import paddle_tsm

    model = paddle_tsm.load_model(f"{job.folder}/{MODEL}", num_segments=job.frames)
    import paddle  # after paddle_tsm, which makes its settings before

    model.eval()
    x = job.input()

    def infer() -> None:
        with paddle.no_grad():
            model(paddle.to_tensor(x)).numpy()

    return infer


def paddle_inference(job: Job) -> Work:
    """The logits of a batch, of the export in Paddle Inference."""
    from paddle_tsm.export.paddle_inference import PaddleInferenceRun

    return partial(PaddleInferenceRun(f"{job.export}/{TARGETS[0]}/model", job.threads).run, job.input())


def onnx_runtime(job: Job) -> Work:
    """The logits of a batch, of the export in ONNX Runtime."""
    from paddle_tsm.export.onnx_runtime import OnnxRun

    return partial(OnnxRun(f"{job.export}/{TARGETS[1]}/model.onnx", job.threads).run, job.input())


def read_epoch(job: Job, simulated: bool) -> Work:
    """What a training does of a list, without its network: read it, look for its files, draw an epoch, read its clips.

    simulated: whether frames of 16 x 16 pixels take the place of those that would be decoded.
    """
    from paddle_tsm.data.clip_reader import ClipReader
    from paddle_tsm.data.read_ahead import read_ahead
    from paddle_tsm.lists.annotations import read_list
    from paddle_tsm.lists.check_list import check_list
    from paddle_tsm.training.order import batches_of

    pixels, source = pixels_and_source(simulated)

    def read() -> None:
        entries, _ = check_list(read_list(f"{job.folder}/{job.clips}.txt", root=job.folder), depth="exists")
        reader = ClipReader(entries, pixels, job.frames, train=True, source=source)
        keys = (key for batch in batches_of(len(entries), job.batch, 0, 0) for key in batch)
        assert sum(1 for _ in read_ahead(reader, keys, job.threads)) == job.clips

    return read


def score_list(job: Job) -> Work:
    """What an evaluation does of a list, without decoding and without its network: read the list, look for its files,
    read the clips, average and rate their scores, write the files of the results.
    """
    from paddle_tsm.data.clip_reader import ClipReader
    from paddle_tsm.evaluation.result_files import write_files
    from paddle_tsm.evaluation.score import score_clips
    from paddle_tsm.evaluation.summary import Evaluation, Rated
    from paddle_tsm.lists.annotations import read_list
    from paddle_tsm.lists.check_list import check_list

    pixels, source = pixels_and_source(simulated=True)
    logits = np.random.default_rng(0).standard_normal((job.batch, CLASSES))

    def score() -> None:
        entries, _ = check_list(read_list(f"{job.folder}/{job.clips}.txt", root=job.folder), depth="exists")
        reader = ClipReader(entries, pixels, job.frames, source=source)
        scored = score_clips(lambda views: logits[: len(views) // job.frames], reader, batch=job.batch)
        evaluation = Evaluation("list", [Rated(MODEL, scored, job.frames)], None, {}, False, None, [])
        write_files(job.folder, evaluation, entries, plot=False)

    return score


def pixels_and_source(simulated: bool) -> tuple:
    """(the preset, the source of the frames). simulated: tiny frames that are not decoded."""
    from paddle_tsm.data.presets import preset
    from paddle_tsm.lists.frame_source import FrameSource

    class StandIn(FrameSource):
        """Every video has the same 60 frames."""

        def read(self, entry, choose, reader="opencv"):
            return [frame for _ in choose(60)]

    frame, pixels = np.zeros((16, 16, 3), "uint8"), preset("mmaction2")
    if not simulated:
        return pixels, FrameSource()
    return replace(pixels, size=16, short=16, test_size=16, train_scale=16), StandIn()


EXPORT = "export"
WITH_NETWORK: dict[str, Callable[[Job], Work]] = {
    "training step, eager": training_step,
    "inference, eager": eager_inference,
    "inference, Paddle Inference": paddle_inference,
    "inference, ONNX Runtime": onnx_runtime,
}
FROM_VIDEOS = "a list: an epoch read"
WITH_LIST: dict[str, Callable[[Job], Work]] = {
    FROM_VIDEOS: partial(read_epoch, simulated=False),
    "a list: an epoch read, not decoded": partial(read_epoch, simulated=True),
    "a list: evaluated, not decoded, no network": score_list,
}
CONTENDERS = WITH_NETWORK | WITH_LIST


def peak_bytes() -> int:
    """The largest size that this process had in memory since the peak was counted anew."""
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def main() -> None:
    name, job = sys.argv[1], Job(**json.loads(sys.argv[2]))
    import paddle_tsm  # noqa: F401  it sets what a user's program gets, too

    work = {**CONTENDERS, EXPORT: write_exports}[name](job)
    loaded = resident_bytes()
    print("ready", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        work()
        seconds, peak = time.perf_counter() - start, peak_bytes()
        print(json.dumps({"seconds": seconds, "bytes": max(peak - loaded, 1), "peak": peak}), flush=True)


if __name__ == "__main__":
    main()
