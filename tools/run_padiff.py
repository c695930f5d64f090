"""What PaDiff says of its own scenarios, as they are rebuilt in `parity_tests/padiff_scenarios.py`.

    pip install --no-deps --target DIR padiff
    PADIFF_FOLDER=DIR python tools/run_padiff.py

Prints a line for each scenario: PaDiff's answer (True is equal) and the right one. Its log files are not kept.
"""

from __future__ import annotations

import contextlib
import copy
import io
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import paddle
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from parity_tests.padiff_scenarios import SCENARIOS, Scenario

ATOL = 1e-4  # the limit that PaDiff's own tests give it


def answer(scenario: Scenario, auto_diff: Any) -> str:
    """What PaDiff says, or the error that it raises."""
    torch.manual_seed(0)
    paddle.seed(0)
    a, b = scenario.torch(), scenario.paddle()
    inputs = (
        {name: paddle.to_tensor(array) for name, array in scenario.inputs.items()},
        {name: torch.tensor(array) for name, array in scenario.inputs.items()},
    )
    given: dict[str, Any] = {"options": {"atol": ATOL}}
    if scenario.mapped:
        given["layer_map"] = {getattr(b, scenario.mapped): getattr(a, scenario.mapped)}
    if "loss" in scenario.options:
        given["loss_fn"] = list(reversed(scenario.options["loss"]))
    if "optimizer" in scenario.options:
        given["optimizer"] = [
            paddle.optimizer.Adam(parameters=b.parameters()),
            torch.optim.Adam(a.parameters()),
        ]
        given["steps"] = scenario.options["steps"]
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            return str(auto_diff(b, a, copy.copy(inputs), **given))
    except Exception as error:  # what PaDiff raises is what the table shows
        return f"{type(error).__name__}: {' '.join(str(error).split())[:90]}"


def main() -> int:
    """Run every scenario in a folder of its own."""
    folder = os.environ.get("PADIFF_FOLDER")
    if not folder:
        print("PADIFF_FOLDER: not set; wanted the folder that PaDiff was installed to")
        return 2
    os.environ["PADIFF_CUDA_MEMORY"] = "OFF"
    sys.path.insert(0, str(Path(folder).resolve()))
    with tempfile.TemporaryDirectory() as work:
        os.chdir(work)
        from padiff import auto_diff

        for name, scenario in SCENARIOS.items():
            print(f"{name:55s} PaDiff: {answer(scenario, auto_diff):8s} right: {scenario.equal}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
