"""mmaction2's own Runner trains by a plan, through the hook in docs/, and draws the curve that paddle-tsm draws."""

import importlib.util
import os
import re
import subprocess
import sys

import pytest

from paddle_tsm.cli import main
from paddle_tsm.data.motion_videos import CLASSES, write_motion_videos
from paddle_tsm.parity.curves.curve_comparison import compare_curves
from paddle_tsm.parity.curves.curve_file import read_curve
from parity_tests.small_training import ROOT

PYTHON = os.environ.get("MMACTION2_PYTHON") or (importlib.util.find_spec("mmaction") and sys.executable)
pytestmark = pytest.mark.skipif(
    not PYTHON,
    reason="mmaction2 is not installed here; set MMACTION2_PYTHON to a Python that has it (docs/guide_curves.md)",
)
SIZE, EPOCHS = 64, 3
LIMIT = 1e-10  # of a loss, relative, in float64
# its Something-Something configuration, cut down to videos of 64 pixels and a ResNet-18
CHANGES = f"""
train_pipeline = _base_.train_pipeline
train_pipeline[3]["scale"], train_pipeline[4]["input_size"] = (-1, {SIZE * 256 // 224}), {SIZE}
train_pipeline[5]["scale"] = ({SIZE}, {SIZE})
train_pipeline[6].pop("flip_label_map")
train_dataloader.update(dataset=dict(
    ann_file="data/train.txt", data_prefix=dict(video="data"), pipeline=train_pipeline))
model["backbone"].update(depth=18)
model.update(cls_head=dict(num_classes={len(CLASSES)}, in_channels=512))
train_cfg = dict(max_epochs={EPOCHS}, val_begin=99)
val_cfg = val_dataloader = val_evaluator = test_cfg = test_dataloader = test_evaluator = None
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, by_epoch=True, begin=0, end=2),
    dict(type="MultiStepLR", begin=0, end={EPOCHS}, by_epoch=True, milestones=[2], gamma=0.1),
]
optim_wrapper = dict(optimizer=dict(lr=2e-4))
work_dir = "work"
"""
TRAIN = """
import sys
from pathlib import Path
import mmaction
from mmaction.utils import register_all_modules
from mmengine.config import Config
from mmengine.runner import Runner
register_all_modules(init_default_scope=True)
config = "recognition/tsm/tsm_imagenet-pretrained-r50_8xb16-1x1x8-50e_sthv2-rgb.py"
base = Path(mmaction.__file__).parent / ".mim" / "configs" / config
Path("config.py").write_text(f"_base_ = [{str(base)!r}]\\n" + Path(sys.argv[1]).read_text())
Runner.from_cfg(Config.fromfile("config.py")).train()
"""


def documented_lines() -> str:
    """What the guide says to add to a configuration."""
    page = (ROOT / "docs" / "guide_curves.md").read_text()
    return re.search(r"```python\n(custom_imports.*?)```", page, re.DOTALL).group(1)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A training of paddle-tsm in float64, its plan, and its start for mmaction2."""
    folder = tmp_path_factory.mktemp("mmaction2")
    write_motion_videos(folder / "data", 6, 1, size=(96, 72), seed=5)
    words = ["train", folder / "data/train.txt", "--root", folder / "data", "--recipe", "mmaction2-sthv2"]
    words += ["--plan", folder / "plan.json", "--out", folder / "ours", "--set", "arch=tsm_resnet18", "data_set=none"]
    words += [f"size={SIZE}", "batch=8", f"epochs={EPOCHS}", "lr=2e-4", "warmup=2", "milestones=2", "dtype=float64"]
    assert main([str(word) for word in words]) == 0
    assert (
        main(["convert", str(folder / "ours/start.safetensors"), str(folder / "start.pth"), "--to", "mmaction2"]) == 0
    )
    return folder


def trained_by_mmaction2(folder, more: str = ""):
    """The curve of mmaction2's training, whose configuration ends with the lines `more`."""
    (folder / "changes.py").write_text(documented_lines() + CHANGES + more)
    environment = os.environ | {"PYTHONPATH": str(ROOT / "docs"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [PYTHON, "-c", TRAIN, "changes.py"], cwd=folder, env=environment, capture_output=True, text=True, timeout=1800
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return compare_curves(read_curve(folder / "ours"), read_curve(folder / "mmaction2.csv"))


def test_the_same_curve(folder):
    found = trained_by_mmaction2(folder)
    assert found.equal, found.parting
    assert len(found.differences["loss"]) == EPOCHS * 6
    assert found.differences["loss"].max() < LIMIT


def test_another_decay_is_found(folder):
    found = trained_by_mmaction2(folder, "optim_wrapper['optimizer'].update(weight_decay=0.0)\n")
    assert not found.equal and found.parting.row == 1
