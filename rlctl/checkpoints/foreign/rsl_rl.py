"""Reader of rsl_rl's checkpoints: PPO with an MLP, versions 2 to 5.

    model_state_dict    actor.N, critic.N, std or log_std                        2 and 3
                        actor_obs_normalizer, critic_obs_normalizer              3
    obs_norm_state_dict, critic_ or privileged_obs_norm_state_dict               2
    actor_state_dict    mlp.N, obs_normalizer, std or log_std                    4
                        distribution.std_param or .log_std_param                 5
    critic_state_dict   mlp.N, obs_normalizer                                    4 and 5

Observations are normalised by (x - _mean) / (_std + 0.01), without a bound; the critic's separate
statistics are folded into its first layer. The activation is not in the file; rsl_rl's default is
elu. Actions are the network's output.
"""

from collections.abc import Collection, Mapping

import numpy as np

from rlctl.checkpoints.arrays import Arrays
from rlctl.checkpoints.foreign.base import ForeignPolicy, Layer, network, to_float32
from rlctl.checkpoints.foreign.chains import chain
from rlctl.core.errors import Incompatible

EPSILON = 0.01  # added to the standard deviation of observations
_STD_RANGE = (1e-6, 1e6)  # clip range of the standard deviation in version 5
_OLD, _NEW = "rsl_rl 2 or 3", "rsl_rl 4 or 5"
_ROLES = {  # prefix of a tensor's name -> its role, "" if not needed for acting
    "model_state_dict.actor.": "policy.",
    "model_state_dict.critic.": "value.",
    "model_state_dict.std": "std",
    "model_state_dict.log_std": "log_std",
    "model_state_dict.actor_obs_normalizer.": "normalizer.",
    "model_state_dict.critic_obs_normalizer.": "value_normalizer.",
    "obs_norm_state_dict.": "normalizer.",
    "critic_obs_norm_state_dict.": "value_normalizer.",
    "privileged_obs_norm_state_dict.": "value_normalizer.",
    "actor_state_dict.mlp.": "policy.",
    "actor_state_dict.std": "std",
    "actor_state_dict.log_std": "log_std",
    "actor_state_dict.distribution.std_param": "std",
    "actor_state_dict.distribution.log_std_param": "log_std",
    "actor_state_dict.obs_normalizer.": "normalizer.",
    "critic_state_dict.mlp.": "value.",
    "critic_state_dict.obs_normalizer.": "value_normalizer.",
    "optimizer_state_dict.": "",
    "rnd_state_dict.": "",
    "rnd_optimizer_state_dict.": "",
    "infos.": "",
}
_BARE = {  # state dict of a single model, recognised by names that only rsl_rl uses
    "model_state_dict": {"actor_obs_normalizer._std", "critic_obs_normalizer._std"},
    "actor_state_dict": {
        "obs_normalizer._std", "distribution.std_param", "distribution.log_std_param",
    },
}  # fmt: skip
_KINDS = {  # part of a tensor's name -> kind of model
    "memory_": "a recurrent network",
    "rnn.": "a recurrent network",
    "cnn": "a convolutional network",
    "student": "a distillation (student and teacher)",
    "teacher": "a distillation (student and teacher)",
}
_READ = (
    "supported are rsl_rl's checkpoints of PPO with MLPs and a state-independent standard deviation"
)


def saved(top: Collection[str], tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray] | None:
    """Return the tensors under the names of a runner; None if the file is not of rsl_rl.

    Args:
        top: The top-level names in the file.
        tensors: All tensors by dotted name.
    """
    models = {"model_state_dict", "actor_state_dict", "student_state_dict"}
    if {"iter", "infos"} <= set(top) and models & set(top):
        return dict(tensors)
    for model, marks in _BARE.items():
        if {f"{model}.{mark}" for mark in marks} & set(tensors):
            return dict(tensors)
        if marks & set(tensors):
            return {f"{model}.{name}": tensor for name, tensor in tensors.items()}
    return None


def policy_of(tensors: Mapping[str, np.ndarray]) -> ForeignPolicy:
    """Return the policy in the tensors from `saved`.

    Raises:
        Incompatible: The model is of an unsupported kind or has unknown tensors.
        Diverged: A value is not finite.
    """
    parts: dict[str, np.ndarray] = {}
    for name, tensor in tensors.items():
        role = _role_of(name)
        if role in parts:
            raise Incompatible(f"it has its {role} twice", _READ)
        if role:
            parts[role] = tensor
    layers, notes = _layers(parts, "policy"), []
    if not layers:
        raise Incompatible("it has no policy", _READ)
    normalizer, value = _normalizer(parts, "normalizer"), _layers(parts, "value")
    if value and len(value[0][0]) == len(layers[0][0]):
        value = _renormalized(value, _normalizer(parts, "value_normalizer"), normalizer)
    elif value:
        value = []
        notes.append("left out: the value function, which has other observations than the policy")
    found = network("policy", layers) | network("value", value) | normalizer
    return ForeignPolicy(
        f"a checkpoint of {_NEW if _is_new(tensors) else _OLD}",
        to_float32(found | {"policy/log_std": _log_std(parts)}),
        distribution="normal",
        default_activation="elu",
        notes=tuple(notes),
    )


def _is_new(tensors: Mapping[str, np.ndarray]) -> bool:
    return any(name.startswith("actor_state_dict.") for name in tensors)


def _role_of(name: str) -> str:
    """Return a tensor's role and the rest of its name; "" if not needed for acting.

    Raises:
        Incompatible: The tensor is unknown.
    """
    for prefix, role in _ROLES.items():
        if name == prefix or (prefix.endswith(".") and name.startswith(prefix)):
            return role and role + name.removeprefix(prefix)
    for part, kind in _KINDS.items():
        if part in name.lower():
            raise Incompatible(f"it is a checkpoint of rsl_rl with {kind}: {name}", _READ)
    raise Incompatible(f"it is a checkpoint of rsl_rl with an unknown tensor: {name}", _READ)


def _layers(parts: Mapping[str, np.ndarray], role: str) -> list[Layer]:
    """Return kernels [in, out] and biases [out] of the policy or value function, in order."""
    held = {n.removeprefix(f"{role}."): t for n, t in parts.items() if n.startswith(f"{role}.")}
    weights = {n.removesuffix(".weight"): t for n, t in held.items() if n.endswith(".weight")}
    both = {f"{stem}.{part}" for stem in weights for part in ("weight", "bias")}
    if odd := sorted(set(held) ^ both) or [n for n, t in weights.items() if t.ndim != 2]:
        raise Incompatible(f"its {role} is not a sequence of linear layers: {odd[0]}", _READ)
    return [(weights[stem].T, held[f"{stem}.bias"]) for stem in (chain(weights) if weights else ())]


def _log_std(parts: Mapping[str, np.ndarray]) -> np.ndarray:
    if "log_std" in parts:
        return parts["log_std"]
    if "std" not in parts:
        raise Incompatible(
            "it is a checkpoint of rsl_rl without a std: its noise depends on the observation",
            _READ,
        )
    return np.log(np.clip(parts["std"], *_STD_RANGE))


def _normalizer(parts: Mapping[str, np.ndarray], role: str) -> Arrays:
    """Return mean, std including epsilon, and count; {} without a normaliser."""
    held = {n.removeprefix(f"{role}."): t for n, t in parts.items() if n.startswith(f"{role}.")}
    if not held:
        return {}
    if held.keys() != {"_mean", "_var", "_std", "count"}:
        raise Incompatible(f"its {role} has {', '.join(sorted(held))}", _READ)
    return {
        "normalizer/mean": held["_mean"].reshape(-1),
        "normalizer/std": held["_std"].reshape(-1) + np.float32(EPSILON),
        "normalizer/count": held["count"].astype(np.float64).reshape(()),
    }


def _renormalized(layers: list[Layer], own: Arrays, shared: Arrays) -> list[Layer]:
    """Rewrite the value function for observations normalised by the policy's normaliser.

    (x - m) / s = n (s' / s) + (m' - m) / s,  where n = (x - m') / s' is the policy's input
    """
    if not own and not shared:
        return layers
    (kernel, bias), *rest = layers
    zeros, ones = np.zeros(len(kernel)), np.ones(len(kernel))
    mean, std = own.get("normalizer/mean", zeros), own.get("normalizer/std", ones)
    given, spread = shared.get("normalizer/mean", zeros), shared.get("normalizer/std", ones)
    scaled = kernel * (spread / std).astype(np.float64)[:, None]
    shifted = bias + ((given - mean) / std).astype(np.float64) @ kernel
    return [(scaled, shifted), *rest]
