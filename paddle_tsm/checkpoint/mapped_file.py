"""A file mapped into memory, read-only. Arrays that are cut from it need address space and no memory of their own."""

import mmap
import os
import stat

from paddle_tsm.checkpoint.error import CheckpointError
from paddle_tsm.checkpoint.path_advice import folder_advice


class MappedFile:
    """path: str. view: the file's bytes, a read-only memoryview. size: their number.

    The mapping lives as long as any array that is cut from it. It would change with a file that is rewritten in place,
    so this project always writes a new file and renames it (`paddle_tsm.files.atomic`).

    Raises CheckpointError for a path that is missing, a directory, no regular file, empty or unreadable.
    """

    __slots__ = ("path", "view", "size")

    def __init__(self, path: str | os.PathLike):
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
            raise CheckpointError(f"{self.path}: is a directory; {folder_advice(self.path)}") from None
        except PermissionError:
            raise CheckpointError(f"{self.path}: no permission to read it") from None
        except CheckpointError:
            raise
        except ValueError:
            raise CheckpointError(f"{self.path}: is not a file name; wanted a path to a checkpoint") from None
        except OSError as error:
            raise CheckpointError(f"{self.path}: cannot be read: {error.strerror}") from None
        self.view = memoryview(mapping)
        self.size = len(mapping)
