"""Options that several commands have: each is worded in one place and means the same everywhere."""

from __future__ import annotations

import argparse
from collections.abc import Iterable

from paddle_tsm.data.presets import CLIPS, CROPS, SYSTEMS, offered_crops
from paddle_tsm.export.sidecar import PRECISIONS
from paddle_tsm.inference.opening import ENGINES
from paddle_tsm.layouts.registry import LAYOUTS
from paddle_tsm.sources.source_patience import Patience

# Options that say how frames become the network's input. Which of them a command has, it says itself.
PIXELS = ("preset", "sampling", "crops", "size")

# What runs clips, in the help of --weights
WEIGHTS = "A checkpoint of any layout and format, or a folder that `paddle-tsm train` or `paddle-tsm export` wrote"


def add_list_argument(parser: argparse.ArgumentParser, needed: bool = True) -> None:
    """Add LIST. needed: without it argparse refuses the command line."""
    parser.add_argument(
        "list",
        metavar="LIST",
        nargs=None if needed else "?",
        help="A file with one clip a line, as --form says; or a folder of classes, with CLASS/video.mp4.",
    )


def add_source_options(parser: argparse.ArgumentParser, camera: str = "") -> None:
    """Add VIDEO..., --list, --root and the group that says how long to wait. camera: what is said of cameras."""
    parser.add_argument(
        "video",
        metavar="VIDEO",
        nargs="*",
        help="A video file, a folder of videos, a pattern such as 'day/**/*.mp4', an address (http, https, rtsp), or - "
        f"for a video on standard input.{camera}",
    )
    parser.add_argument("--list", metavar="FILE", help="A file that names more videos, one a line.")
    parser.add_argument(
        "--root",
        default="",
        metavar="DIR",
        help="The folder that the paths of --list start from. Default: the current folder.",
    )
    usual = Patience()
    group = parser.add_argument_group("sources that falter")
    group.add_argument(
        "--timeout",
        type=float,
        default=usual.timeout,
        metavar="S",
        help="Seconds without anything after which a source is given up or, where it is an address, connected to "
        f"again. Default: {usual.timeout:g}.",
    )
    group.add_argument(
        "--tries",
        type=int,
        default=usual.tries,
        metavar="N",
        help=f"How often in a row an address is connected to again. Default: {usual.tries}.",
    )


def add_at_once_options(parser: argparse.ArgumentParser) -> None:
    """Add --at-once and --live: for commands that read sources as they come."""
    group = parser.add_argument_group("several sources, and live ones")
    group.add_argument(
        "--at-once",
        type=int,
        default=4,
        metavar="N",
        help="How many files are read at once. Everything else is read from the beginning. Default: 4.",
    )
    group.add_argument(
        "--live",
        action="store_true",
        help="Drop and count frames that come too fast for the network, as is always done with cameras and with "
        "addresses that have no end.",
    )


def at_least(args: argparse.Namespace, name: str, least: int) -> None:
    """Raise ValueError where the option is below `least`."""
    if getattr(args, name) < least:
        raise ValueError(f"--{name.replace('_', '-')}: got {getattr(args, name)}, wanted at least {least}")


def patience_of(args: argparse.Namespace) -> Patience:
    """How long the sources may keep silent. Raises ValueError for values out of range."""
    if not args.timeout > 0:
        raise ValueError(f"--timeout: got {args.timeout:g}, wanted more than 0 seconds")
    if args.tries < 0:
        raise ValueError(f"--tries: got {args.tries}, wanted 0 or more")
    return Patience(timeout=args.timeout, tries=args.tries)


def add_layout_option(parser: argparse.ArgumentParser, dest: str = "layout") -> None:
    """Add --from."""
    parser.add_argument(
        "--from",
        dest=dest,
        default="auto",
        metavar="L",
        choices=("auto", *LAYOUTS),
        help=f"The layout of the checkpoint: {', '.join(LAYOUTS)}. Default: auto, which reads it off the keys.",
    )


def add_network_key(parser: argparse.ArgumentParser, of: str) -> None:
    """Add --network. of: what the command calls the file."""
    parser.add_argument(
        "--network",
        metavar="KEY",
        help=f"Which network to take where {of} holds several, such as ema_state_dict. Default: the only one.",
    )


def add_key_options(parser: argparse.ArgumentParser) -> None:
    """Add --strip-prefix, --rename and --ignore."""
    group = parser.add_argument_group(
        "a fork's keys",
        "For a network that has other names, or layers of its own. A change that concerns no key is an error, and so "
        "is a tensor that is then missing or too many. P, OLD and NEW are whole segments between dots.",
    )
    group.add_argument("--strip-prefix", metavar="P", help="Remove P from the keys that begin with it, such as model.")
    group.add_argument(
        "--rename",
        metavar="OLD=NEW",
        type=old_and_new,
        action="append",
        default=[],
        help="Let keys that begin with OLD, behind P, begin with NEW. The longest OLD decides. Repeat it for others.",
    )
    group.add_argument(
        "--ignore",
        metavar="GLOB",
        action="append",
        default=[],
        help="Leave out the keys of the file that GLOB matches, such as 'attn.*'. Repeat it for others.",
    )


def old_and_new(text: str) -> tuple[str, str]:
    """(OLD, NEW) of OLD=NEW. Raises ArgumentTypeError for other text."""
    old, _, new = text.partition("=")
    if not old or not new:
        raise argparse.ArgumentTypeError(f"got {text!r}, wanted OLD=NEW, such as head.fc=fc")
    return old, new


def key_changes(args: argparse.Namespace) -> dict:
    """The changes to the keys that were given. Raises ValueError where one OLD gets two names."""
    names = dict(args.rename)
    for old, new in args.rename:
        if names[old] != new:
            raise ValueError(f"rename: {old} becomes both {new} and {names[old]}; wanted one of them")
    return {"strip_prefix": args.strip_prefix, "rename": names, "ignore": args.ignore}


def add_classes_option(parser, use: str = "") -> None:
    """Add --classes. use: what the names are for, where that is not plain."""
    parser.add_argument(
        "--classes",
        metavar="FILE",
        help=f"A file with the names of the classes, one a line{use}. Default: the names that the weights record.",
    )


def add_pixel_options(parser: argparse.ArgumentParser, names: Iterable[str] = PIXELS, checked: bool = True) -> None:
    """Add those of --preset, --sampling, --crops and --size that are among `names`.

    checked: argparse refuses an unknown name. Otherwise the command does so itself, in one line.
    """
    group = parser.add_argument_group(
        "how frames become input",
        "Without these options the network gets what its file records. A file that records nothing gets the preset of "
        "its layout, 224 pixels, one clip of frames over the whole video, and the centre crop.",
    )
    clips = ", ".join(f"{name} ({count})" for name, count in CLIPS.items())
    texts: dict[str, tuple[str, Iterable[str], str]] = {
        "preset": ("P", SYSTEMS, f"The system whose pixels to reproduce: {', '.join(SYSTEMS)}."),
        "sampling": ("S", CLIPS, f"How the frames are chosen, and how many clips of them are taken: {clips}."),
        "crops": ("C", CROPS, sentence(offered_crops())),
    }
    for name in (name for name in PIXELS if name in names):
        if name == "size":
            group.add_argument("--size", type=int, metavar="PIXELS", help="Height and width of the training crops.")
        else:
            metavar, known, text = texts[name]
            group.add_argument(f"--{name}", metavar=metavar, choices=tuple(known) if checked else None, help=text)


def sentence(text: str) -> str:
    """The text with a capital letter in front and a full stop behind."""
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith('.') else '.'}"


def add_frame_options(group) -> None:
    """Add --form, --root, --template and --first-frame: where the clips of a list are."""
    group.add_argument(
        "--form",
        default="video",
        metavar="F",
        help="What a line of the list holds. video: path, label. frames: path, number of frames, label. offset: path, "
        "offset, number of frames, label. Default: video.",
    )
    group.add_argument(
        "--root",
        default="",
        metavar="DIR",
        help="The folder that the paths of the list start from. Default: the current folder.",
    )
    group.add_argument(
        "--template",
        metavar="T",
        help="How the frames in a folder are named, such as img_{:05d}.jpg. Default: as the data set names them.",
    )
    group.add_argument(
        "--first-frame",
        type=int,
        default=1,
        metavar="N",
        help="The number of the first frame in a folder. Default: 1.",
    )


def add_engine_options(parser: argparse.ArgumentParser, precisions: tuple[str, ...] = PRECISIONS) -> None:
    """Add --engine, --precision (where there is a choice) and --threads."""
    group = parser.add_argument_group("what runs the network")
    group.add_argument(
        "--engine",
        choices=ENGINES,
        help="Another engine than dygraph exports a checkpoint first, which takes some seconds. Default: dygraph for a "
        "checkpoint in float32; for an exported folder, the engine that it was exported for.",
    )
    if len(precisions) > 1:
        group.add_argument(
            "--precision",
            default="float32",
            choices=precisions,
            help="bfloat16 needs Paddle Inference; int8 needs a folder that was exported so. Default: float32.",
        )
    group.add_argument(
        "--threads", type=int, metavar="N", help="Threads of a forward pass. Default: one for each processor."
    )
