"""Policies that other tools saved, made by scripts/build_import_fixtures.py.

Beside each lies NAME.json: observations, and the actions that the tool itself takes.
"""

import json
from pathlib import Path

import numpy as np

from rlctl.checkpoints.reading import Checkpoint, load
from rlctl.policies.base import policy_of

FOLDER = Path(__file__).parent / "foreign"
CASES = {  # name -> arguments of `rlctl import` that it needs; @ is the folder of the cases
    "brax_flat": (),
    "brax_zarr": ("--env", "pendulum"),
    "brax_dict": (),
    "brax_raw": (),
    "brax_3.pkl": (),
    "brax_2.pkl": (),
    "brax_params.pkl": (),
    "brax_barkour.pkl": (),
    "torch_plain.pt": (),
    "torch_nested.pt": ("--env", "inverted-pendulum", "--activation", "relu"),
    "sb3_ppo.zip": ("--env", "inverted-pendulum"),
    "sb3_choice.zip": ("--env", "gym:CartPole-v1"),
    "sb3_vec.zip": ("--env", "inverted-pendulum", "--vec-normalize", "@sb3_vec.pkl"),
    "rsl_rl_2.pt": ("--env", "inverted-pendulum"),
    "rsl_rl_3.pt": ("--env", "inverted-pendulum"),
    "rsl_rl_4.pt": ("--env", "inverted-pendulum", "--activation", "elu"),
    "rsl_rl_5.pt": ("--env", "inverted-pendulum"),
}
REFUSED = {"sb3_dqn.zip": "DQN", "sb3_ars.zip": "ARS"}  # name -> the algorithm


def source(name: str, folder: Path = FOLDER) -> Path:
    """Return the file, or the folder of the only step."""
    path = folder / name
    return next(path.iterdir()) if path.is_dir() else path


def arguments(name: str, folder: Path = FOLDER) -> list[str]:
    """Return the arguments of `rlctl import` besides the file."""
    return [str(folder / word[1:]) if word[0] == "@" else word for word in CASES[name]]


def greatest_difference(name: str, made: Path, folder: Path = FOLDER) -> float:
    """Return the largest difference from the tool's clipped actions."""
    facts = json.loads((folder / f"{name}.json").read_text())
    checkpoint: Checkpoint = load(made)
    policy = policy_of(checkpoint)
    seen = np.array(facts["observation"], np.float32)
    hidden = policy.spec.observation_size - seen.shape[1]  # what a policy does not see
    actions = policy.act(np.pad(seen, ((0, 0), (0, hidden)), constant_values=9.0))
    bounds = np.array([policy.spec.action_low, policy.spec.action_high], np.float32)
    return float(np.abs(actions - np.clip(facts["action"], *bounds)).max())
