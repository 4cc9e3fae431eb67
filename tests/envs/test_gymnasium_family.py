"""Gymnasium's environments: what they say of themselves, and what cannot be used."""

import subprocess
import sys

import pytest

from rlctl import catalog
from rlctl.core.errors import DeviceUnavailable, UsageError
from rlctl.core.specs import ActionPart
from rlctl.envs.families.gymnasium_config import GymnasiumConfig
from rlctl.rollouts.make import environment_of, make_environment, resolve_physics


def spec(name, **options):
    return make_environment(f"gym:{name}", GymnasiumConfig(**options)).spec


class TestSpecs:
    def test_of_a_box(self):
        pendulum = spec("Pendulum-v1")
        assert [(part.name, part.size) for part in pendulum.observation] == [("observation", 3)]
        assert pendulum.action == (ActionPart("action_0", -2.0, 2.0),)
        assert (pendulum.id, pendulum.control_dt) == ("gym:Pendulum-v1", 0.05)
        assert pendulum.episode_length == 200

    def test_of_a_choice(self):
        cartpole = spec("CartPole-v1")
        (action,) = cartpole.action
        assert (action.low, action.high, action.discrete) == (0, 1, True)
        assert cartpole.control_dt == 1 / 50, "of the frame rate"
        (action,) = spec("toy_gym:Odd-v0", takes="choice").action
        assert (action.low, action.high) == (2, 4)

    def test_of_mujoco(self):
        hopper = spec("Hopper-v5", forward_reward_weight=2.0)
        assert (hopper.observation_size, hopper.action_size) == (11, 3)
        assert (hopper.control_dt, hopper.substeps) == (0.008, 4)
        assert hopper.terms == ("reward_ctrl", "reward_forward", "reward_survive")

    def test_of_dictionaries(self):
        parts = [(part.name, part.size) for part in spec("toy_gym:Toy-v0").observation]
        assert parts == [("a/x", 2), ("a/y", 4), ("b", 1)]

    def test_a_component_without_one_bound_is_unbounded(self):
        first, second = spec("toy_gym:Odd-v0", takes="half").action
        assert (first.low, first.high) == (-1.0, 1.0)
        assert (second.low, second.high) == (None, None)

    def test_physics_is_their_own(self):
        assert resolve_physics("gym:Pendulum-v1", "auto") == "gymnasium"
        with pytest.raises(UsageError, match="does not run on native physics"):
            resolve_physics("gym:Pendulum-v1", "native")


class TestWhatCannotBeUsed:
    @pytest.mark.parametrize(
        ("name", "hint"),
        [
            ("Pendulm-v1", "did you mean gym:Pendulum-v1?"),
            ("Hopper-v2", "did you mean gym:Hopper-v5?"),
            ("toy_gym:Toi-v0", "did you mean gym:toy_gym:Toy-v0?"),
            ("zzzzzzzzzzz", "`rlctl envs gym` lists them"),
        ],
    )
    def test_names(self, name, hint):
        with pytest.raises(UsageError, match="there is no environment") as caught:
            catalog.env(f"gym:{name}")
        assert caught.value.hint == hint

    def test_modules(self):
        with pytest.raises(UsageError, match="cannot import no_toys: ModuleNotFoundError"):
            catalog.env("gym:no_toys:Toy-v0")

    @pytest.mark.parametrize("observes", ["choice", "text"])
    def test_observations(self, observes):
        with pytest.raises(UsageError, match=r"observes (Discrete|Text).*only Box observations"):
            spec("toy_gym:Odd-v0", observes=observes)

    @pytest.mark.parametrize("takes", ["choices", "whole", "text"])
    def test_actions(self, takes):
        with pytest.raises(UsageError, match="only Discrete and real Box actions"):
            spec("toy_gym:Odd-v0", takes=takes)

    def test_options(self):
        with pytest.raises(UsageError, match="takes no 'lenght'; it takes length, fail,") as caught:
            spec("toy_gym:Toy-v0", lenght=3)
        assert caught.value.hint == "did you mean env.length?"

    def test_values(self):
        with pytest.raises(UsageError, match="cannot be made with takes='nothing': KeyError"):
            spec("toy_gym:Odd-v0", takes="nothing")

    def test_what_is_not_installed(self):
        with pytest.raises(DeviceUnavailable, match="Toys are not installed") as caught:
            spec("toy_gym:Missing-v0")
        assert caught.value.hint.endswith("pip install 'toys[box]'")


def test_nothing_is_listed_before_it_is_asked_for():
    code = (
        "import sys; from rlctl.actions.envs import list_envs; list_envs();"
        "assert 'gymnasium' not in sys.modules;"
        "(gym,) = list_envs('gym').families; assert 'Pendulum-v1' in gym.names;"
        "assert 'Hopper-v2' not in gym.names, 'it cannot be made'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_options_come_from_the_checkpoint(private_folder):
    import saved_policy

    from rlctl.checkpoints.reading import load

    checkpoint = load(saved_policy.save("gym:toy_gym:Toy-v0", length=7))
    name, config = environment_of(checkpoint)
    assert (name, config.values) == ("gym:toy_gym:Toy-v0", {"length": 7})
    assert environment_of(checkpoint, ["env.colour=9"])[1].values == {"length": 7, "colour": 9}
