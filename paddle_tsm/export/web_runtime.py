"""onnxruntime-web, which runs a page's network in the browser: from a folder of its npm package, or from a pinned
public address.

A file of it is loaded with its hash ("subresource integrity"), so that what runs in the page is what was pinned here,
or what lay in the folder, or nothing.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
from dataclasses import dataclass

PACKAGE, VERSION = "onnxruntime-web", "1.30.0"
ADDRESS = f"https://cdn.jsdelivr.net/npm/{PACKAGE}@{VERSION}/dist/"
FOLDER = "runtime"  # in the page's folder, where the files are copied to
# What a browser loads, by backend: the program's interface, what connects it to WebAssembly, and the WebAssembly.
BACKENDS = {
    "wasm": {
        "api": "ort.wasm.min.mjs",
        "glue": "ort-wasm-simd-threaded.mjs",
        "wasm": "ort-wasm-simd-threaded.wasm",
    },
    "webgpu": {
        "api": "ort.webgpu.min.mjs",
        "glue": "ort-wasm-simd-threaded.asyncify.mjs",
        "wasm": "ort-wasm-simd-threaded.asyncify.wasm",
    },
}


@dataclass(frozen=True)
class RuntimeFile:
    """A file of the package. integrity: as in HTML's attribute of this name. bytes: its length."""

    integrity: str
    bytes: int


# of the package VERSION, as published
PINNED = {
    "ort.wasm.min.mjs": RuntimeFile("sha384-SfFfy/pvthiOsgaw3KX0bV5TfQ6Iq+oY9KutMe4SxIuHH4cl+DCSD4rTsYOoG1tJ", 50126),
    "ort-wasm-simd-threaded.mjs": RuntimeFile(
        "sha384-XcXA/MtAf0WpB8e023xQH9CM7RIjiugakT7x99DIwpFf7k56BIFFcAPerIF7FDad", 24381
    ),
    "ort-wasm-simd-threaded.wasm": RuntimeFile(
        "sha384-vjBJ1z7qrhkTyYsNqKeF6c7N+nOJSU94czEo+tvZcu8G75JparGq9kB+kTnEUNVM", 14239897
    ),
    "ort.webgpu.min.mjs": RuntimeFile("sha384-FPQBMbud8ICuP0Ii+Gr95KWEX9pKHtUC3lacIp0aPI8WYluKvTsEGQ3AE2Ze3QlL", 66349),
    "ort-wasm-simd-threaded.asyncify.mjs": RuntimeFile(
        "sha384-qViEcCGzsR/m8nlQwIsbYh7afN4thuraqFYDQY6huvmoLVoZq/eYawQ1wrv8nnhA", 53057
    ),
    "ort-wasm-simd-threaded.asyncify.wasm": RuntimeFile(
        "sha384-EPVDLTxuO663dkZO/pcKJF6vOyyfq/5z9FY1oksN0UWFX2ABH4wDDZQHeNoUleWR", 26781914
    ),
}


@dataclass(frozen=True)
class Runtime:
    """The files of a runtime. version: its release. address: where the page finds them. source: the folder that they
    are copied from; None: the public address. files: name -> RuntimeFile.
    """

    version: str
    address: str
    source: str | None
    files: dict[str, RuntimeFile]

    def copy(self, folder: str) -> None:
        """Copy the files, where they are in a folder, into the page's."""
        if self.source is None:
            return
        os.mkdir(os.path.join(folder, FOLDER))
        for name in self.files:
            shutil.copyfile(os.path.join(self.source, name), os.path.join(folder, FOLDER, name))


def runtime_in(folder: str | None) -> Runtime:
    """The runtime in `folder`, the `dist` of its npm package; None: the one at the public address.

    Raises ValueError, in one line, for a folder that lacks a file.
    """
    if folder is None:
        return Runtime(VERSION, ADDRESS, None, PINNED)
    if not os.path.isdir(folder):
        raise ValueError(f"--runtime: {folder}: no such folder; {how_to_get()}")
    missing = [name for name in PINNED if not os.path.isfile(os.path.join(folder, name))]
    if missing:
        raise ValueError(f"--runtime: {folder}: has no {', '.join(missing)}; {how_to_get()}")
    files = {name: described(os.path.join(folder, name)) for name in PINNED}
    return Runtime(version_of(folder), f"{FOLDER}/", folder, files)


def how_to_get() -> str:
    """What gives the folder."""
    return f"wanted the folder package/dist of what `npm pack {PACKAGE}@{VERSION}` loads"


def described(path: str) -> RuntimeFile:
    """A file's hash and length."""
    with open(path, "rb") as file:
        content = file.read()
    return RuntimeFile("sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode(), len(content))


def version_of(folder: str) -> str:
    """The release that the first lines of its interface name."""
    with open(os.path.join(folder, BACKENDS["wasm"]["api"]), encoding="utf-8", errors="replace") as file:
        found = re.search(r"ONNX Runtime Web v(\S+)", file.read(400))
    if not found:
        raise ValueError(f"--runtime: {folder}: {BACKENDS['wasm']['api']} is not ONNX Runtime Web's; {how_to_get()}")
    return found[1]
