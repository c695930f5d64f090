"""Paddle is imported first and quietly, with the settings that paddle_tsm gives it."""

import signal
import sys
from importlib.util import find_spec

import pytest

from paddle_tsm import runtime

runtime.import_paddle()
from paddle_tsm.export.onnx_file import NO_PADDLE2ONNX  # noqa: E402  imports Paddle

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it, and tests press Ctrl-C


def pytest_collection_modifyitems(items):
    """Skip what writes ONNX files on a Python for which paddle2onnx has no release, and nowhere else."""
    if sys.version_info < NO_PADDLE2ONNX or find_spec("paddle2onnx"):
        return
    for item in items:
        values = item.callspec.params.values() if hasattr(item, "callspec") else ()
        if item.get_closest_marker("writes_onnx") or any("onnx" in str(value) for value in values):
            item.add_marker(pytest.mark.skip(reason=f"paddle2onnx has no release for Python 3.{sys.version_info[1]}"))


@pytest.fixture(scope="session")
def r18_file(tmp_path_factory):
    """A ResNet-18-TSM as mmaction2 would have written it, 27 classes."""
    from paddle_tsm.demo.material import write_demo_checkpoint
    from paddle_tsm.networks.network import Network

    path = tmp_path_factory.mktemp("r18") / "r18_mmaction2.pth"
    write_demo_checkpoint(str(path), Network("tsm_resnet18", num_classes=27))
    return path
