"""A checkpoint as a folder that runs without paddle_tsm, proven to be the network that it came from."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

from paddle_tsm.data.annotations import read_list
from paddle_tsm.export.calibration import Calibration, calibration_of
from paddle_tsm.export.checkpoint_model import CheckpointModel
from paddle_tsm.export.io_spec import clip_io, stream_io
from paddle_tsm.export.sidecar import NAME, Sidecar
from paddle_tsm.export.targets import target_named
from paddle_tsm.export.verified_files import quantise_verified, truths_of, verify_clips, verify_steps
from paddle_tsm.files.digest import sha256_of
from paddle_tsm.files.kept_inputs import keep_inputs
from paddle_tsm.layouts.network_file import read_network
from paddle_tsm.models.stream import StreamStep, check_file_streams


def export(
    path,
    folder,
    to: str = "paddle-inference",
    *,
    stream: bool = False,
    size: int | None = None,
    precision: str = "float32",
    calibration=None,
    options=None,
    labels=None,
    **given,
):
    """Write the network in the checkpoint `path` to `folder`, run what was written, and keep it if it is the same
    network.

    to: the name of a target (`targets.py`). stream: one step of the causal network instead of whole clips. size: the
    network's input in training (None: what the file records). precision: "float32"; "bfloat16" for Paddle Inference;
    "int8" for ONNX, with `calibration`: the path of a list of clips, with `root`, `form` and `source`, or arrays (see
    `calibration_of`). options: those of `load_model`. labels: the classes' names; given: preset, sampling and crops;
    those that are not given are what the file records, or its layout's. The files are compared with the checkpoint's
    network in Paddle, and in PyTorch where torch is installed, on random clips; an 8-bit one with its float32 form, on
    clips held out of the calibration. Raises ValueError for a network that cannot be exported, a folder that holds
    something else, and an export that differs, of which nothing is kept. Returns (Sidecar, list of Verified).
    """
    folder = os.path.normpath(os.fspath(folder))  # a name may end in a separator, as a shell completes it
    of_list = {name: given.pop(name) for name in ("root", "form", "source") if name in given}
    check_free(folder)
    keep_inputs({}, [path, *read_for_calibration(calibration, of_list)], {"folder": folder})
    found = read_network(path, **(options or {}))
    if stream:
        check_file_streams(found)
    network, tensors = found.as_asked()
    taken = found.input.changed(given | {"size": size, "class_names": labels}).filled()
    files = target_named(to).files
    described = Sidecar(
        to,
        "stream" if stream else "clip",
        network,
        files,
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
    if precision != "int8" and calibration is not None:
        raise ValueError(f"calibration: got one for {precision}, which needs none; wanted precision 'int8' with it")
    if precision == "int8" and calibration is None:
        raise ValueError(
            "calibration: got none for int8, wanted a list of videos of the kind that the network is for (paddle-tsm export --calibrate)"
        )
    clips = calibration_of(calibration, network, described.pixels(), **of_list) if precision == "int8" else None
    temporary = f"{folder}.{os.getpid()}.tmp"
    os.makedirs(temporary)
    try:
        described, verified = write_verified(temporary, described, network, tensors, clips)
        described.write(temporary)
        take_place(temporary, folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    return described, verified


def read_for_calibration(calibration, of_list: dict) -> list:
    """The list of clips and its clips, where they come from a file."""
    if not isinstance(calibration, (str, os.PathLike)):
        return []
    entries = read_list(calibration, of_list.get("form", "video"), root=of_list.get("root", ""))
    return [calibration, *dict.fromkeys(entry.path for entry in entries)]


def take_place(temporary: str, folder: str) -> None:
    """Rename the folder; an earlier one is removed only when the new one is there."""
    earlier = f"{temporary}.earlier"
    if os.path.isdir(folder):
        os.replace(folder, earlier)
    os.replace(temporary, folder)
    shutil.rmtree(earlier, ignore_errors=True)


def write_verified(folder: str, described: Sidecar, network, tensors, clips: Calibration | None):
    """Write the files, and compare what they compute. Returns (the Sidecar with what was found, list of Verified)."""
    pixels, stream = (described.pixels().test_size,) * 2, described.kind == "stream"
    checkpoint = None if stream else CheckpointModel(network, tensors)
    layer = StreamStep(network, tensors) if stream else checkpoint.float32
    ports = stream_io(layer, pixels) if stream else clip_io(network.num_segments, pixels)
    write(layer, folder, described.format, ports, described.precision)
    described = replace(described, cache=tuple(list(ports.inputs.values())[1:]), **ports.described(network.num_classes))
    if stream:
        verified = verify_steps(folder, described, layer, tensors, ports)
    else:
        truths = truths_of(described, checkpoint)
        verified = verify_clips(folder, described, *truths)
    if clips:
        verified += quantise_verified(folder, described, checkpoint, clips, truths[1])
        described = replace(described, calibration={"source": clips.source, "clips": len(clips.split()[0])})
    return replace(
        described,
        verified={found.against: found.difference for found in verified},
        sha256={name: sha256_of(os.path.join(folder, name)) for name in described.files.values()},
    ), verified


def check_free(folder: str) -> None:
    """Raise ValueError where `folder` holds anything but an earlier export, or has no place."""
    if os.path.exists(folder) and not os.path.isdir(folder):
        raise ValueError(f"{folder}: is a file; wanted a folder, which is made where there is none")
    if os.path.isdir(folder) and os.listdir(folder) and not os.path.isfile(os.path.join(folder, NAME)):
        raise ValueError(f"{folder}: holds files and no export; wanted an empty folder, or an export to replace")
    parent = os.path.dirname(os.path.abspath(folder))
    if not os.path.isdir(parent):
        raise ValueError(f"{parent}: no such folder; make it first")


def write(layer, folder: str, to: str, ports, precision: str = "float32") -> None:
    """Write the target's files."""
    target_named(to).functions.write(layer, folder, ports, precision)
