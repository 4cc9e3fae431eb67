"""Drivers of the test environment."""

import jax
import jax.numpy as jnp
import pytest
from rollouts.slider import Slider

from rlctl.rollouts.base import Actor, ActorStep


def make(kind, num_envs, env=None, episode_length=20, randomize=True, on_nonfinite="stop"):
    """A driver of an environment, on native physics (`host`) or MJX (`fused`)."""
    env = env or Slider()
    if kind == "host":
        from rlctl.rollouts.host import HostDriver

        return HostDriver(env, num_envs, episode_length, randomize, on_nonfinite)
    from rlctl.physics.mjx import MjxSimulation
    from rlctl.rollouts.fused import FusedDriver

    simulation = MjxSimulation(env, "jax")
    return FusedDriver(simulation, "jax", num_envs, episode_length, randomize, on_nonfinite)


@pytest.fixture(params=["host", pytest.param("fused", marks=pytest.mark.foreign)])
def kind(request):
    """Every driver there is."""
    return request.param


@pytest.fixture
def make_driver(kind):
    """Make a driver of that kind; it is closed after the test."""
    made = []

    def build(num_envs, **options):
        made.append(make(kind, num_envs, **options))
        return made[-1]

    yield build
    for driver in made:
        driver.close()


def _act(gain, observation, key):
    raw = gain * observation[:1] + jax.random.normal(key, (1,))
    return ActorStep(jnp.tanh(raw), raw, -0.5 * (raw[0] * raw[0]))


def _value(gain, observation):
    return gain + observation[0] + 10.0 * observation[2]


@pytest.fixture(scope="session")
def actor():
    """A behaviour policy that pushes away from the middle; its parameter is the gain."""
    return Actor(_act, _value)
