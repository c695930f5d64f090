"""What `paddle-tsm evaluate` reads: networks, how their pixels are made, and the list of clips."""

from __future__ import annotations

import os
from dataclasses import replace

from paddle_tsm.commands.network_options import network_options

# the layouts of systems whose pixels a preset reproduces
PRESET_OF_LAYOUT = {name: name for name in ("mmaction2", "mit", "paddlevideo", "pptsm")} | {"mit-online": "mit"}


def read_networks(args) -> list:
    """The checkpoints, a NetworkFile each, all of the same classes."""
    from paddle_tsm.data.datasets import data_set
    from paddle_tsm.export.sidecar import read_sidecar
    from paddle_tsm.layouts.network_file import read_network

    wanted = data_set(args.data_set) if args.data_set else None
    options = network_options(args)
    files = [
        read_sidecar(path) if os.path.isdir(path) else
        read_network(path, layout=args.layout, network=args.network, **options)
        for path in args.weights
    ]
    for path, file in zip(args.weights, files):
        classes, first = file.network.num_classes, files[0].network.num_classes
        if classes != first:
            raise ValueError(f"{path}: got {classes} classes, wanted {first} as in {args.weights[0]}")
        if wanted and classes != wanted.num_classes:
            raise ValueError(f"{path}: got {classes} classes, wanted the {wanted.num_classes} of {wanted.title}")
    return files


def pixels_of(args, files):
    """(Preset, what is said of it): the one that was asked for; else that of the checkpoints' system, or of an export."""
    from paddle_tsm.data.presets import preset

    systems = {system_of(file) for file in files} - {None}
    if args.preset is None and len(systems) > 1:
        several = " and ".join(sorted(systems))
        raise ValueError(f"weights: got checkpoints of {several}, wanted --preset to say whose pixels they take")
    name = args.preset or next(iter(systems), "mmaction2")
    usual = {"sampling": "uniform", "crops": "centre", "size": 224}
    for file in files:
        usual |= {option: getattr(file, option) for option in usual if hasattr(file, option)}  # an export's own
    chosen = {option: getattr(args, option) if getattr(args, option) is not None else usual[option] for option in usual}
    found = preset(name, **chosen)
    for path, file in zip(args.weights, files):
        if os.path.isdir(path) and file.pixels().test_size != found.test_size:
            raise ValueError(
                f"{path}: was exported for frames of {file.pixels().test_size}, got --size {chosen['size']} --crops {chosen['crops']}, "
                f"which make {found.test_size}; its own are --size {file.size} --crops {file.crops}"
            )
    found = replace(found, average=args.average) if args.average else found
    return found, chosen | {"preset": name, "size": found.test_size, "average": found.average, "views": found.views}


def system_of(file) -> str | None:
    """The preset of the system that a checkpoint comes from, or that an export says."""
    return PRESET_OF_LAYOUT.get(file.layout.name) if hasattr(file, "layout") else file.preset


def source_of(args):
    """Where the frames are: videos, or folders of frames."""
    from paddle_tsm.data.clip_reader import FrameSource
    from paddle_tsm.data.datasets import data_set
    from paddle_tsm.data.video_survey import VideoNotes

    if args.form == "video":
        if args.template is not None:
            raise ValueError("--template: got one for a list of videos, wanted --form frames or offset beside it")
        return FrameSource(notes=VideoNotes())
    template = args.template or (data_set(args.data_set).template if args.data_set else None)
    if template is None:
        raise ValueError(
            f"--form {args.form}: got no names of the frames, wanted --template, as img_{{:05d}}.jpg, or --data-set"
        )
    return FrameSource(template, args.first_frame, notes=VideoNotes())


def read_entries(args, classes: int, source, skipped) -> list:
    """The clips of the list that pass the check of depth --check; the others are in `skipped`."""
    from paddle_tsm.data.annotations import read_list
    from paddle_tsm.data.check_list import check_list

    entries = read_list(args.list, args.form, root=args.root, num_classes=classes, multi_label=args.multi_label)
    if args.check == "none" and not args.strict:
        return entries
    depth = "all" if args.check == "none" else args.check
    good, bad = check_list(entries, source, depth=depth, skip_bad=args.skip_bad, strict=args.strict)
    for one in bad:
        skipped.add(one)
    if not good:
        raise ValueError(f"{args.list}: none of the {len(entries)} clips can be read; the first: {bad[0]}")
    return good
