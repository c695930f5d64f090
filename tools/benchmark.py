"""Time and memory against a peer, for example: python tools/benchmark.py infer --runs 9 --out results

Every figure is a median over interleaved runs. Each contender runs in a process of its own (for shift, all run in one),
with the same threads. Where other programs used the machine meanwhile, even after several repetitions, the table says
"disturbed" in the place of a ratio: run it again on a machine that does nothing else.
"""

import argparse
import importlib
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def count(text: str) -> int:
    """A number of runs. Raises argparse.ArgumentTypeError where it is none."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"got {text}, wanted a whole number, 1 or more")
    return int(text)


def folder(text: str) -> Path:
    """A folder that can be written, made where there is none. Raises argparse.ArgumentTypeError where it cannot be."""
    try:
        Path(text).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"got {text}, wanted a folder: {error.strerror}") from None
    if not os.access(text, os.W_OK):
        raise argparse.ArgumentTypeError(f"got {text}, wanted a folder that can be written")
    return Path(text)


@dataclass(frozen=True)
class Benchmark:
    """One benchmark. function: "module:function" of tools/, imported when it is asked for, because each benchmark needs
    other packages. help: a sentence. options: option -> arguments of `add_argument`; the function has a parameter for
    each of them, and `runs`.
    """

    function: str
    help: str
    options: dict[str, dict[str, Any]] = field(default_factory=dict)


OUT = {"type": folder, "metavar": "DIR"}
BENCHMARKS = {
    "convert": Benchmark("convert_benchmark:benchmark_conversion", "Convert a checkpoint."),
    "train": Benchmark(
        "train_benchmark:benchmark_training",
        "Train a ResNet-50-TSM for one step.",
        {
            "--batch": {"type": count, "default": 1, "help": "clips of a step (1)"},
            "--only": {"default": "", "help": "PyTorch, ours, and what has this regular expression in its name"},
        },
    ),
    "data": Benchmark(
        "data_benchmark:benchmark_data",
        "Read clips from video files.",
        {
            "--videos": {"nargs": "+", "default": [], "help": "measure on these instead of on videos made here"},
            "--only": {"default": "", "help": 'only the kinds of video with this in their names ("H.264 320")'},
            "--clips": {"type": int, "default": 10000, "help": "clips of the memory run, 0 for none (10000)"},
        },
    ),
    "shift": Benchmark("shift_benchmark:benchmark_shift", "Shift a tensor, forward and backward."),
    "infer": Benchmark(
        "infer_benchmark:benchmark_inference",
        "Run one clip through a network in every engine.",
        {
            "--only": {"default": "", "help": "only the contenders with this regular expression in their names"},
            "--arch": {
                "default": "",
                "help": "this network with 8 and with 16 frames, beside TSM-ResNet-50 (TSM-ResNet-50 in more engines)",
            },
            "--size": {"type": int, "default": 224, "help": "height and width of the frames (224)"},
            "--cold": {"action": "store_true", "help": "empty the processors' caches before each clip"},
            "--out": {**OUT, "help": "write infer.json and infer.png there"},
        },
    ),
    "stream": Benchmark(
        "stream_benchmark:benchmark_streams",
        "Run a causal network a frame at a time in every engine, for 1 and for 8 streams at once.",
        {
            "--arch": {"default": "", "help": "this network alone (ResNet-50 and MobileNetV2)"},
            "--only": {"default": "", "help": "only the contenders with this regular expression in their names"},
            "--size": {"type": int, "default": 224, "help": "height and width of the frames (224)"},
            "--frames": {"type": int, "default": 10000, "help": "frames of the memory run, 0 for none (10000)"},
            "--out": {**OUT, "help": "write stream.json there"},
        },
    ),
    "work": Benchmark(
        "work_benchmark:benchmark_work",
        "Train, evaluate and predict from video files, the network and all that it waits for.",
        {
            "--videos": {"nargs": "+", "default": [], "help": "measure on these instead of on videos made here"},
            "--only": {"default": "", "help": "only the contenders with this regular expression in their names"},
            "--batch": {"type": count, "default": 2, "help": "clips of a forward pass or an update (2)"},
        },
    ),
    "growth": Benchmark(
        "growth_benchmark:benchmark_growth",
        "Measure how time and memory grow with frames, batch, resolution and the length of a list.",
        {
            "--only": {"default": "", "help": "only the curves with this regular expression in their names"},
            "--arch": {"default": "tsm_resnet18", "help": "the network (tsm_resnet18)"},
            "--out": {**OUT, "help": "write growth.json and growth.png there; curves that are not made now are kept"},
        },
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    subparsers = parser.add_subparsers(dest="what", required=True, metavar="|".join(BENCHMARKS))
    for name, benchmark in BENCHMARKS.items():
        options = subparsers.add_parser(name, help=benchmark.help, description=benchmark.help)
        options.add_argument("--runs", type=count, default=9, help="how many runs are counted (9)")
        for option, arguments in benchmark.options.items():
            options.add_argument(option, **arguments)
    given = vars(parser.parse_args())
    if sys.platform != "linux":
        parser.error(f"got {sys.platform}, wanted Linux, whose /proc says how much time and memory a process took")
    module, function = BENCHMARKS[given.pop("what")].function.split(":")
    try:
        getattr(importlib.import_module(module), function)(**given)
    except KeyboardInterrupt:
        parser.exit(130, f"{parser.prog}: stopped\n")


if __name__ == "__main__":
    main()
