"""How often a training is evaluated, and on how many episodes: worked out from its settings."""

import dataclasses
from typing import Any, TypeVar

from rlctl import catalog
from rlctl.core.config import Resolved
from rlctl.engines.api import Schedule
from rlctl.engines.config import TrainConfig

FEWEST = 5  # evaluations, before they become shorter instead of fewer
FEWEST_EPISODES = 4  # of an evaluation, before they become fewer again

AnyPlan = TypeVar("AnyPlan", bound=Schedule)


def limit(env_name: str, settings: Resolved) -> int:
    """Control steps that an episode of an evaluation takes at most."""
    config = settings["env"]
    if known := getattr(config, "episode_length", 0):
        return known
    return catalog.load("rlctl.rollouts.factory:make_environment")(
        env_name, config
    ).spec.episode_length


def fit(plan: AnyPlan, train: TrainConfig, limit: int) -> AnyPlan:
    """The plan with its evaluations, and the checkpoints that are saved at them.

    Args:
        plan: With its steps.
        train: The settings.
        limit: Control steps that an episode of an evaluation takes at most.
    """
    evals, episodes = bounded(train, plan.steps, plan.steps_per_update, limit)
    every = max(plan.steps_per_update, plan.steps // evals) if evals else 0
    save_every = train.save_every or every or max(plan.steps_per_update, plan.steps // 10)
    return dataclasses.replace(
        plan, eval_every=every, eval_episodes=episodes, save_every=save_every
    )


def bounded(train: TrainConfig, steps: int, per_update: int, limit: int) -> tuple[int, int]:
    """How many evaluations there are, and of how many episodes each.

    As many as the settings say; where their episodes would take more than `train.eval_share` of the
    training's steps, fewer evaluations, and then shorter ones. One of 4 episodes is left.

    Args:
        train: The settings.
        steps: Environment steps of the training.
        per_update: Steps of an update; there is at most one evaluation after each.
        limit: Control steps that an episode takes at most.
    """
    evals, episodes = min(train.num_evals, steps // per_update), train.eval_episodes
    if train.eval_share is None or not evals:
        return train.num_evals, episodes
    most = int(train.eval_share * steps / limit)  # episodes, of all evaluations together
    if evals * episodes <= most:
        return train.num_evals, episodes
    evals = max(min(evals, FEWEST), most // episodes)
    episodes = min(episodes, most // evals)
    if episodes < FEWEST_EPISODES:
        episodes = min(FEWEST_EPISODES, train.eval_episodes)
        evals = max(1, most // episodes)
    return evals, episodes


def count(plan: Schedule) -> int:
    """How many evaluations there are: at multiples of `eval_every`, and after the last update."""
    if not plan.eval_every:
        return 0
    multiples = plan.steps // plan.eval_every
    apart = plan.steps - multiples * plan.eval_every >= plan.steps_per_update
    return multiples + apart


def told(plan: Schedule, train: TrainConfig, limit: int) -> dict[str, Any]:
    """What lies ahead, for those who watch."""
    return {
        "steps": plan.steps,
        "steps_per_update": plan.steps_per_update,
        "eval_every": plan.eval_every,
        "evals": count(plan),
        "eval_episodes": plan.eval_episodes if plan.eval_every else 0,
        "eval_steps": plan.eval_episodes * limit if plan.eval_every else 0,
        "target_return": train.target_return,
    }
