"""Checkpoints of rsl_rl's runners: PPO of an MLP, of the versions 2 to 5.

    model_state_dict    actor.N, critic.N, std or log_std                        2 and 3
                        actor_obs_normalizer, critic_obs_normalizer              3
    obs_norm_state_dict, critic_ or privileged_obs_norm_state_dict               2
    actor_state_dict    mlp.N, obs_normalizer, std or log_std                    4
                        distribution.std_param or .log_std_param                 5
    critic_state_dict   mlp.N, obs_normalizer                                    4 and 5

Observations are normalised by (x - _mean) / (_std + 0.01), without a bound; the value function's
own statistics are put into its first layer. What is between the layers is not in the file; elu is
rsl_rl's own default. Actions are the network's output.
"""

from collections.abc import Collection, Mapping

import numpy as np

from rlctl.checkpoints.arrays import Arrays
from rlctl.checkpoints.foreign.base import Foreign, Layer, network, to_float32
from rlctl.checkpoints.foreign.chains import chain
from rlctl.core.errors import Incompatible

EPSILON = 0.01  # beside the standard deviation of an observation
_STD_RANGE = (1e-6, 1e6)  # to which version 5 clips the standard deviation
_OLD, _NEW = "rsl_rl 2 or 3", "rsl_rl 4 or 5"
_PLACES = {  # how a tensor's name begins -> what it is here, "" for what acting does not need
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
_BARE = {  # a model's own state dict, by names that rsl_rl alone has
    "model_state_dict": {"actor_obs_normalizer._std", "critic_obs_normalizer._std"},
    "actor_state_dict": {
        "obs_normalizer._std", "distribution.std_param", "distribution.log_std_param",
    },
}  # fmt: skip
_KINDS = {  # part of a tensor's name -> what has such tensors
    "memory_": "a recurrent network",
    "rnn.": "a recurrent network",
    "cnn": "a convolutional network",
    "student": "a distillation (student and teacher)",
    "teacher": "a distillation (student and teacher)",
}
_READ = "read are rsl_rl's checkpoints of PPO with MLPs and a standard deviation of its own"


def saved(top: Collection[str], tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray] | None:
    """The tensors as a runner names them, None if it was not rsl_rl that saved them.

    Args:
        top: The names at the top of the file.
        tensors: All tensors, by their names joined by dots.
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


def policy_of(tensors: Mapping[str, np.ndarray]) -> Foreign:
    """The policy in what `saved` returned.

    Raises:
        Incompatible: It is of another kind, or has something that is not known.
        Diverged: Something is not finite.
    """
    parts: dict[str, np.ndarray] = {}
    for name, tensor in tensors.items():
        place = _place(name)
        if place in parts:
            raise Incompatible(f"it has its {place} twice", _READ)
        if place:
            parts[place] = tensor
    layers, notes = _layers(parts, "policy"), []
    if not layers:
        raise Incompatible("it has no policy", _READ)
    normalizer, value = _normalizer(parts, "normalizer"), _layers(parts, "value")
    if value and len(value[0][0]) == len(layers[0][0]):
        value = _renormalized(value, _normalizer(parts, "value_normalizer"), normalizer)
    elif value:
        value = []
        notes.append("left out: the value function, which sees other observations than the policy")
    found = network("policy", layers) | network("value", value) | normalizer
    return Foreign(
        f"a checkpoint of {_NEW if _is_new(tensors) else _OLD}",
        to_float32(found | {"policy/log_std": _log_std(parts)}),
        distribution="normal",
        usual="elu",
        notes=tuple(notes),
    )


def _is_new(tensors: Mapping[str, np.ndarray]) -> bool:
    return any(name.startswith("actor_state_dict.") for name in tensors)


def _place(name: str) -> str:
    """What a tensor is here, with the rest of its name; "" for what acting does not need.

    Raises:
        Incompatible: There is no place for it.
    """
    for prefix, place in _PLACES.items():
        if name == prefix or (prefix.endswith(".") and name.startswith(prefix)):
            return place and place + name.removeprefix(prefix)
    for part, kind in _KINDS.items():
        if part in name.lower():
            raise Incompatible(f"it is a checkpoint of rsl_rl with {kind}: {name}", _READ)
    raise Incompatible(f"it is a checkpoint of rsl_rl with a tensor of its own: {name}", _READ)


def _layers(parts: Mapping[str, np.ndarray], role: str) -> list[Layer]:
    """Kernels [in, out] and biases [out] of the policy or the value function, first to last."""
    held = {n.removeprefix(f"{role}."): t for n, t in parts.items() if n.startswith(f"{role}.")}
    weights = {n.removesuffix(".weight"): t for n, t in held.items() if n.endswith(".weight")}
    both = {f"{stem}.{part}" for stem in weights for part in ("weight", "bias")}
    if odd := sorted(set(held) ^ both) or [n for n, t in weights.items() if t.ndim != 2]:
        raise Incompatible(f"its {role} has more or less than linear layers: {odd[0]}", _READ)
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


def _normalizer(parts: Mapping[str, np.ndarray], place: str) -> Arrays:
    """Mean, std with its epsilon, and count; {} without."""
    held = {n.removeprefix(f"{place}."): t for n, t in parts.items() if n.startswith(f"{place}.")}
    if not held:
        return {}
    if held.keys() != {"_mean", "_var", "_std", "count"}:
        raise Incompatible(f"its {place} has {', '.join(sorted(held))}", _READ)
    return {
        "normalizer/mean": held["_mean"].reshape(-1),
        "normalizer/std": held["_std"].reshape(-1) + np.float32(EPSILON),
        "normalizer/count": held["count"].astype(np.float64).reshape(()),
    }


def _renormalized(layers: list[Layer], own: Arrays, shared: Arrays) -> list[Layer]:
    """The value function's layers, for observations as the policy's normaliser gives them.

    (x - m) / s = n (s' / s) + (m' - m) / s,  where n = (x - m') / s' is what the policy sees
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
