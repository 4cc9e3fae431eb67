"""Suggestions for unknown names: by words, by letters, by other tools' names."""

import pytest

from rlctl import catalog
from rlctl.actions.config import sections_of
from rlctl.core.suggest import ALIASES, nearest


def settings(algo):
    return [
        f"{section}.{field}"
        for section, kind in sections_of("barkour", algo).items()
        for field in kind.__dataclass_fields__
    ]


@pytest.mark.parametrize(
    ("given", "ppo", "trpo"),
    [
        ("lr", "ppo.learning_rate", "trpo.value_learning_rate"),
        ("gamma", "ppo.discounting", "trpo.discounting"),
        ("lambda", "ppo.gae_lambda", "trpo.gae_lambda"),
        ("clip_range", "ppo.clipping_epsilon", None),
        ("ent_coef", "ppo.entropy_cost", "trpo.entropy_cost"),
        ("n_steps", "ppo.unroll_length", "trpo.steps_per_update"),
        ("n_envs", "train.num_envs", "train.num_envs"),
        ("n_epochs", "ppo.num_updates_per_batch", "trpo.value_epochs"),
        ("batch", "ppo.batch_size", "trpo.value_minibatch"),
        ("hidden_sizes", "ppo.policy_hidden_layer_sizes", "trpo.policy_hidden_layer_sizes"),
        ("total_timesteps", "train.steps", "train.steps"),
        ("target_kl", None, "trpo.max_kl"),
    ],
)
def test_other_tools_names(given, ppo, trpo):
    for algo, meant in (("ppo", ppo), ("trpo", trpo)):
        for name in (given, f"{algo}.{given}", f"train.{given}", given.upper()):
            if meant is not None:
                assert nearest(name, settings(algo)) == meant


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("ppo.lerning_rate", "ppo.learning_rate"),
        ("ppo.LearningRate", "ppo.learning_rate"),
        ("train.learning_rate", "ppo.learning_rate"),
        ("ppo.policy_hidden", "ppo.policy_hidden_layer_sizes"),
        ("env.vxmax", "env.vx_max"),
        ("vx_max", "env.vx_max"),
        ("train.stpes", "train.steps"),
        ("ppo.nonsense", ""),
        ("foo", ""),
        ("", ""),
        ("ppo.", ""),
        ("...", ""),
    ],
)
def test_settings(given, meant):
    assert nearest(given, settings("ppo")) == meant


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("pendulm", "pendulum"), ("Pendulum", "pendulum"), ("HalfCheetah", "half-cheetah"),
        ("cheetah", "half-cheetah"), ("walker", "walker2d"), ("barkuor", "barkour"),
        ("inverted_pendulum", "inverted-pendulum"), ("shipped", ""), ("nothing-like-it", ""),
    ],
)  # fmt: skip
def test_environments(given, meant):
    assert nearest(given, catalog.envs()) == meant


def test_aliases_are_of_names_that_there_are():
    from typer.main import get_command

    from rlctl import cli

    keys = {name.partition(".")[2] for algo in catalog.engines() for name in settings(algo)}
    options = {
        option.removeprefix("--").replace("-", "_")
        for command in get_command(cli.app).commands.values()
        for parameter in command.params
        for option in parameter.opts
    }
    assert {name for names in ALIASES.values() for name in names} <= keys | options
