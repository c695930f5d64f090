"""Ctrl-C in `stream --out`, pressed as a user does: what was recorded is there, complete, and the summary is
printed.
"""

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from paddle_tsm.demo.material import write_demo_checkpoint, write_demo_video
from paddle_tsm.networks.network import Network
from paddle_tsm.videos.open_video import count_frames

FRAMES = 4000  # some minutes of work: nobody waits for the end


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stop")
    write_demo_video(str(folder / "clip.mp4"), frames=FRAMES, size=(96, 64))
    write_demo_checkpoint(
        str(folder / "online.pth"), Network("tsm_mobilenet_v2", num_classes=5, shift_order="causal"), "mit-online"
    )
    return folder


def stopped(folder, out: str, numbers: list) -> tuple[int, str, str]:
    """(exit code, stdout, stderr) of a stream that gets the signals once it has printed its first label."""
    arguments = [
        sys.executable,
        "-m",
        "paddle_tsm",
        "stream",
        "clip.mp4",
        "--weights",
        "online.pth",
        "--size",
        "64",
        "--out",
        out,
    ]
    process = subprocess.Popen(
        arguments,
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a shell's background jobs ignore Ctrl-C, and so would the child
        preexec_fn=lambda: [
            signal.signal(signal.SIGINT, signal.default_int_handler),
            signal.signal(signal.SIGHUP, signal.SIG_DFL),
        ],
    )
    try:
        first = process.stdout.readline()
        time.sleep(0.5)
        for number in numbers:
            process.send_signal(number)
            time.sleep(0.01)
        rest, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    return process.returncode, first + rest, errors


@pytest.mark.parametrize(
    "numbers, code",
    [
        ([signal.SIGINT], 130),
        ([signal.SIGINT] * 3, 130),
        ([signal.SIGTERM], 143),
        ([signal.SIGHUP], 129),
    ],
    ids=["Ctrl-C", "Ctrl-C again and again", "SIGTERM", "terminal closed"],
)
def test_the_recording_is_finished(folder, numbers, code):
    before = set(os.listdir(folder))
    out = f"{code}-{len(numbers)}.mp4"
    found, printed, errors = stopped(folder, out, numbers)
    assert found == code, errors
    summary = re.search(r"^(\d+) frames, [\d.]+ frames/s$", printed, re.MULTILINE)
    assert summary and 0 < int(summary[1]) < FRAMES, printed
    assert count_frames(str(folder / out)) == int(summary[1])
    assert "Traceback" not in errors
    assert set(os.listdir(folder)) - before == {out}, "no unfinished file is left"


def test_help_says_so(capsys):
    from paddle_tsm.cli import main

    with pytest.raises(SystemExit):
        main(["stream", "--help"])
    printed = " ".join(capsys.readouterr().out.split())
    assert "Ctrl-C" in printed and "130" in printed
