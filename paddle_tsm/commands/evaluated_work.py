"""What decides the scores of `paddle-tsm evaluate`, so that --resume goes on with the same evaluation only."""

from __future__ import annotations

import argparse
import hashlib
import os

from paddle_tsm.files.digest import sha256_of
from paddle_tsm.inference.evaluated_networks import EvaluatedNetwork
from paddle_tsm.inference.modalities import Modality
from paddle_tsm.lists.annotations import Entry


def about_evaluation(
    args: argparse.Namespace, networks: list[EvaluatedNetwork], modalities: list[Modality], lists: list[list[Entry]]
) -> dict:
    """By the name that a user knows, all that the scores depend on. lists: the clips of each modality."""
    return {
        "the clips of LIST": [digest_of_clips(entries) for entries in lists],
        "--weights": [digest_of_weights(one.path) for one in networks],
        "the network's options": [str(one.found.network) for one in networks],
        "--preset": [one.preset.name for one in modalities],
        "--sampling": [one.taken.sampling for one in modalities],
        "--crops": [one.taken.crops for one in modalities],
        "--size": [one.preset.test_size for one in modalities],
        "--average": [one.preset.average for one in modalities],
        "--template": [args.template, args.first_frame, args.flow_template],
        "--batch": args.batch,
        "--engine": args.engine,
        "--precision": args.precision,
    }


def digest_of_clips(entries: list[Entry]) -> str:
    """A text that differs where two lists differ in a clip or in the order."""
    return digest_of_text("\n".join(repr((e.path, e.labels, e.line, e.num_frames, e.offset)) for e in entries))


def digest_of_text(text: str) -> str:
    """The SHA-256 of a text, in which names of files can be."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def digest_of_weights(path: str) -> str:
    """That of a checkpoint, or of all files of an exported folder."""
    if not os.path.isdir(path):
        return sha256_of(path)
    return hashlib.sha256("\n".join(sha256_of(one.path) for one in sorted_files(path)).encode()).hexdigest()


def sorted_files(folder: str) -> list[os.DirEntry]:
    """The files of a folder, by name."""
    with os.scandir(folder) as found:
        return sorted((one for one in found if one.is_file()), key=lambda one: one.name)
