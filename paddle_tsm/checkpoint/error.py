"""The exception that reading and writing checkpoints raises."""

from paddle_tsm.terminal.literal_text import escaped

_LIMIT = 600


class CheckpointError(ValueError):
    """A checkpoint cannot be read or written.

    The message is one printable line: what is wrong, what was found, what was wanted and what to do. It can quote
    names from inside the file, so control characters are escaped and a message that is too long is cut in its middle.
    """

    def __init__(self, message: object):
        super().__init__(one_line(str(message)))


def one_line(text: str) -> str:
    """`text` with every unprintable character escaped. Before that, all but its beginning and end is cut at 600
    characters.
    """
    if len(text) > _LIMIT:
        text = text[: _LIMIT - 60] + " ... " + text[-50:]
    return "".join(c if c.isprintable() else escaped(c) for c in text)
