"""The page of `paddle-tsm export --to web` against Python's ONNX Runtime: python tools/web_benchmark.py

Both take the same frame of 640 x 480, make the preset's pixels of it and run the same step of a stream, with the same
threads, in turn. `make browser` installs what this needs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from paddle_tsm import runtime
from paddle_tsm.data.clip import views_of
from paddle_tsm.data.presets import preset_of
from paddle_tsm.export.onnx_runtime import OnnxRun
from paddle_tsm.export.sidecar import read_sidecar
from paddle_tsm.networks.network import Network
from parity_tests.chromium import Chromium, Tab
from parity_tests.local_server import served

RUNTIME = Path(__file__).resolve().parent / "web" / "node_modules" / "onnxruntime-web" / "dist"
ARCHITECTURES = ("tsm_mobilenet_v2", "tsm_resnet50")
FRAME = (480, 640)  # height and width
SECONDS = 1.0  # that one run takes, about

# The page's own parts on one frame after the other. `asked`: backend and threads of the address.
LOOP = """
(async () => {
  const at = (name) => new URL(name, document.baseURI).href;
  const { Network } = await import(at("network/network.js"));
  const { Recognition } = await import(at("recognition.js"));
  const { readSettings } = await import(at("settings.js"));
  const settings = await readSettings();
  const network = new Network(() => {});
  window.loaded = await network.load(settings, { backend: BACKEND, threads: THREADS });
  const recognition = new Recognition(settings, network);
  await recognition.reset();
  const data = Uint8ClampedArray.from({ length: 640 * 480 * 4 }, (_, i) => (i * 7919) >> 5);
  window.frames = async (count) => {
    const start = performance.now();
    for (let i = 0; i < count; i++) await recognition.take({ data, width: 640, height: 480 }, i);
    return (performance.now() - start) / count;
  };
})()
"""


def python_frames(folder: str, threads: int):
    """A function: count of frames -> milliseconds a frame in Python."""
    run, preset = OnnxRun(os.path.join(folder, "model.onnx"), threads), preset_of(read_sidecar(folder).input)
    places = np.arange(FRAME[0] * FRAME[1] * 4, dtype="int64").reshape(*FRAME, 4)
    frame = np.ascontiguousarray((places * 7919 >> 5).astype("uint8")[..., :3])

    def frames(count: int) -> float:
        cache: tuple = ()
        start = time.perf_counter()
        for _ in range(count):
            _, cache = run.step(views_of(preset, [frame]), cache)
        return 1e3 * (time.perf_counter() - start) / count

    return frames


def page_frames(tab: Tab, address: str, threads: int, backend: str):
    """A function: count of frames -> milliseconds a frame in the page."""
    tab.open(address)
    time.sleep(1)
    tab.browser.wait(lambda: tab.run("document.body?.dataset.state") in ("idle", "ready"), 60, address)
    tab.run(LOOP.replace("BACKEND", repr(backend)).replace("THREADS", str(threads)), 120)
    print(f"  the page: {tab.run('JSON.stringify(loaded)')}")
    return lambda count: tab.run(f"frames({count})", 120)


def write_pages(folder: str, arch: str) -> str:
    """The folder of a page with drawn weights. The copy of the runtime lies in it."""
    from paddle_tsm.demo.material import write_demo_checkpoint
    from paddle_tsm.export.exporter import export_checkpoint

    weights, page = os.path.join(folder, f"{arch}.safetensors"), os.path.join(folder, arch)
    write_demo_checkpoint(weights, Network(arch, num_classes=27), "canonical")
    options = {"shift_order": "causal"}
    export_checkpoint(weights, page, "web", options=options, runtime=str(RUNTIME))
    return page


def compare(page: str, runs: int, threads: int, backend: str) -> None:
    """Print the medians of interleaved runs, and their ratio."""
    in_python = python_frames(page, threads)
    with served(page) as address, Chromium() as browser:
        in_page = page_frames(browser.tab(), address, threads, backend)
        counts = [max(3, int(SECONDS * 1e3 / frames(5))) for frames in (in_python, in_page)]
        found: list[list[float]] = [[], []]
        for _ in range(runs):
            for frames, count, times in zip((in_python, in_page), counts, found):
                times.append(frames(count))
    medians = [statistics.median(times) for times in found]
    for name, median, times in zip(("Python's ONNX Runtime", "the page"), medians, found):
        spread = f"{min(times):.2f} to {max(times):.2f}"
        print(f"  {name:22}{median:8.2f} ms a frame ({spread}), {1e3 / median:6.1f} frames/s")
    print(f"  the page has {medians[0] / medians[1]:.2f} of Python's frames a second")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=9, help="interleaved runs of each (9)")
    parser.add_argument("--threads", type=int, default=min(2, os.cpu_count() or 1), help="of both (2)")
    parser.add_argument("--backend", default="wasm", choices=("wasm", "webgpu"), help="of the page (wasm)")
    parser.add_argument("--pages", help="a folder whose pages are kept and used again")
    args = parser.parse_args()
    runtime.import_paddle()
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.pages or temporary
        os.makedirs(folder, exist_ok=True)
        for arch in ARCHITECTURES:
            page = os.path.join(folder, arch)
            if not os.path.isdir(page):
                write_pages(folder, arch)
            print(f"{arch}, frames of 640 x 480 to 224 x 224, {args.threads} threads, {args.runs} interleaved runs")
            compare(page, args.runs, args.threads, args.backend)


if __name__ == "__main__":
    main()
