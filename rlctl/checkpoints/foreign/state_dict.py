"""A state dict of an actor and a critic: which tensor is what, by its name.

    WORDS.N.weight [out, in], WORDS.N.bias     linear layers of the policy or of the value function
                                               by their words, see chains.py
    log_std, or std                            (A,) or (1, A)
    obs_rms.mean, obs_rms.var and the like     statistics of observations

A tensor that nobody can place is an error: left out, it would change what the policy does.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from rlctl.checkpoints.arrays import Arrays
from rlctl.checkpoints.foreign import rsl_rl
from rlctl.checkpoints.foreign.base import Layer, network, to_float32
from rlctl.checkpoints.foreign.chains import chain, named, words
from rlctl.core.errors import Incompatible

_POLICY = {"actor", "policy", "pi", "mean", "mu", "action"}
_VALUE = {"critic", "value", "vf", "v"}
_OBSERVED = {
    "ob", "obs", "observation", "observations", "rms", "norm", "normalizer", "normaliser",
    "normalization", "statistics", "stats", "running",
}  # fmt: skip
_SPREAD = {"std", "logstd", "sigma", "logsigma"}
_TRAINING = {"optimizer", "optimiser", "optim", "scheduler"}
_REWARDS = {"ret", "return", "returns", "reward"}
_COUNTED = {"step", "steps", "timesteps", "iter", "iteration", "epoch", "lr"}
_Q_WORD = re.compile(r"q(f|net|network)?[0-9]*")
_STATISTICS = {"mean": "mean", "var": "var", "variance": "var", "std": "std", "count": "count"}
_EPSILON = 1e-8  # what almost everybody adds to the variance
_HINT = "read are multi-layer perceptrons: linear layers of a policy and of a value function"


def arrays_of(
    state: Mapping[str, np.ndarray], actor: Sequence[str] = ()
) -> tuple[Arrays, list[str]]:
    """The arrays under rlctl's names, and what was assumed or left out.

    Args:
        state: Tensors by name.
        actor: Prefixes of the policy's layers, in order; () where their names tell.

    Raises:
        Incompatible: A tensor has no place in a policy, or the policy is missing or ambiguous.
        Diverged: Something is not finite.
    """
    state = {name: array for name, array in state.items() if not _is_of_training(name)}
    notes: list[str] = []
    groups = _statistics(state)
    normalizer = _normalizer(state, groups, notes)
    placed = {name for kinds in groups.values() for name in kinds.values()}
    state = {name: array for name, array in state.items() if name not in placed}
    spread, log_std = _spread(state)
    rest = {
        name: array
        for name, array in state.items()
        if name != spread and not _is_counter(name, array)
    }
    if actor:
        policy, value = _chosen(rest, actor, notes)
    else:
        policy, value = _told(rest, notes)
    if value and any(words(parent) & _VALUE for parent in groups):
        value = []
        notes.append("left out: the value function, which has a normaliser of its own")
    found = normalizer | ({} if log_std is None else {"policy/log_std": log_std})
    found |= network("policy", policy) | network("value", value)
    return to_float32(found), notes


def _told(rest: Mapping[str, np.ndarray], notes: list[str]) -> tuple[list[Layer], list[Layer]]:
    """The layers of the policy and of the value function, as all names tell."""
    alone = all(_role(name) != "value" for name in rest)  # a policy's own state dict
    held: dict[str, dict[str, np.ndarray]] = {"policy": {}, "value": {}}
    for name, array in rest.items():
        role = "policy" if alone else _role(name)
        if role is None or not _is_linear(name, array):
            raise Incompatible(
                f"its tensor {name} {tuple(array.shape)} has no place in a policy", _HINT
            )
        held[role][name] = array
    if not held["policy"]:
        raise Incompatible("it has no layers of a policy by their names", _HINT)
    policy, value = _weights(held["policy"]), _weights(held["value"])
    names = chain(policy)
    if any(_Q_WORD.fullmatch(word) for word in words(names[0])):
        raise Incompatible(
            f"its layers {', '.join(names)} are of a Q-network by their names, not of a policy",
            "--actor PREFIX imports one as the policy of its best choices; --activation says what "
            "is between its layers",
        )
    return _layers(rest, names), _value(rest, value, notes)


def _chosen(
    rest: Mapping[str, np.ndarray], actor: Sequence[str], notes: list[str]
) -> tuple[list[Layer], list[Layer]]:
    """The policy's layers under prefixes, and those of the value function that remain."""
    under = {
        name: array
        for name, array in rest.items()
        if any(name.startswith(f"{prefix}.") for prefix in actor)
    }
    if odd := [name for name, array in under.items() if not _is_linear(name, array)]:
        raise Incompatible(f"its tensor {odd[0]} {tuple(under[odd[0]].shape)} is no linear layer's")
    linear = {name: array for name, array in rest.items() if _is_linear(name, array)}
    names = named(_weights(linear), actor)
    others = {name: array for name, array in linear.items() if name not in under}
    value = {stem: w for stem, w in _weights(others).items() if _role(f"{stem}.weight") == "value"}
    if left := sorted({n.rpartition(".")[0] for n in rest if n not in under} - set(value)):
        notes.append(f"left out: {', '.join(left)}")
    return _layers(rest, names), _value(rest, value, notes)


def _value(
    rest: Mapping[str, np.ndarray], weights: Mapping[str, np.ndarray], notes: list[str]
) -> list[Layer]:
    """The value function's layers; [] where there is none, or more than one."""
    try:
        layers = _layers(rest, chain(weights)) if weights else []
        network("value", layers)
    except Incompatible as error:
        notes.append(f"left out: the value function: {error.message}")
        return []
    return layers


def _is_of_training(name: str) -> bool:
    """Tell whether a tensor serves training only: the optimiser's, or statistics of rewards."""
    parts = words(name)
    return bool(parts & _TRAINING or (parts & _REWARDS and _role(name) != "policy"))


def _is_counter(name: str, array: np.ndarray) -> bool:
    """Tell whether a tensor is a counter; other single numbers may scale inputs or actions."""
    return not array.ndim and (array.dtype.kind in "iu" or bool(words(name) & _COUNTED))


def _role(name: str) -> str | None:
    """Whose it is, by the last part of its name that tells."""
    for part in reversed(name.split(".")[:-1]):
        found = words(part)
        policy, value = bool(found & _POLICY), bool(found & _VALUE)
        if policy != value:
            return "policy" if policy else "value"
    return None


def _is_linear(name: str, array: np.ndarray) -> bool:
    """Whether it is a linear layer's weight or bias.

    Raises:
        Incompatible: It is of a layer that gives the noise of the action.
    """
    stem, _, part = name.rpartition(".")
    if (part, array.ndim) not in (("weight", 2), ("bias", 1)):
        return False
    if words(stem.rpartition(".")[2]) & _SPREAD:
        raise Incompatible(f"its noise depends on the observation: it has a layer {stem}", _HINT)
    return True


def _weights(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Layer's name -> weight; what has a bias alone has none.

    Raises:
        Incompatible: A layer has no weight.
    """
    stems = dict.fromkeys(name.rpartition(".")[0] for name in tensors)
    if odd := [stem for stem in stems if f"{stem}.weight" not in tensors]:
        raise Incompatible(f"its layer {odd[0]} has no weight", _HINT)
    return {stem: tensors[f"{stem}.weight"] for stem in stems}


def _layers(tensors: Mapping[str, np.ndarray], stems: Sequence[str]) -> list[Layer]:
    """Kernels [in, out] and biases [out], zeros where there is none."""
    found = []
    for stem in stems:
        kernel = tensors[f"{stem}.weight"].T
        bias = tensors.get(f"{stem}.bias", np.zeros(kernel.shape[1], kernel.dtype))
        found.append((kernel, bias))
    return found


def _spread(state: Mapping[str, np.ndarray]) -> tuple[str, np.ndarray | None]:
    """The log standard deviation: its name, and (A,); None without one."""
    found: dict[str, np.ndarray] = {}
    for name, array in state.items():
        part = name.rpartition(".")[2].lower().strip("_")
        if "logstd" in words(part) or words(part) >= {"log", "std"}:
            found[name] = array
        elif part == "std":
            if not (array > 0).all():
                raise Incompatible(f"its standard deviation {name} is not positive")
            found[name] = np.log(array)
    if not found:
        return "", None
    ((name, array), *others) = found.items()
    if others or array.size != max(array.shape, default=1):
        raise Incompatible(f"it has more than a vector of log_std: {', '.join(found)}", _HINT)
    return name, array.reshape(-1)


def _statistics(state: Mapping[str, np.ndarray]) -> dict[str, dict[str, str]]:
    """Normalisers by name: which tensor is their mean, their var or std, their count."""
    found: dict[str, dict[str, str]] = {}
    for name in state:
        parent, _, last = name.rpartition(".")
        kind = _STATISTICS.get(last.strip("_").removeprefix("running_"))
        if kind and words(parent.rpartition(".")[2]) & (_OBSERVED | _VALUE):
            found.setdefault(parent, {})[kind] = name
    return {parent: kinds for parent, kinds in found.items() if "mean" in kinds}


def _normalizer(
    state: Mapping[str, np.ndarray], groups: Mapping[str, Mapping[str, str]], notes: list[str]
) -> Arrays:
    """Mean, std and count of what the policy sees; {} without."""
    found = {
        parent: {kind: state[name].reshape(-1) for kind, name in kinds.items()}
        for parent, kinds in groups.items()
        if not words(parent) & _VALUE
    }
    if not found:
        notes.append("assumed: observations are not normalised, as the file has no statistics")
        return {}
    if len(found) > 1:
        raise Incompatible(f"it has statistics of several observations: {', '.join(found)}")
    ((name, held),) = found.items()
    if "mean" not in held or not {"var", "std"} & set(held):
        raise Incompatible(f"its {name} has {', '.join(held)}, not a mean and a variance")
    std = held.get("std")
    if std is not None and "var" in held:  # as rsl_rl's normaliser holds both
        std = std + np.float32(rsl_rl.EPSILON)
        notes.append(f"assumed: observations are normalised by {name}.std + {rsl_rl.EPSILON:g}")
    if std is None:
        std = np.sqrt(held["var"].astype(np.float64) + _EPSILON)
        notes.append(f"assumed: observations are normalised by sqrt({name}.var + {_EPSILON:g})")
    normalizer = {"normalizer/mean": held["mean"], "normalizer/std": std}
    if "count" in held:
        normalizer["normalizer/count"] = held["count"].astype(np.float64).reshape(())
    return normalizer
