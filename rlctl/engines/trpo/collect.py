"""Rollouts of the policy in a driver's environments, in numpy.

Shapes: T time, N environments, O observation, A action.
"""

from typing import NamedTuple

import numpy as np

from rlctl.policies.base import Memory, Policy, sample_noise
from rlctl.policies.mlp.spec import MLPSpec
from rlctl.rollouts.base import ActorStep, Arrays, Driver
from rlctl.rollouts.session import Session


class Batch(NamedTuple):
    """T steps of N environments.

    Attributes:
        observation: (T, N, O) float32.
        raw_action: (T, N, A) float32, the sample that log_prob belongs to: before clipping and
            scaling, or the index of the choice.
        log_prob: (T, N) float32.
        reward: (T, N) float32.
        terminated: (T, N) bool.
        truncated: (T, N) bool.
        next_observation: (T, N, O) float32, the observation after the step, before any reset.
    """

    observation: np.ndarray
    raw_action: np.ndarray
    log_prob: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    next_observation: np.ndarray


def collect(policy: Policy, driver: Driver, length: int, rng: np.random.Generator) -> Batch:
    """Collect `length` steps, starting from the environments' current observations.

    Args:
        policy: The behaviour policy.
        driver: The environments.
        length: T.
        rng: Random generator of the action noise.

    Raises:
        Diverged: A state, observation or reward is not finite; see rollouts.base.Driver.
    """
    spec, num_envs = policy.spec, driver.num_envs
    noise = sample_noise(spec, rng, length * num_envs).reshape(length, num_envs, spec.noise_size)
    remaining = iter(noise)

    def act(observation: np.ndarray, memory: Memory | None) -> ActorStep:
        stages = policy.stages(observation, memory, noise=next(remaining))
        return ActorStep(stages["action"], stages)

    session, observations, outputs, steps = Session(driver, act), [], [], []
    for _ in range(length):
        observations.append(session.observation)
        chosen, step = session.step()
        outputs.append(chosen.extras)
        steps.append(step)
    raw_action, log_prob = _raw_action_and_log_prob(
        spec, {k: _stack(outputs, k) for k in outputs[0]}, noise
    )
    return Batch(
        np.stack(observations),
        raw_action,
        log_prob,
        np.stack([step.reward for step in steps]),
        np.stack([step.terminated for step in steps]),
        np.stack([step.truncated for step in steps]),
        np.stack([step.final_observation for step in steps]),
    )


def _stack(rows: list[Arrays], name: str) -> np.ndarray:
    return np.stack([row[name] for row in rows])


def _raw_action_and_log_prob(
    spec: MLPSpec, stages: Arrays, noise: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return raw actions (T, N, A) and their log-probabilities (T, N) from the policy's stages."""
    if spec.distribution == "normal":
        scale = stages["scale"]
        density = -0.5 * noise * noise - np.log(scale) - 0.5 * np.log(2.0 * np.pi)
        return stages["mean"] + scale * noise, density.sum(-1).astype(np.float32)
    choice = stages["action"] - np.float32(spec.action_low[0])
    logits = stages[f"hidden_{len(spec.policy_hidden_layer_sizes)}"]
    log_p = logits - np.logaddexp.reduce(logits, axis=-1, keepdims=True)
    return choice, np.take_along_axis(log_p, choice.astype(int), -1)[..., 0].astype(np.float32)
