"""The standard output holds what our commands print, and no line of Paddle's own."""

import os
import re
import subprocess
import sys
import threading

import numpy as np
import pytest

import paddle_tsm
from paddle_tsm.cli import main
from paddle_tsm.demo.material import write_demo_checkpoint, write_demo_video
from paddle_tsm.export.paddle_inference import CHATTER
from paddle_tsm.networks.network import Network
from paddle_tsm.terminal.left_out_line import left_out


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A video, a causal network and an export of its step for Paddle Inference."""
    folder = tmp_path_factory.mktemp("stdout")
    write_demo_video(str(folder / "clip.mp4"), frames=8, size=(96, 64))
    write_demo_checkpoint(str(folder / "w.pth"), Network("tsm_resnet10", num_classes=3, shift_order="causal"))
    causal = ["--shift-order", "causal", "--size", "32"]
    assert main(["export", str(folder / "w.pth"), str(folder / "step"), "--stream", *causal]) == 0
    return folder


def printed(folder, *words) -> list[str]:
    """The lines that a command in a process of its own writes to its standard output."""
    command = [sys.executable, "-m", "paddle_tsm", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout.splitlines()


def test_stream_of_an_export(folder):
    lines = printed(folder, "stream", "clip.mp4", "--weights", "step")
    assert len(lines) > 1 and re.fullmatch(r"8 frames, [\d.]+ frames/s", lines[-1])
    assert all(re.fullmatch(r" *[\d.]+ s  frame +\d+  class \d  [\d.]+ %", line) for line in lines[:-1]), lines


def test_export(folder):
    causal = ["--shift-order", "causal", "--size", "32"]
    lines = printed(folder, "export", "w.pth", "again", "--stream", *causal)
    assert lines[0].startswith("again: ") and all(line.startswith("  differs from ") for line in lines[1:])


def test_two_threads_at_once(folder, capfd):
    """Each clone runs for the first time while the other does, and the output is there again afterwards."""
    first = paddle_tsm.StreamPredictor(folder / "step")
    frame = np.zeros((1, 3, 32, 32), "float32")
    threads = [threading.Thread(target=first.clone().step, args=(frame,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.write(1, b"here again\n")
    assert capfd.readouterr().out == "here again\n"


def test_what_else_is_written_stays(capfd):
    with pytest.raises(ValueError), left_out(CHATTER):
        os.write(1, b"before\n" + CHATTER + b"\nbehind")
        raise ValueError
    os.write(1, b", and on")
    assert capfd.readouterr().out == "before\nbehind, and on"
