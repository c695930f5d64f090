"""Time and memory against a peer: python tools/benchmark.py convert

Every figure is a median over interleaved runs, each in a process of its own, with the same threads.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

# Each contender is a program; it gets the source and the destination, does its imports, and then runs `work`.
CONVERT = {
    "paddle-tsm convert": """
from paddle_tsm.convert import convert
def work(source, destination): convert(source, destination)
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
    with open("/proc/self/statm") as file: return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
with open("/proc/self/clear_refs", "w") as file: file.write("5")
before, start = rss(), time.perf_counter()
work(*sys.argv[1:])
seconds = time.perf_counter() - start
with open("/proc/self/status") as file:
    peak = next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmHWM"))
print(json.dumps({{"seconds": seconds, "bytes": peak - before}}))
"""


def run(contender: str, source: str, destination: str) -> dict:
    """One run of a contender in a process of its own: {"seconds", "bytes"}."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(contender=contender), source, destination], capture_output=True, text=True,
        check=True, cwd=Path(__file__).resolve().parent.parent,
    )
    return json.loads(done.stdout.splitlines()[-1])


def convert(runs: int) -> None:
    """Conversion of a ResNet-50-TSM checkpoint in mmaction2's layout, against reading and writing it once."""
    from paddle_tsm.demo import write_demo_checkpoint
    from paddle_tsm.network import Network

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
        print(f"  {name:48} {seconds:6.3f} s  {peak / 1e6:6.0f} MB   ours / this: time {ours[0] / seconds:.2f}, memory {ours[1] / peak:.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("convert",))
    parser.add_argument("--runs", type=int, default=7)
    args = parser.parse_args()
    globals()[args.what](args.runs)


if __name__ == "__main__":
    main()
