"""Drivers and behaviour policies."""

import functools

import jax
import jax.numpy as jnp
import pytest
from rollouts.drivers import make

from rlctl.rollouts.base import Actor, ActorStep
from rlctl.rollouts.keys import ACT, step_keys


@pytest.fixture(params=["host", pytest.param("fused", marks=pytest.mark.foreign)])
def kind(request):
    """Every driver there is."""
    return request.param


@pytest.fixture
def make_driver(kind):
    """Make a driver of that kind, used before perhaps: reset it."""
    return functools.partial(make, kind)


def _act(gain, observation, key):
    raw = gain * observation[:1] + jax.random.normal(key, (1,))
    return ActorStep(jnp.tanh(raw), raw, -0.5 * (raw[0] * raw[0]))


def step_key(keys, time):
    """The noise of an actor that draws by itself: a key for each environment."""
    return step_keys(keys, time, ACT)


def _value(gain, observation):
    return gain + observation[0] + 10.0 * observation[2]


@pytest.fixture(scope="session")
def actor():
    """A behaviour policy that pushes away from the middle; its parameter is the gain."""
    return Actor(_act, _value, step_key)


@pytest.fixture(scope="session")
def constant():
    """A behaviour policy whose action is its parameter."""
    return Actor(
        lambda action, observation, key: ActorStep(action[None], action[None], action),
        lambda action, observation: observation[0],
        step_key,
    )
