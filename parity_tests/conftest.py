"""Paddle is imported first and quietly, with the settings that paddle_tsm gives it."""

import signal

import pytest

from paddle_tsm import runtime

runtime.import_paddle()
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it, and tests press Ctrl-C


@pytest.fixture(scope="session")
def r18_file(tmp_path_factory):
    """A ResNet-18-TSM as mmaction2 would have written it, 27 classes."""
    from paddle_tsm.demo import write_demo_checkpoint
    from paddle_tsm.network import Network

    path = tmp_path_factory.mktemp("r18") / "r18_mmaction2.pth"
    write_demo_checkpoint(str(path), Network("tsm_resnet18", num_classes=27))
    return path
