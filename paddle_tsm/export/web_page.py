"""The page around an exported network: static files that recognise a camera's or a file's video in the browser.

The page computes the preset's pixels itself. page.json tells it by which rules, by the names that these have in
`paddle_tsm.data`; `page/pixels/rules.js` has the same names.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
from dataclasses import asdict

from paddle_tsm.data.presets import Preset
from paddle_tsm.export.sidecar import Sidecar
from paddle_tsm.export.web_check import expected_of_pattern
from paddle_tsm.export.web_runtime import BACKENDS, FOLDER, PACKAGE, Runtime
from paddle_tsm.files.atomic import atomic_file
from paddle_tsm.layouts.network_file import NetworkFile
from paddle_tsm.layouts.network_input import NetworkInput
from paddle_tsm.models.stream import check_file_streams
from paddle_tsm.networks.network import Network

WEB = "web"  # the name of the target
SETTINGS = "page.json"
SOURCE = os.path.join(os.path.dirname(__file__), "page")
CROPS = ("centre", "centre-full")  # that a page cuts
LARGE = 50_000_000  # bytes; a page waits for a click before it loads so much, see page/main.js


def is_page_of_stream(found: NetworkFile) -> bool:
    """Whether a page runs the network frame by frame; otherwise it runs clips of the last seconds."""
    try:
        check_file_streams(found)
    except ValueError:
        return False
    return True


def page_input(recorded: NetworkInput, given: dict) -> NetworkInput:
    """How a page makes the network's input: one crop, in the middle, of frames all over the clip.

    given: what the user asked for. Raises ValueError where that is anything else.
    """
    if given["crops"] not in (None, *CROPS):
        raise ValueError(f"crops: got {given['crops']} for a page, which has one view; wanted {' or '.join(CROPS)}")
    if given["sampling"] not in (None, "uniform"):
        raise ValueError(
            f"sampling: got {given['sampling']} for a page, whose clips are the last seconds; wanted uniform"
        )
    crops = recorded.crops if recorded.crops in CROPS else "centre"
    return recorded.changed({"crops": crops, "sampling": "uniform"}).changed(given)


def check_pictures(network: Network) -> None:
    """Raise ValueError for a network that takes anything but pictures."""
    if network.in_channels != Network.in_channels:
        raise ValueError(
            f"a page shows the network RGB frames, {Network.in_channels} channels; got a network of "
            f"{network.in_channels} (in_channels)"
        )


def write_page(folder: str, described: Sidecar, runtime: Runtime) -> None:
    """Write the page and its runtime into the folder of the export that tsm.json describes."""
    shutil.copytree(SOURCE, folder, dirs_exist_ok=True)
    runtime.copy(folder)
    index = os.path.join(folder, "index.html")
    with open(index, encoding="utf-8") as file:
        content = file.read()
    elsewhere = f" {runtime.address}" if runtime.source is None else ""
    with open(index, "w", encoding="utf-8") as file:
        file.write(content.replace("RUNTIME_ADDRESS", elsewhere))
    model = described.files["model"]
    settings = {
        "pixels": rules_of(described.pixels()),
        "expected": expected_of_pattern(folder, described),
        "model": {"file": model, "bytes": os.path.getsize(os.path.join(folder, model))},
        "runtime": {
            "version": runtime.version,
            "address": runtime.address,
            "backends": BACKENDS,
            "files": {name: asdict(one) for name, one in runtime.files.items()},
        },
    }
    with atomic_file(os.path.join(folder, SETTINGS)) as file:
        file.write(json.dumps(settings, indent=2).encode() + b"\n")


def rules_of(pixels: Preset) -> dict:
    """The preset's rules by name, and its sizes in pixels."""
    rules = {"resize": pixels.resize_short, "crop": pixels.test_crops, "normalise": pixels.normalise}
    names = {what: rule.__name__ for what, rule in rules.items()}
    return names | {"short": pixels.short, "size": pixels.test_size}


def what_is_loaded(folder: str) -> list[str]:
    """For the user: what a visitor's browser loads of the page in `folder`, with WebAssembly, and how to look at it."""
    with open(os.path.join(folder, SETTINGS), encoding="utf-8") as file:
        settings = json.load(file)
    network, runtime = settings["model"]["bytes"], settings["runtime"]
    program = sum(runtime["files"][name]["bytes"] for name in runtime["backends"]["wasm"].values())
    where = "beside the page" if runtime["address"] == f"{FOLDER}/" else f"at {runtime['address']}"
    lines = [
        f"a visitor loads {megabytes(network + program)} MB: the network, {megabytes(network)} MB, and "
        f"{PACKAGE} {runtime['version']} {where}, {megabytes(program)} MB"
    ]
    if network >= LARGE:
        lines.append(
            f"{megabytes(network)} MB are much for a page: it waits for a click before it loads them; "
            "tsm_mobilenet_v2 has 9 MB"
        )
    return [*lines, f"to see it: cd {shlex.quote(folder)} && python -m http.server, and open localhost:8000"]


def megabytes(count: int) -> str:
    """A number of bytes in millions."""
    return f"{count / 1e6:.0f}"
