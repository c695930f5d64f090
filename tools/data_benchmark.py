"""From a video file to network input, frames a second: ours against decord and PyAV, two threads each.

A contender is this file, run as a process of its own (`--contender NAME`), that reads clips on request. All of them
take the same frames of the same videos and do the same work: decode, resize, crop, mirror (training), normalise.
"""

import argparse
import importlib.util
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import cv2
import numpy as np
from benchmark import QUIET, RETRIES, busy_seconds

from paddle_tsm.data.annotations import Entry
from paddle_tsm.data.clip_reader import ClipReader
from paddle_tsm.data.normalise import MEAN_255, STD_255
from paddle_tsm.data.presets import preset
from paddle_tsm.data.read_ahead import read_ahead

OURS, WORKERS, SEGMENTS = "paddle_tsm", 2, 8
PIXELS = preset("mmaction2")
MODES = {"train": "multi-scale crop", "test": "centre crop"}


class Plain:
    """Clips as a user of a decoder's Python package writes them. `read` is (path, choose) -> [T, H, W, 3] uint8."""

    def __init__(self, read, paths: list[str], train: bool):
        self.read, self.paths, self.train = read, paths, train

    def __getitem__(self, key):
        epoch, index = key
        rng = np.random.default_rng([0, epoch, index])
        rule, arguments = (PIXELS.train_sampling, (rng,)) if self.train else (PIXELS.test_sampling, ())
        frames = self.read(self.paths[index], lambda count: rule(count, SEGMENTS, *arguments))
        h, w = frames[0].shape[:2]
        scale = PIXELS.short / min(h, w)
        size = int(w * scale + 0.5), int(h * scale + 0.5)
        frames = [cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR) for frame in frames]
        if self.train:
            left, top, right, bottom = PIXELS.train_box(size[1], size[0], PIXELS.size, rng)
            frames = [cv2.resize(frame[top:bottom, left:right], (PIXELS.size,) * 2) for frame in frames]
            if rng.random() < PIXELS.flip.probability:
                frames = [cv2.flip(frame, 1) for frame in frames]
        else:
            left, top, _ = PIXELS.test_crops(size[1], size[0], PIXELS.size)[0]
            frames = [frame[top : top + PIXELS.size, left : left + PIXELS.size] for frame in frames]
        clip = np.empty((len(frames), 3, PIXELS.size, PIXELS.size), "float32")
        for frame, target in zip(frames, clip):
            # the quickest way that was found without a table: 0.07 ms a frame, where the usual expression takes 1.1
            for plane, mean, std, out in zip(cv2.split(frame), MEAN_255, STD_255, target):
                np.subtract(plane, mean, out=out, dtype="float32")
                np.divide(out, std, out=out)
        return clip


def decord_frames(path, choose):
    """As mmaction2's `DecordDecode` does."""
    import decord

    video = decord.VideoReader(path, num_threads=1)
    return video.get_batch(choose(len(video)).tolist()).asnumpy()


def pyav_frames(path, choose):
    """Key frame by key frame, as the packets' times say; an AVI has no such times and is decoded in order."""
    import av

    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        if container.format.name == "avi":
            wanted = choose(stream.frames).tolist()
            frames = {}
            for i, frame in enumerate(container.decode(stream)):
                if i in wanted:
                    frames[i] = frame.to_ndarray(format="rgb24")
                if i >= wanted[-1]:
                    break
            return [frames[i] for i in wanted]
        packets = [(packet.pts, packet.is_keyframe) for packet in container.demux(stream) if packet.size]
        times, keys = sorted(time for time, _ in packets), [time for time, is_key in packets if is_key]
        wanted = [times[index] for index in choose(len(times))]
        frames, decoder, at = {}, None, None
        for time_ in sorted(set(wanted)):
            key = max(key for key in keys if key <= time_)
            if decoder is None or key > at:
                container.seek(key, stream=stream)
                decoder = container.decode(stream)
            for frame in decoder:
                at = frame.pts
                if at == time_:
                    frames[at] = frame.to_ndarray(format="rgb24")
                    break
        return [frames[time_] for time_ in wanted]


PEERS = {"decord": decord_frames, "av": pyav_frames}


def clips(name: str, paths: list[str], train: bool, first: int, count: int, workers: int = WORKERS):
    """Yield `count` clips of the videos in turn."""
    if name == OURS:
        entries = [Entry(path, (0,), "list", i + 1) for i, path in enumerate(paths)]
        reader = ClipReader(entries, PIXELS, SEGMENTS, train=train)
    else:
        reader = Plain(PEERS[name], paths, train)
    for clip in read_ahead(reader, ((i // len(paths), i % len(paths)) for i in range(first, first + count)), workers):
        yield clip[0] if name == OURS else clip


def serve(name: str) -> None:
    """The contender's process: a request a line on standard input, an answer a line on standard output."""
    cv2.setNumThreads(1)
    for line in sys.stdin:
        request = json.loads(line)
        save, pauses = request.pop("save", None), request.pop("pauses", False)
        start, peaks = time.perf_counter(), {}
        for i, clip in enumerate(clips(name, **request), 1):
            assert clip.shape == (SEGMENTS, 3, PIXELS.size, PIXELS.size) and clip.dtype == np.float32
            if save:
                np.save(f"{save}{i}.npy", clip)
            if pauses and i % 50 == 0:  # as in training, the threads fill the queue meanwhile
                time.sleep(0.2)
            if i in (1000, 2000, 5000, request["count"]):
                peaks[i] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, resident()
        print(json.dumps({"seconds": time.perf_counter() - start, "memory": peaks}), flush=True)


def resident() -> int:
    """Bytes of this process that are in memory now."""
    return int(Path("/proc/self/statm").read_text("utf-8").split()[1]) * resource.getpagesize()


class Contender:
    """A process that reads clips on request."""

    def __init__(self, name: str):
        self.disturbed = 0
        self.process = subprocess.Popen(
            [sys.executable, __file__, "--contender", name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )

    def ask(self, **request) -> dict:
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def rate(self, count: int, **request) -> float:
        """Frames a second over `count` clips, measured again, up to RETRIES times, where others used the machine."""
        for _attempt in range(RETRIES + 1):
            before = busy_seconds(), busy_seconds(self.process.pid)
            seconds = self.ask(count=count, **request)["seconds"]
            others = busy_seconds() - before[0] - (busy_seconds(self.process.pid) - before[1])
            if others <= QUIET * seconds:
                break
        else:
            self.disturbed += 1
        return count * SEGMENTS / seconds

    def close(self) -> None:
        self.process.communicate()


def pictures(frames: int, width: int, height: int, seed: int):
    """A textured background that moves, a disc, a little noise: BGR uint8."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // 8 + 20, width // 8 + 80, 3), "uint8")
    background = cv2.resize(coarse, (width + 640, height + 160), interpolation=cv2.INTER_CUBIC)
    for i in range(frames):
        left, top = 2 * i % 600, 40 + int(30 * np.sin(i / 20))
        picture = background[top : top + height, left : left + width].copy()
        cv2.circle(picture, (width * (i % 97) // 97, height * (i % 61) // 61), height // 6, (255, 20, i % 256), -1)
        yield cv2.add(picture, rng.integers(0, 4, (height, width, 3), "uint8"))


def make_video(path: str, codec: str, size: tuple[int, int], gop: int, frames: int = 300, seed: int = 0) -> None:
    """30 frames a second, `codec` as FFmpeg calls it."""
    import av

    with av.open(path, "w") as container:
        stream = container.add_stream(codec, rate=30, options={"crf": "23"} if codec == "libx264" else {"b": "2M"})
        stream.width, stream.height = size
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.gop_size = gop
        for picture in pictures(frames, *size, seed):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode(None))


SMALL, LARGE = (320, 240), (1280, 720)
KINDS = {
    "H.264 320x240, GOP 12": ("libx264", SMALL, 12),
    "H.264 320x240, GOP 250": ("libx264", SMALL, 250),
    "H.264 1280x720, GOP 12": ("libx264", LARGE, 12),
    "H.264 1280x720, GOP 250": ("libx264", LARGE, 250),
    "MPEG-4 320x240, GOP 12": ("mpeg4", SMALL, 12),
    "MPEG-4 1280x720, GOP 12": ("mpeg4", LARGE, 12),
}


def data(runs: int, videos: list[str], only: str, memory_clips: int) -> None:
    """Frames a second on each kind of video with `only` in its name (or on each of `videos`), and peak memory over
    `memory_clips` clips."""
    found, missing = installed()
    with tempfile.TemporaryDirectory() as folder:
        kinds = {Path(video).name: video for video in videos} or make_kinds(folder, only)
        contenders = {name: Contender(name) for name in (OURS, *found)}
        if missing:
            print(f"not measured, because not installed: {', '.join(missing)}; pip install {' '.join(missing)}")
        print(f"frames a second, clips of {SEGMENTS}, {WORKERS} threads each; medians of {runs} interleaved rounds")
        names = "".join(f"{name:>12}" for name in contenders)
        print(f"  {'':34}{names}   ours / faster   largest difference to ours")
        for kind, path in kinds.items():
            for mode in MODES:
                row = compare(contenders, path, mode == "train", runs, folder)
                print(f"  {kind + ', ' + mode:34}{row}", flush=True)
        disturbed = sum(contender.disturbed for contender in contenders.values())
        print(f"  {disturbed} rounds were disturbed by other processes even after {RETRIES} repetitions")
        for contender in contenders.values():
            contender.close()
        if memory_clips:
            memory(folder, memory_clips)


def installed() -> tuple[list[str], list[str]]:
    """(the peers that can be imported, the others)."""
    found = [name for name in PEERS if importlib.util.find_spec(name)]
    return found, [name for name in PEERS if name not in found]


def make_kinds(folder: str, only: str) -> dict[str, str]:
    """A video of each kind, 10 s long: {kind: path}."""
    paths = {}
    for i, (kind, (codec, size, gop)) in enumerate(KINDS.items()):
        if only not in kind:
            continue
        print(f"making {kind}", file=sys.stderr, flush=True)
        paths[kind] = f"{folder}/{i}.mp4"
        make_video(paths[kind], codec, size, gop)
    return paths


def compare(contenders: dict[str, Contender], path: str, train: bool, runs: int, folder: str, least=0.6) -> str:
    """A row of the table. A round is as many clips as our reader takes `least` seconds for."""
    request = {"paths": [path], "train": train, "first": 0}
    for name, contender in contenders.items():
        contender.ask(**request, count=4, save=f"{folder}/{name}")
    ours = [np.load(f"{folder}/{OURS}{i}.npy") for i in range(1, 5)]
    apart = {
        name: max(np.abs(clip - np.load(f"{folder}/{name}{i}.npy")).max() for i, clip in enumerate(ours, 1))
        for name in contenders
        if name != OURS
    }
    count = max(4, int(8 * least / contenders[OURS].ask(**request, count=8)["seconds"]))
    rates = {name: [] for name in contenders}
    for i in range(runs):
        for name, contender in contenders.items():
            rates[name].append(contender.rate(**request | {"first": i * count}, count=count))
    medians = {name: statistics.median(rate) for name, rate in rates.items()}
    faster = max((rate for name, rate in medians.items() if name != OURS), default=float("nan"))
    differences = ", ".join(f"{name} {difference:.3f}" for name, difference in apart.items())
    return "".join(f"{rate:12.0f}" for rate in medians.values()) + f"{medians[OURS] / faster:16.2f}   {differences}"


def memory(folder: str, count: int) -> None:
    """Peak memory of a process that reads many clips of the same few videos, through either decoder."""
    paths = []
    for name, codec, gop in (("h264.mp4", "libx264", 12), ("mpeg4.mp4", "mpeg4", 12), ("mpeg2.avi", "mpeg2video", 12)):
        paths.append(f"{folder}/{name}")
        make_video(paths[-1], codec, (160, 120), gop, frames=60)
    for mode in MODES:
        contender = Contender(OURS)
        answer = contender.ask(paths=paths, train=mode == "train", first=0, count=count, pauses=True)
        contender.close()
        for clips_read, (peak, now) in answer["memory"].items():
            print(f"memory, {mode}: after {int(clips_read):6} clips peak {peak / 1e6:7.1f} MB, now {now / 1e6:7.1f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contender", required=True, choices=(OURS, *PEERS))
    serve(parser.parse_args().contender)
