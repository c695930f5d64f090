"""Ctrl-C and SIGTERM at any moment: exit code 130 or 143, one line, and nothing half made."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from paddle_tsm.data.motion_videos import write_motion_videos
from paddle_tsm.files.made_folder import made_folder

ROOT = Path(__file__).resolve().parent.parent


def interrupted(words, folder, ready, number=signal.SIGINT) -> tuple[int, str]:
    """(exit code, what stderr says) of a command that gets Ctrl-C, or SIGTERM, as soon as ready(process) holds."""
    process = subprocess.Popen(
        [sys.executable, "-m", "paddle_tsm", *map(str, words)],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        # Python takes Ctrl-C only where it is not ignored, as it is for a shell's background jobs
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    end = time.monotonic() + 60
    while not ready(process) and process.poll() is None and time.monotonic() < end:
        time.sleep(0.005)
    process.send_signal(number)
    try:
        _, said = process.communicate(timeout=60)
    finally:
        process.kill()
    return process.returncode, said


def has_loaded(name: str):
    """Whether a process has a file of this name in its memory: how far its imports are."""

    def ready(process) -> bool:
        try:
            return name in Path(f"/proc/{process.pid}/maps").read_text()
        except OSError:
            return False

    return ready


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="no /proc, which says how far the imports are")
@pytest.mark.parametrize("library", ["_multiarray_umath", "cv2", "libpaddle"])
def test_during_the_imports(tmp_path, library):
    code, said = interrupted(["demo", "--without-torch", "--out", "made"], tmp_path, has_loaded(library))
    assert code == 130 and said.count("\n") == 1 and said.endswith("interrupted\n"), said


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="no /proc, which says how far the imports are")
def test_a_kill_during_the_import_of_paddle(tmp_path):
    """Before the first imports have ended there is no handler: the system ends the process, without a word."""
    words = ["demo", "--without-torch", "--out", "made"]
    code, said = interrupted(words, tmp_path, has_loaded("libpaddle"), signal.SIGTERM)
    assert (code, said) == (143, "paddle-tsm demo: terminated\n")


@pytest.mark.slow
def test_the_training_demo_ends_at_the_first(tmp_path):
    """The training takes the signal to save what there is; the demo must not go on with that."""
    folder = tmp_path / "made" / "motion"
    code, said = interrupted(["demo", "--train", "--out", "made"], tmp_path, lambda _: (folder / "tsm").exists())
    assert code == 130 and said.splitlines()[-1] == "paddle-tsm demo: interrupted", said
    assert not (tmp_path / "made").exists()


def test_an_evaluation_leaves_no_empty_folder(tmp_path, r18_motion):
    out = tmp_path / "new" / "results"
    words = ["evaluate", r18_motion / "val.txt", "--root", r18_motion, "--weights", r18_motion / "r18.safetensors"]
    code, said = interrupted([*words, "--out", out, "--data-set", "motion"], tmp_path, lambda _: out.exists())
    assert code == 130 and said.splitlines()[-1] == "paddle-tsm evaluate: interrupted", said
    assert not (tmp_path / "new").exists()


@pytest.fixture(scope="module")
def r18_motion(tmp_path_factory):
    """A folder with videos, val.txt and a network of their classes."""
    from paddle_tsm.training.job import TrainingJob
    from paddle_tsm.training.loop import train
    from parity_tests.small_training import entries, small_recipe

    folder = tmp_path_factory.mktemp("motion")
    write_motion_videos(folder, 1, 4)
    recipe = small_recipe(num_classes=8, epochs=1, batch=8, num_segments=8, data_set="motion")
    train(recipe, TrainingJob(entries(folder), [], str(folder / "run")))
    (folder / "run" / "last.safetensors").rename(folder / "r18.safetensors")
    return folder


def test_a_made_folder_goes_where_the_block_fails(tmp_path):
    with pytest.raises(ValueError), made_folder(tmp_path / "a" / "b"):
        assert (tmp_path / "a" / "b").is_dir()
        raise ValueError
    assert not (tmp_path / "a").exists()
    with pytest.raises(ValueError), made_folder(tmp_path / "a" / "b"):
        (tmp_path / "a" / "kept.txt").write_text("")
        raise ValueError
    assert (tmp_path / "a" / "kept.txt").exists() and not (tmp_path / "a" / "b").exists()
    with made_folder(tmp_path / "a" / "b"):
        pass
    assert (tmp_path / "a" / "b").is_dir()


WAITS = """
import os, signal, sys, time
from paddle_tsm import runtime

number, came = signal.Signals(int(sys.argv[1])), []

def own(number, frame):
    came.append(number)
    raise KeyboardInterrupt

handler = signal.default_int_handler if number == signal.SIGINT else own
signal.signal(number, handler)
done = False
try:
    with runtime.interrupt_afterwards():
        if number == signal.SIGTERM:
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        time.sleep(0.01)
        done = True
except KeyboardInterrupt:
    print("done, then raised" if done else "raised inside")
assert signal.getsignal(number) is handler and len(came) == (number == signal.SIGTERM)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_waits_for_the_import(number):
    """Also where the block gives the signal another handler, as Paddle does with SIGTERM. In a process of its own: any
    thread of this one may take the signal, and only one has it blocked.
    """
    words = [sys.executable, "-c", WAITS, str(int(number))]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    ended = subprocess.run(words, env=environment, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "done, then raised\n", "")
