"""The form of every `--help`: wrapped to the terminal, with examples that can be copied into a shell."""

from __future__ import annotations

import argparse
import textwrap

EXAMPLE_WIDTH = 76  # columns of an example's line, without its indent and the backslash behind it
CONTINUATION = " \\\n      "  # between the lines of a long example


class HelpFormatter(argparse.HelpFormatter):
    """Wraps each paragraph by itself, keeps indented lines as they are, and never breaks a word at a hyphen."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return "\n\n".join(self._filled(paragraph, width, indent) for paragraph in text.split("\n\n"))

    def _filled(self, paragraph: str, width: int, indent: str) -> str:
        if "\n  " in paragraph:  # examples under their heading
            return textwrap.indent(paragraph, indent)
        return "\n".join(indent + line for line in self._split_lines(paragraph, width - len(indent)))

    def _split_lines(self, text: str, width: int) -> list[str]:
        return textwrap.wrap(" ".join(text.split()), width, break_on_hyphens=False, break_long_words=False)


def add_command(
    subparsers,
    name: str,
    help: str,
    usage: str,
    description: tuple[str, ...],
    example_lines: tuple[str, ...],
    of: str = "",
) -> argparse.ArgumentParser:
    """Add the sub-command `name`. help: its line in `paddle-tsm --help`. description: its paragraphs. of: the command
    whose sub-command it is, where it is not one of `paddle-tsm` itself.
    """
    return subparsers.add_parser(
        name,
        help=help,
        usage=" ".join(filter(None, ("paddle-tsm", of, name, usage, "[options]"))),
        description="\n\n".join(description),
        epilog=examples(*example_lines),
        formatter_class=HelpFormatter,
    )


def examples(*lines: str) -> str:
    """The examples under a heading. A long one is broken in front of an option and goes on behind a backslash."""
    heading = "examples:" if len(lines) > 1 else "example:"
    return "\n".join([heading, *(f"  {broken(line)}" for line in lines)])


def broken(line: str) -> str:
    """The command line, in several lines where it is too long for one."""
    words: list[str] = []
    for word in line.split(" "):
        if words and not word.startswith("-"):
            words[-1] += f" {word}"  # a value stays beside its option
        else:
            words.append(word)
    rows = [words[0]]
    for word in words[1:]:
        if len(rows[-1]) + 1 + len(word) > EXAMPLE_WIDTH - (4 if len(rows) > 1 else 0):
            rows.append(word)
        else:
            rows[-1] += f" {word}"
    return CONTINUATION.join(rows)
