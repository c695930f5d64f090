"""One contender of `tools/benchmark.py data`: python tools/data_contenders.py NAME

It reads clips on request: a request is a line of JSON on standard input, its answer a line of JSON on standard output.
All contenders take the same frames of the same videos and do the same work: decode, resize, crop, mirror (in training),
normalise.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import cv2
import numpy as np

from paddle_tsm.data.clip_reader import ClipReader
from paddle_tsm.data.normalise import MEAN_255, STD_255
from paddle_tsm.data.presets import preset
from paddle_tsm.data.read_ahead import read_ahead
from paddle_tsm.lists.annotations import Entry

OURS, WORKERS, SEGMENTS = "paddle_tsm", 2, 8
PIXELS = preset("mmaction2")
MEMORY_AT = (1000, 2000, 5000)  # numbers of clips after which the memory is noted

ChooseFrames = Callable[[int], np.ndarray]  # from a video's number of frames to the indices that a clip takes
ReadFrames = Callable[
    [str, ChooseFrames], Sequence[np.ndarray] | np.ndarray
]  # the chosen frames of a video, RGB uint8 [H, W, 3]


class PlainReader:
    """Clips as a user of a decoder's Python package would write them."""

    def __init__(self, read: ReadFrames, paths: list[str], train: bool):
        self.read, self.paths, self.train = read, paths, train

    def __getitem__(self, key: tuple[int, int]) -> np.ndarray:
        """The clip of (epoch, index of the video): float32 [T, 3, H, W]."""
        epoch, index = key
        rng = np.random.default_rng([0, epoch, index])
        rule, arguments = (PIXELS.train_sampling, (rng,)) if self.train else (PIXELS.test_sampling, ())
        frames = self.read(self.paths[index], lambda count: rule(count, SEGMENTS, *arguments))
        height, width = frames[0].shape[:2]
        scale = PIXELS.short / min(height, width)
        width, height = int(width * scale + 0.5), int(height * scale + 0.5)
        frames = [cv2.resize(frame, (width, height), interpolation=cv2.INTER_LINEAR) for frame in frames]
        if self.train:
            left, top, right, bottom = PIXELS.train_box(height, width, PIXELS.size, rng)
            frames = [cv2.resize(frame[top:bottom, left:right], (PIXELS.size,) * 2) for frame in frames]
            if rng.random() < PIXELS.flip.probability:
                frames = [cv2.flip(frame, 1) for frame in frames]
        else:
            left, top, _ = PIXELS.test_crops(height, width, PIXELS.size)[0]
            frames = [frame[top : top + PIXELS.size, left : left + PIXELS.size] for frame in frames]
        return normalised(frames)


def normalised(frames: Sequence[np.ndarray]) -> np.ndarray:
    """The clip, float32 [T, 3, H, W]. It is done plane by plane, the fastest of the ways without a table."""
    clip = np.empty((len(frames), 3, PIXELS.size, PIXELS.size), "float32")
    for frame, target in zip(frames, clip):
        for plane, mean, std, out in zip(cv2.split(frame), MEAN_255, STD_255, target):
            np.subtract(plane, mean, out=out, dtype="float32")
            np.divide(out, std, out=out)
    return clip


def decord_frames(path: str, choose: ChooseFrames) -> np.ndarray:
    """The frames as mmaction2's `DecordDecode` reads them."""
    import decord  # optional

    video = decord.VideoReader(path, num_threads=1)
    return video.get_batch(choose(len(video)).tolist()).asnumpy()


def pyav_frames(path: str, choose: ChooseFrames) -> list[np.ndarray]:
    """The frames by PyAV, decoded from the key frame before each; an AVI has no times to seek to, so from the start."""
    import av  # so that the other contenders run without it

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
        times, key_times = sorted(when for when, _ in packets), [when for when, is_key in packets if is_key]
        wanted = [times[index] for index in choose(len(times))]
        frames, decoder, position = {}, None, None
        for when in sorted(set(wanted)):
            key_time = max(key for key in key_times if key <= when)
            if decoder is None or key_time > position:
                container.seek(key_time, stream=stream)
                decoder = container.decode(stream)
            for frame in decoder:
                position = frame.pts
                if position == when:
                    frames[position] = frame.to_ndarray(format="rgb24")
                    break
        return [frames[when] for when in wanted]


PEERS: dict[str, ReadFrames] = {"decord": decord_frames, "av": pyav_frames}  # package -> how it reads


def read_clips(name: str, paths: list[str], train: bool, first: int, count: int) -> Iterator[np.ndarray]:
    """Yield `count` clips of the videos in turn, from the clip of number `first` on."""
    reader: ClipReader | PlainReader
    if name == OURS:
        entries = [Entry(path, (0,), "list", i + 1) for i, path in enumerate(paths)]
        reader = ClipReader(entries, PIXELS, SEGMENTS, train=train)
    else:
        reader = PlainReader(PEERS[name], paths, train)
    keys = ((i // len(paths), i % len(paths)) for i in range(first, first + count))
    for clip in read_ahead(reader, keys, WORKERS):
        yield clip[0] if name == OURS else clip


def answer(name: str, request: dict) -> dict:
    """Read the clips of a request: {"seconds", "memory": {number of clips: (peak bytes, bytes now)}}.

    Besides the arguments of `read_clips`, a request may have "save", the beginning of the names of files for the clips,
    and "pauses": whether to wait now and then, as training does, so that the reading threads fill their queue.
    """
    save, pauses = request.pop("save", None), request.pop("pauses", False)
    start, memory = time.perf_counter(), {}
    for number, clip in enumerate(read_clips(name, **request), 1):
        assert clip.shape == (SEGMENTS, 3, PIXELS.size, PIXELS.size) and clip.dtype == np.float32
        if save:
            np.save(f"{save}{number}.npy", clip)
        if pauses and number % 50 == 0:
            time.sleep(0.2)
        if number in (*MEMORY_AT, request["count"]):
            memory[number] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024, resident_bytes()
    return {"seconds": time.perf_counter() - start, "memory": memory}


def resident_bytes() -> int:
    """Bytes of this process that are in memory now."""
    return int(Path("/proc/self/statm").read_text("utf-8").split()[1]) * resource.getpagesize()


def main() -> None:
    cv2.setNumThreads(1)
    for line in sys.stdin:
        print(json.dumps(answer(sys.argv[1], json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
