"""A training that an older version saved, whose recipe had fewer options, goes on with the same bits."""

import json

import numpy as np
import pytest

from paddle_tsm.checkpoint import read_checkpoint, write_checkpoint
from paddle_tsm.processes.processes import Processes
from paddle_tsm.training.session import RECORD_KEY, Session
from paddle_tsm.training.weight_update import update_weights
from parity_tests.small_training import samples, small_recipe

ADDED = ("in_channels", "shift_segments", "temporal_attention", "teacher", "teacher_fc_lr5", "decays")
ARCH = {"arch": "tsm_resnet10"}


def as_older(path, **options) -> None:
    """Take from the saved recipe what 0.2.0 did not have; the dropout was a number there. options: as it had them."""
    saved = read_checkpoint(path)
    record = json.loads(saved.metadata[RECORD_KEY])
    for name in ADDED:
        del record["recipe"][name]
    record["recipe"] |= {"dropout": 0.5} | options
    tensors = {name: np.array(array) for name, array in saved.tensors.items()}
    write_checkpoint(path, tensors, metadata={RECORD_KEY: json.dumps(record)}, format="safetensors")


def saved_after_one(path):
    """The session of a training whose first update is done and saved."""
    session = Session(small_recipe(**ARCH), "")
    update_weights(session, samples(4), Processes(), 0.005)
    session.save(path)
    return session


def test_it_goes_on(tmp_path):
    session, path = saved_after_one(tmp_path / "resume.safetensors"), tmp_path / "resume.safetensors"
    as_older(path)
    resumed = Session(small_recipe(**ARCH), "")
    resumed.restore(path, 7)
    losses = [update_weights(one, samples(4, seed=1), Processes(), 0.005).loss for one in (session, resumed)]
    assert losses[0] == losses[1]


@pytest.mark.parametrize(
    "older, now, message",
    [
        ({"dropout": 0.3}, {}, "dropout was 0.3, now 0.5"),
        ({}, {"decays": "all"}, "decays was 'weights', now 'all'"),
        ({}, {"teacher": "tsm_resnet10"}, "teacher was None, now 'tsm_resnet10'"),
        ({"an_option_of_a_newer_version": 1}, {}, "another recipe: "),
    ],
)
def test_another_recipe_is_still_refused(tmp_path, older, now, message):
    saved_after_one(tmp_path / "resume.safetensors")
    as_older(tmp_path / "resume.safetensors", **older)
    with pytest.raises(ValueError) as error:
        Session(small_recipe(**ARCH | now), "").restore(tmp_path / "resume.safetensors", 7)
    assert message in str(error.value) and "\n" not in str(error.value)
