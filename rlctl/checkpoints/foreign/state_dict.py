"""Reader of PyTorch state dicts of an actor and a critic, by the names of the tensors.

    WORDS.N.weight [out, in], WORDS.N.bias     linear layers of the policy or the value function,
                                               grouped by name, see chains.py
    log_std, or std                            (A,) or (1, A)
    obs_rms.mean, obs_rms.var and the like     statistics of observations

A tensor without a known role is an error: ignoring it could change the policy.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from rlctl.checkpoints.arrays import Arrays
from rlctl.checkpoints.foreign import rsl_rl
from rlctl.checkpoints.foreign.base import Layer, network, to_float32
from rlctl.checkpoints.foreign.chains import chain, layers_under, words
from rlctl.core.errors import Incompatible

_POLICY = {"actor", "policy", "pi", "mean", "mu", "action"}
_VALUE = {"critic", "value", "vf", "v"}
_NORMALIZER_WORDS = {
    "ob", "obs", "observation", "observations", "rms", "norm", "normalizer", "normaliser",
    "normalization", "statistics", "stats", "running",
}  # fmt: skip
_STD_WORDS = {"std", "logstd", "sigma", "logsigma"}
_TRAINING = {"optimizer", "optimiser", "optim", "scheduler"}
_REWARDS = {"ret", "return", "returns", "reward"}
_COUNTER_WORDS = {"step", "steps", "timesteps", "iter", "iteration", "epoch", "lr"}
_Q_WORD = re.compile(r"q(f|net|network)?[0-9]*")
_STATISTICS = {"mean": "mean", "var": "var", "variance": "var", "std": "std", "count": "count"}
_EPSILON = 1e-8  # the usual epsilon added to the variance
_HINT = "supported are multi-layer perceptrons: linear layers of a policy and of a value function"


def arrays_of(
    state: Mapping[str, np.ndarray], actor: Sequence[str] = ()
) -> tuple[Arrays, list[str]]:
    """Return the arrays under rlctl's names, and notes on assumptions and omissions.

    Args:
        state: Tensors by name.
        actor: Prefixes of the policy's layers, in order; () to use the names.

    Raises:
        Incompatible: A tensor has no known role, or the policy is missing or ambiguous.
        Diverged: A value is not finite.
    """
    state = {name: array for name, array in state.items() if not _is_of_training(name)}
    notes: list[str] = []
    groups = _statistics(state)
    normalizer = _normalizer(state, groups, notes)
    placed = {name for kinds in groups.values() for name in kinds.values()}
    state = {name: array for name, array in state.items() if name not in placed}
    std_name, log_std = _log_std(state)
    rest = {
        name: array
        for name, array in state.items()
        if name != std_name and not _is_counter(name, array)
    }
    if actor:
        policy, value = _split_by_prefix(rest, actor, notes)
    else:
        policy, value = _split_by_name(rest, notes)
    # rlctl has one normaliser for policy and value function.
    if value and any(words(parent) & _VALUE for parent in groups):
        value = []
        notes.append("left out: the value function, which has a separate normaliser")
    found = normalizer | ({} if log_std is None else {"policy/log_std": log_std})
    found |= network("policy", policy) | network("value", value)
    return to_float32(found), notes


def _split_by_name(
    rest: Mapping[str, np.ndarray], notes: list[str]
) -> tuple[list[Layer], list[Layer]]:
    """Return the layers of the policy and of the value function, by their names."""
    alone = all(_role(name) != "value" for name in rest)  # state dict of the policy only
    held: dict[str, dict[str, np.ndarray]] = {"policy": {}, "value": {}}
    for name, array in rest.items():
        role = "policy" if alone else _role(name)
        if role is None or not _is_linear(name, array):
            raise Incompatible(
                f"its tensor {name} {tuple(array.shape)} has no known role in a policy", _HINT
            )
        held[role][name] = array
    if not held["policy"]:
        raise Incompatible("it has no layers that are named as a policy's", _HINT)
    policy, value = _weights(held["policy"]), _weights(held["value"])
    names = chain(policy)
    if any(_Q_WORD.fullmatch(word) for word in words(names[0])):
        raise Incompatible(
            f"its layers {', '.join(names)} are named as a Q-network's, not a policy's",
            "--actor PREFIX imports a Q-network as its greedy policy; --activation sets its "
            "activation",
        )
    return _layers(rest, names), _value(rest, value, notes)


def _split_by_prefix(
    rest: Mapping[str, np.ndarray], actor: Sequence[str], notes: list[str]
) -> tuple[list[Layer], list[Layer]]:
    """Return the policy's layers under the prefixes, and the remaining value function."""
    under = {
        name: array
        for name, array in rest.items()
        if any(name.startswith(f"{prefix}.") for prefix in actor)
    }
    if odd := [name for name, array in under.items() if not _is_linear(name, array)]:
        raise Incompatible(
            f"its tensor {odd[0]} {tuple(under[odd[0]].shape)} is not of a linear layer"
        )
    linear = {name: array for name, array in rest.items() if _is_linear(name, array)}
    names = layers_under(_weights(linear), actor)
    others = {name: array for name, array in linear.items() if name not in under}
    value = {stem: w for stem, w in _weights(others).items() if _role(f"{stem}.weight") == "value"}
    if left := sorted({n.rpartition(".")[0] for n in rest if n not in under} - set(value)):
        notes.append(f"left out: {', '.join(left)}")
    return _layers(rest, names), _value(rest, value, notes)


def _value(
    rest: Mapping[str, np.ndarray], weights: Mapping[str, np.ndarray], notes: list[str]
) -> list[Layer]:
    """Return the value function's layers; [] if there is not exactly one."""
    try:
        layers = _layers(rest, chain(weights)) if weights else []
        network("value", layers)
    except Incompatible as error:
        notes.append(f"left out: the value function: {error.message}")
        return []
    return layers


def _is_of_training(name: str) -> bool:
    """Return whether a tensor is for training only: optimiser state or reward statistics."""
    parts = words(name)
    return bool(parts & _TRAINING or (parts & _REWARDS and _role(name) != "policy"))


def _is_counter(name: str, array: np.ndarray) -> bool:
    """Return whether a tensor is a counter; other scalars may scale inputs or actions."""
    return not array.ndim and (array.dtype.kind in "iu" or bool(words(name) & _COUNTER_WORDS))


def _role(name: str) -> str | None:
    """Return "policy" or "value", inferred from the last telling part of the name, or None."""
    # From the innermost part outwards: in `policy.critic.0.weight` the critic decides.
    for part in reversed(name.split(".")[:-1]):
        found = words(part)
        policy, value = bool(found & _POLICY), bool(found & _VALUE)
        if policy != value:
            return "policy" if policy else "value"
    return None


def _is_linear(name: str, array: np.ndarray) -> bool:
    """Return whether the tensor is a linear layer's weight or bias.

    Raises:
        Incompatible: The layer outputs a state-dependent standard deviation.
    """
    stem, _, part = name.rpartition(".")
    if (part, array.ndim) not in (("weight", 2), ("bias", 1)):
        return False
    if words(stem.rpartition(".")[2]) & _STD_WORDS:
        raise Incompatible(f"its noise depends on the observation: it has a layer {stem}", _HINT)
    return True


def _weights(tensors: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return layer's name -> weight.

    Raises:
        Incompatible: A layer has no weight.
    """
    stems = dict.fromkeys(name.rpartition(".")[0] for name in tensors)
    if odd := [stem for stem in stems if f"{stem}.weight" not in tensors]:
        raise Incompatible(f"its layer {odd[0]} has no weight", _HINT)
    return {stem: tensors[f"{stem}.weight"] for stem in stems}


def _layers(tensors: Mapping[str, np.ndarray], stems: Sequence[str]) -> list[Layer]:
    """Return kernels [in, out] and biases [out]; a missing bias is zeros."""
    found = []
    for stem in stems:
        kernel = tensors[f"{stem}.weight"].T
        bias = tensors.get(f"{stem}.bias", np.zeros(kernel.shape[1], kernel.dtype))
        found.append((kernel, bias))
    return found


def _log_std(state: Mapping[str, np.ndarray]) -> tuple[str, np.ndarray | None]:
    """Return the name and value (A,) of the log standard deviation; ("", None) without one."""
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
    """Return normaliser's name -> the names of its mean, var or std, and count tensors."""
    found: dict[str, dict[str, str]] = {}
    for name in state:
        parent, _, last = name.rpartition(".")
        kind = _STATISTICS.get(last.strip("_").removeprefix("running_"))
        if kind and words(parent.rpartition(".")[2]) & (_NORMALIZER_WORDS | _VALUE):
            found.setdefault(parent, {})[kind] = name
    return {parent: kinds for parent, kinds in found.items() if "mean" in kinds}


def _normalizer(
    state: Mapping[str, np.ndarray], groups: Mapping[str, Mapping[str, str]], notes: list[str]
) -> Arrays:
    """Return mean, std and count of the policy's input; {} without a normaliser."""
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
    if std is not None and "var" in held:  # rsl_rl's normaliser has both
        std = std + np.float32(rsl_rl.EPSILON)
        notes.append(f"assumed: observations are normalised by {name}.std + {rsl_rl.EPSILON:g}")
    if std is None:
        std = np.sqrt(held["var"].astype(np.float64) + _EPSILON)
        notes.append(f"assumed: observations are normalised by sqrt({name}.var + {_EPSILON:g})")
    normalizer = {"normalizer/mean": held["mean"], "normalizer/std": std}
    if "count" in held:
        normalizer["normalizer/count"] = held["count"].astype(np.float64).reshape(())
    return normalizer
