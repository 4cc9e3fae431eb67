"""Evaluation with the policy of a checkpoint in any back end."""

import numpy as np
import pytest
import saved_policy

from rlctl.actions.evaluate import EvalRequest, evaluate


@pytest.mark.parametrize("stochastic", [False, True])
def test_every_back_end_plays_the_same_episodes(stochastic, tmp_path):
    path = str(saved_policy.save())
    actions = {}
    for backend in ("numpy", "jax", "torch"):
        file = tmp_path / f"{backend}.npz"
        request = EvalRequest(
            ckpt=path,
            episodes=2,
            stochastic=stochastic,
            backend=backend,
            max_episode_steps=5,
            save_trajectories=file,
        )
        assert evaluate(request).to_json()["backend"] == backend
        actions[backend] = np.load(file)["action"]
    for backend in ("jax", "torch"):
        np.testing.assert_allclose(actions[backend], actions["numpy"], atol=1e-4)
    assert np.ptp(actions["numpy"]) > 0.01
