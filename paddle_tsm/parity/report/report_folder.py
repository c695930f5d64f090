"""The folder of the report's page: the names in it, and how it is claimed before a comparison begins."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterable, Iterator

from paddle_tsm.files.kept_inputs import same_place
from paddle_tsm.files.made_folder import made_folder

PAGE = "index.html"
PLOTS = ("forward_error", "gradient_error", "losses", "loss_difference", "float32_gap")  # DIR/<name>.png
HEADING = "<h1>paddle-tsm parity</h1>"  # of every page that paddle-tsm writes, and known by it again

AnyPath = str | os.PathLike[str]


@contextlib.contextmanager
def claimed_folder(folder: AnyPath | None, kept: Iterable[AnyPath]) -> Iterator[None]:
    """While the block runs, the folder of the page is there, without an older page; folder None claims nothing.

    Where the block fails, the page and the folders that were made here are removed again. kept: files that must not be
    written over. Raises ValueError where the folder cannot be written to, and where it holds a page that paddle-tsm did
    not write.
    """
    if folder is None:
        yield
        return
    page = os.path.join(folder, PAGE)
    if any(same_place(page, path) for path in kept):
        raise ValueError(f"--report {folder}: its {PAGE} is another file of this command; name another folder")
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(made_folder(folder))
            with tempfile.TemporaryFile(dir=os.fspath(folder)):
                pass
        except OSError as error:
            raise ValueError(f"--report {folder}: cannot be written to: {error.strerror or error}") from error
        try:
            remove_page(folder)
            yield
        except BaseException:
            with contextlib.suppress(OSError, ValueError):
                remove_page(folder)
            raise


def remove_page(folder: AnyPath) -> None:
    """Remove an older page and its plots. Raises ValueError for a page that paddle-tsm did not write."""
    page = os.path.join(folder, PAGE)
    try:
        with open(page, "rb") as file:
            ours = HEADING.encode() in file.read()
    except FileNotFoundError:
        return
    except OSError as error:
        raise ValueError(f"--report {folder}: {PAGE} cannot be read: {error.strerror or error}") from error
    if not ours:
        raise ValueError(f"--report {folder}: holds an {PAGE} that is not a page of parity; name another folder")
    for name in (PAGE, *(f"{plot}.png" for plot in PLOTS)):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(folder, name))
