"""Text from outside (names of classes and files, lines of a list, keys of a checkpoint), printed literally.

Such text can do harm on its way to a terminal in two ways. The terminal obeys some characters: escape sequences set
colours and titles or move the cursor, and others turn the direction of writing. And rich reads markup and emoji codes.
`literal` writes the characters that a terminal obeys as escapes; `plain_console` and `as_text` keep rich from reading
anything.
"""

from __future__ import annotations

import re
import unicodedata

# Control characters, format characters (which include those that turn the direction), surrogates, and separators of
# lines and paragraphs. Private and unassigned characters stay: a terminal shows them as they are.
OBEYED = ("Cc", "Cf", "Cs", "Zl", "Zp")
JOINERS = "\u200c\u200d"  # format characters that stay: Persian, Hindi and emoji are written with them
LETTER = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
ASCII = re.compile("[ -~]*")


def literal(text: object) -> str:
    """`text` in one line, with every character that a terminal obeys written as \\n, \\x1b, \\u202e and the like.

    The result passes through a second time unchanged.

    >>> literal("a\\nb")
    'a\\\\nb'
    """
    text = str(text)
    return text if ASCII.fullmatch(text) else "".join(map(literal_character, text))


def literal_character(character: str) -> str:
    """The character itself or, where a terminal obeys it, its escape."""
    obeyed = unicodedata.category(character) in OBEYED and character not in JOINERS
    return escaped(character) if obeyed else character


def escaped(character: str) -> str:
    """The character as an escape of Python's string literals."""
    if character in LETTER:
        return LETTER[character]
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def as_text(text: object, style: str = ""):
    """A rich Text of `literal(text)`, for cells, titles and descriptions: rich reads markup in a plain str."""
    from rich.text import Text  # imported here, because most commands print no table

    return Text(literal(text), style)


def plain_console(stderr: bool = False):
    """A rich Console that prints text as it is: without markup, emoji codes or colours of its own."""
    from rich.console import Console

    return Console(stderr=stderr, markup=False, emoji=False, highlight=False)


def status(text: object):
    """rich's spinner on stderr with `text` beside it. Its `update(as_text(...))` changes the text."""
    return plain_console(stderr=True).status(as_text(text))
