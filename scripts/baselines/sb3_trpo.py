"""TRPO of Stable-Baselines3 contrib on Hopper-v5: training speed as JSON, for bench_baselines.py.

Defaults of the library (networks 64x64, tanh, separate for policy and value) but for the steps per
update. Observations are not normalised, which makes its steps cheaper.
"""

import argparse
import importlib.metadata
import json
import time

import torch
from sb3_contrib import TRPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import DummyVecEnv, SubprocVecEnv

VECTOR = {"sync": DummyVecEnv, "processes": SubprocVecEnv}


def main() -> None:
    """Train, and time all updates but the first two."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--env", default="Hopper-v5")
    parser.add_argument("--num-envs", type=int, default=8)
    parser.add_argument("--steps", type=int, default=200_000)
    parser.add_argument(
        "--update", type=int, default=2048, help="steps per update, over all environments"
    )
    parser.add_argument("--vector", choices=VECTOR, default="sync")
    parser.add_argument("--threads", type=int, default=0, help="of PyTorch; 0: PyTorch's default")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    names = ("sb3-contrib", "stable-baselines3", "torch", "gymnasium", "mujoco")
    versions = {name: importlib.metadata.version(name) for name in names}
    print(json.dumps({"event": "start", "versions": versions}), flush=True)

    envs = make_vec_env(
        options.env, options.num_envs, seed=options.seed, vec_env_cls=VECTOR[options.vector]
    )
    per_env = options.update // options.num_envs
    model = TRPO("MlpPolicy", envs, n_steps=per_env, seed=options.seed, device="cpu")
    model.learn(2 * options.update)
    before, start = model.num_timesteps, time.perf_counter()
    model.learn(options.steps, reset_num_timesteps=False)
    steps, seconds = model.num_timesteps - before, time.perf_counter() - start
    returns = [episode["r"] for episode in model.ep_info_buffer]
    row = {
        "event": "end",
        "steps": model.num_timesteps,
        "steps_per_second": steps / seconds,
        "return": {"mean": float(sum(returns) / len(returns)) if returns else None},
    }
    print(json.dumps(row), flush=True)
    envs.close()


if __name__ == "__main__":
    main()
