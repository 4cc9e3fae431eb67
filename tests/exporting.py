"""Exports of policies, and whether what they hold acts as the policy does."""

import json
import os

import numpy as np
import pytest
from policies.random_policies import save

from rlctl.actions.export import export
from rlctl.policies.base import action_bounds, make_policy

NEEDS = {"onnx": "onnxruntime"}


def exported(kind, spec, arrays, tmp_path):
    """Export; return the report and the `act` of its example program, run in its folder."""
    pytest.importorskip(NEEDS.get(kind, "numpy"))
    done = export(tmp_path / "out" / "policy.x", kind, str(save(tmp_path, spec, arrays)))
    program = json.loads(done.contract.read_text())["example"]
    names = {}
    before = os.getcwd()
    os.chdir(done.path.parent)
    try:
        exec(program, names)
    finally:
        os.chdir(before)

    def act(observation):
        if kind == "torch":
            return names["act"](names["torch"].from_numpy(observation)).numpy()
        return np.asarray(names["act"](observation))

    return done, act


def check_actions(act, spec, arrays, rng):
    observation = rng.normal(size=(200, spec.observation_size)).astype(np.float32) * 3
    low, high, bounded = action_bounds(spec)
    span = np.where(bounded, high - low, 1.0)
    right = make_policy(spec, arrays).act(observation)
    found = act(observation)
    assert found.shape == right.shape
    assert np.ptp(right, axis=0).min() > 0.1  # or nothing would be tested
    np.testing.assert_array_less(np.abs(found - right) / span, 1e-5)
