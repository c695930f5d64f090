"""`paddle-tsm parity --models`: the exit codes, the files, and one line for what is wrong with the caller's code."""

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from paddle_tsm.cli import main
from paddle_tsm.parity import Alignment

ROOT = Path(__file__).resolve().parent.parent
NETS = """
import numpy as np, paddle, torch

class TorchNet(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 4, 3, padding=1)
        self.bn = torch.nn.BatchNorm2d(4)
        self.head = torch.nn.Linear(4, 4)

    def forward(self, x):
        return self.head(torch.relu(self.bn(self.conv(x))).mean((2, 3)))

class PaddleNet(paddle.nn.Layer):
    def __init__(self, epsilon=1e-5):
        super().__init__()
        self.conv = paddle.nn.Conv2D(3, 4, 3, padding=1)
        self.bn = paddle.nn.BatchNorm2D(4, epsilon=epsilon)
        self.head = paddle.nn.Linear(4, 4)

    def forward(self, x):
        return self.head(paddle.nn.functional.relu(self.bn(self.conv(x))).mean([2, 3]))

class ReadsPixels(PaddleNet):
    def forward(self, x):
        return super().forward(x.no_such_attribute)

def wrong():
    return PaddleNet(1e-3)

def broken():
    return PaddleNet(no_such_argument=1)

def ends():
    raise SystemExit(3)

torch_net, array = TorchNet(), np.ones((2, 3, 8, 8), "float32")
def inputs(seed):
    return np.random.default_rng(seed).standard_normal((4, 3, 8, 8))
def no_seed():
    return array
def torch_loss(y):
    return (y * y).mean()
def paddle_loss(y):
    return (y * y).mean()
def other_loss(y):
    return (y * y).sum()
def halved(step):
    return 0.01 / 2**step
def failing_loss(y):
    return y.no_such_loss
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    folder = tmp_path_factory.mktemp("home")
    (folder / "own_nets.py").write_text(NETS)
    (folder / "own_package").mkdir()
    (folder / "own_package" / "__init__.py").write_text("")
    (folder / "own_package" / "nets.py").write_text("from own_nets import *\n\nclass Here:\n    Net = PaddleNet\n")
    (folder / "own_typo.py").write_text("import numpy\n\nx = undefined_name + 1\n")
    (folder / "own_syntax.py").write_text("def f(:\n")
    (folder / "own_needs.py").write_text("import no_such_package\n")
    (folder / "own_script.py").write_text("import sys\nprint('mine')\nsys.exit(4)\n")
    return folder


@pytest.fixture
def here(home, monkeypatch):
    monkeypatch.chdir(home)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return home


def compare(*more, models=("own_nets:TorchNet", "own_nets:PaddleNet"), inputs="own_nets:inputs"):
    return main(["parity", "--models", *models, *(["--inputs", inputs] if inputs else []), *more])


def test_equal_models_and_every_file(here, capsys):
    files = ["--json", "out.json", "--junit", "out.xml", "--report", "page", "--save-align", "align.json"]
    assert compare("--steps", "2", *files, "--seed", "3") == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "3 layers, worst:" in printed and "2 steps: loss" in printed and "report: page/index.html" in printed
    content = json.loads((here / "out.json").read_text())
    assert content["equal"] and content["error"] is None and content["causes"] == []
    assert content["alignment"]["layers"][0] == {"torch": "conv", "paddle": "conv", "how": "name"}
    layers = next(row for row in content["rows"] if row["name"] == "layers")
    assert layers["count"] == 3 and layers["passed"]
    suite = ElementTree.parse(here / "out.xml").getroot()
    assert suite.get("failures") == "0" and "layers" in [case.get("name") for case in suite.iter("testcase")]
    assert [one.get("name") for one in suite.iter("property")] == ["known", "known"], "the two of a BatchNorm"
    page = (here / "page" / "index.html").read_text()
    assert "own_nets:TorchNet in PyTorch, own_nets:PaddleNet in Paddle" in page and page.count("<img") == 4
    assert "<td class=''>head.weight</td><td class=''>head.weight</td><td class='number'>4x4</td>" in page
    assert "transposed, by" in page, "a square Linear, by its kind"
    assert (
        "<summary>Every layer in float64, in forward order</summary>" in page and "<td class=''>bn: input</td>" in page
    )
    found = Alignment.load("align.json")
    assert found.lines() == {"conv": "conv", "bn": "bn", "head": "head"}
    assert compare("--steps", "0", "--no-gradients", "--no-float32", "--align", "align.json") == 0
    printed = capsys.readouterr().out
    assert "In training" not in printed and "float64" in printed and "float32  output" not in printed


def test_models_that_differ(here, capsys):
    models = ("own_nets:torch_net", "own_nets:wrong")
    assert compare("--steps", "0", "--json", "out.json", models=models, inputs="own_nets:array") == 1
    assert "first layer that differs: bn" in " ".join(capsys.readouterr().out.split())
    assert json.loads((here / "out.json").read_text())["first_layer"] == "bn"


def test_nothing_but_the_result_is_printed(home):
    """In a process of its own: on stdout the report, on stderr nothing, such as Paddle's notes on its BatchNorm."""
    command = [sys.executable, "-m", "paddle_tsm", "parity", "--models", "own_nets:TorchNet", "own_nets:PaddleNet"]
    command += ["--inputs", "own_nets:inputs", "--steps", "1"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "") and "equal: largest" in done.stdout, done.stderr


def test_weights_as_they_are(here, capsys):
    assert compare("--steps", "0", "--no-gradients", "--weights", "as-they-are") == 1
    assert "layer that differs: conv" in " ".join(capsys.readouterr().out.split())


def test_known_differences_count_where_strict(here):
    assert compare("--steps", "1", "--no-gradients") == 0
    assert compare("--steps", "1", "--no-gradients", "--strict") == 1


def test_losses(here):
    assert compare("--steps", "1", "--losses", "own_nets:torch_loss", "own_nets:paddle_loss") == 0
    assert compare("--steps", "1", "--losses", "own_nets:torch_loss", "own_nets:other_loss") == 1


def test_how_the_steps_are_made(here, capsys):
    """The options reach the training: each of them has a row or a sentence of its own."""
    steps = ["--steps", "2", "--no-gradients", "--no-float32"]
    options = ["--optimizer", "adamw", "--lr", "0.01", "--schedule", "own_nets:halved", "--json", "steps.json"]
    assert compare(*steps, *options) == 0
    content = json.loads((here / "steps.json").read_text())
    rates = next(row for row in content["rows"] if row["name"] == "2 steps: learning rate")
    assert rates["max_abs"] == 0 and "AdamW" in content["notes"][0]
    capsys.readouterr()
    assert compare(*steps, "--clip", "0.001", "--dropout", "same-masks") == 0
    assert "with dropout off" not in " ".join(capsys.readouterr().out.split())
    assert "clip: got -1.0" in error(capsys, *steps, "--clip", "-1")


def test_lines_of_align(here, capsys):
    (here / "lines.json").write_text(json.dumps({"head": "head", "conv.weight": "conv.weight"}))
    assert compare("--steps", "0", "--no-gradients", "--align", "lines.json") == 0
    (here / "lines.json").write_text(json.dumps({"head": "no_such_layer"}))
    assert error(capsys, "--align", "lines.json").count("'no_such_layer' names no layer") == 1
    (here / "lines.json").write_text("[1, 2]")
    assert "lines.json: is no alignment" in error(capsys, "--align", "lines.json")
    (here / "lines.json").write_text("{")
    assert "--align lines.json: is not JSON" in error(capsys, "--align", "lines.json")


def error(capsys, *more, **named) -> str:
    """What the command says on stderr with exit code 2: one line, and the same in the JSON file."""
    capsys.readouterr()
    assert compare(*more, "--json", "error.json", **named) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "Traceback" not in said, said
    assert json.loads(Path("error.json").read_text())["error"] in said
    return said


@pytest.mark.parametrize(
    "torch_model, paddle_model, inputs, said",
    [
        ("own_nets", "own_nets:PaddleNet", "own_nets:inputs", "--models: got 'own_nets', wanted MODULE:NAME"),
        ("own_nets.py:TorchNet", "own_nets:PaddleNet", "own_nets:inputs", "--models: got 'own_nets.py:TorchNet'"),
        ("no_such:Net", "own_nets:PaddleNet", "own_nets:inputs", "--models no_such:Net: found no module 'no_such'"),
        ("own_nets.x:N", "own_nets:PaddleNet", "own_nets:inputs", "found no module 'own_nets.x', neither"),
        ("own_nets:TorchNot", "own_nets:PaddleNet", "own_nets:inputs", "has no 'TorchNot'; it has 'TorchNet'"),
        ("own_typo:Net", "own_nets:PaddleNet", "own_nets:inputs", "(own_typo.py, line 3)"),
        ("own_syntax:Net", "own_nets:PaddleNet", "own_nets:inputs", "(own_syntax.py, line 1)"),
        ("own_needs:Net", "own_nets:PaddleNet", "own_nets:inputs", "named 'no_such_package' (own_needs.py, line 1)"),
        ("own_script:Net", "own_nets:PaddleNet", "own_nets:inputs", "failed: SystemExit: 4 (own_script.py, line 3)"),
        (
            "own_nets:TorchNet",
            "own_nets:broken",
            "own_nets:inputs",
            "--models own_nets:broken: calling it failed: ",
        ),
        (
            "own_nets:TorchNet",
            "own_nets:ends",
            "own_nets:inputs",
            "failed: SystemExit: 3 (own_nets.py, line",
        ),
        ("own_nets:PaddleNet", "own_nets:TorchNet", "own_nets:inputs", "wanted a torch.nn.Module"),
        ("own_nets:array", "own_nets:PaddleNet", "own_nets:inputs", "torch_model: got a numpy.ndarray, wanted a torch"),
        ("own_nets:TorchNet", "own_nets:PaddleNet", "own_nets:no_seed", "--inputs own_nets:no_seed: calling it failed"),
        ("own_nets:TorchNet", "own_nets:ReadsPixels", "own_nets:inputs", "PyTorch ran them. Paddle said: Attribute"),
        ("own_nets:TorchNet", "own_nets:PaddleNet", None, "--models: got no --inputs"),
    ],
)
def test_what_is_wrong_is_named(here, capsys, torch_model, paddle_model, inputs, said):
    assert said in error(capsys, models=(torch_model, paddle_model), inputs=inputs)


def test_the_line_of_the_callers_file_is_named(here, capsys):
    line = NETS.splitlines().index("        return super().forward(x.no_such_attribute)") + 1
    said = error(capsys, models=("own_nets:TorchNet", "own_nets:ReadsPixels"))
    assert f"(own_nets.py, line {line})" in said
    said = error(capsys, "--losses", "own_nets:torch_loss", "own_nets:failing_loss")
    assert "--losses own_nets:failing_loss: calling it failed: AttributeError" in said


def test_a_name_inside_a_class_of_a_package(here):
    models = ("own_package.nets:TorchNet", "own_package.nets:Here.Net")
    assert compare("--steps", "0", "--no-gradients", models=models) == 0


@pytest.mark.parametrize(
    "more, said",
    [
        (["a.pth"], "--models: got a checkpoint beside it"),
        (["--size", "0"], "--models: got --size beside it"),
        (["--video", "a.mp4"], "--models: got --video beside it"),
        (["--shift-div", "4"], "--models: got --shift-div beside it"),
        (["--no-shift"], "--models: got --no-shift beside it"),
        (["--allow-nan"], "--models: got --allow-nan beside it"),
        (["--float32"], "--models: got --float32 beside it"),
        (["--curves", "a", "b"], "--models: got --curves beside it"),
        (["--gradients", "--no-gradients"], "--gradients: got --no-gradients beside it"),
        (["--steps", "201"], "201"),
        (["--steps", "0", "--lr", "0.1"], "--lr: got --steps 0"),
        (["--steps", "0", "--clip", "1"], "--clip: got --steps 0"),
        (["--schedule", "own_nets:no_such"], "--schedule own_nets:no_such: own_nets has no 'no_such'"),
        (["--lr", "nan"], "--lr: got nan"),
        (["--seed", "-1"], "--seed: got -1"),
        (["--save-align", "no_such_folder/a.json"], "--save-align no_such_folder/a.json: its folder is not there"),
        (["--align", "no_such.json"], "no_such.json"),
    ],
)
def test_options_that_do_not_fit(here, capsys, more, said):
    assert said in error(capsys, *more)


@pytest.mark.parametrize("option", ["--inputs x:y", "--strict", "--weights copy", "--align x", "--clip 0"])
def test_options_that_need_models(here, capsys, option):
    assert main(["parity", "a.pth", *option.split()]) == 2
    assert f"{option.split()[0]}: got no --models" in capsys.readouterr().err


def test_the_callers_files_are_kept(here, capsys):
    before = (here / "own_nets.py").read_text()
    assert compare("--json", "own_nets.py") == 2
    with pytest.raises(SystemExit):
        compare("--json", "own_nets.py", "--no-such-option")
    assert compare("--junit", "kept.json", "--save-align", "kept.json") == 2
    assert "which would be lost" in capsys.readouterr().err
    assert (here / "own_nets.py").read_text() == before


def test_inputs_of_the_seed(here):
    """The option reaches the function: two seeds, two inputs."""
    from paddle_tsm.parity.model_pair.import_path import imported_function

    inputs = imported_function("--inputs", "own_nets:inputs")
    assert np.array_equal(inputs(3), inputs(3)) and not np.array_equal(inputs(3), inputs(4))
