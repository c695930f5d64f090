"""`tools/benchmark.py work`: every contender runs to its end, and what it gives of a video is what ours gives."""

import importlib.util
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from paddle_tsm.demo.material import write_demo_checkpoint, write_demo_video
from paddle_tsm.networks.network import Network

TOOLS = Path(__file__).resolve().parent.parent / "tools"
sys.path.insert(0, str(TOOLS))
try:
    import work_benchmark
    from work_contenders import CONTENDERS, Job
finally:
    sys.path.remove(str(TOOLS))

LIMIT = 1e-5  # of the largest score: all have the same pixels, and the rounding of float32 gave 3e-7


@pytest.fixture(scope="module")
def job(tmp_path_factory) -> Job:
    folder = tmp_path_factory.mktemp("work")
    for name in ("a.mp4", "b.mp4"):
        write_demo_video(str(folder / name), frames=24, size=(320, 240), seed=ord(name[0]))
    write_demo_checkpoint(folder / "net.pth", Network("tsm_resnet50", num_classes=400), layout="mmaction2")
    return Job(str(folder / "net.pth"), [str(folder / "a.mp4"), str(folder / "b.mp4")], 1, 224, 8)


def results(name: str, job: Job) -> np.ndarray:
    """What a contender gives of two videos, asked for twice, with the network alone in between."""
    contender = work_benchmark.start(name, job)
    try:
        assert contender.is_ready(), contender.last_words()
        first, alone = contender.ask(count=2, alone=False), contender.ask(count=1, alone=True)
        again = contender.ask(count=2, alone=False)
        assert alone["result"] == [] and all(answer["seconds"] > 0 for answer in (first, alone, again))
        assert np.isfinite(again["result"]).all() and np.shape(again["result"]) == np.shape(first["result"])
        return np.array(first["result"])
    finally:
        contender.close()


@pytest.fixture(scope="module")
def ours(job) -> np.ndarray:
    found = results("evaluate: paddle_tsm", job)
    assert found.shape == (2, 400)
    assert np.abs(found[0] - found[1]).max() > 30 * LIMIT * found.max()  # or another video's scores would pass
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", CONTENDERS)
def test_a_contender(job, ours, name):
    """pytest -m slow parity_tests/test_work_benchmark.py"""
    package = work_benchmark.NEEDED.get(name.partition(": ")[2])
    if package and not importlib.util.find_spec(package):
        pytest.skip(f"{package} is not installed")
    if "two processes" in name and (os.cpu_count() or 1) < 2:
        pytest.skip("two processes of one thread need two processors; here is one")
    found = results(name, job)
    if name.startswith("train"):
        assert found.shape == (2,) and (found > 1).all()  # losses of clips that chance cuts out
    else:
        assert np.abs(found - ours).max() <= LIMIT * ours.max()


def test_a_kind_is_measured_and_told(monkeypatch, capsys):
    """The table of a kind: seconds a clip, the network's share, and ours over another's."""

    class Fake:
        def __init__(self, name, job):
            self.seconds = 0.2 if name.endswith("paddle_tsm") else 0.3
            self.answers, self.process = [], type("Process", (), {"pid": os.getpid()})

        def is_ready(self):
            return True

        def ask(self, count, alone):
            self.answers.append({"seconds": count * self.seconds * (0.5 if alone else 1), "result": [self.seconds]})
            return self.answers[-1]

        def close(self):
            return ""

    monkeypatch.setattr(work_benchmark, "start", Fake)
    monkeypatch.setattr(work_benchmark, "PAUSE", 0)
    monkeypatch.setattr(work_benchmark, "undisturbed", lambda ask, *rest: (ask(), False))
    work_benchmark.benchmark_kind(["predict: paddle_tsm", "predict: other"], Job("", [], 2, 224, 8), 3)
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[1][-6:] == ["5.00", "5.00", "5.00", "0.50", "1.00", "0.0e+00"]
    assert rows[2][-6:] == ["3.33", "3.33", "3.33", "0.50", "1.50", "1.0e-01"]
