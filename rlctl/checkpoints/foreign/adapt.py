"""Adapting another tool's policy to an environment: sizes, action bounds, statistics."""

from dataclasses import dataclass

import numpy as np

from rlctl import catalog
from rlctl.checkpoints.arrays import Arrays
from rlctl.checkpoints.foreign.base import ForeignPolicy
from rlctl.core.errors import Incompatible
from rlctl.core.specs import ActionPart, EnvSpec, PolicySpec, count_choices


@dataclass(frozen=True)
class AdaptedPolicy:
    """Policy in rlctl's format.

    Attributes:
        spec: The policy spec.
        arrays: The group `policy` of a checkpoint.
        notes: Assumptions and omissions.
    """

    spec: PolicySpec
    arrays: Arrays
    notes: tuple[str, ...]


def find_mismatch(foreign: ForeignPolicy, env: EnvSpec) -> str:
    """Return why the policy does not match the environment; "" if it does."""
    seen = sorted({env.policy_size, env.observation_size})
    if foreign.inputs not in seen:
        given = " or ".join(map(str, seen))
        return f"its input size is {foreign.inputs}, and {env.id} has observations of {given}"
    mean = foreign.arrays.get("normalizer/mean")
    if mean is not None and mean.shape != (foreign.inputs,):
        return f"its input size is {foreign.inputs}, and that of its statistics {mean.size}"
    kind, (*_, outputs) = _distribution(foreign, env), foreign.outputs("policy")
    discrete = env.action[0].discrete
    if discrete != (kind == "categorical"):
        actions = "discrete" if discrete else "continuous"
        return f"its policy is {kind}, and {env.id} has {actions} actions"
    if kind == "categorical":
        wanted = count_choices(env.action[0].low, env.action[0].high)
    else:
        wanted = env.action_size * (2 if kind == "tanh_normal" else 1)
    if outputs != wanted:
        return f"its output size is {outputs}, and a {kind} policy of {env.id} has {wanted}"
    if kind == "normal" and foreign.arrays.get("policy/log_std", np.zeros(0)).shape != (outputs,):
        return f"it has no log_std of size {outputs}, which a normal policy of {env.id} needs"
    if kind == "tanh_normal" and any(None in (part.low, part.high) for part in env.action):
        return f"its actions are in [-1, 1], and those of {env.id} are unbounded"
    return ""


def adapt(
    foreign: ForeignPolicy, env: EnvSpec, activation: str | None = None, clip: float | None = None
) -> AdaptedPolicy:
    """Convert a policy to the environment's sizes and action bounds.

    Args:
        foreign: The policy.
        env: The environment.
        activation: Hidden activation if the file has none; None for the tool's default.
        clip: Bound on normalised observations if the file has none; None for no bound.

    Raises:
        Incompatible: Sizes or bounds do not match.
    """
    if mismatch := find_mismatch(foreign, env):
        raise Incompatible(f"{foreign.format} does not match {env.id}: {mismatch}")
    notes, arrays = list(foreign.notes), dict(foreign.arrays)
    kind, normalize = _distribution(foreign, env), "normalizer/mean" in arrays
    value = foreign.outputs("value")
    if value and (foreign.inputs != env.observation_size or not _takes_same_input(foreign, value)):
        arrays = {name: array for name, array in arrays.items() if not name.startswith("value/")}
        value = []
        notes.append(
            f"left out: the value function; for {env.id} its input size is {env.observation_size} "
            "and its output size 1"
        )
    if not foreign.activation and activation is None:
        notes.append(
            f"assumed: {foreign.default_activation} between the layers, as the file does not say"
        )
    # rlctl's `normal` maps [-1, 1] to the bounds; other tools output the environment's units.
    if kind == "normal" and not foreign.normalized_actions:
        _rescale_to_unit(arrays, env, len(foreign.outputs("policy")) - 1)
    spec = catalog.policy_kind("mlp").spec(
        observation_size=env.observation_size,
        policy_size=foreign.inputs,
        action_low=tuple(part.low for part in env.action),
        action_high=tuple(part.high for part in env.action),
        policy_hidden_layer_sizes=tuple(foreign.outputs("policy")[:-1]),
        value_hidden_layer_sizes=tuple(value[:-1]),
        activation=foreign.activation or activation or foreign.default_activation,
        distribution=kind,
        normalize=normalize,
        normalizer_clip=clip if foreign.clip is None else foreign.clip,
    )
    arrays |= _normalizer(foreign, env)
    return AdaptedPolicy(spec, dict(sorted(arrays.items())), tuple(notes))


def _distribution(foreign: ForeignPolicy, env: EnvSpec) -> str:
    if foreign.distribution:
        return foreign.distribution
    if "policy/log_std" in foreign.arrays:
        return "normal"
    if env.action[0].discrete:
        return "categorical"
    return "tanh_normal" if foreign.normalized_actions else "normal"


def _takes_same_input(foreign: ForeignPolicy, outputs: list[int]) -> bool:
    return outputs[-1] == 1 and len(foreign.arrays["value/hidden_0/kernel"]) == foreign.inputs


def _rescale_to_unit(arrays: Arrays, env: EnvSpec, last: int) -> None:
    """Rescale the last layer to actions in [-1, 1] instead of [low, high].

    clip(u, low, high) = low + (clip(v, -1, 1) + 1) / 2 * (high - low),  v = (u - middle) / half
    """
    middle, half = np.array([_middle_and_half(part) for part in env.action]).T
    layer = f"policy/hidden_{last}"
    scaled = {
        f"{layer}/kernel": arrays[f"{layer}/kernel"] / half,
        f"{layer}/bias": (arrays[f"{layer}/bias"] - middle) / half,
        "policy/log_std": arrays["policy/log_std"] - np.log(half),
    }
    arrays |= {name: array.astype(np.float32) for name, array in scaled.items()}


def _middle_and_half(part: ActionPart) -> tuple[float, float]:
    """Return middle and half width of the bounds; 0 and 1 without bounds, to keep the unit."""
    if part.low is None or part.high is None:
        return 0.0, 1.0
    return (part.low + part.high) / 2, (part.high - part.low) / 2


def _normalizer(foreign: ForeignPolicy, env: EnvSpec) -> Arrays:
    """Return statistics of the whole observation; mean 0 and std 1 for privileged parts."""
    more = (0, env.observation_size - foreign.inputs)
    held = foreign.arrays
    mean = np.pad(held.get("normalizer/mean", np.zeros(foreign.inputs, np.float32)), more)
    std = held.get("normalizer/std", np.ones(foreign.inputs, np.float32))
    std = np.pad(std, more, constant_values=1.0)
    found = {"normalizer/mean": mean, "normalizer/std": std}
    count = held.get("normalizer/count")
    if count is not None:  # a training can continue the running statistics
        found |= {
            "normalizer/summed_variance": std * std * count,
            "normalizer/weight": np.ones_like(std),
        }
    return found
