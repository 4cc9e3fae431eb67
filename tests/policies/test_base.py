"""Tests of making policies: what is not understood or not installed is refused."""

from pathlib import Path

import pytest
from policies.random_policies import TANH_NORMAL as SPEC
from policies.random_policies import arrays_of

from rlctl.checkpoints import store
from rlctl.core.errors import DeviceUnavailable, Incompatible, UsageError
from rlctl.policies import base
from rlctl.policies.base import make_policy, policy_of


def test_a_spec_that_is_not_understood_is_refused(tmp_path: Path):
    path = store.save(tmp_path, 7, {"policy": {"kind": "transformer"}}, {"policy": {}})
    with pytest.raises(Incompatible, match="no policy that this rlctl knows"):
        policy_of(store.load(path))


def test_what_is_not_there_is_said(rng, monkeypatch):
    arrays = arrays_of(SPEC, rng)
    with pytest.raises(UsageError, match="no device 'cuda:1'; there are auto, cpu, gpu, cuda"):
        make_policy(SPEC, arrays, "jax", "cuda:1")

    def missing(name):
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr(base, "import_module", missing)
    with pytest.raises(DeviceUnavailable, match="torch, which is not installed"):
        make_policy(SPEC, arrays, "torch")
    with pytest.raises(ModuleNotFoundError):  # something else is broken
        make_policy(SPEC, arrays, "jax")
