"""What runs an export's files: ONNX without importing Paddle."""

from __future__ import annotations

import os

from paddle_tsm.export.onnx_runtime import OnnxRun
from paddle_tsm.export.paddle_inference import PaddleInferenceRun
from paddle_tsm.export.sidecar import NAME, Sidecar, check_files


def open_files(folder: str, sidecar: Sidecar, threads: int | None):
    """An OnnxRun or a PaddleInferenceRun. Raises ValueError where the files are damaged, or take and give other things than
    tsm.json says."""
    if sidecar.sha256:
        check_files(folder, sidecar)
    if sidecar.format == "onnx":
        run = OnnxRun(os.path.join(folder, sidecar.files["model"]), threads)
    else:
        program = os.path.join(folder, sidecar.files["program"])
        run = PaddleInferenceRun(program.removesuffix(".json"), threads, sidecar.precision)
    check_ports(folder, sidecar, run)
    return run


def check_ports(folder: str, sidecar: Sidecar, run) -> None:
    """Raise ValueError where the graph's inputs or outputs have other names, or another order, than tsm.json says; for an ONNX
    file, which states them, also where a shape is another one."""
    found = {"inputs": list(run.inputs), "outputs": list(run.outputs)}
    for what, names in found.items():
        said = [port["name"] for port in getattr(sidecar, what)]
        if said and said != names:
            raise ValueError(
                f"{folder}: {NAME} says {what} {', '.join(said)}, the graph has {', '.join(names)}; export the network again"
            )
    if sidecar.format == "onnx":
        for port in sidecar.inputs:
            if tuple(port["shape"][1:]) != run.inputs[port["name"]]:
                raise ValueError(
                    f"{folder}: {NAME} says {port['name']} {port['shape']}, the graph has {list(run.inputs[port['name']])} behind N"
                )
        if sidecar.kind == "clip" and run.multiple != sidecar.network.num_segments:
            raise ValueError(
                f"{folder}: {NAME} says clips of {sidecar.network.num_segments} frames, the graph takes {run.multiple}; export the network again"
            )
