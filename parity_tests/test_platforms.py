"""What holds on systems other than Linux, as far as Linux can stand in for them (`elsewhere.py`), and in any
encoding.
"""

import ast
import ctypes
import os
import subprocess
import sys
from pathlib import Path

import pytest

from paddle_tsm.cli import main
from paddle_tsm.demo.material import write_demo_checkpoint, write_demo_video
from paddle_tsm.networks.network import Network
from paddle_tsm.processes import processes
from parity_tests.small_training import ROOT, arguments, clips, environment  # noqa: F401  `clips` is a fixture

LEAVE = "from parity_tests.elsewhere import leave_linux; leave_linux(); from paddle_tsm.cli import main; "
SMALL = ["--size", "32", "--num-segments", "2"]


def run(code: str, *options: str, **variables: str):
    """Python code in a process of its own, which finds this checkout."""
    command = [sys.executable, *options, "-c", code]
    return subprocess.run(command, capture_output=True, env=environment() | variables, timeout=300)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("platforms")
    write_demo_checkpoint(folder / "r18.pth", Network("tsm_resnet18", num_classes=4))
    write_demo_video(str(folder / "clip.mp4"), frames=8, size=(64, 48))
    (folder / "names.txt").write_text("日本\nübung\nleft\nright\n", "utf-8")
    return folder


def commands(clips, out) -> list[list[str]]:  # noqa: F811
    """Every command that reads a list or writes a file; most twice, as the second run replaces what the first wrote."""
    weights, clip = str(out / "run" / "best.safetensors"), str(clips / "0.mp4")
    train = arguments(clips, out / "run", "--validation", str(clips / "val.txt"), epochs=1)
    resume = [*train[:-1], "--resume"] if train[-1] == "--resume" else [*train[:1], "--resume", *train[1:]]
    evaluate = [
        "evaluate",
        str(clips / "val.txt"),
        "--root",
        str(clips),
        "--weights",
        weights,
        "--out",
        str(out / "report"),
        *SMALL,
    ]
    convert = ["convert", weights, str(out / "converted.pth")]
    export = ["export", weights, str(out / "exported"), *SMALL]
    predict = ["predict", clip, "--weights", weights, "--size", "32", "--out", str(out / "labelled.mp4")]
    return [
        train,
        resume,
        evaluate,
        evaluate,
        convert,
        convert,
        ["inspect", weights],
        export,
        export,
        predict,
        predict,
        ["predict", clip, "--weights", str(out / "exported")],
        ["doctor", "--no-measure"],
    ]


def test_every_command_elsewhere(clips, tmp_path):  # noqa: F811
    """Without os.sched_getaffinity, /proc, prctl and other things of Linux, and where files in use cannot be
    replaced.
    """
    done = run(LEAVE + f"print([main(command) for command in {commands(clips, tmp_path)!r}])")
    codes = done.stdout.decode().splitlines()[-1:]
    assert codes == [str([0] * len(commands(clips, tmp_path)))], done.stderr.decode()[-2000:]


@pytest.mark.parametrize(
    "code, error",
    [
        ("import os; os.sched_getaffinity(0)", "AttributeError"),
        ("import resource", "ModuleNotFoundError"),
        ("import ctypes; ctypes.CDLL(None)", "TypeError"),
        ("open('/proc/cpuinfo')", "FileNotFoundError"),
        ("import os; file = open({0!r}, 'rb'); os.replace({0!r}, {0!r} + 'x')", "PermissionError"),
        (
            "import mmap, os; m = mmap.mmap(os.open({0!r}, 0), 0, access=mmap.ACCESS_READ); "
            "os.replace({0!r} + 'y', {0!r})",
            "PermissionError",
        ),
        ("import os, shutil; file = open({0!r}, 'rb'); shutil.rmtree(os.path.dirname({0!r}))", "PermissionError"),
    ],
)
def test_the_stand_in_is_not_linux(tmp_path, code, error):
    """What the test above would meet there does fail under `elsewhere.py`."""
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "filey").write_bytes(b"content")
    done = run(LEAVE + code.format(str(tmp_path / "file")))
    assert done.returncode == 1 and error in done.stderr.decode().splitlines()[-1]


def test_a_folder_is_called_one(folder):
    """Also where opening one is a lack of permission."""
    done = run(LEAVE + f"main(['inspect', {str(folder)!r}])")
    assert "is a directory; wanted a checkpoint file" in done.stderr.decode()


def test_a_video_that_fails_says_why(tmp_path):
    """Where an open file cannot be removed, its removal must not take the place of the error."""
    done = run(
        LEAVE
        + f"""
import numpy as np
from paddle_tsm.inference.labelled_video import labelled_video
with labelled_video({str(tmp_path / "out.mp4")!r}, 30.0) as write:
    write(np.zeros((64, 64, 3), "uint8"), [])
    raise ValueError("the network stopped")
"""
    )
    assert done.stderr.decode().splitlines()[-1] == "ValueError: the network stopped"
    assert list(tmp_path.iterdir()) == []


def test_processes_end_with_their_launcher_on_linux_only(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(
        ctypes, "CDLL", lambda name: (_ for _ in ()).throw(TypeError("LoadLibrary() argument 1 must be str"))
    )
    processes.end_with_parent()


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "utf-8"])
def test_any_name_in_any_encoding(folder, encoding):
    """Class names that the output's encoding lacks, under the C locale: escaped, and no error."""
    words = [
        "predict",
        str(folder / "clip.mp4"),
        "--weights",
        str(folder / "r18.pth"),
        "--classes",
        str(folder / "names.txt"),
    ]
    variables = {"PYTHONIOENCODING": encoding, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0"}
    done = run(
        f"from paddle_tsm.cli import main; raise SystemExit(main({[*words, '--size', '32']!r}))",
        "-X",
        "utf8=0",
        **variables,
    )
    assert done.returncode == 0, done.stderr.decode()
    printed = done.stdout.decode(encoding)
    assert ("日本" if encoding == "utf-8" else r"\u65e5\u672c") in printed
    assert (r"\xfcbung" if encoding == "ascii" else "übung") in printed and "u2588" not in printed


TEXT_CALLS = {"open", "read_text", "write_text", "fdopen"}


def unsaid_encodings(source: str) -> list[int]:
    """The lines that open a file or a process as text without saying in which encoding."""
    lines = []
    for call in (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)):
        name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
        own = isinstance(call.func, ast.Name) or name != "open"  # Image.open and av.open are no text
        given = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        values = [ast.unparse(argument) for argument in call.args]
        text = (
            name in TEXT_CALLS
            and own
            and "b" not in given.get("mode", values[1] if len(values) > 1 and name == "open" else "")
        )
        said = "encoding" in given or name == "read_text" and values or name == "write_text" and len(values) > 1
        if (text and not said) or (given.get("text") == "True" and not said):
            lines.append(call.lineno)
    return lines


@pytest.mark.parametrize(
    "source, found",
    [
        ("open(path)", [1]),
        ("open(path, 'rb')", []),
        ("open(path, 'a', newline='')", [1]),
        ("open(path, encoding='utf-8')", []),
        ("Path(p).read_text()", [1]),
        ("p.write_text(t, 'utf-8')", []),
        ("run(c, text=True)", [1]),
        ("Image.open(p)", []),
    ],
)
def test_unsaid_encodings(source, found):
    assert unsaid_encodings(source) == found


@pytest.mark.parametrize("package", ["paddle_tsm", "torch_ref", "tools"])
def test_text_files_say_their_encoding(package):
    """Python's default is the locale's: a code page on Windows, ASCII in the C locale."""
    found = {
        str(path.relative_to(ROOT)): unsaid_encodings(path.read_text("utf-8"))
        for path in Path(ROOT, package).rglob("*.py")
    }
    assert found and not {name: lines for name, lines in found.items() if lines}


def test_an_exports_folder_may_end_in_a_separator(folder, monkeypatch):
    monkeypatch.chdir(folder)
    for _ in range(2):
        assert main(["export", "r18.pth", f"exported{os.sep}", *SMALL]) == 0
    assert sorted(os.listdir("exported")) == ["model.json", "model.pdiparams", "tsm.json"]
    assert [name for name in os.listdir() if "exported" in name] == ["exported"]
