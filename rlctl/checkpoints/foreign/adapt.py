"""Another tool's policy as one of an environment: its sizes, its bounds, its statistics."""

from dataclasses import dataclass

import numpy as np

from rlctl.checkpoints.arrays import Arrays
from rlctl.checkpoints.foreign.base import Foreign
from rlctl.core.errors import Incompatible
from rlctl.core.specs import EnvSpec, PolicySpec


@dataclass(frozen=True)
class Fitted:
    """A policy as rlctl has it.

    Attributes:
        spec: What the arrays mean.
        arrays: A checkpoint's group `policy`.
        notes: What had to be assumed or left out.
    """

    spec: PolicySpec
    arrays: Arrays
    notes: tuple[str, ...]


def misfit(foreign: Foreign, env: EnvSpec) -> str:
    """Why the policy cannot be of the environment; "" if it can."""
    seen = sorted({env.policy_size, env.observation_size})
    if foreign.inputs not in seen:
        given = " or ".join(map(str, seen))
        return f"it takes {foreign.inputs} numbers, and {env.id} gives a policy {given}"
    mean = foreign.arrays.get("normalizer/mean")
    if mean is not None and mean.shape != (foreign.inputs,):
        return f"it takes {foreign.inputs} numbers, and its statistics are of {mean.size}"
    kind, (*_, outputs) = _distribution(foreign, env), foreign.outputs("policy")
    discrete = env.action[0].discrete
    if discrete != (kind == "categorical"):
        return f"its actions are {kind}, and {env.id} takes {'a choice' if discrete else 'numbers'}"
    if kind == "categorical":
        wanted = round(env.action[0].high - env.action[0].low) + 1
    else:
        wanted = env.action_size * (2 if kind == "tanh_normal" else 1)
    if outputs != wanted:
        return f"it gives {outputs} numbers, and a {kind} policy of {env.id} gives {wanted}"
    if kind == "normal" and foreign.arrays.get("policy/log_std", np.zeros(0)).shape != (outputs,):
        return f"it has no log_std of {outputs} numbers, as a normal policy of {env.id} has"
    if kind == "tanh_normal" and any(None in (part.low, part.high) for part in env.action):
        return f"its actions are from -1 to 1, and those of {env.id} have no bounds"
    return ""


def fit(
    foreign: Foreign, env: EnvSpec, activation: str | None = None, clip: float | None = None
) -> Fitted:
    """The policy as one of the environment.

    Args:
        foreign: The policy.
        env: The environment.
        activation: Of the hidden layers, where the file does not tell; None for what is usual.
        clip: The bound on normalised observations, where the file does not tell; None for none.

    Raises:
        Incompatible: Sizes or bounds do not fit.
    """
    if why := misfit(foreign, env):
        raise Incompatible(f"{foreign.format} does not fit {env.id}: {why}")
    notes, arrays = list(foreign.notes), dict(foreign.arrays)
    kind, normalize = _distribution(foreign, env), "normalizer/mean" in arrays
    value = foreign.outputs("value")
    if value and (foreign.inputs != env.observation_size or not _values(foreign, value)):
        arrays = {name: array for name, array in arrays.items() if not name.startswith("value/")}
        value = []
        notes.append(
            f"left out: the value function; one of {env.id} takes {env.observation_size} numbers "
            "and gives 1"
        )
    if not foreign.activation and activation is None:
        notes.append(f"assumed: {foreign.usual} between the layers, as the file does not say")
    if kind == "normal" and not foreign.unit:
        _to_unit(arrays, env, len(foreign.outputs("policy")) - 1)
    spec = PolicySpec(
        observation_size=env.observation_size,
        policy_size=foreign.inputs,
        action_low=tuple(part.low for part in env.action),
        action_high=tuple(part.high for part in env.action),
        policy_hidden_layer_sizes=tuple(foreign.outputs("policy")[:-1]),
        value_hidden_layer_sizes=tuple(value[:-1]),
        activation=foreign.activation or activation or foreign.usual,
        distribution=kind,
        normalize=normalize,
        normalizer_clip=clip if foreign.clip is None else foreign.clip,
    )
    arrays |= _normalizer(foreign, env)
    return Fitted(spec, dict(sorted(arrays.items())), tuple(notes))


def _distribution(foreign: Foreign, env: EnvSpec) -> str:
    if foreign.distribution:
        return foreign.distribution
    if "policy/log_std" in foreign.arrays:
        return "normal"
    if env.action[0].discrete:
        return "categorical"
    return "tanh_normal" if foreign.unit else "normal"


def _values(foreign: Foreign, outputs: list[int]) -> bool:
    return outputs[-1] == 1 and len(foreign.arrays["value/hidden_0/kernel"]) == foreign.inputs


def _to_unit(arrays: Arrays, env: EnvSpec, last: int) -> None:
    """Have the last layer give actions from -1 to 1 instead of from low to high.

    clip(u, low, high) = low + (clip(v, -1, 1) + 1) / 2 * (high - low),  v = (u - middle) / half
    """
    pairs = [(part.low, part.high) for part in env.action]
    middle, half = np.array(
        [
            (0, 1) if None in pair else ((pair[0] + pair[1]) / 2, (pair[1] - pair[0]) / 2)
            for pair in pairs
        ]
    ).T
    layer = f"policy/hidden_{last}"
    scaled = {
        f"{layer}/kernel": arrays[f"{layer}/kernel"] / half,
        f"{layer}/bias": (arrays[f"{layer}/bias"] - middle) / half,
        "policy/log_std": arrays["policy/log_std"] - np.log(half),
    }
    arrays |= {name: array.astype(np.float32) for name, array in scaled.items()}


def _normalizer(foreign: Foreign, env: EnvSpec) -> Arrays:
    """Statistics of the whole observation: of what the policy does not see, mean 0 and std 1."""
    more = (0, env.observation_size - foreign.inputs)
    held = foreign.arrays
    mean = np.pad(held.get("normalizer/mean", np.zeros(foreign.inputs, np.float32)), more)
    std = held.get("normalizer/std", np.ones(foreign.inputs, np.float32))
    std = np.pad(std, more, constant_values=1.0)
    found = {"normalizer/mean": mean, "normalizer/std": std}
    count = held.get("normalizer/count")
    if count is not None:  # then a training can start from it
        found |= {
            "normalizer/summed_variance": std * std * count,
            "normalizer/weight": np.ones_like(std),
        }
    return found
