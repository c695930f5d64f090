"""The one exception of this package."""

from paddle_tsm.terminal.literal_text import escaped

_LIMIT = 600


class CheckpointError(ValueError):
    """A checkpoint cannot be read or written.

    The message is always one printable line: what went wrong, what was found, what was wanted and what to do.
    Names inside a checkpoint are not ours, so control characters are escaped and an overlong message is cut.
    """

    def __init__(self, message):
        super().__init__(one_line(str(message)))


def one_line(text):
    """``text`` with every unprintable character escaped, at most 600 characters long before that."""
    if len(text) > _LIMIT:
        text = text[: _LIMIT - 60] + " ... " + text[-50:]
    return "".join(c if c.isprintable() else escaped(c) for c in text)
