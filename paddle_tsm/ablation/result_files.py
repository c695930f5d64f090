"""The files of a study: a table as CSV, everything as JSON, and a plot."""

from __future__ import annotations

import contextlib
import csv
import dataclasses
import io
import json
import os
from typing import Any

from paddle_tsm.ablation.latency import Setting
from paddle_tsm.ablation.plot import ablation_plot
from paddle_tsm.ablation.study import Findings, Settings
from paddle_tsm.drawing.figure import need_matplotlib
from paddle_tsm.files.atomic import atomic_file
from paddle_tsm.parity.report.report_environment import processor_name, version_of

TABLE, EVERYTHING, PLOT = "ablation.csv", "ablation.json", "ablation.png"


def row(found: Findings) -> dict[str, Any]:
    """A variant's line of the table. Accuracies and shares are fractions; latencies are milliseconds a clip."""
    accuracy = found.accuracy()
    line: dict[str, Any] = {
        "variant": found.variant.name,
        "shifted": str(found.variant.proportion),
        **{name: round(value, 5) for name, value in dataclasses.asdict(accuracy).items()},
        "seconds": round(sum(one.seconds for one in found.runs), 2),
        "processor_seconds": round(sum(one.processor_seconds for one in found.runs), 2),
    }
    if found.latency is not None:
        low, high = found.latency.spread()
        line |= {
            "milliseconds": round(found.latency.milliseconds(), 3),
            "share_of_shift": round(found.latency.share(), 4),
            "share_low": round(low, 4),
            "share_high": round(high, 4),
        }
    return line


def write_files(out: str, found: list[Findings], settings: Settings, timing: Setting | None) -> list[str]:
    """Write the study's files into the folder `out`; returns their names. There is a plot where matplotlib is
    installed. Raises OSError.
    """
    rows = [row(one) for one in found]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    content = {
        "settings": dataclasses.asdict(settings),
        "timing": None if timing is None else dataclasses.asdict(timing),
        "chance": 1 / len(settings.classes),
        "machine": {
            "processor": processor_name(),
            "threads": os.environ.get("OMP_NUM_THREADS"),
            "paddlepaddle": version_of("paddlepaddle"),
        },
        "variants": [
            line
            | {"options": one.variant.options, "runs": [dataclasses.asdict(run) for run in one.runs]}
            | ({} if one.latency is None else {"latency_seconds": dataclasses.asdict(one.latency)})
            for line, one in zip(rows, found)
        ],
    }
    files = {TABLE: text.getvalue().encode(), EVERYTHING: (json.dumps(content, indent=2) + "\n").encode()}
    with contextlib.suppress(ValueError):  # there is no matplotlib
        need_matplotlib()
        files[PLOT] = ablation_plot(found, 1 / len(settings.classes))
    for name, data in files.items():
        with atomic_file(os.path.join(out, name)) as file:
            file.write(data)
    return list(files)
