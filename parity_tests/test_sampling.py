"""Frame indices against those of mmaction2 and MIT, and PaddleVideo's by the numbers that upstream printed."""

import json

import numpy as np
import pytest

from paddle_tsm.data import sampling
from parity_tests.recorded import FOLDER


def load(name, key):
    return json.loads((FOLDER / f"{name}.json").read_text())[key]


TESTS = {
    "mmaction2": (
        load("sampling_mmaction2", "sampling_mmaction2_test"),
        {
            "uniform": sampling.uniform,
            "twice": sampling.twice,
            "dense": sampling.dense,
        },
    ),
    "mit": (
        load("sampling_mit", "sampling_mit"),
        {
            "uniform": sampling.uniform,
            "twice": sampling.twice,
            "dense": sampling.dense,
            "validation": sampling.uniform_or_first,
        },
    ),
}


def differing(rows, rule):
    """The recorded (frames, T) at which `rule` gives other indices."""
    return [
        (row["total_frames"], row["segments"])
        for row in rows
        if not np.array_equal(rule(row["total_frames"], row["segments"]), row["indices"])
    ]


@pytest.mark.parametrize("system", TESTS)
def test_indices_are_upstreams(system):
    rows, rules = TESTS[system]
    modes = {mode: [row for row in rows if row["mode"] == mode] for mode in {row["mode"] for row in rows}}
    assert set(modes) == set(rules), "every recorded mode has its rule"
    for mode, group in modes.items():
        assert len(group) == 72 and differing(group, rules[mode]) == []


def test_the_comparison_can_fail():
    """A rule of another system, and an index that is one off, are found."""
    rows, _ = TESTS["mit"]
    validation = [row for row in rows if row["mode"] == "validation"]
    wrong = differing(validation, sampling.uniform)
    assert wrong and all(frames <= segments for frames, segments in wrong)
    assert differing([row for row in rows if row["mode"] == "uniform"], sampling.pptsm)
    assert differing([row for row in rows if row["mode"] == "uniform"], lambda n, t: sampling.uniform(n, t) + 1)


class Extreme:
    """A generator whose every draw is the smallest, or the largest, that may come."""

    def __init__(self, largest):
        self.largest = largest

    def integers(self, low, high=None, size=None):
        low, high = (0, low) if high is None else (low, high)
        return np.full(() if size is None else size, high - 1 if self.largest else low)


def test_training_ranges_are_upstreams():
    """The vectors hold each index's least and greatest value over many draws of upstream, not the draws themselves.
    Where parts are long those draws miss an end; they never go beyond ours."""
    rows = load("sampling_mmaction2", "sampling_mmaction2_train_range")
    reached = 0
    for row in rows:
        n, t = row["total_frames"], row["segments"]
        low, high = (sampling.train_mmaction2(n, t, Extreme(largest)) for largest in (False, True))
        assert (low <= row["low"]).all() and (row["high"] <= high).all()
        if (n, t) != (777, 4):  # parts of 194 frames: upstream's recorded draws miss two last frames by one
            assert np.array_equal(low, row["low"]) and np.array_equal(high, row["high"])
            reached += 1
    assert reached == 71
    short = [row for row in rows if 1 < row["total_frames"] < row["segments"]]
    other = [sampling.train_or_first(row["total_frames"], row["segments"], Extreme(False)) for row in short]
    same = [np.array_equal(mit, row["low"]) for mit, row in zip(other, short)]
    assert not all(same), "MIT's rule for short videos would do"


RANDOM = [sampling.train_mmaction2, sampling.train_or_first, sampling.train_pptsm, sampling.train_dense]


@pytest.mark.parametrize("rule", RANDOM)
def test_training_indices_exist_and_follow_the_generator(rule):
    for n in (1, 3, 8, 9, 63, 64, 65, 66, 300):
        first, again, other = (rule(n, 8, np.random.default_rng(seed)) for seed in (0, 0, 1))
        assert first.shape == (8,) and first.min() >= 0 and first.max() < n
        assert np.array_equal(first, again)
        assert n < 300 or not np.array_equal(first, other)


def test_dense_training_starts_where_upstream_may():
    starts = {int(sampling.train_dense(67, 8, np.random.default_rng(seed))[0]) for seed in range(100)}
    assert starts == {0, 1, 2}  # of 4 positions the last is never drawn, as in upstream


def test_pptsm():
    """Printed by PaddleVideo ed245e9 `Sampler(num_seg=8, seg_len=1, valid_mode=True)`."""
    assert sampling.pptsm(250, 8).tolist() == [15, 46, 77, 108, 139, 170, 201, 232]
    assert sampling.pptsm(37, 8).tolist() == [1, 5, 9, 13, 17, 21, 25, 29]
    assert sampling.pptsm(3, 8).tolist() == [0, 1, 2, 0, 1, 2, 0, 1]
    assert sampling.uniform(250, 8).tolist() == [15, 46, 78, 109, 140, 171, 203, 234]


@pytest.mark.parametrize("frames, segments", [(0, 8), (8, 0), (-1, 8)])
def test_nothing_to_sample(frames, segments):
    with pytest.raises(ValueError, match="wanted at least 1"):
        sampling.uniform(frames, segments)
