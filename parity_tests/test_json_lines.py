"""With --json standard output has the lines and nothing else, also where progress is shown on a terminal beside it."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from paddle_tsm.demo.material import write_demo_checkpoint, write_demo_video
from paddle_tsm.networks.network import Network
from paddle_tsm.terminal.progress_bar import video_progress

pty = pytest.importorskip("pty", reason="no pseudo-terminals here", exc_type=ImportError)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("json")
    for name in ("a.mp4", "b.mp4"):
        write_demo_video(str(folder / name), frames=40, size=(96, 64))
    write_demo_checkpoint(str(folder / "w.pth"), Network("tsm_resnet10", num_classes=3, shift_order="causal"))
    return folder


def command(name: str, *words) -> list[str]:
    network = ["--weights", "w.pth", "--shift-order", "causal", "--size", "32"]
    return [sys.executable, "-m", "paddle_tsm", name, *words, *network]


def beside_a_terminal(words: list[str], folder) -> tuple[list[str], str]:
    """(the lines of stdout, which is a pipe; what stderr, a terminal, shows)."""
    ours, its = pty.openpty()
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=its, cwd=folder) as process:
        os.close(its)
        lines, shown = process.stdout.read().decode().splitlines(), b""
        try:
            while part := os.read(ours, 4096):
                shown += part
        except OSError:  # Linux says so that the other end is closed
            pass
    os.close(ours)
    assert process.returncode == 0
    return lines, shown.decode()


def test_a_bar_on_a_terminal_takes_no_line_of_a_pipe(monkeypatch, capsys):
    ours, its = pty.openpty()
    with open(its, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        with video_progress() as bar:
            bar.add_task("predicting", total=1)
            print("a line")
    os.close(ours)
    assert capsys.readouterr().out == "a line\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    "name, words",
    [("predict", ()), ("predict", ("--window", "0.5")), ("stream", ())],
    ids=["predict", "windows", "stream"],
)
def test_lines_and_nothing_else(folder, name, words):
    lines, shown = beside_a_terminal(command(name, "a.mp4", "b.mp4", *words, "--json"), folder)
    found = [json.loads(line) for line in lines]
    assert {one["video"] for one in found} == {"a.mp4", "b.mp4"} and "probability" not in shown
    assert shown.strip(), "progress is shown"


@pytest.mark.slow
@pytest.mark.parametrize("words", [("predict", "-"), ("predict", "-", "--window", "1"), ("stream", "-")])
def test_ctrl_c_while_nothing_comes(folder, words):
    ours, its = os.pipe()  # nobody writes into it, and nobody closes it
    process = subprocess.Popen(
        command(*words),
        stdin=ours,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    time.sleep(6)  # it has loaded the network, and waits
    process.send_signal(signal.SIGINT)
    began = time.monotonic()
    try:
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()
        os.close(ours)
        os.close(its)
    assert process.returncode == 130 and time.monotonic() - began < 5 and "Traceback" not in said
