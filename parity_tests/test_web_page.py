"""The page in a headless Chromium: a camera and a dropped file, and its logits are those of Python's ONNX Runtime."""

import numpy as np
import pytest

from paddle_tsm.data.clip import views_of
from paddle_tsm.data.presets import preset_of
from paddle_tsm.demo.material import write_demo_checkpoint
from paddle_tsm.export.exporter import export_checkpoint
from paddle_tsm.export.open_files import open_files
from paddle_tsm.networks.network import Network
from parity_tests.pages import (
    REMEMBER,
    RUNTIME,
    Chromium,
    click,
    message,
    need_browser,
    served,
    state,
    told_steps,
    wait_for,
    write_camera,
    write_webm,
)

pytestmark = pytest.mark.writes_onnx
FRAMES = 50
LIMIT = 1e-4  # of a logit, as the issue of this page asks
SMALL = (160, 120)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    need_browser()
    folder = tmp_path_factory.mktemp("page")
    write_camera(folder / "camera.mjpeg", SMALL)
    write_webm(folder / "motion.webm", SMALL)
    write_demo_checkpoint(folder / "w.safetensors", Network("tsm_mobilenet_v2", num_classes=8), "canonical")
    return folder


@pytest.fixture(scope="module")
def exported(folder):
    """(what tsm.json says, the folder of the page) of a causal network of 32 pixels."""
    described, _ = export_checkpoint(
        folder / "w.safetensors",
        folder / "page",
        "web",
        size=32,
        options={"shift_order": "causal"},
        runtime=str(RUNTIME),
    )
    return described, str(folder / "page")


@pytest.fixture(scope="module")
def browser(folder):
    """A Chromium with a camera that shows a generated film."""
    film = f"--use-file-for-fake-video-capture={folder / 'camera.mjpeg'}"
    with Chromium(("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream", film)) as browser:
        yield browser


@pytest.fixture(scope="module")
def address(exported):
    with served(exported[1]) as address:
        yield address


@pytest.fixture
def tab(browser, address):
    tab = browser.tab()
    tab.before_scripts(REMEMBER)
    yield tab
    tab.close()


def test_the_logits_of_a_camera_are_pythons(tab, address, exported):
    tab.open(address)
    wait_for(tab, "document.body.dataset.state === 'ready'")
    click(tab, "use-camera")
    check_steps(told_steps(tab, FRAMES), *exported)
    check_silence(tab, address)


def test_the_logits_of_a_dropped_file_are_pythons(tab, address, exported, folder):
    tab.open(address)
    wait_for(tab, "document.body.dataset.state === 'ready'")
    tab.drop(200, 200, [str(folder / "motion.webm")])
    check_steps(told_steps(tab, FRAMES), *exported)
    check_silence(tab, address)


def check_steps(steps, described, folder) -> None:
    """The page's logits against the same ONNX file in Python, on the pictures that the browser decoded."""
    run, preset = open_files(folder, described, 1), preset_of(described.input)
    cache, forgetful = (), 0.0
    assert len({step["image"].tobytes() for step in steps}) > 5, "the film does not move"
    for number, step in enumerate(steps):
        frame = views_of(preset, [step["image"]])
        np.testing.assert_array_equal(step["input"], frame.ravel(), f"frame {number}: other pixels")
        logits, cache = run.step(frame, cache)
        assert np.abs(logits[0] - step["logits"]).max() < LIMIT, f"frame {number}"
        forgetful = max(forgetful, np.abs(run.step(frame)[0][0] - step["logits"]).max())
    assert forgetful > 10 * LIMIT, "a page that forgets the past would pass"


def check_silence(tab, address) -> None:
    """Nothing went wrong in the page, and it asked no one else for anything."""
    assert state(tab) == "running" and message(tab) == {}
    assert tab.errors == []
    own = (address, f"blob:{address}", "data:image/")
    assert [url for url in tab.requests if not url.startswith(own)] == []
    assert f"{address}model.onnx" in tab.requests, "or what threads ask for is not seen"
