"""The one exception of this package."""

from ..literal_text import literal

_LIMIT = 600


class CheckpointError(ValueError):
    """A checkpoint cannot be read or written.

    The message is always one printable line: what went wrong, what was found, what was wanted and what to do.
    Names inside a checkpoint are not ours, so control characters are escaped and an overlong message is cut.
    """

    def __init__(self, message):
        super().__init__(one_line(str(message)))


def one_line(text):
    """``text`` with every character escaped that a terminal obeys, about 600 characters long at most."""
    if len(text) > _LIMIT:
        text = text[: _LIMIT - 60] + " ... " + text[-50:]
    return literal(text)
