"""Difference between two back ends of one policy, and the first stage at which they differ.

Shapes: N observations, O observation, A action, Z noise, K choices.
"""

from dataclasses import dataclass

import numpy as np

from rlctl.checkpoints.arrays import Arrays
from rlctl.core.specs import PolicySpec
from rlctl.policies.base import Policy, action_bounds
from rlctl.policies.mlp.spec import MLPSpec
from rlctl.policies.observations import Observation


@dataclass(frozen=True)
class PolicyDifference:
    """Difference between the results of two policies.

    Attributes:
        max: Largest difference of actions, relative to the action's range (unbounded: to the larger
            of 1 and the largest action); NaN if an action is.
        mean: Mean of the same differences.
        stages: Stage -> largest difference there, relative to the larger of 1 and the largest
            number of that stage; in order. The action's is `max`.
    """

    max: float
    mean: float
    stages: dict[str, float]

    def first_stage(self, tolerance: float) -> str | None:
        """Return the first stage beyond the tolerance, None if all are within it."""
        # `not <=` instead of `>`: NaN is beyond any tolerance.
        return next((name for name, x in self.stages.items() if not x <= tolerance), None)


def compare(
    reference: Policy, other: Policy, observation: Observation, noises: list[np.ndarray | None]
) -> PolicyDifference:
    """Compare two policies on the same observations and noise.

    Args:
        reference: The reference.
        other: A policy with the same spec.
        observation: (N, O).
        noises: Samples of noise to act with, (N, Z), or None for the deterministic action.
    """
    spec, actions, stages = reference.spec, [], []
    for noise in noises:
        expected, actual = (p.stages(observation, noise=noise) for p in (reference, other))
        actual["action"] = other.act(observation, noise=noise)  # another program than `stages`
        stages.append({name: _max_difference(expected[name], actual[name]) for name in expected})
        if isinstance(spec, MLPSpec) and spec.distribution == "categorical":
            actions.append(_choice_difference(spec, expected, actual, noise))
        else:
            difference = np.abs(actual["action"] - expected["action"])
            actions.append(difference / _action_range(spec, expected))
    differences = np.concatenate(actions, dtype=np.float64)
    largest = {name: float(np.max([stage[name] for stage in stages])) for name in stages[0]}
    largest["action"] = float(differences.max())
    return PolicyDifference(largest["action"], float(differences.mean()), largest)


def _max_difference(expected: np.ndarray, actual: np.ndarray) -> float:
    return float((np.abs(actual - expected) / max(1.0, np.abs(expected).max())).max())


def _action_range(spec: PolicySpec, expected: Arrays) -> np.ndarray:
    """Return the scale (A,) that differences of actions are relative to."""
    low, high, bounded = action_bounds(spec)
    return np.where(bounded, high - low, np.maximum(1.0, np.abs(expected["action"]).max(axis=0)))


def _choice_difference(
    spec: MLPSpec, expected: Arrays, actual: Arrays, noise: np.ndarray | None
) -> np.ndarray:
    """Return (2N,): differences of logits, and how much worse the choice is than the best one.

    Both are relative to the largest logit. So either of two equally good choices may be taken. An
    action that is not a valid choice is infinitely worse.
    """
    last = f"hidden_{len(spec.policy_hidden_layer_sizes)}"
    logits, others = expected[last], actual[last]
    scale = max(1.0, float(np.abs(logits).max()))
    value = logits if noise is None else logits + noise  # (N, K)
    index = actual["action"][:, 0] - np.float32(spec.action_low[0])
    valid = (index == np.round(index)) & (index >= 0) & (index < spec.output_size)
    chosen = value[np.arange(len(value)), np.where(valid, index, 0).astype(int)]
    worse = np.where(valid, value.max(axis=1) - chosen, np.inf)
    return np.concatenate([np.abs(logits - others).max(axis=1), worse]) / scale
