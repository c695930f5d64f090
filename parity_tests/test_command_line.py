"""The command line itself: `--version`, the form of every `--help`, and that parsed arguments stay in `commands/`."""

import argparse
import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import paddle_tsm
from paddle_tsm.cli import command_parser, main
from paddle_tsm.commands.network_options import add_network_options

PACKAGE = Path(paddle_tsm.__file__).parent
MAY_PARSE = {"cli.py"}  # beside commands/


def parsers() -> dict:
    """Command -> its parser, such as "prepare flow"; "" is the whole command line's."""

    def walk(name: str, parser: argparse.ArgumentParser):
        yield name, parser
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for word, inner in action.choices.items():
                    yield from walk(f"{name} {word}".strip(), inner)

    return dict(walk("", command_parser()))


def test_commands_of_commands_are_among_them():
    assert {"", "demo", "prepare", "prepare flow", "prepare ucf101", "prepare something"} <= parsers().keys()


def test_version(capsys):
    with pytest.raises(SystemExit) as done:
        main(["--version"])
    line = capsys.readouterr().out
    number = r"\d+\.\d+\S*"
    wanted = (
        rf"paddle-tsm {re.escape(paddle_tsm.__version__)}, PaddlePaddle {number}, PyTorch ({number}|not installed)\n"
    )
    assert done.value.code == 0 and re.fullmatch(wanted, line), line


def test_version_imports_no_framework():
    code = """
import sys
from paddle_tsm.cli import main
try:
    main(["--version"])
except SystemExit:
    assert not {"paddle", "torch"} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and "PyTorch" in done.stdout, done.stderr


@pytest.mark.parametrize("command", parsers())
def test_help_fits_80_columns_and_has_an_example(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    text = parsers()[command].format_help()
    assert [line for line in text.splitlines() if len(line) > 80] == []
    assert re.search(r"^examples?:\n  (paddle-tsm|python) ", text, re.MULTILINE)


def network_options() -> set[str]:
    """The options whose help is declared with the network's options, in `networks/`."""
    parser = argparse.ArgumentParser()
    add_network_options(parser)
    return {action.dest for action in parser._actions}


@pytest.mark.parametrize("command", parsers())
def test_help_is_in_whole_sentences(command):
    """Each begins with a capital letter, or with a value such as bfloat16, and ends with a full stop."""
    for action in parsers()[command]._actions:
        if action.dest in {"help", "command", *network_options()}:
            continue
        name = action.option_strings or action.dest
        assert action.help, f"{command} {name}: has no help"
        assert action.help[:1].isupper() or action.help.startswith(("bfloat16", "`")), (
            f"{command} {name}: {action.help}"
        )
        assert action.help.endswith("."), f"{command} {name}: {action.help}"
        if action.default not in (None, False, True, "", []) and action.default != "==SUPPRESS==":
            assert "efault" in action.help, f"{command} {name}: does not say its default, {action.default!r}"


def takes_parsed_arguments(tree: ast.Module) -> list[int]:
    """The lines of the functions that take an argparse.Namespace, by annotation or as a parameter called `args`, unless
    it is a tuple: PyTorch calls a function's arguments so.
    """
    found = []
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for parameter in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
                annotation = ast.unparse(parameter.annotation) if parameter.annotation else ""
                if (parameter.arg == "args" and annotation != "tuple") or "Namespace" in annotation:
                    found.append(node.lineno)
    return found


def test_parsed_arguments_stay_in_the_commands():
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if not name.startswith("commands/") and name not in MAY_PARSE:
            tree = ast.parse(path.read_text(encoding="utf-8"))
            assert takes_parsed_arguments(tree) == [], name
            imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
            assert not any("argparse" in ast.unparse(node) for node in imports), name


def test_parsed_arguments_are_seen():
    assert takes_parsed_arguments(ast.parse("def f(args): ...")) == [1]
    assert takes_parsed_arguments(ast.parse("def f(a: argparse.Namespace): ...")) == [1]
    assert takes_parsed_arguments(ast.parse("def f(args: tuple): ...")) == []
    assert takes_parsed_arguments(ast.parse("def f(arguments, *args): ...")) == []
