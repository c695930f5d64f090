"""One contender of `tools/benchmark.py convert`: python tools/convert_contenders.py NAME SOURCE DESTINATION

It converts SOURCE, a checkpoint, to DESTINATION, and prints {"seconds", "bytes"} as JSON. Time and peak memory are
counted from after the imports, so that PyTorch's own size does not help or hurt anybody.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
Work = Callable[[str, str], object]  # (source, destination)


def paddle_tsm_convert() -> Work:
    """`paddle-tsm convert --no-verify`."""
    sys.path.insert(0, str(ROOT))
    from paddle_tsm.conversion.convert import convert

    return lambda source, destination: convert(source, destination, verify=False)


def torch_to_torch() -> Work:
    """Read once and write once, with PyTorch."""
    import torch

    return lambda source, destination: torch.save(torch.load(source, weights_only=True), destination + ".pth")


def torch_to_safetensors() -> Work:
    """Read with PyTorch, write with safetensors."""
    import torch
    from safetensors.torch import save_file

    return lambda source, destination: save_file(torch.load(source, weights_only=True)["state_dict"], destination)


# each does its imports and returns the work that is measured
CONTENDERS = {
    "paddle-tsm convert": paddle_tsm_convert,
    "read once, write once (torch.load, torch.save)": torch_to_torch,
    "torch.load, safetensors": torch_to_safetensors,
}


def resident_bytes() -> int:
    """Bytes of this process that are in memory now."""
    return int(Path("/proc/self/statm").read_text("utf-8").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    name, source, destination = sys.argv[1:]
    work = CONTENDERS[name]()
    Path("/proc/self/clear_refs").write_text("5", "utf-8")  # the peak is counted anew
    before, start = resident_bytes(), time.perf_counter()
    work(source, destination)
    seconds = time.perf_counter() - start
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    peak = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))
    print(json.dumps({"seconds": seconds, "bytes": peak - before}))


if __name__ == "__main__":
    main()
