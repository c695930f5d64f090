"""`paddle-tsm convert` as a user types it, with its proof, from files that PyTorch, Paddle and safetensors wrote.

    python -m pytest parity_tests/test_convert_command.py -m slow

prints the whole table: every source layout in every file format to every target layout. The formats of the targets take
turns.
"""

import contextlib
import io

import numpy as np
import paddle
import pytest
import safetensors.numpy
import torch

import torch_ref
from paddle_tsm.cli import main
from paddle_tsm.layouts.registry import LAYOUTS
from parity_tests.recorded import recorded

# {depth}: 50 where PaddleVideo takes part, which has no smaller network, else 18
RECORDED = {
    "mmaction2": "mmaction2_r{depth}_t8",
    "mit": "mit_r{depth}_t8",
    "mit-online": "online_mv2_jester",
    "paddlevideo": "paddlevideo_tsm_r50_t8",
    "pptsm": "paddlevideo_pptsm_r50_t8",
}
# what can become what: the same network, which both systems run
VIDEO = ("canonical", "mmaction2", "mit", "paddlevideo")
IMAGES = ("canonical", "mmaction2", "mit", "torchvision", "paddle-vision")
POSSIBLE = {
    "canonical": VIDEO,
    "mmaction2": VIDEO,
    "mit": VIDEO,
    "paddlevideo": VIDEO,
    "mit-online": ("canonical", "mit-online"),
    "pptsm": ("canonical", "pptsm"),
    "torchvision": IMAGES,
    "paddle-vision": IMAGES,
    "mmpretrain": ("canonical", "mmaction2", "mmpretrain"),
}
SOURCE_FORMATS = ("pth", "legacy", "safetensors", "pdparams")
TARGET_FORMATS = ("pth", "safetensors", "pdparams")


def depth_of(layout: str, target: str) -> int:
    """The depth of the ResNet that goes from one to the other."""
    return 50 if {layout, target} & {"paddlevideo", "pptsm"} else 18


def upstream_tensors(layout: str, depth: int) -> dict[str, np.ndarray]:
    """The tensors of a checkpoint as the layout's own system has them: recorded keys, or a model's own state_dict."""
    if layout in RECORDED:
        return recorded(RECORDED[layout].format(depth=depth)).tensors()
    if layout == "mmpretrain":  # mmaction2's backbone is mmpretrain's, whose blocks it wraps as `net`; the head differs
        video = recorded("mmaction2_mobileone_s0_t8").tensors()
        return {name.replace(".net.", ".").replace("cls_head.fc_cls.", "head.fc."): a for name, a in video.items()}
    if layout == "paddle-vision":
        state = getattr(paddle.vision.models, f"resnet{depth}")(num_classes=5).state_dict()
    else:
        torch.manual_seed(0)
        state = torch_ref.create_model(f"tsm_resnet{depth}", num_classes=5).state_dict()
    return {name: np.array(value.numpy()) for name, value in state.items()}


def write_source(folder, layout: str, file_format: str, depth: int):
    """The checkpoint, written by the format's own library."""
    tensors = upstream_tensors(layout, depth)
    path = folder / f"source{depth}.{'pth' if file_format == 'legacy' else file_format}"
    if file_format == "safetensors":
        safetensors.numpy.save_file({name: np.array(a, order="C") for name, a in tensors.items()}, path)
    elif file_format == "pdparams":
        if layout in ("canonical", "torchvision"):  # the state_dict of a Paddle network, whose Linear is [in, out]
            tensors["fc.weight"] = tensors["fc.weight"].T
        paddle.save({name: paddle.to_tensor(array) for name, array in tensors.items()}, str(path))
    else:
        state = {name: torch.from_numpy(np.array(array)) for name, array in tensors.items()}
        tree = {"state_dict": state, "epoch": 50} if layout in ("mmaction2", "mit") else state
        torch.save(tree, path, _use_new_zipfile_serialization=file_format == "pth")
    return path


def converted(source, layout: str, target: str, file_format: str) -> str:
    """What the command did: "0", "2", or what is wrong with it. The written file is removed."""
    folder = source.parent / "out"
    folder.mkdir(exist_ok=True)
    out, error = io.StringIO(), io.StringIO()
    destination = folder / f"there.{file_format}"
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(error):
        code = main(["convert", str(source), str(destination), "--from", layout, "--to", target])
    written = sorted(path.name for path in folder.iterdir())
    for path in folder.iterdir():
        path.unlink()
    if code == 0 and (destination.name not in written or "both networks run" not in out.getvalue()):
        return f"0, but {written}, {out.getvalue()!r}: {error.getvalue()!r}"
    if code == 2:
        lines = error.getvalue().splitlines()
        if written or len(lines) != 1 or not lines[0].startswith(f"paddle-tsm convert: error: {source}: cannot become"):
            return f"2, but {written}, {error.getvalue()!r}"
    return str(code)


def wrong_cells(source, layout: str, cells: dict) -> list[str]:
    """A line for each cell, (target, format) -> what the command did, that is not what it must do."""
    wanted = {target: "0" if target in POSSIBLE[layout] else "2" for target, _ in cells}
    return [
        f"{source.name} of {layout} to {target} .{file_format}: {done}, wanted {wanted[target]}"
        for (target, file_format), done in cells.items()
        if done != wanted[target]
    ]


# one of each kind: from systems with step counters to those without, and back; every format of either side
QUICK = [
    ("mmaction2", "pth", "paddlevideo", TARGET_FORMATS),
    ("mit", "legacy", "paddlevideo", ("pdparams",)),
    ("canonical", "safetensors", "paddlevideo", ("pdparams",)),
    ("canonical", "pdparams", "paddlevideo", ("safetensors",)),
    ("canonical", "pth", "torchvision", ("pth",)),
    ("paddlevideo", "pdparams", "mmaction2", ("pth",)),
    ("pptsm", "pdparams", "pptsm", ("pth",)),
    ("mit-online", "pth", "canonical", ("safetensors",)),
    ("torchvision", "pth", "paddle-vision", TARGET_FORMATS),
    ("torchvision", "pdparams", "paddle-vision", ("pdparams",)),
    ("paddle-vision", "pdparams", "torchvision", ("pdparams", "pth")),
    ("mmpretrain", "pth", "mmaction2", ("pth",)),
]


@pytest.mark.parametrize("layout, file_format, target, formats", QUICK, ids=lambda v: v if isinstance(v, str) else "")
def test_converts_with_its_defaults(tmp_path, layout, file_format, target, formats):
    source = write_source(tmp_path, layout, file_format, depth_of(layout, target))
    cells = {(target, kind): converted(source, layout, target, kind) for kind in formats}
    assert wrong_cells(source, layout, cells) == []


@pytest.mark.slow
def test_every_layout_and_format_to_every_target(tmp_path, capsys):
    head = " ".join(f"{name:13s}" for name in LAYOUTS)
    show(capsys, f"from (down) to (across: {', '.join(TARGET_FORMATS)})", f"{'':26s}{head}")
    wrong, turn = [], 0
    for layout in LAYOUTS:
        for file_format in SOURCE_FORMATS:
            sources = {
                d: write_source(tmp_path, layout, file_format, d) for d in {depth_of(layout, t) for t in LAYOUTS}
            }
            cells = {}
            for target in LAYOUTS:
                turn += 1
                every = file_format == SOURCE_FORMATS[turn % 4]
                for kind in TARGET_FORMATS if every else TARGET_FORMATS[turn % 3 :][:1]:
                    cells[target, kind] = converted(sources[depth_of(layout, target)], layout, target, kind)
            wrong += wrong_cells(sources[depth_of(layout, "paddlevideo")], layout, cells)
            row = (" ".join(cells.get((target, kind), ".")[:1] for kind in TARGET_FORMATS) for target in LAYOUTS)
            show(capsys, f"{layout:14s}{file_format:12s}" + " ".join(f"{text:13s}" for text in row))
            for source in sources.values():
                source.unlink()
    assert wrong == []


def show(capsys, *lines: str) -> None:
    """Print at once, although the test is captured."""
    with capsys.disabled():
        print("", *lines, sep="\n", end="", flush=True)
