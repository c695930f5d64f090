"""What `paddle-tsm evaluate` reads: networks, how their pixels are made, and the list of clips."""

from __future__ import annotations

import os
from dataclasses import replace

from paddle_tsm.commands.network_options import network_options
from paddle_tsm.commands.recorded_input import chosen_input, given_names
from paddle_tsm.layouts.network_input import NetworkInput

PIXELS = ("preset", "size", "sampling", "crops")  # options that say how a clip becomes input


def read_networks(args) -> list:
    """The checkpoints, a NetworkFile each, all of the same classes."""
    from paddle_tsm.data.datasets import data_set
    from paddle_tsm.export.sidecar import read_sidecar
    from paddle_tsm.layouts.network_file import read_network

    wanted = data_set(args.data_set) if args.data_set else None
    options = network_options(args)
    files = [
        read_sidecar(path)
        if os.path.isdir(path)
        else read_network(path, layout=args.layout, network=args.network, **options)
        for path in args.weights
    ]
    for path, file in zip(args.weights, files):
        classes, first = file.network.num_classes, files[0].network.num_classes
        if classes != first:
            raise ValueError(f"{path}: got {classes} classes, wanted {first} as in {args.weights[0]}")
        if wanted and classes != wanted.num_classes:
            raise ValueError(f"{path}: got {classes} classes, wanted the {wanted.num_classes} of {wanted.title}")
    return files


def input_of(args, files) -> NetworkInput:
    """What was asked for, else what the checkpoints record, else that of their system. Says what contradicts a record,
    and raises ValueError where the checkpoints differ in what nobody asked for.
    """
    classes = files[0].network.num_classes
    given = {name: getattr(args, name) for name in PIXELS} | {"class_names": given_names(args.classes, classes)}
    chosen = [
        chosen_input("evaluate", path, file, given, network_options(args)) for path, file in zip(args.weights, files)
    ]
    for name in PIXELS:
        several = sorted({str(getattr(file.input, name)) for file in files} - {"None"})
        if given[name] is None and len(several) > 1:
            what = "" if name == "preset" else f"{name} "
            wanted = "to say whose pixels they take" if name == "preset" else "to say which they take"
            raise ValueError(f"weights: got checkpoints of {what}{' and '.join(several)}, wanted --{name} {wanted}")
    known = [one for one in chosen if one.class_names]
    for one in known:
        if one.class_names != known[0].class_names:
            k = next(k for k, (a, b) in enumerate(zip(one.class_names, known[0].class_names)) if a != b)
            raise ValueError(
                f"weights: class {k} is {known[0].class_names[k]!r} in one checkpoint and {one.class_names[k]!r} in another: "
                "their scores are of different classes; --classes says that they are the same"
            )
    first = {}
    for name in (*PIXELS, "data_set"):
        first[name] = next((value for file in files if (value := getattr(file.input, name)) is not None), None)
    names = known[0].class_names if known else ()
    multi_label = any(one.multi_label for one in chosen) or None
    return NetworkInput(class_names=names, multi_label=multi_label).changed(first).changed(given).filled()


def pixels_of(args, files, taken: NetworkInput):
    """(Preset, what is said of it). Raises ValueError where an export takes frames of another size."""
    from paddle_tsm.data.presets import preset_of

    found = preset_of(taken)
    for path, file in zip(args.weights, files):
        if os.path.isdir(path) and file.pixels().test_size != found.test_size:
            raise ValueError(
                f"{path}: was exported for frames of {file.pixels().test_size}, got --size {taken.size} --crops {taken.crops}, "
                f"which make {found.test_size}; its own are --size {file.size} --crops {file.crops}"
            )
    found = replace(found, average=args.average) if args.average else found
    said = {name: getattr(taken, name) for name in ("sampling", "crops", "size", "preset")}
    return found, said | {"size": found.test_size, "average": found.average, "views": found.views,
                          "test_crops": found.crops_in_words}  # fmt: skip


def source_of(args, recorded: str | None = None):
    """Where the frames are: videos, or folders of frames. recorded: the data set that the network was trained on, or
    None.
    """
    from paddle_tsm.data.clip_reader import FrameSource
    from paddle_tsm.data.datasets import data_set
    from paddle_tsm.data.video_survey import VideoNotes

    if args.form == "video":
        if args.template is not None:
            raise ValueError("--template: got one for a list of videos, wanted --form frames or offset beside it")
        return FrameSource(notes=VideoNotes())
    named = args.data_set or recorded
    template = args.template or (data_set(named).template if named else None)
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
