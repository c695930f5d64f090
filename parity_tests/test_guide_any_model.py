"""docs/guide_any_model.md does what it says: its files are written, its commands run, and its Python is executed."""

import contextlib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml

from paddle_tsm.cli import command_parser, main

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "docs" / "guide_any_model.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$|((?:^    [^\n]*\n|^\n(?=    ))+)", re.MULTILINE | re.DOTALL)
NUMBER = re.compile(r"\d(?:\.\d+)?e[+-]\d\d|(?<=by )0$")


def blocks() -> list[tuple[str, str]]:
    """(kind, text) of every block of the page, in order; an indented one is a "console"."""
    found = []
    for kind, text, indented in BLOCK.findall(TEXT):
        found.append((kind, text) if kind else ("console", re.sub(r"^    ", "", indented, flags=re.MULTILINE)))
    return found


def plain(text: str) -> list[str]:
    """The lines with every measured number as #, and rows of blanks and rules as one blank."""
    lines = [" ".join(re.sub(r"[─ ]+", " ", NUMBER.sub("#", line)).split()) for line in text.splitlines()]
    return [line for line in lines if line]


def shown_in_order(wanted: str, printed: str) -> str:
    """The first line that the page shows and the command does not print behind those in front; "" where all are."""
    lines = plain(printed)
    for line in plain(wanted):
        if line == "...":
            continue
        if line not in lines:
            return line
        lines = lines[lines.index(line) + 1 :]
    return ""


def commands(text: str) -> list[tuple[str, str]]:
    """(command line, what is shown of its output) of a console block."""
    parts = re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]
    return [(part.partition("\n")[0], part.partition("\n")[2]) for part in parts]


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A folder of its own, from which the modules of the page are imported, and where nothing stays behind."""
    folder, path, before = tmp_path_factory.mktemp("guide"), list(sys.path), Path.cwd()
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    yield folder
    os.chdir(before)
    sys.path[:] = path
    sys.modules.pop("mine", None)


def follow(here, capsys, kind: str, text: str, code: int) -> int:
    """Do what a block of the page says. Returns the exit code of the last command."""
    torch.manual_seed(0)  # the page's models draw their weights
    named = re.match(r"# (\w+\.py)\n", text)
    if kind == "python" and named:
        (here / named[1]).write_text(text)
    elif kind == "python":
        exec(compile(text, "docs/guide_any_model.md", "exec"), {})
    elif kind == "diff":
        old, new = (next(line[1:] for line in text.splitlines() if line[0] == sign) for sign in "-+")
        source = (here / "mine.py").read_text()
        assert source.count(old) == 1
        (here / "mine.py").write_text(source.replace(old, new))
        sys.modules.pop("mine", None)
    for line, shown in commands(text) if kind == "console" else ():
        if line == "echo $?":
            assert shown.split() == [str(code)]
            continue
        words = shlex.split(line)
        assert words.pop(0) == "paddle-tsm"
        code = main(words)
        said = capsys.readouterr()
        assert shown_in_order(shown, said.out + said.err) == "", said.out + said.err
    return code


def test_the_page_from_its_beginning_to_its_end(here, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    code, done = 0, []
    with contextlib.redirect_stderr(sys.stderr):
        for kind, text in blocks():
            code = follow(here, capsys, kind, text, code)
            done.append(kind)
    assert done.count("console") >= 4 and done.count("python") >= 5 and done.count("diff") == 1
    assert {path.name for path in here.iterdir()} >= {"mine.py", "test_port.py", "mine.json", "report", "parity.xml"}


def test_the_guard_of_the_page(here):
    """The page's own test passes with the port as it was mended, and fails with the fault, which it names."""
    line = next(line for line in TEXT.splitlines() if line.startswith("    pytest "))
    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", *line.split(), "-p", "paddle_tsm_pytest", "-p", "no:cacheprovider"]
    source = (here / "mine.py").read_text()
    (here / "faulty.py").write_text(source.replace("momentum=0.9", "momentum=0.1"))
    test = (here / "test_port.py").read_text()
    (here / "test_fault.py").write_text(test.replace("from mine", "from faulty"))
    done = subprocess.run(
        [*command, "test_fault.py"], cwd=here, env=environment, capture_output=True, text=True, timeout=300
    )
    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert "differs at running stats (float64): bn.running_mean" in done.stdout
    assert (here / "parity-report" / "test_fault.py_test_the_port" / "index.html").is_file()


def test_the_comparison_with_the_page_can_fail():
    assert shown_in_order("a  1.0e-16  equal\n...\nb", "x\na  2.3e-14  equal\ny\nb") == ""
    assert shown_in_order("a  1.0e-16  equal", "a  1.0e-16  differs") == "a # equal"
    assert shown_in_order("b\na", "a\nb") == "a"
    assert [kind for kind, _ in blocks()].count("diff") == 1


def test_the_workflow_is_one(tmp_path):
    """docs/parity_workflow.yml: its keys, its steps, and the shell and options of what it runs."""
    workflow = yaml.safe_load((ROOT / "docs" / "parity_workflow.yml").read_text(encoding="utf-8"))
    assert set(workflow) == {"name", True, "env", "jobs"}, "YAML reads the key `on` as true"
    (job,) = workflow["jobs"].values()
    assert set(job) == {"runs-on", "timeout-minutes", "steps"}
    assert all(("uses" in step) != ("run" in step) for step in job["steps"])
    assert all(re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"]) for step in job["steps"] if "uses" in step)
    shell = "\n".join(step["run"] for step in job["steps"] if "run" in step)
    assert set(re.findall(r"\$\{?(\w+)", shell)) == set(workflow["env"]), "every variable is set, and used"
    checked = subprocess.run(["bash", "-n"], input=shell, text=True, capture_output=True)
    assert checked.returncode == 0, checked.stderr
    from paddle_tsm_pytest import OPTION

    folder = re.search(rf"{OPTION} (\S+)", shell)[1]
    keep = next(step for step in job["steps"] if "upload-artifact" in step.get("uses", ""))
    assert keep["with"]["path"] == folder and keep["if"] == "always()"
    extras = re.search(r"\[([\w,]+)\]", shell)[1].split(",")
    setup = (ROOT / "setup.cfg").read_text(encoding="utf-8")
    assert all(re.search(rf"^{extra} =$", setup, re.MULTILINE) for extra in extras)


def test_an_install_line_without_an_index_stays_one_command(tmp_path):
    """The words that pip gets where TORCH_INDEX is empty, and where it is set."""
    line = next(
        one for one in (ROOT / "docs" / "parity_workflow.yml").read_text().splitlines() if "TORCH_INDEX:+" in one
    )
    for index, words in (("", ["torch"]), ("URL", ["torch", "--index-url", "URL"])):
        code = 'python() { printf "%s\\n" "$@"; }\n' + line.strip()
        done = subprocess.run(
            ["bash", "-c", code], env={"TORCH_INDEX": index, "PADDLE_TSM": "x y"}, text=True, capture_output=True
        )
        assert done.stdout.splitlines() == ["-m", "pip", "install", "-c", "x y/constraints.txt", *words]


def test_the_readme_shows_an_option_that_there_is():
    line = next(line for line in (ROOT / "README.md").read_text().splitlines() if "parity --models" in line)
    assert command_parser().parse_args(shlex.split(line)[1:]).models == ["mine:torch_model", "mine:paddle_model"]
