"""The runtimes that a network can be exported for, one row for each.

A new target is a new file beside this one, with the functions of `TargetFunctions`, and a row in TARGETS.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from paddle_tsm.networks.option_checks import must_be_one_of

if TYPE_CHECKING:  # reading tsm.json needs no runtime
    from collections.abc import Callable

    from paddle import nn

    from paddle_tsm.export.io_spec import IOSpec
    from paddle_tsm.export.runner import Runner

PRECISIONS = ("float32", "bfloat16", "int8")


class TargetFunctions(Protocol):
    """What the module of a target has. folder, source, target: folders of an export. files: `Target.files`."""

    def write(self, layer: nn.Layer, folder: str, io_spec: IOSpec, precision: str = "float32") -> None:
        """Write the files of a model in float32, in the form that is quickest for the precision."""

    def open_run(self, folder: str, files: dict[str, str], threads: int | None, precision: str) -> Runner:
        """What runs the files."""

    def copy_without_biases(
        self, source: str, target: str, files: dict[str, str], change: Callable | None = None
    ) -> None:
        """Write the files into another folder, every bias zero; see `without_biases.py`."""


@dataclass(frozen=True)
class Target:
    """One runtime that an export is for.

    name: as `--to` takes it. files: the name of each file by its role. precisions: those of whole clips;
    streams have float32 only. module: the name of the module with the functions. It is imported when it is used, so
    that no runtime needs another one. is_engine: whether `--engine` takes the name, too, to run a checkpoint with.
    """

    name: str
    files: dict[str, str]
    precisions: tuple[str, ...]
    module: str
    is_engine: bool = True

    @property
    def functions(self) -> TargetFunctions:
        return cast(TargetFunctions, import_module(self.module))


TARGETS = {
    target.name: target
    for target in (
        Target(
            "paddle-inference",
            {"program": "model.json", "weights": "model.pdiparams"},
            ("float32", "bfloat16"),
            "paddle_tsm.export.paddle_inference_files",
        ),
        Target("onnx", {"model": "model.onnx"}, ("float32", "int8"), "paddle_tsm.export.onnx_files"),
        # a page around the file for ONNX: see `web_page.py`
        Target("web", {"model": "model.onnx"}, ("float32",), "paddle_tsm.export.onnx_files", is_engine=False),
    )
}
FORMATS = tuple(TARGETS)


def target_named(name: str) -> Target:
    """The target called `name`. Raises ValueError, listing the known ones."""
    must_be_one_of("format", name, FORMATS)
    return TARGETS[name]


def format_for(precision: str) -> str:
    """The name of the first target that has the precision."""
    return next(name for name, target in TARGETS.items() if precision in target.precisions)
