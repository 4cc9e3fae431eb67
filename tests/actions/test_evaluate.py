"""Tests of evaluation: back ends, trajectories, progress."""

import numpy as np
import pytest
import saved_policy

from rlctl.actions import evaluate as action
from rlctl.actions.evaluate import EvalRequest, TrajectoryRecorder, evaluate
from rlctl.core.progress import Progress
from rlctl.rollouts.base import Step


@pytest.mark.parametrize("stochastic", [False, True])
def test_back_ends_run_the_same_episodes(stochastic, tmp_path):
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


def test_trajectories_separate_reward_terms_from_other_metrics(tmp_path):
    zeros = np.zeros(2)
    recorder = TrajectoryRecorder(("power",))
    metrics = {"alive": np.ones(2), "power": np.full(2, 5.0)}
    for _ in range(3):
        recorder(zeros, zeros, Step(zeros, zeros, zeros, zeros, zeros, metrics), zeros)
    recorder.write(tmp_path / "all.npz")
    written = np.load(tmp_path / "all.npz")
    np.testing.assert_array_equal(written["terms/alive"], np.ones((3, 2)))
    np.testing.assert_array_equal(written["figures/power"], np.full((3, 2), 5.0))
    assert "terms/power" not in written


def test_trajectories_fill_terms_that_appear_late(tmp_path):
    recorder, zeros = TrajectoryRecorder(()), np.zeros(2)
    for t in range(3):
        metrics = {"reward_late": np.ones(2)} if t == 2 else {}
        recorder(zeros, zeros, Step(zeros, zeros, zeros, zeros, zeros, metrics), zeros)
    recorder.write(tmp_path / "all.npz")
    written = np.load(tmp_path / "all.npz")
    np.testing.assert_array_equal(written["terms/reward_late"], [[0, 0], [0, 0], [1, 1]])


@pytest.mark.parametrize(("episodes", "rounds"), [(3, 1), (5, 2)])
def test_progress_counts_steps(monkeypatch, episodes, rounds):
    saved_policy.save()
    monkeypatch.setattr(action, "MAX_ENVS", 3)
    events = []
    request = EvalRequest(episodes=episodes, max_episode_steps=10)
    evaluate(request, Progress(events.append))
    counts = [(event["steps"], event["total"]) for event in events if event["event"] == "progress"]
    assert counts == [(step, 10 * rounds) for step in range(1, 10 * rounds + 1)]
