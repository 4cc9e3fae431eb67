"""Stable-Baselines3 PPO on InvertedPendulum-v5, for bench_baselines.py.

Prints one JSON line per evaluation. Eight environments, gamma 0.97, learning rate 1e-3, else the
defaults of Stable-Baselines3.
"""

import argparse
import importlib.metadata
import json

import numpy as np
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy

ENVIRONMENT = "InvertedPendulum-v5"
NUM_ENVS = 8


def main() -> None:
    """Train and report. The benchmark kills this process when the target return is reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rollout", type=int, default=256, help="steps per environment and update")
    parser.add_argument("--eval-every", type=int, default=4096, help="steps")
    parser.add_argument("--eval-episodes", type=int, default=10)
    options = parser.parse_args()
    names = ("stable-baselines3", "torch", "gymnasium", "mujoco")
    versions = {name: importlib.metadata.version(name) for name in names}
    print(json.dumps({"event": "start", "versions": versions}), flush=True)

    train_envs = make_vec_env(ENVIRONMENT, n_envs=NUM_ENVS, seed=options.seed)
    eval_envs = make_vec_env(ENVIRONMENT, n_envs=NUM_ENVS, seed=options.seed + 1000)
    model = PPO(
        "MlpPolicy",
        train_envs,
        gamma=0.97,
        learning_rate=1e-3,
        n_steps=options.rollout,
        seed=options.seed,
        device="cpu",
    )
    while model.num_timesteps < options.steps:
        model.learn(options.eval_every, reset_num_timesteps=False)
        returns, _ = evaluate_policy(
            model, eval_envs, options.eval_episodes, return_episode_rewards=True
        )
        row = {
            "event": "eval",
            "steps": model.num_timesteps,
            "return": {"mean": float(np.mean(returns))},
        }
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
