"""Brax PPO on Brax's inverted pendulum: one JSON line per evaluation, for bench_baselines.py.

Hyper-parameters and networks (policy 32x4, value 256x5) are those Brax publishes for this
environment in its training notebook; the physics is MJX.
"""

import argparse
import importlib.metadata
import json

from brax import envs
from brax.training.agents.ppo import train as ppo

HYPERPARAMETERS = {
    "num_envs": 2048,
    "batch_size": 1024,
    "num_minibatches": 32,
    "num_updates_per_batch": 4,
    "unroll_length": 5,
    "discounting": 0.97,
    "learning_rate": 3e-4,
    "entropy_cost": 1e-2,
    "reward_scaling": 10,
    "normalize_observations": True,
    "episode_length": 1000,
    "action_repeat": 1,
}


def main() -> None:
    """Train and report. The benchmark kills this process when the target return is reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=2_000_000)
    parser.add_argument("--evals", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    versions = {name: importlib.metadata.version(name) for name in ("brax", "jax", "mujoco-mjx")}
    print(json.dumps({"event": "start", "versions": versions}), flush=True)

    def report(steps: int, metrics: dict) -> None:
        row = {
            "event": "eval",
            "steps": int(steps),
            "return": {"mean": float(metrics["eval/episode_reward"])},
            "steps_per_second": float(metrics.get("training/sps", 0.0)),
        }
        print(json.dumps(row), flush=True)

    ppo.train(
        environment=envs.get_environment("inverted_pendulum", backend="mjx"),
        num_timesteps=options.steps,
        num_evals=options.evals,
        seed=options.seed,
        progress_fn=report,
        **HYPERPARAMETERS,
    )


if __name__ == "__main__":
    main()
