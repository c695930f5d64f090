"""`paddle-tsm --version`: the versions of this package and of both frameworks."""

from __future__ import annotations

import argparse
from importlib import metadata

import paddle_tsm

# Each framework's name and the distributions that bring it. A version is read from the metadata of the installed
# package, because importing a framework takes seconds.
FRAMEWORKS = {"PaddlePaddle": ("paddlepaddle", "paddlepaddle-gpu"), "PyTorch": ("torch",)}


class PrintVersions(argparse.Action):
    """The action of `--version`: print one line and exit."""

    def __init__(self, option_strings, dest, **options):
        super().__init__(option_strings, dest=argparse.SUPPRESS, nargs=0, default=argparse.SUPPRESS, **options)

    def __call__(self, parser, namespace, values, option_string=None):
        print(version_line())
        parser.exit()


def version_line() -> str:
    """Such as "paddle-tsm 0.1.0, PaddlePaddle 3.3.1, PyTorch not installed"."""
    found = [f"{name} {installed_version(*distributions)}" for name, distributions in FRAMEWORKS.items()]
    return ", ".join([f"paddle-tsm {paddle_tsm.__version__}", *found])


def installed_version(*distributions: str) -> str:
    """The version of the first of these distributions that is installed, else "not installed"."""
    for distribution in distributions:
        try:
            return metadata.version(distribution)
        except metadata.PackageNotFoundError:
            continue
    return "not installed"
