"""Stable-Baselines3's PPO on rlctl's inverted pendulum through gymnasium.make.

For scripts/check_sb3.py. Prints one JSON line: the mean return before and after training.
"""

import argparse
import json

import gymnasium
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.env_checker import check_env
from stable_baselines3.common.evaluation import evaluate_policy

import rlctl.gym  # noqa: F401  registers the environments

ENVIRONMENT = "rlctl/InvertedPendulum-v0"


def main() -> None:
    """Check, train, evaluate."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=49_152, help="most training steps")
    parser.add_argument("--bar", type=float, default=900.0, help="target return: stop when reached")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)  # the networks are small
    env = gymnasium.make(ENVIRONMENT)
    check_env(env)
    model = PPO("MlpPolicy", env, seed=options.seed, gamma=0.97, learning_rate=1e-3, device="cpu")
    before, _ = evaluate_policy(model, env, n_eval_episodes=5)
    after = before
    while model.num_timesteps < options.steps and after < options.bar:
        model.learn(4096, reset_num_timesteps=False)
        after, _ = evaluate_policy(model, env, n_eval_episodes=5)
    print(
        json.dumps({"env": ENVIRONMENT, "before": float(before), "after": float(after)}), flush=True
    )


if __name__ == "__main__":
    main()
