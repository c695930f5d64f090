"""The pages: short enough, their links lead somewhere, and every command line in them parses."""

import re
import shlex
from pathlib import Path

import pytest

from paddle_tsm.cli import command_parser

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(p for p in (ROOT / "docs").rglob("*.md") if "_build" not in p.parts)])
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)|<([\w./-]+\.(?:json|png|md))>")
TOOL = re.compile(r"(?<![\w/])(?:tools|parity_tests)/\w+\.py")
COMMAND = re.compile(r"(?:^ {4}(?:\$ )?(?:\w+=\S+ )?|run: |`)paddle-tsm ([^`\n]*)", re.MULTILINE)
MODULE = re.compile(r"python -m (parity_tests\.\w+)")


def pages():
    return [pytest.param(path, id=path.relative_to(ROOT).as_posix()) for path in PAGES]


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def command_lines(text: str) -> list[str]:
    """What follows `paddle-tsm` on each command line; a line that ends in a backslash goes on."""
    found = [match.strip() for match in COMMAND.findall(re.sub(r"\\\n\s*", "", text))]
    return [re.split(r"\s{3,}#|\s#\s", line)[0] for line in found if line and not line.startswith("--version")]


def broken_links(path: Path, text: str) -> list[str]:
    targets = [a or b for a, b in LINK.findall(text)]
    return [t for t in targets if "://" not in t and not (path.parent / t).exists()]


def test_the_readme_is_short():
    assert len(text_of(ROOT / "README.md").splitlines()) <= 150


@pytest.mark.parametrize("path", pages())
def test_links_lead_somewhere(path):
    assert broken_links(path, text_of(path)) == []


@pytest.mark.parametrize("path", pages())
def test_tools_and_tests_that_are_named_exist(path):
    named = TOOL.findall(text_of(path)) + [m.replace(".", "/") + ".py" for m in MODULE.findall(text_of(path))]
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_every_command_line_parses():
    count = 0
    for path in PAGES:
        for line in command_lines(text_of(path)):
            words = shlex.split(line)
            if len(words) == 1 or words[0].endswith(":") or words[1:2] == ["|"]:
                continue  # the name of a command, or what one printed
            if any(word.isupper() and len(word) > 1 for word in words[-1:]):
                continue  # a form with a placeholder
            assert command_parser().parse_args(words).command == words[0], f"{path.name}: paddle-tsm {line}"
            count += 1
    assert count > 20, "or the search is at fault"


@pytest.mark.parametrize("path", pages())
def test_nothing_of_one_machine(path):
    text = text_of(path)
    assert re.findall(r"/(?:home|work|root|tmp)/\S*|\b\S*\.whl\.\S*|https?://(?!arxiv\.org)\S+", text) == []


def test_the_search_finds_what_is_wrong():
    assert broken_links(ROOT / "README.md", "[a](docs/no_such_page.md) [b](README.md#x)") == ["docs/no_such_page.md"]
    assert command_lines("    $ paddle-tsm parity a.pth \\\n        --steps 3\n") == ["parity a.pth --steps 3"]
    with pytest.raises(Exception, match="no-such-flag"):
        command_parser().parse_args(["parity", "a.pth", "--no-such-flag"])


def test_the_map_names_modules_that_exist():
    """docs/architecture.md, in lines of at most 120 characters: each module, by its path or by its name in a room."""
    text = text_of(ROOT / "docs" / "architecture.md")
    modules = set(re.findall(r"`([a-z_/]+\.py)`", text))
    package = ROOT / "paddle_tsm"
    there = {name for name in modules for pattern in (name, f"*/{name}") if list(package.glob(pattern))}
    there |= {name for name in modules if (ROOT / name).exists()}
    assert len(modules) > 30
    assert modules == there
    assert max(map(len, text.splitlines())) <= 120
