"""`make demo` with each Python: what is installed, a PyTorch that is there, and none."""

import configparser
import importlib.util
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, metadata

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from paddle_tsm.cli import main
from paddle_tsm.demo.material import write_demo_checkpoint
from paddle_tsm.export import onnx_file
from paddle_tsm.networks.network import Network
from parity_tests.small_training import ROOT
from parity_tests.test_imports import run

PYTHONS = ("3.10", "3.11", "3.12", "3.13")


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("environment", ROOT / "tools" / "environment.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pins(python: str) -> list[Requirement]:
    """The lines of constraints.txt that hold for this Python."""
    lines = [line.partition("#")[0].strip() for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()]
    return [pin for pin in map(Requirement, filter(None, lines)) if holds(pin, python)]


def holds(requirement: Requirement, python: str) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"python_version": python})


def asked_for(extra: str, python: str) -> set[str]:
    """The names that setup.cfg's extra has for this Python."""
    parser = configparser.ConfigParser(comment_prefixes=("#",))
    parser.read(ROOT / "setup.cfg", "utf-8")
    lines = parser["options.extras_require"][extra].split("\n")
    return {Requirement(line).name for line in lines if line and holds(Requirement(line), python)}


@pytest.mark.parametrize("python", PYTHONS)
def test_a_pinned_release_runs_on_the_python(python):
    """Where the pinned release is the one installed here, it says itself on which Pythons it runs."""
    found, looked_at = pins(python), 0
    assert len({pin.name for pin in found}) == len(found)  # one release of each
    for pin in found:
        try:
            about = metadata(pin.name)
        except PackageNotFoundError:
            continue
        if pin.specifier.contains(about["Version"]):
            looked_at += 1
            assert SpecifierSet(about.get("Requires-Python") or "").contains(f"{python}.9"), (
                f"{pin} for Python {python}"
            )
    assert looked_at


def test_paddle2onnx_is_left_out_where_it_has_no_release():
    """The newest that Python 3.13 has is 0.9, which knows nothing of Paddle 3."""
    for extra in ("onnx", "dev"):
        assert "paddle2onnx" not in asked_for(extra, "3.13") and "paddle2onnx" in asked_for(extra, "3.12")
        assert {"onnx", "onnxruntime"} <= asked_for(extra, "3.13")


def test_export_to_onnx_without_paddle2onnx(monkeypatch, tmp_path, capsys):
    write_demo_checkpoint(tmp_path / "r18.pth", Network("tsm_resnet18", num_classes=4))
    monkeypatch.setattr(
        onnx_file, "find_spec", lambda name: None if name == "paddle2onnx" else importlib.util.find_spec(name)
    )
    monkeypatch.setattr(onnx_file, "NO_PADDLE2ONNX", (3, 0))
    capsys.readouterr()
    words = [
        "export",
        str(tmp_path / "r18.pth"),
        str(tmp_path / "exported"),
        "--size",
        "32",
        "--num-segments",
        "2",
        "--to",
    ]
    assert main([*words, "onnx"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and f"no release for Python 3.{sys.version_info[1]}" in error
    assert [path.name for path in tmp_path.iterdir()] == ["r18.pth"]
    assert main([*words, "paddle-inference"]) == 0  # as the message says


@pytest.mark.parametrize(
    "version, missing, said",
    [
        ((3, 9), [], "got Python 3.9, wanted 3.10 to 3.13"),
        ((3, 14), [], "got Python 3.14, wanted 3.10 to 3.13"),
        ((3, 12), ["ensurepip"], "apt install python3.12-venv"),
    ],
)
def test_what_a_python_lacks(tool, version, missing, said):
    assert said in tool.why_not(version, missing) and "\n" not in tool.why_not(version, missing)


@pytest.mark.parametrize("python", PYTHONS)
def test_pythons_that_will_do(tool, python):
    assert tool.why_not(tuple(map(int, python.split("."))), []) is None


def test_a_python_without_ensurepip(tool, monkeypatch, capsys):
    monkeypatch.setattr(tool.importlib.util, "find_spec", lambda name: None if name == "ensurepip" else object())
    monkeypatch.setattr(tool.subprocess, "call", lambda *_, **__: pytest.fail("nothing may be made"))
    assert tool.main([]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "ensurepip" in error


@pytest.mark.parametrize(
    "torch, is_there, first, last",
    [
        ("", False, "-c constraints.txt -e .[torch,dev]", "-c constraints.txt -e .[torch,dev]"),
        ("", True, "-c constraints.txt -e .[dev]", "-c constraints.txt -e .[dev]"),
        ("none", False, "-c constraints.txt -e .[dev]", "-c constraints.txt -e .[dev]"),
        ("torch==2.13.0 --index-url 'a b'", False, "torch==2.13.0 --index-url a b", "-c constraints.txt -e .[dev]"),
    ],
)
def test_what_pip_is_told(tool, torch, is_there, first, last):
    calls = [" ".join(call) for call in tool.installs(torch, is_there)]
    assert (calls[0], calls[-1]) == (first, last)


def test_a_torch_that_is_there_is_taken(tool, monkeypatch, tmp_path):
    """Also that of another environment, which an environment made with its Python does not see by itself."""
    torch = pytest.importorskip("torch")
    assert tool.torch_there() == torch.__version__
    monkeypatch.setattr(tool, "FOLDER", str(tmp_path))
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path)], check=True)
    code = [tool.python_of(str(tmp_path)), "-I", "-c", "import torch; print(torch.__version__)"]
    if sys.prefix != sys.base_prefix:
        assert subprocess.run(code, capture_output=True).returncode == 1
    tool.see_packages_of(sys.path)
    assert subprocess.run(code, capture_output=True, encoding="utf-8").stdout.strip() == torch.__version__


def test_an_old_torch_is_not_taken(tool, monkeypatch):
    import importlib.metadata

    monkeypatch.setattr(tool.importlib.util, "find_spec", lambda name: object())
    for version, taken in (("2.3.1", None), ("2.4.0+cpu", "2.4.0+cpu"), ("2.14.1", "2.14.1"), ("3.0.0a1", "3.0.0a1")):
        monkeypatch.setattr(importlib.metadata, "version", lambda name, version=version: version)
        assert tool.torch_there() == taken


def test_the_demo_without_torch(tmp_path):
    """PyTorch is asked for before anything is made, and the hint leads to a small download."""
    words = ["demo", "--arch", "tsm_resnet18", "--out", str(tmp_path / "demo")]
    started = f"""
from paddle_tsm.demo import material
def made(*arguments, **options):
    raise AssertionError("something is made")
material.write_demo_video = made
from paddle_tsm.cli import main
sys.exit(main({words!r}))
"""
    done = run(("torch", "torch_ref"), started)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and not (tmp_path / "demo").exists(), done.stderr
    assert re.search(r"pip install -c \S*constraints\.txt 'torch>=", done.stderr), done.stderr
    assert sys.platform != "linux" or "--index-url URL" in done.stderr
    assert "`paddle-tsm demo --without-torch`" in done.stderr
    done = run(
        ("torch", "torch_ref"), f"from paddle_tsm.cli import main; sys.exit(main({[*words, '--without-torch']!r}))"
    )
    assert done.returncode == 0, done.stderr
    assert "left out the comparison with PyTorch" in done.stdout and "differ by 0.0e+00" in done.stdout
