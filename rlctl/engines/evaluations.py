"""Evaluation schedule of a training: how many evaluations, of how many episodes each."""

import dataclasses
from typing import Any

from rlctl import catalog
from rlctl.core.config import Resolved
from rlctl.engines.api import AnyPlan, Plan
from rlctl.engines.config import TrainConfig

# `train.eval_share` first makes evaluations fewer, down to MIN_EVALS, then shorter, down to
# MIN_EPISODES, then fewer again.
MIN_EVALS = 5
MIN_EPISODES = 4


def eval_episode_length(env_name: str, settings: Resolved) -> int:
    """Return the time limit of an evaluation's episodes in control steps."""
    config = settings["env"]
    if known := getattr(config, "episode_length", 0):
        return known
    return catalog.load("rlctl.rollouts.factory:make_environment")(
        env_name, config
    ).spec.episode_length


def schedule_evals(plan: AnyPlan, train: TrainConfig, episode_length: int) -> AnyPlan:
    """Return the plan with its evaluation and checkpoint intervals filled in.

    Args:
        plan: The plan without them.
        train: The settings.
        episode_length: Time limit of an evaluation's episodes in control steps.
    """
    evals, episodes = limit_evals(train, plan.steps, plan.steps_per_update, episode_length)
    every = max(plan.steps_per_update, plan.steps // evals) if evals else 0
    save_every = train.save_every or every or max(plan.steps_per_update, plan.steps // 10)
    return dataclasses.replace(
        plan, eval_every=every, eval_episodes=episodes, save_every=save_every
    )


def limit_evals(
    train: TrainConfig, steps: int, per_update: int, episode_length: int
) -> tuple[int, int]:
    """Return the number of evaluations and the episodes of each.

    These are the settings' own numbers, unless the evaluations would take more than
    `train.eval_share` of the training's steps: then there are fewer evaluations, or shorter ones.
    At least one evaluation of 4 episodes remains.

    Args:
        train: The settings.
        steps: Environment steps of the training.
        per_update: Steps of an update; there is at most one evaluation after each.
        episode_length: Time limit of an evaluation's episodes in control steps.
    """
    evals, episodes = min(train.num_evals, steps // per_update), train.eval_episodes
    if train.eval_share is None or not evals:
        return train.num_evals, episodes
    max_episodes = int(train.eval_share * steps / episode_length)  # over all evaluations
    if evals * episodes <= max_episodes:
        return train.num_evals, episodes
    evals = max(min(evals, MIN_EVALS), max_episodes // episodes)
    episodes = min(episodes, max_episodes // evals)
    if episodes < MIN_EPISODES:
        episodes = min(MIN_EPISODES, train.eval_episodes)
        evals = max(1, max_episodes // episodes)
    return evals, episodes


def count_evals(plan: Plan) -> int:
    """Count the evaluations: at multiples of `eval_every`, and after the last update."""
    if not plan.eval_every:
        return 0
    multiples = plan.steps // plan.eval_every
    # The last update adds an evaluation unless it crosses the last multiple itself.
    extra = plan.steps - multiples * plan.eval_every >= plan.steps_per_update
    return multiples + extra


def plan_event(plan: Plan, train: TrainConfig, episode_length: int) -> dict[str, Any]:
    """Return the fields of the progress event `plan`."""
    return {
        "steps": plan.steps,
        "steps_per_update": plan.steps_per_update,
        "eval_every": plan.eval_every,
        "evals": count_evals(plan),
        "eval_episodes": plan.eval_episodes if plan.eval_every else 0,
        "eval_steps": plan.eval_episodes * episode_length if plan.eval_every else 0,
        "target_return": train.target_return,
    }
