"""Save policies with PyTorch and Stable-Baselines3, with the actions they compute.

    PYTHON scripts/baselines/foreign_torch.py FOLDER SEED

See build_import_fixtures.py.
"""

import json
import sys
import zipfile
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import stable_baselines3
import torch
from gymnasium.spaces import Box, Discrete
from sb3_contrib import ARS
from stable_baselines3 import A2C, DQN, PPO
from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize
from torch import nn

SMALL = {"policy_kwargs": {"net_arch": [8]}}


class Statistics(nn.Module):
    """Observation normaliser: running mean and variance as buffers."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.randn(size))
        self.register_buffer("var", torch.rand(size) + 0.5)
        self.register_buffer("count", torch.tensor(1000.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise x (N, O)."""
        return (x - self.mean) / torch.sqrt(self.var + 1e-8)


class ActorCritic(nn.Module):
    """Typical actor-critic module: two networks, log_std, observation normaliser."""

    def __init__(self, inputs: int, outputs: int, activation: type[nn.Module]) -> None:
        super().__init__()
        self.obs_rms = Statistics(inputs)
        self.actor = self.network(inputs, outputs, activation)
        self.critic = self.network(inputs, 1, activation)
        self.log_std = nn.Parameter(torch.full((1, outputs), -0.5))

    def network(self, inputs: int, outputs: int, activation: type[nn.Module]) -> nn.Module:
        """Build an MLP with two hidden layers."""
        return nn.Sequential(
            nn.Linear(inputs, 8), activation(), nn.Linear(8, 8), activation(), nn.Linear(8, outputs)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the mean action (N, A) for x (N, O)."""
        return self.actor(self.obs_rms(x))


class ConstantEnv(gymnasium.Env):
    """Environment with the given spaces; observations and rewards are zero."""

    def __init__(self, size: int, action: gymnasium.Space) -> None:
        self.observation_space = Box(-np.inf, np.inf, (size,), np.float32)
        self.action_space = action

    def reset(self, *, seed: Any = None, options: Any = None) -> tuple[np.ndarray, dict]:
        """Return a zero observation."""
        return np.zeros(self.observation_space.shape, np.float32), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        """Return a zero observation and reward."""
        return self.reset()[0], 0.0, False, False, {}


def main(folder: Path, seed: int) -> None:
    """Write all fixtures."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    plain = ActorCritic(3, 1, nn.Tanh)
    torch.save(plain.state_dict(), folder / "torch_plain.pt")
    write_actions(folder / "torch_plain.pt", rng, plain)

    nested = ActorCritic(4, 1, nn.ReLU)  # with an optimizer's state and names of DataParallel
    state = {f"module.{name}": tensor for name, tensor in nested.state_dict().items()}
    optimizer = torch.optim.Adam(nested.parameters())
    nested(torch.zeros(1, 4)).sum().backward()
    optimizer.step()
    state |= {f"module.{name}": tensor for name, tensor in nested.state_dict().items()}
    everything = {"iteration": 7, "model": state, "optimizer": optimizer.state_dict()}
    torch.save(everything, folder / "torch_nested.pt")
    write_actions(folder / "torch_nested.pt", rng, nested)

    small = {"policy_kwargs": {"net_arch": [8, 8], "activation_fn": nn.ReLU}}
    force = Box(-3.0, 3.0, (1,), np.float32)
    agent = PPO("MlpPolicy", ConstantEnv(4, force), n_steps=8, seed=seed, device="cpu", **small)
    save_agent(folder / "sb3_ppo.zip", rng, agent, scale=4.0)
    small = {"policy_kwargs": {"net_arch": {"pi": [8], "vf": [4]}}}
    agent = A2C("MlpPolicy", ConstantEnv(4, Discrete(2)), seed=seed, device="cpu", **small)
    save_agent(folder / "sb3_choice.zip", rng, agent)
    save_normalized(folder / "sb3_vec.zip", rng, seed)
    save_refused(folder, seed)


def save_agent(path: Path, rng: np.random.Generator, agent: Any, scale: float = 1.0) -> None:
    """Train an agent briefly, so that it has a step count, and save it.

    The last layer is scaled up, so that some actions reach their bounds.
    """
    agent.learn(8)
    with torch.no_grad():
        agent.policy.action_net.weight.mul_(100 * scale)
    agent.save(path)
    slim(path)
    size = agent.observation_space.shape[0]
    inputs = rng.normal(0.0, 2.0, (16, size)).round(3).astype(np.float32)
    actions, _ = agent.predict(inputs, deterministic=True)
    write(
        path, f"stable-baselines3 {stable_baselines3.__version__}", inputs, actions.reshape(16, 1)
    )


def save_normalized(path: Path, rng: np.random.Generator, seed: int) -> None:
    """Save an agent and the VecNormalize that normalises its observations."""
    venv = DummyVecEnv([lambda: ConstantEnv(4, Box(-3.0, 3.0, (1,), np.float32))])
    normalized = VecNormalize(venv, clip_obs=1.5)
    agent = PPO("MlpPolicy", normalized, n_steps=8, seed=seed, device="cpu", **SMALL)
    agent.learn(8)
    normalized.obs_rms.update(rng.normal(0.5, 2.0, (100, 4)))
    agent.save(path)
    normalized.save(path.with_suffix(".pkl"))
    slim(path)
    inputs = rng.normal(0.0, 3.0, (16, 4)).round(3).astype(np.float32)
    actions, _ = agent.predict(normalized.normalize_obs(inputs), deterministic=True)
    write(
        path, f"stable-baselines3 {stable_baselines3.__version__}", inputs, actions.reshape(16, 1)
    )


def save_refused(folder: Path, seed: int) -> None:
    """Save agents that have no actor-critic policy, which `rlctl import` must refuse."""
    env = ConstantEnv(
        4, Discrete(4)
    )  # as many actions as observations: the sizes fit, so only the kind is wrong
    agents = {
        "dqn": DQN("MlpPolicy", env, buffer_size=10, seed=seed, device="cpu", **SMALL),
        "ars": ARS("MlpPolicy", env, seed=seed, device="cpu", **SMALL),
    }
    for name, agent in agents.items():
        agent.save(folder / f"sb3_{name}.zip")
        slim(folder / f"sb3_{name}.zip")


def slim(path: Path) -> None:
    """Drop what the import does not read: pickled values, the optimizer, system information."""
    with zipfile.ZipFile(path) as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    data = json.loads(held["data"])
    for item in data.values():
        if isinstance(item, dict) and ":serialized:" in item:
            item[":serialized:"] = ""
    kept = ("policy.pth", "_stable_baselines3_version")
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("data", json.dumps(data, indent=4))
        for name in kept:
            archive.writestr(name, held[name])


def write_actions(path: Path, rng: np.random.Generator, module: ActorCritic) -> None:
    """Compute a module's actions for random observations and write them to PATH.json."""
    inputs = rng.normal(0.0, 2.0, (16, module.obs_rms.mean.numel())).round(3).astype(np.float32)
    with torch.no_grad():
        actions = module(torch.from_numpy(inputs)).numpy()
    write(path, "plain", inputs, actions)


def write(path: Path, by: str, inputs: np.ndarray, actions: np.ndarray) -> None:
    """Write observations and actions to PATH.json."""
    facts = {
        "by": f"{by}, torch {torch.__version__}",
        "observation": inputs.astype(np.float64).round(3).tolist(),
        "action": actions.tolist(),
    }
    path.with_name(path.name + ".json").write_text(json.dumps(facts) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), int(sys.argv[2]))
