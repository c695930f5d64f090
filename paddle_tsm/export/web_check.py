"""A pattern that Python and the page both run, so that a page knows whether its browser computes the same network."""

from __future__ import annotations

import numpy as np

from paddle_tsm.export.open_files import open_files
from paddle_tsm.export.sidecar import Sidecar

RUNS = 2  # the second one sees what a stream kept of the first
HASH = 2654435761  # the pattern's bytes are the highest ones of place * HASH, as in `page/network/check.js`


def pattern_frames(first: int, count: int, size: int) -> list[np.ndarray]:
    """Frames `first`, `first + 1`, ... of the pattern, uint8 [size, size, 3] each: noise that every place tells."""
    length = size * size * 3
    places = np.arange(first * length, (first + count) * length, dtype="uint64")
    noise = ((places * HASH) & 0xFFFFFFFF) >> 24
    return list(noise.astype("uint8").reshape(count, size, size, 3))


def expected_of_pattern(folder: str, described: Sidecar) -> list[list[float]]:
    """The logits [classes] of RUNS runs of the exported files, one frame or one clip of the pattern each."""
    run, pixels = open_files(folder, described, None), described.pixels()
    is_stream = described.kind == "stream"
    count = 1 if is_stream else described.network.num_segments
    cache: tuple = ()
    logits = []
    for number in range(RUNS):
        frames = pattern_frames(number * count, count, pixels.test_size)
        taken = np.stack([pixels.normalise(frame) for frame in frames])
        if is_stream:
            found, cache = run.step(taken, cache)
        else:
            found = run.run(taken)
        logits.append(found[0].tolist())
    return logits
