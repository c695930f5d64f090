"""The fixture `parity` and its option, in runs of pytest of their own; and that the plugin costs others nothing."""

import json
import os
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NETS = """
import numpy as np, paddle, torch

X = np.random.default_rng(0).standard_normal((3, 4))

def networks(slope=0.0):
    a = torch.nn.Sequential(torch.nn.Linear(4, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    b = paddle.nn.Sequential(paddle.nn.Linear(4, 4), paddle.nn.LeakyReLU(slope), paddle.nn.Linear(4, 2))
    return a, b
"""
TESTS = """
from own_models import X, networks

def test_equal(parity):
    report = parity(*networks(), X, steps=1)
    assert report.equal and report.alignment.lines() == {"0": "0", "2": "2"}
    assert parity(*networks(), X, steps=0, gradients=False).equal

def test_other_slope(parity):
    parity(*networks(0.1), X, steps=0)
    raise SystemExit("must not be reached")

def test_other_inputs(parity):
    parity(*networks(), X[:, :3], steps=0)
"""


def run(folder: Path, *options: str) -> subprocess.CompletedProcess:
    """pytest with the plugin, which this checkout's metadata may not announce, in a process of its own."""
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-p", "paddle_tsm_pytest", "-p", "no:cacheprovider", *options]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plugin")
    (folder / "own_models.py").write_text(NETS)
    (folder / "test_own.py").write_text(TESTS)
    # as strict as a project can be; what Paddle warns of while the project itself imports it is let through
    warnings = ["error", "ignore:No ccache found", "ignore::DeprecationWarning"]
    return folder, run(folder, *(f"-W{one}" for one in warnings), "--parity-report", "reports")


def test_the_port_that_is_right_passes(done):
    _, result = done
    assert "2 failed, 1 passed" in result.stdout, result.stdout + result.stderr


def test_a_failure_is_readable(done):
    """The verdict, the rows and the test's own line; nothing of our code."""
    folder, result = done
    part = result.stdout.partition("_ test_other_slope _")[2].partition("_ test_other_inputs _")[0]
    assert "parity: differs at output (float64)" in part and "first layer that differs: 1" in part
    assert "float64 layers: 1: beyond the limit" in part
    assert "parity(*networks(0.1), X, steps=0)" in part and "test_own.py:10" in part
    assert "paddle_tsm/parity/" not in part and "paddle_tsm_pytest/" not in part and len(part.splitlines()) < 35
    assert "must not be reached" not in result.stderr
    page = folder / "reports" / "test_own.py_test_other_slope" / "index.html"
    assert f"report: {page}" in part and page.is_file()


def test_what_cannot_be_compared_fails_in_one_line(done):
    folder, result = done
    part = result.stdout.partition("_ test_other_inputs _")[2].partition("short test summary")[0]
    assert "parity: inputs: the models do not both take them. PyTorch said:" in part
    content = json.loads((folder / "reports" / "test_own.py_test_other_inputs" / "parity.json").read_text())
    assert not content["equal"] and "do not both take them" in content["error"]


def test_every_comparison_has_its_folder(done):
    folder, _ = done
    names = ["test_equal", "test_equal-2", "test_other_inputs", "test_other_slope"]
    assert sorted(path.name for path in (folder / "reports").iterdir()) == [f"test_own.py_{name}" for name in names]
    content = json.loads((folder / "reports" / "test_own.py_test_equal" / "parity.json").read_text())
    assert content["equal"] and (folder / "reports" / "test_own.py_test_equal-2" / "index.html").is_file()


def test_other_tests_are_left_alone(tmp_path):
    """Where nobody uses the fixture, neither framework nor paddle_tsm is imported, and no variable is set."""
    (tmp_path / "test_other.py").write_text(
        "import os, sys\n\ndef test_nothing(pytestconfig):\n"
        "    assert not {'paddle', 'torch', 'numpy', 'paddle_tsm'} & set(sys.modules)\n"
        "    assert 'paddle_tsm_pytest' in sys.modules and not {'MKL_DEBUG_CPU_TYPE'} & set(os.environ)\n"
    )
    for options in ([], ["--parity-report", "reports"]):
        environment = {name: value for name, value in os.environ.items() if name != "MKL_DEBUG_CPU_TYPE"}
        environment |= {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        command = [sys.executable, "-m", "pytest", "-q", "-p", "paddle_tsm_pytest", "-p", "no:cacheprovider", *options]
        result = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
        assert result.returncode == 0, result.stdout + result.stderr
        assert not (tmp_path / "reports").exists()


def test_an_installation_announces_the_plugin():
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    assert config["options.entry_points"]["pytest11"].split() == ["paddle_tsm", "=", "paddle_tsm_pytest"]
