"""Tests of the evaluation schedule: evaluations take a limited fraction of the steps."""

from dataclasses import dataclass

import pytest

from rlctl import catalog
from rlctl.actions.config import resolve_training
from rlctl.core.presets import presets
from rlctl.engines import evaluations
from rlctl.engines.config import TrainConfig


@dataclass(frozen=True)
class Plan:
    steps: int
    steps_per_update: int = 100
    eval_every: int = 0
    eval_episodes: int = 0
    save_every: int = 0


def fitted(steps, episode_length=100, **settings):
    settings = {"num_evals": 32, "eval_episodes": 64, "eval_share": 0.2, **settings}
    return evaluations.schedule_evals(
        Plan(steps), TrainConfig(steps=steps, **settings), episode_length
    )


@pytest.mark.parametrize(
    ("steps", "count", "episodes"),
    [
        (2_000_000, 32, 64),  # as the settings say
        (640_000, 20, 64),  # fewer
        (160_000, 5, 64),
        (40_000, 5, 16),  # then shorter
        (10_000, 5, 4),
        (4_000, 2, 4),  # then fewer again
        (100, 1, 4),  # the last is left
    ],
)
def test_evaluations_are_held_to_a_share_of_the_steps(steps, count, episodes):
    plan = fitted(steps)
    assert (evaluations.count_evals(plan), plan.eval_episodes) == (count, episodes)
    assert count == 1 or count * episodes * 100 <= 0.2 * steps


@pytest.mark.parametrize("steps", [2_000, 100_000])
def test_without_a_share_it_is_as_the_settings_say(steps):
    plan = fitted(steps, eval_share=None, num_evals=10)
    assert (evaluations.count_evals(plan), plan.eval_episodes) == (10, 64)
    assert plan.save_every == plan.eval_every == steps // 10


def test_there_may_be_none():
    plan = fitted(1000, num_evals=0)
    assert (evaluations.count_evals(plan), plan.eval_every, plan.save_every) == (0, 0, 100)


@pytest.mark.parametrize("steps", range(1000, 3000, 100))
@pytest.mark.parametrize("num_evals", [1, 3, 7, 50])
def test_they_are_counted_as_the_loop_makes_them(steps, num_evals):
    plan = fitted(steps, num_evals=num_evals, eval_share=None)
    every = plan.eval_every
    due = [
        now
        for now in range(100, steps + 1, 100)
        if now // every > (now - 100) // every or now >= steps
    ]
    assert evaluations.count_evals(plan) == len(due)


ALGOS = tuple(catalog.engines())
SHIPPED = [
    (env, algo)
    for env in ("pendulum", "barkour", "hopper", "inverted-pendulum", "gym:Pendulum-v1", "humanoid")
    for algo in ALGOS
    if algo in presets(env, ALGOS)
]


@pytest.mark.parametrize(("env", "algo"), SHIPPED)
def test_presets_keep_their_evaluations_at_their_own_steps(env, algo):
    settings = resolve_training(env, algo)
    train = settings["train"]
    episode_length = evaluations.eval_episode_length(env, settings)
    made = evaluations.limit_evals(train, train.steps, 1, episode_length)
    assert made == (train.num_evals, train.eval_episodes)


@pytest.mark.parametrize("setting", ["train.num_evals=32", "train.eval_episodes=64"])
def test_what_the_user_asks_for_is_done(setting):
    held = resolve_training("hopper", "ppo", flags={"train.steps": 400_000})
    assert held["train"].eval_share == 0.2
    assert held.origins["train.eval_share"] == "default"
    free = resolve_training("hopper", "ppo", None, [setting], {"train.steps": 400_000})
    assert free["train"].eval_share is None
    assert free.origins["train.eval_share"] == f"--set {setting[6:].partition('=')[0]}"
    both = [setting, "train.eval_share=0.5"]
    assert resolve_training("hopper", "ppo", None, both)["train"].eval_share == 0.5
