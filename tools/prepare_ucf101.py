"""Write lists of UCF101 from its own split files.

example: python tools/prepare_ucf101.py ucfTrainTestlist lists --frames UCF101/jpg
"""

import argparse
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from paddle_tsm.data.split_files import ucf101_classes, ucf101_lines, write_list


def main(argv=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("splits", metavar="SPLITS", help="folder with classInd.txt, trainlist0N.txt and testlist0N.txt")
    parser.add_argument("out", metavar="OUT", help="folder for the lists")
    parser.add_argument("--frames", metavar="DIR", help="list frame folders below DIR, counted (video files)")
    parser.add_argument("--split", type=int, choices=(1, 2, 3), action="append", help="which of the splits (all)")
    args = parser.parse_args(argv)
    try:
        classes = ucf101_classes(os.path.join(args.splits, "classInd.txt"))
        os.makedirs(args.out, exist_ok=True)
        for split in args.split or (1, 2, 3):
            for theirs, ours in (("train", "train"), ("test", "val")):
                lines = ucf101_lines(os.path.join(args.splits, f"{theirs}list{split:02d}.txt"), classes, args.frames)
                path = os.path.join(args.out, f"ucf101_{ours}_split_{split}.txt")
                write_list(path, lines)
                print(f"{path}: {len(lines)} clips, {len(classes)} classes")
    except (ValueError, OSError) as error:
        print(f"prepare_ucf101: error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
