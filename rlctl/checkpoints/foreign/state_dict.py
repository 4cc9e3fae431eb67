"""A state dict of an actor and a critic: which tensor is what, by its name.

    WORDS.N.weight [out, in], WORDS.N.bias     linear layers, in the order of the dict, of the
                                               policy or of the value function by their words
    log_std, or std                            (A,) or (1, A)
    obs_rms.mean, obs_rms.var and the like     statistics of observations

A tensor that nobody can place is an error: left out, it would change what the policy does.
"""

from collections.abc import Mapping

import numpy as np

from rlctl.checkpoints.arrays import Arrays
from rlctl.checkpoints.foreign.base import Layer, network, to_float32
from rlctl.core.errors import Incompatible

_POLICY = {"actor", "policy", "pi", "mean", "mu", "action"}
_VALUE = {"critic", "value", "vf", "v"}
_OBSERVED = {
    "ob", "obs", "observation", "observations", "rms", "norm", "normalizer", "normaliser",
    "normalization", "statistics", "stats", "running",
}  # fmt: skip
_ELSE = {"optimizer", "optimiser", "optim", "scheduler", "ret", "return", "returns", "reward"}
_STATISTICS = {"mean": "mean", "var": "var", "variance": "var", "std": "std", "count": "count"}
_EPSILON = 1e-8  # what almost everybody adds to the variance
_HINT = "read are multi-layer perceptrons: linear layers of a policy and of a value function"


def arrays_of(state: Mapping[str, np.ndarray]) -> tuple[Arrays, list[str]]:
    """The arrays under rlctl's names, and what was assumed or left out.

    Raises:
        Incompatible: A tensor has no place in a policy, or the policy is missing.
        Diverged: Something is not finite.
    """
    state = {name: array for name, array in state.items() if not _words(name) & _ELSE}
    notes: list[str] = []
    groups = _statistics(state)
    normalizer = _normalizer(state, groups, notes)
    placed = {name for kinds in groups.values() for name in kinds.values()}
    state = {name: array for name, array in state.items() if name not in placed}
    spread, log_std = _spread(state)
    rest = {
        name: array
        for name, array in state.items()
        if name != spread and (array.ndim or _role(name))
    }
    alone = all(_role(name) != "value" for name in rest)  # a policy's own state dict
    layers: dict[str, dict[str, dict[str, np.ndarray]]] = {"policy": {}, "value": {}}
    for name, array in rest.items():
        role = "policy" if alone else _role(name)
        stem, _, part = name.rpartition(".")
        if role is None or (part, array.ndim) not in (("weight", 2), ("bias", 1)):
            raise Incompatible(
                f"its tensor {name} {tuple(array.shape)} has no place in a policy", _HINT
            )
        layers[role].setdefault(stem, {})[part] = array
    if not layers["policy"]:
        raise Incompatible("it has no layers of a policy by their names", _HINT)
    if any(_words(parent) & _VALUE for parent in groups):
        layers["value"] = {}
        notes.append("left out: the value function, which has a normaliser of its own")
    found = normalizer | ({} if log_std is None else {"policy/log_std": log_std})
    for role, stems in layers.items():
        found |= network(role, [_layer(stem, parts) for stem, parts in stems.items()])
    return to_float32(found), notes


def _words(text: str) -> set[str]:
    return {word for part in text.lower().split(".") for word in part.split("_")}


def _role(name: str) -> str | None:
    """Whose it is, by the last part of its name that tells."""
    for part in reversed(name.split(".")[:-1]):
        words = _words(part)
        policy, value = bool(words & _POLICY), bool(words & _VALUE)
        if policy != value:
            return "policy" if policy else "value"
    return None


def _layer(stem: str, parts: Mapping[str, np.ndarray]) -> Layer:
    if "weight" not in parts:
        raise Incompatible(f"its layer {stem} has no weight", _HINT)
    kernel = parts["weight"].T
    return kernel, parts.get("bias", np.zeros(kernel.shape[1], kernel.dtype))


def _spread(state: Mapping[str, np.ndarray]) -> tuple[str, np.ndarray | None]:
    """The log standard deviation: its name, and (A,); None without one."""
    found: dict[str, np.ndarray] = {}
    for name, array in state.items():
        part = name.rpartition(".")[2].lower().strip("_")
        words = set(part.split("_"))
        if "logstd" in words or words >= {"log", "std"}:
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
        if kind and _words(parent.rpartition(".")[2]) & (_OBSERVED | _VALUE):
            found.setdefault(parent, {})[kind] = name
    return {parent: kinds for parent, kinds in found.items() if "mean" in kinds}


def _normalizer(
    state: Mapping[str, np.ndarray], groups: Mapping[str, Mapping[str, str]], notes: list[str]
) -> Arrays:
    """Mean, std and count of what the policy sees; {} without."""
    found = {
        parent: {kind: state[name].reshape(-1) for kind, name in kinds.items()}
        for parent, kinds in groups.items()
        if not _words(parent) & _VALUE
    }
    if not found:
        return {}
    if len(found) > 1:
        raise Incompatible(f"it has statistics of several observations: {', '.join(found)}")
    ((name, held),) = found.items()
    if "mean" not in held or not {"var", "std"} & set(held):
        raise Incompatible(f"its {name} has {', '.join(held)}, not a mean and a variance")
    std = held.get("std")
    if std is None:
        std = np.sqrt(held["var"].astype(np.float64) + _EPSILON)
        notes.append(f"assumed: observations are normalised by sqrt({name}.var + {_EPSILON:g})")
    normalizer = {"normalizer/mean": held["mean"], "normalizer/std": std}
    if "count" in held:
        normalizer["normalizer/count"] = held["count"].astype(np.float64).reshape(())
    return normalizer
