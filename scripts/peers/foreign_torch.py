"""Write policies as PyTorch and Stable-Baselines3 save them, with the actions that those take.

    PYTHON scripts/peers/foreign_torch.py FOLDER SEED

See make_foreign.py.
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
    """Running mean and variance of observations, as buffers."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.randn(size))
        self.register_buffer("var", torch.rand(size) + 0.5)
        self.register_buffer("count", torch.tensor(1000.0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Normalise x (N, O)."""
        return (x - self.mean) / torch.sqrt(self.var + 1e-8)


class ActorCritic(nn.Module):
    """What most scripts have: two networks, a log_std, statistics."""

    def __init__(self, inputs: int, outputs: int, activation: type[nn.Module]) -> None:
        super().__init__()
        self.obs_rms = Statistics(inputs)
        self.actor = self.network(inputs, outputs, activation)
        self.critic = self.network(inputs, 1, activation)
        self.log_std = nn.Parameter(torch.full((1, outputs), -0.5))

    def network(self, inputs: int, outputs: int, activation: type[nn.Module]) -> nn.Module:
        """Two hidden layers."""
        return nn.Sequential(
            nn.Linear(inputs, 8), activation(), nn.Linear(8, 8), activation(), nn.Linear(8, outputs)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The mean action (N, A) of x (N, O)."""
        return self.actor(self.obs_rms(x))


class Nothing(gymnasium.Env):
    """An environment of these spaces in which nothing happens."""

    def __init__(self, size: int, action: gymnasium.Space) -> None:
        self.observation_space = Box(-np.inf, np.inf, (size,), np.float32)
        self.action_space = action

    def reset(self, *, seed: Any = None, options: Any = None) -> tuple[np.ndarray, dict]:
        """All zeros."""
        return np.zeros(self.observation_space.shape, np.float32), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict]:
        """All zeros."""
        return self.reset()[0], 0.0, False, False, {}


def main(folder: Path, seed: int) -> None:
    """Write all of them."""
    torch.manual_seed(seed)
    rng = np.random.default_rng(seed)
    plain = ActorCritic(3, 1, nn.Tanh)
    torch.save(plain.state_dict(), folder / "torch_plain.pt")
    tell(folder / "torch_plain.pt", rng, plain)

    nested = ActorCritic(4, 1, nn.ReLU)  # of actions beyond [-1, 1], on several devices
    state = {f"module.{name}": tensor for name, tensor in nested.state_dict().items()}
    optimizer = torch.optim.Adam(nested.parameters())
    nested(torch.zeros(1, 4)).sum().backward()
    optimizer.step()
    state |= {f"module.{name}": tensor for name, tensor in nested.state_dict().items()}
    everything = {"iteration": 7, "model": state, "optimizer": optimizer.state_dict()}
    torch.save(everything, folder / "torch_nested.pt")
    tell(folder / "torch_nested.pt", rng, nested)

    small = {"policy_kwargs": {"net_arch": [8, 8], "activation_fn": nn.ReLU}}
    force = Box(-3.0, 3.0, (1,), np.float32)
    agent = PPO("MlpPolicy", Nothing(4, force), n_steps=8, seed=seed, device="cpu", **small)
    save_agent(folder / "sb3_ppo.zip", rng, agent, scale=4.0)
    small = {"policy_kwargs": {"net_arch": {"pi": [8], "vf": [4]}}}
    agent = A2C("MlpPolicy", Nothing(4, Discrete(2)), seed=seed, device="cpu", **small)
    save_agent(folder / "sb3_choice.zip", rng, agent)
    save_normalized(folder / "sb3_vec.zip", rng, seed)
    save_refused(folder, seed)


def save_agent(path: Path, rng: np.random.Generator, agent: Any, scale: float = 1.0) -> None:
    """Learn a little, so that there are steps to count, and save it.

    The last layer is made larger, so that some actions reach their bounds.
    """
    agent.learn(8)
    with torch.no_grad():
        agent.policy.action_net.weight.mul_(100 * scale)
    agent.save(path)
    slim(path)
    size = agent.observation_space.shape[0]
    seen = rng.normal(0.0, 2.0, (16, size)).round(3).astype(np.float32)
    actions, _ = agent.predict(seen, deterministic=True)
    write(path, f"stable-baselines3 {stable_baselines3.__version__}", seen, actions.reshape(16, 1))


def save_normalized(path: Path, rng: np.random.Generator, seed: int) -> None:
    """An agent whose observations are normalised by a VecNormalize, which is saved beside it."""
    venv = DummyVecEnv([lambda: Nothing(4, Box(-3.0, 3.0, (1,), np.float32))])
    normalized = VecNormalize(venv, clip_obs=1.5)
    agent = PPO("MlpPolicy", normalized, n_steps=8, seed=seed, device="cpu", **SMALL)
    agent.learn(8)
    normalized.obs_rms.update(rng.normal(0.5, 2.0, (100, 4)))
    agent.save(path)
    normalized.save(path.with_suffix(".pkl"))
    slim(path)
    seen = rng.normal(0.0, 3.0, (16, 4)).round(3).astype(np.float32)
    actions, _ = agent.predict(normalized.normalize_obs(seen), deterministic=True)
    write(path, f"stable-baselines3 {stable_baselines3.__version__}", seen, actions.reshape(16, 1))


def save_refused(folder: Path, seed: int) -> None:
    """Agents that are no actor of PPO's kind."""
    env = Nothing(4, Discrete(4))  # as many choices as numbers, so that sizes fit whatever follows
    agents = {
        "dqn": DQN("MlpPolicy", env, buffer_size=10, seed=seed, device="cpu", **SMALL),
        "ars": ARS("MlpPolicy", env, seed=seed, device="cpu", **SMALL),
    }
    for name, agent in agents.items():
        agent.save(folder / f"sb3_{name}.zip")
        slim(folder / f"sb3_{name}.zip")


def slim(path: Path) -> None:
    """Leave out what nobody reads: what is pickled, the optimiser, the machine it was made on."""
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


def tell(path: Path, rng: np.random.Generator, module: ActorCritic) -> None:
    """Write what it does, beside it."""
    seen = rng.normal(0.0, 2.0, (16, module.obs_rms.mean.numel())).round(3).astype(np.float32)
    with torch.no_grad():
        actions = module(torch.from_numpy(seen)).numpy()
    write(path, "plain", seen, actions)


def write(path: Path, by: str, seen: np.ndarray, actions: np.ndarray) -> None:
    """Write the file beside it."""
    facts = {
        "by": f"{by}, torch {torch.__version__}",
        "observation": seen.astype(np.float64).round(3).tolist(),
        "action": actions.tolist(),
    }
    path.with_name(path.name + ".json").write_text(json.dumps(facts) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), int(sys.argv[2]))
