"""Time and memory against a peer: python tools/benchmark.py convert | train | data | shift | infer

Every figure is a median over interleaved runs. Each contender runs in a process of its own (for shift, all run in one),
with the same threads.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("convert", "train", "data", "shift", "infer"))
    parser.add_argument("--runs", type=int, default=7, help="how many runs are counted (7)")
    parser.add_argument("--videos", nargs="+", default=[], help="data: measure on these instead of on videos made here")
    parser.add_argument(
        "--only",
        default="",
        help='data, infer: only the kinds of video ("H.264 320") or contenders with this in their names',
    )
    parser.add_argument("--clips", type=int, default=10000, help="data: clips of the memory run, 0 for none (10000)")
    parser.add_argument("--out", default="", metavar="DIR", help="infer: write infer.json and infer.png there")
    parser.add_argument(
        "--arch",
        default="",
        help="infer: this network with 8 and with 16 frames, beside TSM-ResNet-50 (TSM-ResNet-50 in more engines)",
    )
    parser.add_argument("--size", type=int, default=224, help="infer: height and width of the frames (224)")
    args = parser.parse_args()
    if sys.platform != "linux":
        parser.error(f"got {sys.platform}, wanted Linux, whose /proc says how much time and memory a process took")
    # each benchmark is imported by itself, because each needs other packages
    if args.what == "data":
        from data_benchmark import benchmark_data

        benchmark_data(args.runs, args.videos, args.only, args.clips)
    elif args.what == "infer":
        from infer_benchmark import benchmark_inference

        benchmark_inference(args.runs, args.out, args.only, args.arch, args.size)
    elif args.what == "shift":
        from shift_benchmark import benchmark_shift

        benchmark_shift(args.runs)
    elif args.what == "train":
        from train_benchmark import benchmark_training

        benchmark_training(args.runs)
    else:
        from convert_benchmark import benchmark_conversion

        benchmark_conversion(args.runs)


if __name__ == "__main__":
    main()
