"""Save a checkpoint with rsl_rl's runner, with the actions rsl_rl computes.

    PYTHON scripts/baselines/foreign_rsl_rl.py FOLDER SEED

The file name has the major version of the installed rsl_rl. See build_import_fixtures.py.
"""

import json
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rsl_rl.env import VecEnv
from rsl_rl.runners import OnPolicyRunner
from tensordict import TensorDict

VERSION = version("rsl-rl-lib")
MAJOR = int(VERSION.partition(".")[0])
SIZE, SCALE = 4, (0.02, 0.5, 2.0, 0.1)  # numbers of an observation; the first varies little
HIDDEN = [8, 8]


class RandomEnv(VecEnv):
    """Vector environment with random observations; the reward is the action."""

    def __init__(self, seed: int) -> None:
        self.num_envs, self.num_actions, self.max_episode_length = 8, 1, 100
        self.device, self.cfg = "cpu", {}
        self.num_obs = self.num_privileged_obs = SIZE
        self.episode_length_buf = torch.zeros(self.num_envs, dtype=torch.long)
        self.generator = torch.Generator().manual_seed(seed)

    def sample(self, n: int) -> torch.Tensor:
        """Sample observations (n, SIZE)."""
        return torch.randn(n, SIZE, generator=self.generator) * torch.tensor(SCALE) + 0.3

    def get_observations(self) -> Any:
        """Return observations in the form this version of rsl_rl expects."""
        observations = self.sample(self.num_envs)
        if MAJOR < 3:
            return observations, {"observations": {}}
        return TensorDict({"policy": observations}, batch_size=[self.num_envs])

    def reset(self) -> Any:
        """Return new observations."""
        return self.get_observations()

    def step(self, actions: torch.Tensor) -> Any:
        """Sample new observations; no episode ends."""
        dones, result = torch.zeros(self.num_envs), self.get_observations()
        extras = {"observations": {}} if MAJOR < 3 else {}
        return result[0] if MAJOR < 3 else result, actions[:, 0], dones, extras


def settings() -> dict[str, Any]:
    """Return the runner's settings: small networks, normalised observations, else defaults."""
    algorithm = {"class_name": "PPO", "num_learning_epochs": 2, "num_mini_batches": 2}
    if MAJOR in (4, 5):
        algorithm |= {"rnd_cfg": None, "symmetry_cfg": None}
    common = {"algorithm": algorithm, "num_steps_per_env": 16, "save_interval": 100}
    if MAJOR < 4:
        policy = {
            "class_name": "ActorCritic", "actor_hidden_dims": HIDDEN, "critic_hidden_dims": HIDDEN,
        }  # fmt: skip
        if MAJOR == 3:
            policy |= {"actor_obs_normalization": True, "critic_obs_normalization": True}
            common |= {"obs_groups": {"policy": ["policy"], "critic": ["policy"]}}
            algorithm |= {"rnd_cfg": None}
        return common | {"policy": policy, "empirical_normalization": MAJOR < 3}
    model = {"class_name": "MLPModel", "hidden_dims": HIDDEN, "obs_normalization": True}
    noise = {"stochastic": True} if MAJOR == 4 else {
        "distribution_cfg": {"class_name": "GaussianDistribution", "std_type": "log"}
    }  # fmt: skip
    groups = {"actor": ["policy"], "critic": ["policy"]}
    return common | {"actor": model | noise, "critic": dict(model), "obs_groups": groups}


def main(folder: Path, seed: int) -> None:
    """Train briefly, save, and compute actions."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)
    env = RandomEnv(seed)
    path = folder / f"rsl_rl_{MAJOR}.pt"
    with tempfile.TemporaryDirectory() as logs:
        runner = OnPolicyRunner(env, settings(), log_dir=logs, device="cpu")
        runner.learn(3)
        runner.save(str(path))
    inputs = env.sample(16).mul(1000).round().div(1000)
    wanted = inputs if MAJOR < 3 else TensorDict({"policy": inputs}, batch_size=[16])
    with torch.no_grad():
        actions = runner.get_inference_policy(device="cpu")(wanted)
    facts = {
        "by": f"rsl-rl-lib {VERSION}, torch {torch.__version__}",
        "observation": inputs.numpy().astype(np.float64).round(3).tolist(),
        "action": actions.tolist(),
    }
    path.with_name(path.name + ".json").write_text(json.dumps(facts) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), int(sys.argv[2]))
