"""Time and memory against a peer: python tools/benchmark.py convert | train | data | shift | infer

Every figure is a median over interleaved runs, each contender in a process of its own, with the same threads.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

# Each contender is a program; it gets the source and the destination, does its imports, and then runs `work`.
CONVERT = {
    "paddle-tsm convert": """
from paddle_tsm.conversion.convert import convert
def work(source, destination): convert(source, destination, verify=False)
""",
    "read once, write once (torch.load, torch.save)": """
import torch
def work(source, destination): torch.save(torch.load(source, weights_only=True), destination + ".pth")
""",
    "torch.load, safetensors": """
import torch
from safetensors.torch import save_file
def work(source, destination): save_file(torch.load(source, weights_only=True)["state_dict"], destination)
""",
}

# Peak memory is counted from after the imports, so that PyTorch's own size does not help or hurt anybody.
PROGRAM = """
import json, os, resource, sys, time
{contender}
def rss():
    with open("/proc/self/statm", encoding="utf-8") as file: return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
with open("/proc/self/clear_refs", "w", encoding="utf-8") as file: file.write("5")
before, start = rss(), time.perf_counter()
work(*sys.argv[1:])
seconds = time.perf_counter() - start
with open("/proc/self/status", encoding="utf-8") as file:
    peak = next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
print(json.dumps({{"seconds": seconds, "bytes": peak - before}}))
"""


def run(contender: str, source: str, destination: str) -> dict:
    """One run of a contender in a process of its own: {"seconds", "bytes"}."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(contender=contender), source, destination],
        capture_output=True,
        encoding="utf-8",
        check=True,
        cwd=Path(__file__).resolve().parent.parent,
    )
    return json.loads(done.stdout.splitlines()[-1])


def convert(runs: int) -> None:
    """Conversion of a ResNet-50-TSM checkpoint in mmaction2's layout, against reading and writing it once."""
    from paddle_tsm.demo.material import write_demo_checkpoint
    from paddle_tsm.networks.network import Network

    with tempfile.TemporaryDirectory() as folder:
        source, destination = f"{folder}/r50.pth", f"{folder}/out.safetensors"
        write_demo_checkpoint(source, Network("tsm_resnet50"))
        size = Path(source).stat().st_size
        results = {name: [] for name in CONVERT}
        for _ in range(runs + 1):
            for name, contender in CONVERT.items():
                results[name].append(run(contender, source, destination))
    print(f"{size / 1e6:.0f} MB checkpoint, {runs} interleaved runs after one to warm up, medians")
    ours = None
    for name, measured in results.items():
        seconds, peak = (statistics.median(m[key] for m in measured[1:]) for key in ("seconds", "bytes"))
        ours = ours or (seconds, peak)
        print(
            f"  {name:48} {seconds:6.3f} s  {peak / 1e6:6.0f} MB   ours / this: time {ours[0] / seconds:.2f}, memory {ours[1] / peak:.2f}"
        )


WITHOUT = "PADDLE_TSM_WITHOUT"
# what is printed: (contender of tools/training_step.py, variables set for it)
TRAIN = {
    "PyTorch (torch_ref)": ("torch", {}),
    "paddle_tsm": ("ours", {}),
    "without its threads": ("ours", {WITHOUT: "threads"}),
    "without its setting for MKL": ("ours", {WITHOUT: "mkl"}),
    "without its setting for malloc": ("ours", {WITHOUT: "malloc"}),
    "without its shift: slices and concatenation": ("shift-slices", {}),
    "without its shift: Paddle's operator": ("shift-operator", {}),
    "without its optimizer: Paddle's, and its clipping": ("optimizer-paddle", {}),
    "the same with paddle.nn.BatchNorm2D (biased)": ("batch-norm-paddle", {}),
    "plain Paddle as imported": ("plain", {WITHOUT: "threads,mkl,malloc"}),
}
OURS = "paddle_tsm"
REST = 0.25  # seconds between steps: a contender's threads spin for up to 0.2 s after its last one
RETRIES = 6
QUIET = 0.1  # processors that others may use during a step


def busy_seconds(process: int | None = None) -> float:
    """Processor time, in seconds, that a process has used since it started, or all processes since the machine did."""
    if process is None:
        user, nice, system, _, _, interrupts, soft = map(int, Path("/proc/stat").read_text("utf-8").split()[1:8])
        ticks = user + nice + system + interrupts + soft
    else:
        ticks = sum(map(int, Path(f"/proc/{process}/stat").read_text("utf-8").rsplit(")", 1)[1].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


class Contender:
    """A process that does one training step on request, on the first `threads` processors."""

    def __init__(self, name: str, extra: dict, checkpoint: str, threads: int):
        set_elsewhere = ("OMP_", "MKL_", "KMP_", "GOMP_", "MALLOC_", "GLIBC_TUNABLES", "FLAGS_", WITHOUT)
        environment = {key: value for key, value in os.environ.items() if not key.startswith(set_elsewhere)}
        chosen = sorted(os.sched_getaffinity(0))[:threads]
        program = str(Path(__file__).with_name("training_step.py"))
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", program, name, checkpoint],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env=environment | extra,
            preexec_fn=lambda: os.sched_setaffinity(0, chosen),
        )
        self.seconds, self.losses, self.disturbed = [], [], 0

    def step(self) -> None:
        """One step that counts: one during which others used the machine is done again, up to RETRIES times."""
        for _attempt in range(RETRIES + 1):
            before = busy_seconds(), busy_seconds(self.process.pid)
            answer = self.ask()
            others = busy_seconds() - before[0] - (busy_seconds(self.process.pid) - before[1])
            self.losses.append(answer["loss"])
            time.sleep(REST)
            if others <= QUIET * answer["seconds"]:
                break
        else:
            self.disturbed += 1
        self.seconds.append(answer["seconds"])

    def ask(self) -> dict:
        """What the process prints for one step. Raises RuntimeError, with its last words, where it has ended."""
        try:
            self.process.stdin.write("\n")
            self.process.stdin.flush()
            return json.loads(self.process.stdout.readline())
        except (BrokenPipeError, json.JSONDecodeError):
            raise RuntimeError(f"{self.process.args}: {self.process.stderr.read().strip().splitlines()[-1:]}") from None

    def close(self) -> int:
        """Its peak memory in bytes."""
        answer, _ = self.process.communicate()
        return json.loads(answer)["bytes"]


def train(runs: int, threads: int = 2) -> None:
    """One training step of ResNet-50-TSM, 8 frames of 224, a batch of one clip, float32: each contender takes a step in
    turn. The ratio to PyTorch is the median over the rounds of (its step / PyTorch's step in the same round)."""
    from paddle_tsm.demo.material import write_demo_checkpoint
    from paddle_tsm.networks.network import Network

    with tempfile.TemporaryDirectory() as folder:
        write_demo_checkpoint(f"{folder}/r50.pth", Network("tsm_resnet50"))
        contenders = {name: Contender(*what, f"{folder}/r50.pth", threads) for name, what in TRAIN.items()}
        for number in range(runs + 2):
            print(f"round {number + 1} of {runs + 2}", file=sys.stderr, flush=True)
            for contender in contenders.values():
                contender.step()
        peaks = {name: contender.close() for name, contender in contenders.items()}
    seconds = {name: contender.seconds[2:] for name, contender in contenders.items()}
    print(f"ResNet-50-TSM, 8 frames of 224, one clip, float32, {threads} threads; {runs} interleaved steps after two")
    print(f"  {'':50} {'median':>8} {'fastest':>8} {'slowest':>8} {'/ PyTorch':>10} {'/ ours':>7} {'peak':>8}  loss")
    for name, measured in seconds.items():
        print(
            f"  {name:50} {statistics.median(measured):6.3f} s {min(measured):6.3f} s {max(measured):6.3f} s "
            f"{ratio(measured, seconds['PyTorch (torch_ref)']):10.2f} {ratio(measured, seconds[OURS]):7.2f} "
            f"{peaks[name] / 1e6:5.0f} MB  {contenders[name].losses[0]:.6f}"
        )
    disturbed = sum(contender.disturbed for contender in contenders.values())
    print(f"  {disturbed} steps were disturbed by other processes even after {RETRIES} repetitions")
    unbiased, biased = list(TRAIN)[-3:-1]
    share = ratio(seconds[unbiased], seconds[biased]) - 1
    print(f"  the unbiased BatchNorm costs {100 * share:+.1f} % of the step against paddle.nn.BatchNorm2D")


def ratio(measured: list, against: list) -> float:
    """The median of the ratios, round by round."""
    return statistics.median(a / b for a, b in zip(measured, against))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("convert", "train", "data", "shift", "infer"))
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--videos", nargs="+", default=[], help="data: measure on these instead of on videos made here")
    parser.add_argument(
        "--only",
        default="",
        help='data, infer: only the kinds of video ("H.264 320") or contenders with this in the name',
    )
    parser.add_argument("--clips", type=int, default=10000, help="data: clips of the memory run, 0 for none")
    parser.add_argument("--out", default="", metavar="DIR", help="infer: write infer.json and infer.png there")
    args = parser.parse_args()
    if sys.platform != "linux":
        parser.error(f"got {sys.platform}, wanted Linux, whose /proc says how much time and memory a process took")
    if args.what == "data":
        from data_benchmark import data

        data(args.runs, args.videos, args.only, args.clips)
    elif args.what == "infer":
        from infer_benchmark import infer

        infer(args.runs, args.out, args.only)
    elif args.what == "shift":
        from shift_benchmark import shift

        shift(args.runs)
    elif args.what == "train":
        train(args.runs)
    else:
        convert(args.runs)


if __name__ == "__main__":
    main()
