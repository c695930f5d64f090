"""A file as read-only memory: arrays cut from it cost address space, not memory."""

import mmap
import os
import stat

from paddle_tsm.checkpoint.error import CheckpointError
from paddle_tsm.checkpoint.sharded import folder_note


class MappedFile:
    """``path`` (str), ``view`` (read-only memoryview of bytes) and ``size``.

    The mapping lives as long as any array cut from it. It sees a file that somebody rewrites in place, so this
    project always writes a new file and renames it (``paddle_tsm.files.atomic``).

    Raises CheckpointError for what is missing, a directory, not a regular file, empty or unreadable.
    """

    __slots__ = ("path", "view", "size")

    def __init__(self, path):
        self.path = os.fspath(path)
        try:
            mode = os.stat(self.path).st_mode
            if stat.S_ISDIR(mode):  # Windows calls opening one a lack of permission
                raise IsADirectoryError
            if not stat.S_ISREG(mode):  # opening a named pipe would wait for ever
                raise CheckpointError(f"{self.path}: is not a regular file, wanted a checkpoint file")
            with open(self.path, "rb") as file:
                status = os.fstat(file.fileno())
                if status.st_size == 0:
                    raise CheckpointError(f"{self.path}: is empty, wanted a checkpoint; copy or download it again")
                mapping = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except FileNotFoundError:
            raise CheckpointError(f"{self.path}: no such file") from None
        except IsADirectoryError:
            raise CheckpointError(f"{self.path}: is a directory; {folder_note(self.path)}") from None
        except PermissionError:
            raise CheckpointError(f"{self.path}: no permission to read it") from None
        except CheckpointError:
            raise
        except ValueError:
            raise CheckpointError(f"{self.path}: is no file name") from None
        except OSError as error:
            raise CheckpointError(f"{self.path}: cannot be read: {error.strerror}") from None
        self.view = memoryview(mapping)
        self.size = len(mapping)
