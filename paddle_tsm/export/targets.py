"""What a network can be exported for: one row a target.

A new target is a file beside this one, with the three functions that `Target` names, and a row in TARGETS.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

from paddle_tsm.networks.option_checks import must_be_one_of

PRECISIONS = ("float32", "bfloat16", "int8")


@dataclass(frozen=True)
class Target:
    """One runtime that an export is for.

    name: as `--to` and `--engine` take it. files: the name of each file by its role. precisions: those of whole clips;
    streams have float32 only. module: imported when it is used, so that a runtime needs nothing of another one. It has

        write(layer, folder, io, precision)                     write the files of a float32 graph open_run(folder,
        files, threads, precision)             what runs them, with run(), step(), clone(), inputs, outputs
        copy_without_biases(source, target, files, mended)      the same files in another folder, every bias zero
    """

    name: str
    files: dict[str, str]
    precisions: tuple[str, ...]
    module: str

    @property
    def functions(self) -> ModuleType:
        return import_module(self.module)


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
