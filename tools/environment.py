"""Make the environment .venv of this checkout: python tools/environment.py [--torch WHAT]    (`make demo` does it)

It needs nothing but a Python, and the environment gets the Python that runs it. Without --torch, a PyTorch that this
Python already has is used, and otherwise pip chooses one. WHAT is what pip is to install instead ("path/to/torch.whl",
"torch==2.13.0 --index-url URL"), or "none" for no PyTorch. A Python that is too old can read this file, too, and
says so.
"""

import argparse
import importlib.util
import os
import shlex
import subprocess
import sys

OLDEST, NEWEST = (3, 10), (3, 13)  # the pinned paddlepaddle has releases for these
OLDEST_TORCH = (2, 4)  # as in setup.cfg
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDER = os.path.join(ROOT, ".venv")


def main(argv=None):
    """Returns the exit code: 0; 2 where the environment cannot be made, with one line that says why; pip's own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--torch", default="", metavar="WHAT", help="for pip to install; 'none': no PyTorch")
    args = parser.parse_args(argv)
    reason = why_not(sys.version_info[:2], missing_modules())
    if reason:
        print("environment: " + reason, file=sys.stderr)
        return 2
    if subprocess.call([sys.executable, "-m", "venv", "--clear", FOLDER]):
        return 2
    theirs = None if args.torch else torch_there()
    if theirs:
        see_packages_of(sys.path)
        print("environment: PyTorch %s is taken from %s" % (theirs, sys.executable), flush=True)
    elif not args.torch and sys.platform == "linux":
        print(
            "environment: pip chooses a build of PyTorch; on Linux that may be the one with CUDA, several GB. "
            'README.md, "Install", says how to give the CPU build (TORCH=...) or none (TORCH=none).',
            flush=True,
        )
    for arguments in installs(args.torch, bool(theirs)):
        code = subprocess.call([python_of(FOLDER), "-m", "pip", "install", *QUIET, *arguments], cwd=ROOT)
        if code:
            return code
    return 0


QUIET = ("--disable-pip-version-check", "--progress-bar", "off")


def installs(torch, is_there):
    """The arguments of each call of `pip install`, for what was given as --torch."""
    constraints = ["-c", "constraints.txt"]
    if torch == "none" or is_there:
        return [[*constraints, "-e", ".[dev]"]]
    if torch:
        return [shlex.split(torch), [*constraints, "-e", ".[dev]"]]
    return [[*constraints, "-e", ".[torch,dev]"]]


def why_not(version, missing):
    """Why no environment can be made with a Python of this version that lacks these modules; None where it can."""
    here = "%d.%d" % version
    if not OLDEST <= version <= NEWEST:
        wanted = "%d.%d to %d.%d" % (OLDEST + NEWEST)
        return (
            "got Python %s, wanted %s, which PaddlePaddle has releases for; give one: make demo PYTHON=python3.12"
            % (here, wanted)
        )
    if missing:
        return "Python %s comes without %s; on Debian and Ubuntu: apt install python%s-venv" % (
            here,
            ", ".join(missing),
            here,
        )
    return None


def missing_modules():
    """Those of the standard library that an environment needs and a distribution may have left out."""
    return [name for name in ("venv", "ensurepip") if importlib.util.find_spec(name) is None]


def torch_there():
    """The version of the PyTorch that this Python finds; None where there is none, or one that is too old."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        found = version("torch")
    except PackageNotFoundError:
        return None
    if importlib.util.find_spec("torch") is None:
        return None
    numbers = tuple(int(part) for part in found.split("+")[0].split(".")[:2] if part.isdigit())
    return found if numbers >= OLDEST_TORCH else None


def see_packages_of(path):
    """Let the environment find the packages in these folders behind its own.

    `--system-site-packages` would not do: it leaves out the packages of another environment.
    """
    ours = subprocess.check_output(
        [python_of(FOLDER), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], encoding="utf-8"
    ).strip()
    folders = [entry for entry in path if os.path.basename(entry) in ("site-packages", "dist-packages")]
    with open(os.path.join(ours, "packages_of_python.pth"), "w", encoding="utf-8") as file:
        file.write("".join(entry + "\n" for entry in folders))


def python_of(folder):
    """The environment's interpreter."""
    return os.path.join(folder, *(("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")))


if __name__ == "__main__":
    sys.exit(main())
