"""Opening the files of an export. A target imports no other target's runtime: ONNX runs without Paddle."""

from __future__ import annotations

from paddle_tsm.export.runner import Runner
from paddle_tsm.export.sidecar import NAME, Sidecar, check_files
from paddle_tsm.export.targets import target_named


def open_files(folder: str, sidecar: Sidecar, threads: int | None) -> Runner:
    """What runs the files in `folder`. threads: those of one call; None: as many as processors.

    Raises ValueError, in one line, where a file is damaged, and where the graph has other inputs or outputs than
    tsm.json says.
    """
    if sidecar.sha256:
        check_files(folder, sidecar)
    run = target_named(sidecar.format).functions.open_run(folder, sidecar.files, threads, sidecar.precision)
    check_io(folder, sidecar, run)
    return run


def check_io(folder: str, sidecar: Sidecar, run: Runner) -> None:
    """Raise ValueError where the graph's inputs or outputs have other names, another order or other shapes than
    tsm.json says, or where its clips have another number of frames.
    """
    found = {"inputs": list(run.inputs), "outputs": list(run.outputs)}
    for what, names in found.items():
        said = [tensor["name"] for tensor in getattr(sidecar, what)]
        if said and said != names:
            raise ValueError(
                f"{folder}: {NAME} says {what} {', '.join(said)}, the graph has {', '.join(names)}; export the network "
                "again"
            )
    for tensor in sidecar.inputs:
        name, shape = tensor["name"], run.inputs[tensor["name"]]
        if tuple(tensor["shape"][1:]) != shape:
            raise ValueError(
                f"{folder}: {NAME} says {name} {tensor['shape']}, the graph has {list(shape)} behind N; export the "
                "network again"
            )
    frames = sidecar.network.num_segments
    if sidecar.kind == "clip" and run.multiple not in (None, frames):
        raise ValueError(
            f"{folder}: {NAME} says clips of {frames} frames, the graph takes {run.multiple}; export the network again"
        )
