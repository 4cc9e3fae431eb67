"""How far two back ends of one policy lie apart, and where that begins.

Shapes: N observations, O observation, A action, Z noise, K choices.
"""

from dataclasses import dataclass

import numpy as np

from rlctl.checkpoints.arrays import Arrays
from rlctl.core.specs import PolicySpec
from rlctl.policies.base import Policy, action_bounds


@dataclass(frozen=True)
class Gap:
    """How far one policy is from another.

    Attributes:
        max: Greatest difference of their actions, in parts of the action's range (of 1 or of the
            largest action where there are no bounds); NaN where an action is.
        mean: Mean of the same.
        stages: Stage -> greatest difference of what the two compute there, in parts of 1 or of the
            largest number of that stage; in order. The action's is `max`.
    """

    max: float
    mean: float
    stages: dict[str, float]

    def first_stage(self, tolerance: float) -> str | None:
        """The first stage beyond the tolerance, None if all are within it."""
        return next((name for name, gap in self.stages.items() if not gap <= tolerance), None)


def observations(spec: PolicySpec, arrays: Arrays, rng: np.random.Generator, n: int) -> np.ndarray:
    """Observations (n, O) as the policy met them: normal, with the normaliser's mean and std.

    Where the normaliser clips there is one more, (n + 1, O), whose every number lies past the clip.
    """
    mean, std = arrays["normalizer/mean"], arrays["normalizer/std"]
    z = rng.normal(size=(n, spec.observation_size)) * arrays.get("normalizer/weight", 1.0)
    if spec.normalize and spec.normalizer_clip is not None:
        sign = np.sign(rng.normal(size=(1, spec.observation_size)))
        z = np.concatenate([z, sign * spec.normalizer_clip * rng.uniform(1.1, 3.0, sign.shape)])
    return (mean + std * z).astype(np.float32)


def compare(ours: Policy, theirs: Policy, observation: np.ndarray, noises: list) -> Gap:
    """Run two policies on the same observations and noise.

    Args:
        ours: The reference.
        theirs: The other one, of the same spec.
        observation: (N, O).
        noises: Every draw to act with, (N, Z), or None for the deterministic action.
    """
    actions, stages = [], []
    for noise in noises:
        right, found = (policy.stages(observation, noise=noise) for policy in (ours, theirs))
        found["action"] = theirs.act(observation, noise=noise)  # what it really does
        stages.append({name: _relative(right[name], found[name]) for name in right})
        if ours.spec.distribution == "categorical":
            actions.append(_choice_gap(ours.spec, right, found, noise))
        else:
            actions.append(np.abs(found["action"] - right["action"]) / _span(ours.spec, right))
    gaps = np.concatenate(actions, dtype=np.float64)
    worst = {name: float(np.max([stage[name] for stage in stages])) for name in stages[0]}
    return Gap(float(gaps.max()), float(gaps.mean()), worst | {"action": float(gaps.max())})


def _relative(right: np.ndarray, found: np.ndarray) -> float:
    return float((np.abs(found - right) / max(1.0, np.abs(right).max())).max())


def _span(spec: PolicySpec, right: Arrays) -> np.ndarray:
    """What a difference of actions is measured by, (A,)."""
    low, high, bounded = action_bounds(spec)
    return np.where(bounded, high - low, np.maximum(1.0, np.abs(right["action"]).max(axis=0)))


def _choice_gap(
    spec: PolicySpec, right: Arrays, found: Arrays, noise: np.ndarray | None
) -> np.ndarray:
    """How far the logits are apart, and how much worse the choice is than the best one, (2N,).

    Both in parts of the largest logit: where two choices are equally good, either may be taken. An
    action that is no choice at all is infinitely worse.
    """
    last = f"hidden_{len(spec.policy_hidden_layer_sizes)}"
    logits, others = right[last], found[last]
    scale = max(1.0, float(np.abs(logits).max()))
    value = logits if noise is None else logits + noise  # (N, K)
    index = found["action"][:, 0] - np.float32(spec.action_low[0])
    exists = (index == np.round(index)) & (index >= 0) & (index < spec.output_size)
    taken = value[np.arange(len(value)), np.where(exists, index, 0).astype(int)]
    worse = np.where(exists, value.max(axis=1) - taken, np.inf)
    return np.concatenate([np.abs(logits - others).max(axis=1), worse]) / scale
