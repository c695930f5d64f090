"""The page in a headless Chromium: a camera and a dropped file, and its logits are those of Python's ONNX Runtime."""

import base64
import json
import os
from pathlib import Path

import numpy as np
import pytest

from paddle_tsm.data.clip import views_of
from paddle_tsm.data.presets import preset_of
from paddle_tsm.export.exporter import export_checkpoint
from paddle_tsm.export.open_files import open_files
from paddle_tsm.export.web_page import what_is_loaded
from paddle_tsm.export.web_runtime import ADDRESS, VERSION
from paddle_tsm.inference.stream_predictor import StreamPredictor
from paddle_tsm.parity.compare import distance
from parity_tests.local_server import served
from parity_tests.pages import (
    RUNTIME,
    click,
    message,
    open_page,
    state,
    told_steps,
    wait_for,
)

pytestmark = pytest.mark.writes_onnx
FRAMES = 50
LIMIT = 1e-5  # of the largest logit, which is less than 1 here; rounding makes a tenth of it
SCREENSHOTS = os.environ.get("PADDLE_TSM_SCREENSHOTS")  # a folder, for those who want to look at the page


def test_the_logits_of_a_camera_are_pythons(tab, address, page):
    open_page(tab, address)
    click(tab, "use-camera")
    check_steps(told_steps(tab, FRAMES), *page)
    check_silence(tab, address)
    assert "2 threads" in text_of(tab, "runs-on") or os.cpu_count() == 1, "not isolated"
    assert "equal to Python within" in text_of(tab, "runs-on")
    for width, height in ((360, 740), (1280, 900)):
        for dark in (False, True):
            check_layout(tab, width, height, dark)


def test_the_logits_of_a_dropped_file_are_pythons(tab, address, page, films):
    open_page(tab, address)
    tab.drop(200, 200, [str(films / "motion.webm")])
    check_steps(told_steps(tab, FRAMES), *page)
    check_silence(tab, address)


def check_steps(steps, described, page) -> None:
    """The page's logits against the same ONNX file in Python, on the pictures that the browser decoded."""
    run, preset = open_files(page, described, 1), preset_of(described.input)
    cache, forgetful = (), 0.0
    assert len({step["image"].tobytes() for step in steps}) > 5, "the film does not move"
    for number, step in enumerate(steps):
        frame = views_of(preset, [step["image"]])
        np.testing.assert_array_equal(step["input"], frame.ravel(), f"frame {number}: other pixels")
        logits, cache = run.step(frame, cache)
        assert distance(logits[0], step["logits"])[1] < LIMIT, f"frame {number}"
        forgetful = max(forgetful, distance(run.step(frame)[0][0], step["logits"])[1])
    assert forgetful > 10 * LIMIT, "a page that forgets the past would pass"


def check_silence(tab, address) -> None:
    """Nothing went wrong in the page, and it asked no one else for anything."""
    assert state(tab) == "running" and message(tab) == {}
    assert tab.errors == []
    own = (address, f"blob:{address}", "data:image/")
    assert [url for url in tab.requests if not url.startswith(own)] == []
    assert f"{address}model.onnx" in tab.requests, "or what threads ask for is not seen"


def check_layout(tab, width: int, height: int, dark: bool) -> None:
    """Nothing sticks out, nothing that can be pressed is too small for a finger."""
    tab.resize(width, height, dark)
    wait_for(tab, f"innerWidth === {width}")
    assert tab.run("document.documentElement.scrollWidth") <= width
    sizes = tab.run("""[...document.querySelectorAll("button, select")].filter((one) => one.offsetParent)
        .map((one) => [one.id, one.offsetHeight, one.getBoundingClientRect().right])""")
    assert len(sizes) == 4, "three buttons and the choice of a camera"
    assert [name for name, high, right in sizes if high < 44 or right > width] == []
    if SCREENSHOTS:
        with open(os.path.join(SCREENSHOTS, f"page_{width}_{'dark' if dark else 'light'}.png"), "wb") as file:
            file.write(base64.b64decode(tab.screenshot()))


def text_of(tab, name: str) -> str:
    return tab.run(f"document.getElementById({name!r}).textContent")


def test_a_network_that_needs_the_future_runs_on_clips(tab, films):
    described, _ = export_checkpoint(
        films / "w.safetensors", films / "clips", "web", size=32, options={"num_segments": 2}, runtime=str(RUNTIME)
    )
    assert described.kind == "clip"
    run = open_files(str(films / "clips"), described, 1)
    with served(films / "clips") as address:
        open_page(tab, address)
        assert tab.run("document.getElementById('seconds-field').offsetHeight > 0"), "a clip's length is a choice"
        click(tab, "use-camera")
        for number, step in enumerate(told_steps(tab, 10)):
            clip = step["input"].reshape(2, 3, 32, 32)
            assert distance(run.run(clip)[0], step["logits"])[1] < LIMIT, f"clip {number}"
        assert distance(clip[0], clip[1])[0] > 0, "all of a clip is one frame"
        check_silence(tab, address)


def test_what_a_visitor_loads_is_told(page, tmp_path):
    lines = what_is_loaded(page[1])
    assert lines[0] == f"a visitor loads 23 MB: the network, 9 MB, and onnxruntime-web {VERSION} beside the page, 14 MB"
    assert len(lines) == 2 and lines[1].startswith("to see it: cd ")
    settings = json.loads(Path(page[1], "page.json").read_text())
    settings["model"]["bytes"], settings["runtime"]["address"] = 94_000_000, ADDRESS
    (tmp_path / "page.json").write_text(json.dumps(settings))
    first, second, _ = what_is_loaded(str(tmp_path))
    assert "108 MB" in first and f"at {ADDRESS}" in first and "94 MB are much for a page" in second


def test_python_runs_the_same_folder(page):
    """A page's folder is an export like every other."""
    stream = StreamPredictor(page[1])
    assert stream.engine == "web" and stream.step(np.zeros((1, 3, 32, 32))).shape == (1, 8)


def test_keys_and_names(tab, address):
    """Everything works by keys, and a screen reader has a name for everything that can be pressed."""
    open_page(tab, address)
    press(tab, "c")
    wait_for(tab, "document.body.dataset.state === 'running' && steps.length > 2")
    wait_for(tab, "document.getElementById('announced').textContent !== ''")
    press(tab, " ")
    wait_for(tab, "document.getElementById('video').paused")
    assert text_of(tab, "pause") == "Go on"
    count = tab.run("steps.length")
    press(tab, " ")
    wait_for(tab, f"steps.length > {count + 2}")
    assert text_of(tab, "pause") == "Pause"
    nodes = tab.call("Accessibility.getFullAXTree")["nodes"]
    named = [(one["role"]["value"], one["name"]["value"]) for one in nodes if not one["ignored"] and "name" in one]
    roles = ("button", "combobox", "image", "progressbar", "img", "Video", "region", "Canvas")
    assert [role for role, name in named if role in roles and not name] == []
    assert {("button", "Use the camera"), ("button", "Open a video"), ("button", "Pause")} <= set(named)
    assert "class 0: " in text_of(tab, "bars-text") or "class" in text_of(tab, "bars-text")
    assert "second" in tab.run("document.getElementById('timeline').getAttribute('aria-label')")


def press(tab, key: str) -> None:
    for kind in ("keyDown", "keyUp"):
        tab.call("Input.dispatchKeyEvent", type=kind, key=key, text=key if kind == "keyDown" else "")


def test_the_browser_keeps_the_page_from_sending_anything(tab, address, page):
    """By its Content-Security-Policy, in the page and in its threads. The other server would answer anybody."""
    allowed = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
    with served(page[1], allowed) as elsewhere:
        code = f"fetch('{elsewhere}tsm.json').then(() => 'sent', () => 'refused')"
        in_thread = f"""new Promise((resolve) => {{
            const code = `{code}.then((answer) => postMessage(answer))`;
            const thread = new Worker(URL.createObjectURL(new Blob([code], {{type: "text/javascript"}})));
            thread.onmessage = (event) => resolve(event.data);
            thread.onerror = (event) => resolve(`failed: ${{event.message}}`);
        }})"""
        tab.open(f"{address}style.css")  # which has no policy
        assert [tab.run(code), tab.run(in_thread)] == ["sent", "sent"]
        assert [url for url in tab.requests if url.startswith(elsewhere)] != [], "requests are not seen"
        open_page(tab, address)
        assert [tab.run(code), tab.run(in_thread)] == ["refused", "refused"]
        assert tab.errors != [], "errors are not seen"
