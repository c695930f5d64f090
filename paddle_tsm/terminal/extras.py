"""What to install for the parts of paddle-tsm that need more than its own requirements."""

from __future__ import annotations

# The packages of options.extras_require in setup.cfg; a test compares the two. They stand here as well, because a
# checkout that is not installed has no metadata to read them from.
EXTRAS = {
    "torch": ("torch>=2.4",),
    "report": ("matplotlib>=3.8",),
    "log": ("tensorboardX>=2.6",),
    "onnx": ("paddle2onnx>=2.1", "onnx>=1.17", "onnxruntime>=1.20"),
}


def how_to_install(extra: str) -> str:
    """The command that installs the packages of an extra, by their own names: no package index need have paddle-tsm.

    >>> how_to_install("torch")
    "pip install 'torch>=2.4'"
    """
    return "pip install " + " ".join(f"'{package}'" for package in EXTRAS[extra])
