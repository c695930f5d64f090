"""Paddle is imported first and quietly, with the settings that paddle_tsm gives it."""

import os
import signal
import sys
import threading
import time
from importlib.util import find_spec

import pytest

from paddle_tsm import runtime

runtime.import_paddle()
from paddle_tsm.export.onnx_file import NO_PADDLE2ONNX  # noqa: E402  imports Paddle

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it, and tests press Ctrl-C


def pytest_collection_modifyitems(items):
    """Skip what writes ONNX files on a Python for which paddle2onnx has no release, and nowhere else."""
    if sys.version_info < NO_PADDLE2ONNX or find_spec("paddle2onnx"):
        return
    for item in items:
        values = item.callspec.params.values() if hasattr(item, "callspec") else ()
        if item.get_closest_marker("writes_onnx") or any("onnx" in str(value) for value in values):
            item.add_marker(pytest.mark.skip(reason=f"paddle2onnx has no release for Python 3.{sys.version_info[1]}"))


@pytest.fixture(scope="session")
def r18_file(tmp_path_factory):
    """A ResNet-18-TSM as mmaction2 would have written it, 27 classes."""
    from paddle_tsm.demo.material import write_demo_checkpoint
    from paddle_tsm.networks.network import Network

    path = tmp_path_factory.mktemp("r18") / "r18_mmaction2.pth"
    write_demo_checkpoint(str(path), Network("tsm_resnet18", num_classes=27))
    return path


# The page in a browser: the fixtures of test_web_page.py and test_web_refusals.py, made once for both.


@pytest.fixture(scope="session")
def films(tmp_path_factory):
    """A folder with the film of a camera and a video, 160 x 120. Skips where there is no browser."""
    from parity_tests.pages import need_browser, write_camera, write_webm

    need_browser()
    folder = tmp_path_factory.mktemp("films")
    write_camera(folder / "camera.mjpeg", (160, 120))
    write_webm(folder / "motion.webm", (160, 120))
    return folder


@pytest.fixture(scope="session")
def page(films):
    """(what tsm.json says, the folder of the page) of a causal network of 32 pixels."""
    from paddle_tsm.cli import main
    from paddle_tsm.demo.material import write_demo_checkpoint
    from paddle_tsm.export.sidecar import read_sidecar
    from paddle_tsm.networks.network import Network
    from parity_tests.pages import RUNTIME

    weights, folder = str(films / "w.safetensors"), str(films / "page")
    write_demo_checkpoint(weights, Network("tsm_mobilenet_v2", num_classes=8), "canonical")
    words = ["--to", "web", "--runtime", str(RUNTIME), "--size", "32", "--shift-order", "causal"]
    assert main(["export", weights, folder, *words]) == 0
    return read_sidecar(folder), folder


@pytest.fixture(scope="session")
def chromium(films):
    """A Chromium with a camera that shows a generated film."""
    from parity_tests.chromium import Chromium

    film = f"--use-file-for-fake-video-capture={films / 'camera.mjpeg'}"
    with Chromium(("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", film)) as browser:
        yield browser


@pytest.fixture(scope="session")
def address(page):
    """Where a plain server shows the page."""
    from parity_tests.local_server import served

    with served(page[1]) as address:
        yield address


@pytest.fixture
def tab(chromium):
    """A tab that remembers what the page tells of each frame."""
    from parity_tests.pages import REMEMBER

    tab = chromium.tab()
    tab.before_scripts(REMEMBER)
    yield tab
    tab.close()


# Sources of videos: the fixtures of test_frame_feed.py, test_live_sources.py and test_predict_sources.py.


@pytest.fixture
def pipe(monkeypatch):
    """A function that writes parts into standard input, and waits between them; at the end it closes it."""
    ours, its = os.pipe()
    opened = open(ours, "rb")
    monkeypatch.setattr(sys, "stdin", opened)

    def write(*parts):
        def run():
            for part in parts:
                time.sleep(part) if isinstance(part, float) else os.write(its, part)
            os.close(its)

        threading.Thread(target=run, daemon=True).start()

    yield write
    opened.close()


@pytest.fixture
def no_pauses(monkeypatch):
    """Addresses are connected to again at once."""
    from paddle_tsm.sources import source_patience

    monkeypatch.setattr(source_patience, "LONGEST_PAUSE", 0.05)
