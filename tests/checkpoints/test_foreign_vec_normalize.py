"""Reading VecNormalize files: statistics of one observation, no code runs."""

import pickle

import numpy as np
import pytest
from checkpoints.foreign_cases import FOLDER
from checkpoints.payloads import PICKLES

from rlctl.checkpoints.foreign import sb3, vec_normalize
from rlctl.checkpoints.foreign.source import STATISTICS
from rlctl.core.errors import Damaged, Incompatible, Unsafe

DATA = (FOLDER / "sb3_vec.pkl").read_bytes()


def changed(monkeypatch, **changes):
    """Read the file with changed members."""
    load = vec_normalize.Unpickler.load

    def other(self):
        found = load(self)
        found.members = {k: v for k, v in (found.members | changes).items() if v is not None}
        return found

    monkeypatch.setattr(vec_normalize.Unpickler, "load", other)
    return vec_normalize.read(DATA)


def test_statistics_and_bound():
    found = vec_normalize.read(DATA)
    assert found.clip == 1.5
    assert found.arrays["normalizer/mean"].shape == found.arrays["normalizer/std"].shape == (4,)
    agent = sb3.read({"x.zip": (FOLDER / "sb3_vec.zip").read_bytes(), STATISTICS: DATA})
    assert (agent.clip, agent.notes) == (1.5, ())


def test_statistics_that_the_agent_does_not_know_of_are_told():
    agent = sb3.read({"x.zip": (FOLDER / "sb3_ppo.zip").read_bytes(), STATISTICS: DATA})
    assert agent.notes == (
        "assumed: it was trained with this VecNormalize, although the zip does not say so",
    )


def test_one_that_normalised_rewards_alone(monkeypatch):
    found = changed(monkeypatch, norm_obs=False, obs_rms=None)
    assert (found.arrays, found.clip) == ({}, None)
    assert "did not normalise observations" in found.note


@pytest.mark.parametrize(
    "changes",
    [{"obs_rms": None}, {"obs_rms": {}}, {"obs_rms": 3}, {"clip_obs": -1.0}, {"epsilon": "x"}],
)
def test_other_statistics_are_refused(changes, monkeypatch):
    with pytest.raises(Incompatible):
        changed(monkeypatch, **changes)


@pytest.mark.parametrize("name", PICKLES)
def test_code_is_refused_and_not_run(name, tmp_path):
    with pytest.raises((Unsafe, Damaged, Incompatible)):
        vec_normalize.read(PICKLES[name])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "data", [b"", DATA[:300], pickle.dumps({"a": 1}), pickle.dumps(np.ones(3))]
)
def test_nonsense_is_refused(data):
    with pytest.raises((Damaged, Incompatible)):
        vec_normalize.read(data)
