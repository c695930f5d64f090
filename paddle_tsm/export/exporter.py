"""A checkpoint as a folder that runs without paddle_tsm, proven to be the network that it came from."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any

import numpy as np
from paddle import nn

from paddle_tsm.export.calibration import Calibration, ClipsToMeasure, calibration_of
from paddle_tsm.export.checkpoint_model import CheckpointModel
from paddle_tsm.export.export_folder import check_free, new_folder
from paddle_tsm.export.io_spec import IOSpec, clip_io, stream_io
from paddle_tsm.export.sidecar import Sidecar
from paddle_tsm.export.targets import target_named
from paddle_tsm.export.verification import Verified
from paddle_tsm.export.verified_files import logits_to_expect, quantise_verified, verify_clips, verify_steps
from paddle_tsm.export.web_page import WEB, check_pictures, is_page_of_stream, page_input, write_page
from paddle_tsm.export.web_runtime import runtime_in
from paddle_tsm.files.digest import sha256_of
from paddle_tsm.files.kept_inputs import keep_inputs
from paddle_tsm.layouts.network_file import read_network
from paddle_tsm.layouts.network_input import NetworkInput
from paddle_tsm.lists.annotations import read_list
from paddle_tsm.lists.frame_source import FrameSource
from paddle_tsm.models.stream import StreamStep, check_file_streams
from paddle_tsm.networks.network import Network


def export_checkpoint(
    path: str | os.PathLike,
    folder: str | os.PathLike,
    to: str = "paddle-inference",
    *,
    stream: bool = False,
    precision: str = "float32",
    options: dict | None = None,
    size: int | None = None,
    preset: str | None = None,
    sampling: str | None = None,
    crops: str | None = None,
    labels: list[str] | None = None,
    calibration: ClipsToMeasure = None,
    root: str = "",
    form: str = "video",
    source: FrameSource | None = None,
    runtime: str | None = None,
) -> tuple[Sidecar, list[Verified]]:
    """Write the network in a checkpoint as an export, run what was written, and keep it if it is the same network.

    path: the checkpoint. folder: where the export goes; it is made, or an earlier export in it is replaced. to: the
    name of a target (`targets.py`). stream: one step of the causal network instead of whole clips. precision: one that
    the target has. options: those of `load_model`.

    size (pixels), preset, sampling, crops, labels (the classes' names): how frames become the network's input, for
    tsm.json; None: what the checkpoint records, or its layout's. calibration, for an 8-bit export alone: the clips that
    its ranges are measured on, as arrays or as the path of a list, then with root, form and source (see
    `calibration.calibration_of`). runtime: for a page alone, see `web_runtime.runtime_in`. A page has the step of a
    stream where the network can run on one, whatever `stream` says.

    The files are compared with the checkpoint's network in Paddle, and in PyTorch where it is installed, on random
    clips; an 8-bit export also with its float32 form, on clips that its ranges were not measured on. Raises ValueError
    for a network that cannot be exported, for a folder that holds something else, and for an export that differs, of
    which nothing is kept. Returns (what tsm.json says, what the export was compared with).
    """
    folder = os.path.normpath(os.fspath(folder))  # a name may end in a separator, as a shell completes it
    check_free(folder)
    keep_inputs({}, [path, *files_of_list(calibration, root, form)], {"folder": folder})
    found = read_network(path, **(options or {}))
    if runtime is not None and to != WEB:
        raise ValueError(f"runtime: got one for {to}, wanted it for {WEB} alone")
    around = runtime_in(runtime) if to == WEB else None
    stream = stream or around is not None and is_page_of_stream(found)
    if stream:
        check_file_streams(found)
    network, tensors = found.as_asked()
    given = {"preset": preset, "sampling": sampling, "crops": crops, "size": size, "class_names": labels}
    taken = page_input(found.input, given) if around else found.input.changed(given)
    described = describe(path, to, "stream" if stream else "clip", precision, network, taken)
    if around:
        check_pictures(network)
    check_calibration(precision, calibration)
    clips = None
    if calibration is not None:
        clips = calibration_of(calibration, network, described.pixels(), root=root, form=form, source=source)
    with new_folder(folder) as temporary:
        described, verified = write_verified(temporary, described, network, tensors, clips)
        if around:
            write_page(temporary, described, around)
        described.write(temporary)
    return described, verified


def describe(
    path: str | os.PathLike, to: str, kind: str, precision: str, network: Network, taken: NetworkInput
) -> Sidecar:
    """What tsm.json says before anything is written. taken: the network's input as far as it is known."""
    taken = taken.filled()
    assert taken.size and taken.preset and taken.sampling and taken.crops
    return Sidecar(
        to,
        kind,
        network,
        target_named(to).files,
        taken.size,
        taken.preset,
        taken.sampling,
        taken.crops,
        taken.class_names,
        precision,
        data_set=taken.data_set,
        train_crop=taken.train_crop,
        multi_label=taken.multi_label,
        checkpoint={"file": os.path.basename(os.fspath(path)), "sha256": sha256_of(path)},
    )


def check_calibration(precision: str, calibration: ClipsToMeasure) -> None:
    """Raise ValueError unless clips are given for an 8-bit export, and for no other."""
    if precision != "int8" and calibration is not None:
        raise ValueError(f"calibration: got one for {precision}, which needs none; wanted precision 'int8' with it")
    if precision == "int8" and calibration is None:
        raise ValueError(
            "calibration: got none for int8, wanted a list of videos of the kind that the network is for "
            "(paddle-tsm export --calibrate)"
        )


def files_of_list(calibration: ClipsToMeasure, root: str, form: str) -> list:
    """The list of clips and its clips, where they come from a file."""
    if not isinstance(calibration, (str, os.PathLike)):
        return []
    entries = read_list(calibration, form, root=root)
    return [calibration, *dict.fromkeys(entry.path for entry in entries)]


def write_verified(
    folder: str, described: Sidecar, network: Network, tensors: dict[str, np.ndarray], clips: Calibration | None
) -> tuple[Sidecar, list[Verified]]:
    """Write the files, run them, and compare them with the checkpoint. clips: to calibrate on, for an 8-bit export.

    Returns (the Sidecar with what was found, the comparisons). Raises ValueError for a difference.
    """
    pixels, stream = (described.pixels().test_size,) * 2, described.kind == "stream"
    if stream:
        layer = StreamStep(network, tensors)
        io_spec = stream_io(layer, pixels)
    else:
        checkpoint = CheckpointModel(network, tensors)
        layer, io_spec = checkpoint.float32, clip_io(network.num_segments, pixels, network.in_channels)
    write(layer, folder, described.format, io_spec, described.precision)
    cache = tuple(list(io_spec.inputs.values())[1:])
    fields: dict[str, Any] = io_spec.for_sidecar(network.num_classes)
    described = replace(described, cache=cache, **fields)
    if stream:
        verified = verify_steps(folder, described, layer, tensors, io_spec)
    else:
        expected, without_biases = logits_to_expect(described, checkpoint)
        verified = verify_clips(folder, described, expected, without_biases)
    if clips:
        verified += quantise_verified(folder, described, checkpoint, clips, without_biases)
        described = replace(described, calibration={"source": clips.source, "clips": len(clips.split()[0])})
    return replace(
        described,
        verified={found.against: found.difference for found in verified},
        sha256={name: sha256_of(os.path.join(folder, name)) for name in described.files.values()},
    ), verified


def write(layer: nn.Layer, folder: str | os.PathLike, to: str, io_spec: IOSpec, precision: str = "float32") -> None:
    """Write the files of the target `to` for a model in evaluation mode, or for a StreamStep."""
    target_named(to).functions.write(layer, os.fspath(folder), io_spec, precision)
