"""What to install for the parts of paddle-tsm that need more than its own requirements."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path

# The packages of options.extras_require in setup.cfg; a test compares the two. They stand here as well, because a
# checkout that is not installed has no metadata to read them from.
EXTRAS = {
    "torch": ("torch>=2.4",),
    "report": ("matplotlib>=3.8",),
    "log": ("tensorboardX>=2.6",),
    "onnx": ("paddle2onnx>=2.1", "onnx>=1.17", "onnxruntime>=1.20"),
}


# beside the package in a checkout; an installed package has none
CONSTRAINTS = str(Path(__file__).resolve().parents[2] / "constraints.txt")
# docs/install.md, "PyTorch for the CPU"
CPU_BUILD = (
    " --index-url URL (URL: the index for the CPU under Get Started on pytorch.org; pip's ordinary one has PyTorch "
    "with CUDA, several GB)"
)


def how_to_install(extra: str) -> str:
    """The command that installs the packages of an extra, by their own names: no package index need have paddle-tsm.

    In a checkout its constraints.txt keeps the releases that were measured. On Linux a word on PyTorch's build for the
    CPU follows.
    """
    words = ["pip", "install"]
    if os.path.isfile(CONSTRAINTS):
        here = os.path.dirname(CONSTRAINTS) == os.getcwd()
        words += ["-c", os.path.basename(CONSTRAINTS) if here else CONSTRAINTS]
    command = " ".join([*map(shlex.quote, words), *(f"'{package}'" for package in EXTRAS[extra])])
    return command + (CPU_BUILD if extra == "torch" and sys.platform == "linux" else "")
