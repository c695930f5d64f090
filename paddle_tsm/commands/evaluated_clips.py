"""The clips that `paddle-tsm evaluate` measures: those of LIST, and beside them their optical flow."""

from __future__ import annotations

import argparse

from paddle_tsm.commands.messages import print_remarks
from paddle_tsm.data.listed_clips import frame_source, read_checked_list
from paddle_tsm.inference.evaluated_networks import EvaluatedNetwork
from paddle_tsm.inference.modalities import Modality, one_modality, rgb_and_flow
from paddle_tsm.lists.annotations import Entry
from paddle_tsm.lists.bad_clips import SkippedClips
from paddle_tsm.lists.frame_source import FrameSource
from paddle_tsm.lists.paired_lists import both_good, check_pairs


def chosen_modalities(args: argparse.Namespace, networks: list[EvaluatedNetwork], given: dict) -> list[Modality]:
    """That of all the networks or, with --rgb-and-flow, that of RGB frames and that of flow. Raises ValueError as they
    do, and for an option of the flow where there is none.
    """
    if args.rgb_and_flow:
        return list(rgb_and_flow(networks, given, args.average))
    for name in ("flow_root", "flow_template"):
        if getattr(args, name):
            raise ValueError(f"--{name.replace('_', '-')}: got no --rgb-and-flow, wanted the list of the flow")
    return [one_modality(networks, given, args.average)]


def sources_of(args: argparse.Namespace, modalities: list[Modality]) -> list[FrameSource]:
    """Where the frames of each modality are."""
    first, *flow = modalities
    named_by = args.data_set or first.taken.data_set
    sources = [frame_source(args.form, args.template, named_by, args.first_frame, first.preset.reader)]
    return sources + [frame_source("frames", args.flow_template, None, 1, one.preset.reader) for one in flow]


def read_clips(
    args: argparse.Namespace,
    modalities: list[Modality],
    sources: list[FrameSource],
    multi_label: bool,
    skipped: SkippedClips,
) -> list[list[Entry]]:
    """The clips of each modality that can be read; with both, those that can be read in both, in the same order.

    skipped: takes the others. Raises ValueError where two lists are not of the same clips, and as `read_checked_list`.
    """

    def read(number: int, depth: str, strict: bool, loud: bool = True):
        place = (args.list, args.form, args.root) if number == 0 else (args.rgb_and_flow, "frames", args.flow_root)
        path, form, root = place
        return read_checked_list(
            path,
            form,
            sources[number],
            root=root,
            num_classes=modalities[0].networks[0].found.network.num_classes,
            class_names=modalities[0].taken.class_names,
            multi_label=multi_label,
            depth=depth,
            skip_bad=args.skip_bad,
            strict=strict,
            remark=lambda text: print_remarks("evaluate", [text] if loud else []),
        )

    pairs = []
    if len(modalities) > 1:  # before the clips are looked at, which can take minutes
        (frames, _), (flow, _) = read(0, "none", False, loud=False), read(1, "none", False)
        remark = check_pairs(frames, flow)
        print_remarks("evaluate", [remark] if remark else [])
        pairs = list(zip(frames, flow))
    checked = [read(number, args.check, args.strict and number == 0) for number in range(len(modalities))]
    for _, bad in checked:
        for clip in bad:
            skipped.add(clip)
    if not pairs:
        return [checked[0][0]]
    lists = both_good(pairs, (checked[0][0], checked[1][0]))
    if not lists[0]:
        raise ValueError(f"{args.list}: none of the clips can be read with its flow; the first: {next(iter(skipped))}")
    return list(lists)
