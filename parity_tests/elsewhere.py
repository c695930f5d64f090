"""A stand-in for macOS and Windows: python elsewhere.py ARGUMENTS runs `paddle-tsm ARGUMENTS` without what only Linux
has.

It takes away functions and signals that are not everywhere, hides /proc, and holds files as Windows does: one that is
open or mapped in this process is neither replaced nor removed, nor is a folder that holds such a file. It does not
change `sys.platform`, as the libraries here are those for Linux.
"""

import builtins
import ctypes
import importlib.abc
import io
import os
import shutil
import signal
import sys

MISSING = ("sched_getaffinity", "sched_setaffinity", "fork", "forkpty", "getuid", "geteuid", "uname", "O_DIRECTORY",
           "killpg", "mkfifo", "sysconf", "getloadavg", "sendfile", "posix_fallocate", "posix_fadvise", "fchmod",
           "statvfs")  # fmt: skip
SIGNALS = ("SIGKILL", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGCHLD", "SIGPIPE", "SIGQUIT")
MODULES = ("resource", "fcntl", "pwd", "grp", "termios")


class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in MODULES:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def in_use(path) -> bool:
    """Whether this process has `path`, or a file in the folder `path`, open or mapped."""
    wanted = os.path.realpath(path)
    handle = OPEN("/proc/self/maps", os.O_RDONLY)
    with os.fdopen(handle, "rb") as file:
        names = [line.split(None, 5)[5] for line in file.read().decode().splitlines() if len(line.split(None, 5)) == 6]
    for number in os.listdir("/proc/self/fd"):
        try:
            names.append(os.readlink(f"/proc/self/fd/{number}"))
        except FileNotFoundError:  # the handle of the listing itself
            pass
    return any(name == wanted or name.startswith(wanted + os.sep) for name in names)


def held(function, count):
    def call(*paths, **options):
        for path in paths[:count]:
            if options.get("dir_fd") is None and in_use(path):
                raise PermissionError(
                    13, "The process cannot access the file because it is being used", os.fspath(path)
                )
        return function(*paths, **options)

    return call


def is_hidden(path) -> bool:
    return isinstance(path, (str, bytes)) and os.fsdecode(path).startswith("/proc/")


def no_proc(function):
    def call(path, *more, **options):
        if is_hidden(path):
            raise FileNotFoundError(2, "No such file or directory", path)
        if (
            not isinstance(path, int)
            and os.path.isdir(path)
            and sys._getframe(1).f_globals["__name__"].startswith("paddle_tsm")
        ):
            raise PermissionError(13, "Permission denied", path)  # Windows opens no folder
        return function(path, *more, **options)

    return call


class NoProgram(ctypes.CDLL):
    def __init__(self, name, *more, **options):
        if name is None:
            raise TypeError("LoadLibrary() argument 1 must be str, not None")
        super().__init__(name, *more, **options)


OPEN = os.open


def leave_linux() -> None:
    """Make this process one of another system, as far as it can be."""
    import cv2  # noqa: F401  the libraries' own imports are those for Linux
    import numpy  # noqa: F401

    from paddle_tsm.runtime import import_paddle

    import_paddle()
    for name in MISSING:
        if hasattr(os, name):
            delattr(os, name)
    for name in SIGNALS:
        delattr(signal, name)
    for name in MODULES:
        sys.modules.pop(name, None)
    sys.meta_path.insert(0, Missing())
    os.replace, os.rename = held(os.replace, 2), held(os.rename, 2)
    os.unlink = os.remove = held(os.unlink, 1)
    shutil._USE_CP_SENDFILE = False  # decided when shutil was imported, on Linux
    shutil._use_fd_functions = False  # Windows removes a folder's files by their names
    builtins.open = no_proc(io.open)
    os.open = no_proc(os.open)
    ctypes.CDLL = NoProgram


if __name__ == "__main__":
    from paddle_tsm.cli import main

    leave_linux()
    sys.exit(main(sys.argv[1:]))
