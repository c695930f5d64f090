"""Each package without the other's framework, proven in fresh interpreters."""

import re
import subprocess
import sys

import pytest

# a finder that refuses a framework, as if it were not installed
BLOCK = """
import sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {blocked!r}:
            raise ModuleNotFoundError("No module named " + name, name=name)
sys.meta_path.insert(0, Refuse())
"""


def run(blocked, code):
    return subprocess.run(
        [sys.executable, "-c", BLOCK.format(blocked=blocked) + code], capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("blocked, module", [(("torch",), "torch"), (("paddle",), "paddle")])
def test_the_block_blocks(blocked, module):
    assert run(blocked, f"import {module}").returncode != 0


def test_paddle_tsm_without_torch(r18_file, tmp_path):
    done = run(
        ("torch", "torch_ref"),
        f"""
import paddle_tsm, paddle
model = paddle_tsm.load_model({str(r18_file)!r}, num_segments=2)
assert model(paddle.zeros([2, 3, 32, 32])).shape == [1, 27]
from paddle_tsm.cli import main
assert main(["convert", {str(r18_file)!r}, {str(tmp_path / "out.pdparams")!r}]) == 0
assert main(["parity", {str(r18_file)!r}]) == 2
open({str(tmp_path / "own_layer.py")!r}, "w").write("import paddle; layer, x = paddle.nn.Linear(1, 1), [1.0]")
sys.path.insert(0, {str(tmp_path)!r})
assert main(["parity", "--models", "own_layer:layer", "own_layer:layer", "--inputs", "own_layer:x"]) == 2
assert "torch" not in sys.modules
""",
    )
    assert done.returncode == 0, done.stderr
    assert len(re.findall(r"parity needs PyTorch .*pip install -c \S*constraints.txt 'torch>=", done.stderr)) == 2


def test_training_without_torch():
    """A whole update, so that what is imported late is, too."""
    done = run(
        ("torch", "torch_ref"),
        """
import numpy as np
from paddle_tsm.training import loop
from paddle_tsm.processes.processes import Processes
from paddle_tsm.training.published_recipes import recipe
from paddle_tsm.training.session import Session
from paddle_tsm.training.weight_update import update_weights
session = Session(recipe("mit-kinetics400", arch="tsm_resnet18", num_classes=3, num_segments=2, size=32), "")
clip = np.zeros((2, 3, 32, 32), "float32")
assert update_weights(session, [(clip, (1,), (0, 0)), (clip, (2,), (0, 1))], Processes(), 0.1).clips == 2
assert "torch" not in sys.modules
""",
    )
    assert done.returncode == 0, done.stderr


def test_the_training_log_imports_no_torch(tmp_path):
    """tensorboardX would, where torch is installed; afterwards it can be imported as ever."""
    done = run(
        (),
        f"""
from paddle_tsm.training.log import open_board
board = open_board({str(tmp_path)!r}, 0)
assert board is None or board.add_scalar("a", 1.0, 0) is None
assert "torch" not in sys.modules
import torch
""",
    )
    assert done.returncode == 0, done.stderr


def test_torch_ref_without_paddle(r18_file):
    done = run(
        ("paddle",),
        f"""
import torch, torch_ref
model = torch_ref.load_model({str(r18_file)!r}, num_segments=2)
assert model(torch.zeros(2, 3, 32, 32)).shape == (1, 27)
assert torch_ref.create_model("tsm_resnet18")
assert "paddle" not in sys.modules
""",
    )
    assert done.returncode == 0, done.stderr


def test_torch_ref_leaves_the_process_alone(r18_file):
    """What is shared needs no Paddle, and none of the settings that Paddle gets is made: not in the environment, which
    torch's threads and child processes would inherit, and not in the allocator."""
    done = run(
        ("paddle",),
        f"""
import os
before = dict(os.environ)
import torch_ref
torch_ref.load_model({str(r18_file)!r}, num_segments=2)
from paddle_tsm import runtime
assert not runtime._states and dict(os.environ) == before
names = {{state.name for state in runtime.states()}}
assert names == {{"threads", "mkl", "malloc", "onednn"}}, "asked for, they are made"
""",
    )
    assert done.returncode == 0, done.stderr


def test_few_modules_import_torch():
    """They are called torch_*, as the sides of a comparison are; whoever wants them imports them by name."""
    done = run(
        (),
        """
import pkgutil, importlib, paddle_tsm
for module in pkgutil.walk_packages(paddle_tsm.__path__, "paddle_tsm."):
    if not module.name.rpartition(".")[2].startswith("torch_"):
        importlib.import_module(module.name)
assert "paddle" in sys.modules and "torch" not in sys.modules and "torch_ref" not in sys.modules
""",
    )
    assert done.returncode == 0, done.stderr


def test_convert_needs_no_framework(r18_file, tmp_path):
    done = run(
        ("paddle", "torch"),
        f"""
from paddle_tsm.cli import main
assert main(["convert", "--no-verify", {str(r18_file)!r}, {str(tmp_path / "out.safetensors")!r}]) == 0
assert main(["inspect", {str(r18_file)!r}]) == 0
assert main(["convert", "--matrix"]) == 0
""",
    )
    assert done.returncode == 0, done.stderr


def test_every_public_name_is_what_it_says():
    """A function or class where the name is not that of a room: a module of the same name must not hide it."""
    import paddle_tsm

    for name in set(paddle_tsm.__all__) - {"__version__", "optim", "parity"}:
        assert callable(getattr(paddle_tsm, name)), name
