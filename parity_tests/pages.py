"""What the tests of the page in a browser share: where its programs are, a server, videos, and what the page tells."""

from __future__ import annotations

import base64
import gzip
import json
import os
import shutil
import time
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from paddle_tsm.data.motion_videos import CLASSES, draw_bag, sort_bag
from parity_tests.chromium import Tab, find_chromium

ROOT = Path(__file__).resolve().parent.parent

RUNTIME = ROOT / "tools" / "web" / "node_modules" / "onnxruntime-web" / "dist"
PAGE = ROOT / "paddle_tsm" / "export" / "page"
REQUIRED = "PADDLE_TSM_BROWSER"  # the environment variable with which .ci/run forbids to skip these tests


def need(what: str, is_there: bool) -> None:
    """Skip the test, saying so, where a program is not there; fail where PADDLE_TSM_BROWSER is set."""
    if not is_there:
        (pytest.fail if os.environ.get(REQUIRED) else pytest.skip)(f"no {what}; `make browser` installs it")


def need_browser() -> None:
    need("Chromium", find_chromium() is not None)
    need("onnxruntime-web in tools/web", RUNTIME.is_dir())


def need_node() -> str:
    """The path of Node."""
    need("node", shutil.which("node") is not None)
    return str(shutil.which("node"))


def motion_frames(size: tuple[int, int]) -> list[np.ndarray]:
    """128 BGR frames of `size` (width, height) in which a shape moves in all eight ways."""
    bags = [draw_bag(np.random.default_rng([0, k]), size) for k in range(len(CLASSES))]
    return [frame for k, bag in enumerate(bags) for frame in sort_bag(*bag, k, 16)]


def write_camera(path, size: tuple[int, int]) -> None:
    """The film of a fake camera: Motion JPEG without a container."""
    path.write_bytes(b"".join(cv2.imencode(".jpg", frame)[1].tobytes() for frame in motion_frames(size)))


def write_webm(path, size: tuple[int, int], rate: int = 20) -> None:
    """A video that every browser plays."""
    with av.open(str(path), "w") as video:
        stream = video.add_stream("libvpx", rate=rate)
        stream.width, stream.height, stream.pix_fmt, stream.bit_rate = *size, "yuv420p", 500_000
        for frame in motion_frames(size):
            video.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "bgr24")))
        video.mux(stream.encode())


# The page tells of each step by an event. Packed, because pixels as JSON take long.
REMEMBER = """
window.steps = [];
document.addEventListener("tsm-step", ({ detail }) => steps.push(detail));
window.packed = async (array) => {
  const stream = new Blob([array]).stream().pipeThrough(new CompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  let text = "";
  for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
  return btoa(text);
};
window.toldSteps = (count) => Promise.all(steps.slice(0, count).map(async ({ image, input, logits }) => ({
  width: image.width, height: image.height, image: await packed(image.data), input: await packed(input),
  logits: Array.from(logits),
})));
"""


def told_steps(tab: Tab, count: int) -> list[dict]:
    """The first steps: image uint8 [H, W, 3] RGB, as the browser decoded it; input float32, flat; logits float32."""
    wait_for(tab, f"steps.length >= {count}", 60)

    def array(text: str, dtype: str) -> np.ndarray:
        return np.frombuffer(gzip.decompress(base64.b64decode(text)), dtype)

    return [
        {
            "image": array(one["image"], "uint8").reshape(one["height"], one["width"], 4)[..., :3],
            "input": array(one["input"], "float32"),
            "logits": np.array(one["logits"], "float32"),
        }
        for one in tab.run(f"toldSteps({count})", 60)
    ]


def open_page(tab: Tab, address: str, wanted: str = "ready") -> None:
    """Open a page, which loads itself once more to be isolated, and wait until it is in the state `wanted`."""
    tab.open(address)
    wait_for(tab, f"document.body?.dataset.state === {wanted!r}")


def wait_for(tab: Tab, condition: str, seconds: float = 20) -> None:
    """Wait until a JavaScript expression is true. Raises AssertionError with the page's message where it does not."""
    end = time.monotonic() + seconds
    while not tab.run(f"Boolean({condition})"):
        if time.monotonic() > end:
            raise AssertionError(f"{condition}: not in {seconds} s; state {state(tab)!r}, {message(tab)}, {tab.errors}")
        time.sleep(0.05)


def state(tab: Tab) -> str:
    return tab.run("document.body?.dataset.state")


def message(tab: Tab) -> dict:
    """The refusal that the page shows: its kind, title, advice and detail; {} where it shows none."""
    return json.loads(
        tab.run("""JSON.stringify(document.getElementById("message").hidden ? {} : {
            kind: document.getElementById("message").dataset.kind,
            ...Object.fromEntries(["title", "advice", "detail"].map((part) =>
                [part, document.getElementById(`message-${part}`).textContent]))})""")
    )


def click(tab: Tab, name: str) -> None:
    tab.run(f"document.getElementById({name!r}).click()")
