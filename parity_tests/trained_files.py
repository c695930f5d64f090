"""A network and all that it can become, evaluated without a flag about its input: what each of them says of each
clip.
"""

from __future__ import annotations

import csv
import json

from paddle_tsm.cli import main
from paddle_tsm.export.targets import FORMATS


def command(*words) -> int:
    return main([str(word) for word in words])


def evaluated(folder, weights, out) -> tuple[float, list[int]]:
    """(top-1 in percent, the predicted class of each clip) by `paddle-tsm evaluate` on the folder's val.txt."""
    assert (
        command("evaluate", folder / "val.txt", "--root", folder, "--weights", weights, "--out", out, "--check", "none")
        == 0
    )
    with open(out / "scores.csv", newline="") as file:
        predicted = [int(row["predicted"]) for row in csv.DictReader(file)]
    return 100 * json.loads((out / "metrics.json").read_text())["checkpoints"][0]["top1"], predicted


SUFFIXES = ("pth", "pdparams", "safetensors")


def become_all(weights, out, layouts, whole: bool) -> dict:
    """name -> path: the network in every one of `layouts`, each of them back again, and exported. whole: every layout
    in every file format, else in one, in turn.
    """
    found = {"as it was trained": weights}
    for number, layout in enumerate(layouts):
        for suffix in SUFFIXES if whole else (SUFFIXES[(number + 1) % 3],):
            there, back = (
                out / f"{layout}.{suffix}",
                out / f"{layout}-{suffix}-back.{('safetensors', 'pth', 'pdparams')[number % 3]}",
            )
            assert command("convert", weights, there, "--to", layout) == 0
            assert command("convert", there, back) == 0
            found[f"{layout} .{suffix}"], found[f"{layout} .{suffix} and back"] = there, back
    for to in FORMATS:
        assert command("export", weights, out / to, "--to", to) == 0
        found[f"exported for {to}"] = out / to
    if whole:
        assert command("export", found[f"{layouts[-1]} .pth"], out / "again", "--to", "onnx") == 0
        found[f"{layouts[-1]} .pth, exported for onnx"] = out / "again"
    return found


def predicted_class(video, weights, capsys) -> dict:
    """The first row of `paddle-tsm predict`: class, name, probability."""
    capsys.readouterr()
    assert command("predict", video, "--weights", weights, "--json") == 0
    return json.loads(capsys.readouterr().out)["top"][0]
