"""`stream` on a terminal has a line that is written anew in its place; in a pipe there is nothing of the sort."""

import os
import re
import subprocess
import sys

import pytest

from paddle_tsm.demo.material import write_demo_checkpoint, write_demo_video
from paddle_tsm.networks.network import Network

pty = pytest.importorskip("pty", reason="no pseudo-terminals here", exc_type=ImportError)
RESULT = re.compile(r" *[\d.]+ s  frame +\d+  日本 \d  [\d.]+ %")
WIDTH, FRAMES = 40, 400  # the frames take several of the line's tenths of a second


@pytest.fixture(scope="module")
def words(tmp_path_factory) -> list[str]:
    folder = tmp_path_factory.mktemp("live")
    video, weights, names = (str(folder / name) for name in ("clip.mp4", "w.pth", "names.txt"))
    write_demo_video(video, frames=FRAMES, size=(96, 64))
    write_demo_checkpoint(weights, Network("tsm_resnet10", num_classes=3, shift_order="causal"))
    (folder / "names.txt").write_text("".join(f"日本 {i}\n" for i in range(3)), encoding="utf-8")  # two columns each
    command = [sys.executable, "-m", "paddle_tsm", "stream", video, "--weights", weights, "--classes", names]
    return [*command, "--shift-order", "causal", "--size", "64"]


def on_a_terminal(words: list[str]) -> str:
    """What a command writes to a terminal of WIDTH columns."""
    ours, its = pty.openpty()
    environment = os.environ | {"COLUMNS": str(WIDTH), "PYTHONIOENCODING": "utf-8"}
    with subprocess.Popen(words, stdout=its, env=environment) as process:
        os.close(its)
        written = b""
        try:
            while part := os.read(ours, 4096):
                written += part
        except OSError:  # Linux says so that the other end is closed
            pass
    os.close(ours)
    assert process.returncode == 0
    return written.decode().replace("\r\n", "\n")


def test_a_terminal(words):
    written = on_a_terminal(words)
    states = re.findall(r"\r(日本[^\r\n]+)", written)
    assert len(states) > 1 and all(re.match(r"日本 \d  [\d.]+ %  [\d.]+ frames/s", state) for state in states)
    assert all(len(state) + state.count("日") + state.count("本") == WIDTH - 1 for state in states), "one row each"
    # what is left when each carriage return has begun the row anew
    rows = [row.split("\r")[-1].rstrip() for row in written.split("\n")]
    *results, summary, end = rows
    assert results and all(RESULT.fullmatch(row) for row in results), rows
    assert re.fullmatch(rf"{FRAMES} frames, [\d.]+ frames/s", summary) and end == ""


def test_a_pipe(words):
    written = subprocess.run(words, stdout=subprocess.PIPE, check=True).stdout.decode()
    *results, summary = written.splitlines()
    assert "\r" not in written and all(RESULT.fullmatch(row) for row in results)
    assert re.fullmatch(rf"{FRAMES} frames, [\d.]+ frames/s", summary)
