"""Which architectures the fast tests run over: of sizes that differ in widths and counts alone, the smallest does."""

import pytest

from paddle_tsm.networks.families import ARCHITECTURES

SLOW = {"tsm_mobileone_s1", "tsm_mobileone_s2", "tsm_mobileone_s3", "tsm_mobileone_s4"}


def every_architecture(*left_out: str) -> list:
    """Parameters for pytest: every architecture, and some of them only in the long run."""
    return [
        pytest.param(arch, marks=pytest.mark.slow) if arch in SLOW else arch
        for arch in ARCHITECTURES
        if arch not in left_out
    ]
