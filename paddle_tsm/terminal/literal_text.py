"""Text that is not ours (names of classes and files, lines of a list, keys of a checkpoint), shown literally.

Two things can happen to it on its way to a terminal: the terminal obeys what is in it (escape sequences, which colour,
set the title or move the cursor; characters that turn the direction of writing), and rich reads markup and emoji codes
in it. Here is the one answer to each: `literal` escapes what a terminal obeys, `plain_console` and `as_text` read
nothing.
"""

from __future__ import annotations

import re
import unicodedata

# control characters, format characters (the ones that turn the direction are among them), surrogates, line and
# paragraph separators; private and unassigned ones stay, as they only look strange
OBEYED = ("Cc", "Cf", "Cs", "Zl", "Zp")
JOINERS = "\u200c\u200d"  # of the category Cf, and part of how Persian, Hindi and emoji are written
LETTER = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
ASCII = re.compile("[ -~]*")


def literal(text) -> str:
    """One line that shows `text`: every character that a terminal obeys is written as \\n, \\x1b, \\u202e and the like.

    What it returns it leaves alone, so that text may pass through it twice.
    """
    text = str(text)
    return text if ASCII.fullmatch(text) else "".join(map(shown, text))


def shown(character: str) -> str:
    return character if unicodedata.category(character) not in OBEYED or character in JOINERS else escaped(character)


def escaped(character: str) -> str:
    """A character as Python writes it in a string."""
    code = ord(character)
    return LETTER.get(character) or (
        f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
    )


def as_text(text, style: str = ""):
    """A rich Text of `literal(text)`: for cells, titles and descriptions, in which rich would read markup."""
    from rich.text import Text

    return Text(literal(text), style)


def plain_console(stderr: bool = False):
    """The Console that every command prints with: text is text, without markup, emoji codes or colours of its own."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)


def status(text):
    """rich's spinner on stderr with `text` beside it; `.update(as_text(...))` changes that."""
    return plain_console(stderr=True).status(as_text(text))
