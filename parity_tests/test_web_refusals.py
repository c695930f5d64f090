"""What the page says where it cannot do what was asked: every refusal, in a headless Chromium."""

import json
import os
from pathlib import Path

import av
import numpy as np
import pytest

from parity_tests.chromium import Chromium
from parity_tests.local_server import served
from parity_tests.pages import (
    RUNTIME,
    click,
    message,
    need_browser,
    open_page,
    state,
    wait_for,
)

pytestmark = pytest.mark.writes_onnx
# the page is not loaded once more to be isolated
ONCE = "sessionStorage.setItem('tsm-isolation', 'yes')"


def refusal(tab, kind: str) -> dict:
    """The message, once the page shows one of this kind. It is one that a screen reader reads out at once."""
    wait_for(tab, f"document.getElementById('message')?.dataset.kind === {kind!r}")
    wait_for(tab, "!document.getElementById('message').hidden")
    found = message(tab)
    assert found["title"] and found["advice"] and state(tab) == "refused"
    assert tab.run("document.getElementById('message').getAttribute('role')") == "alert"
    return found


def test_what_a_camera_refuses(tab, address):
    """By the names of the browser's errors; each time the page can be used again."""
    tab.before_scripts(ONCE)
    open_page(tab, address)
    names = {
        "NotAllowedError": "no-permission",
        "NotFoundError": "no-camera",
        "OverconstrainedError": "no-camera",
        "NotReadableError": "busy-camera",
        "AbortError": "busy-camera",
    }
    tab.run("window.real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)")
    for name, kind in names.items():
        tab.run(f"""navigator.mediaDevices.getUserMedia = () =>
            Promise.reject(new DOMException("as a test says", {name!r}))""")
        click(tab, "use-camera")
        wait_for(tab, f"document.getElementById('message-detail').textContent.startsWith({name!r})")
        assert "as a test says" in refusal(tab, kind)["detail"]
    tab.run("navigator.mediaDevices.getUserMedia = window.real")
    click(tab, "use-camera")
    wait_for(tab, "steps.length > 1")
    assert message(tab) == {}
    tab.run("document.getElementById('video').srcObject.getVideoTracks()[0].dispatchEvent(new Event('ended'))")
    refusal(tab, "lost-camera")


def test_a_browser_without_a_camera(address):
    """Chromium itself, where there is no camera; and one where the page may not use it."""
    with Chromium() as browser:
        tab = browser.tab()
        tab.before_scripts(ONCE)
        open_page(tab, address)
        click(tab, "use-camera")
        wait_for(tab, "document.body.dataset.state === 'refused'")
        assert message(tab)["kind"] in ("no-camera", "no-permission")


def test_what_a_file_refuses(tab, address, films):
    """One that is no video, one that is empty, one with sound alone, and one that breaks off."""
    (films / "notes.mp4").write_text("no video\n" * 100)
    (films / "empty.webm").write_bytes(b"")
    write_sound(films / "sound.webm")
    tab.before_scripts(ONCE)
    open_page(tab, address)
    for name, kind in (("notes.mp4", "no-video"), ("sound.webm", "no-frames"), ("empty.webm", "no-video")):
        tab.drop(200, 200, [str(films / name)])
        wait_for(tab, f"document.getElementById('message-detail').textContent.startsWith({name!r})")
        assert refusal(tab, kind)["kind"] == kind
    tab.choose_files("#file", [str(films / "motion.webm")])
    wait_for(tab, "steps.length > 3")
    assert message(tab) == {}
    tab.run("document.getElementById('video').dispatchEvent(new Event('error'))")
    refusal(tab, "damaged-video")


def write_sound(path) -> None:
    with av.open(str(path), "w") as file:
        stream = file.add_stream("libopus", rate=48000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 9600), "int16"), "s16", "mono")
        frame.sample_rate = 48000
        file.mux(stream.encode(frame))
        file.mux(stream.encode())


def test_browsers_that_lack_something(tab, address):
    tab.before_scripts("""
        if (location.search === "?no-wasm") delete globalThis.WebAssembly;
        if (location.search === "?no-devices") Object.defineProperty(navigator, "mediaDevices", { value: undefined });
    """)
    tab.before_scripts(ONCE)
    tab.open(f"{address}?no-wasm")
    refusal(tab, "no-webassembly")
    open_page(tab, f"{address}?no-devices")
    click(tab, "use-camera")
    assert address.rstrip("/") in refusal(tab, "insecure-page")["detail"]


def changed_copy(page, target: Path, changes: dict[str, bytes | None]) -> Path:
    """The page's folder with other content in some files; None: without the file."""
    for root, _, names in os.walk(page[1]):
        inside = target / os.path.relpath(root, page[1])
        inside.mkdir()
        for name in names:
            path = os.path.normpath(os.path.join(os.path.relpath(root, page[1]), name))
            if path not in changes:
                os.symlink(os.path.join(root, name), inside / name)
            elif (content := changes[path]) is not None:
                (inside / name).write_bytes(content)
    return target


def test_folders_that_are_not_whole(tab, page, tmp_path):
    whole = Path(page[1])
    model = (whole / "model.onnx").read_bytes()
    glue = "runtime/ort-wasm-simd-threaded.mjs"
    settings = json.loads((whole / "page.json").read_text())
    settings["expected"][1][0] += 0.01 * max(map(abs, settings["expected"][1]))
    cases = [
        ("no-settings", {"tsm.json": None}),
        ("no-settings", {"page.json": b"{"}),
        ("no-runtime", {glue: None}),
        ("no-runtime", {glue: (whole / glue).read_bytes() + b"//"}),
        ("no-model", {"model.onnx": None}),
        ("damaged-model", {"model.onnx": model[:-1]}),
        ("damaged-model", {"model.onnx": model[:-1] + bytes([model[-1] ^ 1])}),
        ("wrong-numbers", {"page.json": json.dumps(settings).encode()}),
    ]
    tab.before_scripts(ONCE)
    for number, (kind, changes) in enumerate(cases):
        with served(changed_copy(page, tmp_path / str(number), changes)) as address:
            tab.open(address)
            assert refusal(tab, kind)["detail"], kind


def test_a_page_that_was_opened_as_a_file(tab, page):
    """Its scripts do not start, so that plain HTML has to say what to do."""
    tab.open(Path(page[1], "index.html").as_uri())
    visible = "getComputedStyle(document.querySelector('.stuck')).visibility === 'visible'"
    assert not tab.run(visible)
    wait_for(tab, visible)
    assert "python -m http.server" in tab.run("document.querySelector('.stuck').textContent")


def test_a_runtime_at_another_address(tab, page, tmp_path, monkeypatch):
    """As without --runtime: by the pinned hashes, from the pinned address alone, which here is another server's."""
    need_browser()
    from paddle_tsm.export import web_page, web_runtime

    with served(RUNTIME, {"Access-Control-Allow-Origin": "*"}) as elsewhere:
        monkeypatch.setattr(web_runtime, "ADDRESS", elsewhere)
        os.symlink(Path(page[1], "model.onnx"), tmp_path / "model.onnx")
        web_page.write_page(str(tmp_path), page[0], web_runtime.runtime_in(None))
        page[0].write(tmp_path)
        assert not (tmp_path / "runtime").exists()
        with served(tmp_path) as address:
            open_page(tab, address)
            assert tab.errors == [] and f"{elsewhere}ort.wasm.min.mjs" in tab.requests
