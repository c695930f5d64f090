"""What to install for the parts of paddle-tsm that need more than it brings."""

from __future__ import annotations

# as in setup.cfg's options.extras_require, which a test compares: a checkout that is not installed has no other record
EXTRAS = {
    "torch": ("torch>=2.4",),
    "report": ("matplotlib>=3.8",),
    "log": ("tensorboardX>=2.6",),
    "onnx": ("paddle2onnx>=2.1", "onnx>=1.17", "onnxruntime>=1.20"),
}


def how_to_install(extra: str) -> str:
    """The command that installs the packages of an extra. It names them, as paddle-tsm itself may be a wheel, a
    checkout or a package that no index has.
    """
    return "pip install " + " ".join(f"'{package}'" for package in EXTRAS[extra])
