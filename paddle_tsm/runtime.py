"""What has to be set before Paddle is imported for it to use the machine."""

import contextlib
import io
import os
import warnings


def prepare() -> None:
    """Let Paddle use every processor. `import paddle` sets OMP_NUM_THREADS to 1 unless it is set: a ResNet-50 on
    8 frames then takes 2.1 s where two threads take 1.17 s. What the user has set stays."""
    os.environ.setdefault("OMP_NUM_THREADS", str(processors()))


def processors() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def import_paddle():
    """Import Paddle without its notes on ccache (which builds extensions) and on the number of threads (which we chose)."""
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.filterwarnings("ignore", "No ccache found")
        import paddle
    return paddle
