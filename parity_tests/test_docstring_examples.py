"""The examples in the docstrings of the public names give what they say."""

import doctest
from importlib import import_module

import pytest

import paddle_tsm

paddle_tsm.create_model

MODULES = (
    "paddle_tsm.models.create",
    "paddle_tsm.parity.compare",
    "paddle_tsm.parity.model_pair.alignment",
    "paddle_tsm.parity.model_pair.compare_models",
    "torch_ref.create",
)


@pytest.mark.parametrize("name", MODULES)
def test_examples(name):
    found = doctest.testmod(import_module(name))
    assert found.attempted > 1
    assert found.failed == 0
