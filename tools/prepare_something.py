"""Write lists of Something-Something from its own split files.

example: python tools/prepare_something.py v2 labels lists --frames 20bn-something-something-v2-frames
"""

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from paddle_tsm.data import split_files


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("version", choices=("v1", "v2"))
    parser.add_argument("splits", metavar="SPLITS", help="folder with something-something-VERSION-*.csv or .json")
    parser.add_argument("out", metavar="OUT", help="folder for the lists")
    parser.add_argument("--frames", metavar="DIR", help="list frame folders below DIR, counted (video files)")
    parser.add_argument("--order", choices=split_files.ORDERS, help="whose order of the classes; needed for v1")
    args = parser.parse_args(argv)
    if (args.order is None) == (args.version == "v1"):
        parser.error("--order: v1 needs it (MIT sorts the classes, mmaction2 does not), v2 has one order only")
    ending = "csv" if args.version == "v1" else "json"
    stem = os.path.join(args.splits, f"something-something-{args.version}")
    try:
        if args.version == "v1":
            classes, read = (
                split_files.something_v1_classes(f"{stem}-labels.csv", args.order),
                split_files.something_v1_lines,
            )
        else:
            classes, read = split_files.something_v2_classes(f"{stem}-labels.json"), split_files.something_v2_lines
        os.makedirs(args.out, exist_ok=True)
        for theirs, ours in (("train", "train"), ("validation", "val")):
            lines = read(f"{stem}-{theirs}.{ending}", classes, args.frames)
            path = os.path.join(args.out, f"something_{args.version}_{ours}.txt")
            split_files.write_list(path, lines)
            print(f"{path}: {len(lines)} clips, {len(classes)} classes")
    except (ValueError, OSError) as error:
        print(f"prepare_something: error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
