"""What runs an export's files. A target imports no other target's runtime: ONNX runs without Paddle."""

from __future__ import annotations

from paddle_tsm.export.sidecar import NAME, Sidecar, check_files
from paddle_tsm.export.targets import target_named


def open_files(folder: str, sidecar: Sidecar, threads: int | None):
    """What the target runs its files with. Raises ValueError where the files are damaged, or take and give other things
    than tsm.json says.
    """
    if sidecar.sha256:
        check_files(folder, sidecar)
    run = target_named(sidecar.format).functions.open_run(folder, sidecar.files, threads, sidecar.precision)
    check_io(folder, sidecar, run)
    return run


def check_io(folder: str, sidecar: Sidecar, run) -> None:
    """Raise ValueError where the graph's inputs or outputs have other names, or another order, than tsm.json says; for
    a graph that states its shapes, as ONNX does, also where a shape is another one.
    """
    found = {"inputs": list(run.inputs), "outputs": list(run.outputs)}
    for what, names in found.items():
        said = [port["name"] for port in getattr(sidecar, what)]
        if said and said != names:
            raise ValueError(
                f"{folder}: {NAME} says {what} {', '.join(said)}, the graph has {', '.join(names)}; export the network again"
            )
    if isinstance(run.inputs, dict):  # the graph states its shapes
        for port in sidecar.inputs:
            if tuple(port["shape"][1:]) != run.inputs[port["name"]]:
                raise ValueError(
                    f"{folder}: {NAME} says {port['name']} {port['shape']}, the graph has {list(run.inputs[port['name']])} behind N"
                )
        if sidecar.kind == "clip" and run.multiple != sidecar.network.num_segments:
            raise ValueError(
                f"{folder}: {NAME} says clips of {sidecar.network.num_segments} frames, the graph takes {run.multiple}; export the network again"
            )
