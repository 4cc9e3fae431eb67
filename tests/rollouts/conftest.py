"""Drivers and behaviour policies."""

import functools

import jax
import jax.numpy as jnp
import pytest
from rollouts.drivers import make

from rlctl.rollouts.base import Actor, ActorStep
from rlctl.rollouts.keys import ACT, step_keys


@pytest.fixture(params=["native", pytest.param("jax", marks=pytest.mark.foreign)])
def kind(request):
    """Each kind of driver."""
    return request.param


@pytest.fixture
def make_driver(kind):
    """Factory of drivers of that kind. They are cached, so reset them."""
    return functools.partial(make, kind)


def _act(gain, observation, key):
    raw = gain * observation[:1] + jax.random.normal(key, (1,))
    return ActorStep(jnp.tanh(raw), {"raw": raw, "squares": {"sum": raw @ raw}})


def step_key(keys, time):
    """Noise for an actor that samples by itself: one key per environment."""
    return step_keys(keys, time, ACT)


def _final(gain, observation):
    return {"value": gain + observation[0] + 10.0 * observation[2], "observation": observation}


@pytest.fixture(scope="session")
def actor():
    """Behaviour policy that pushes away from the middle; its parameter is the gain."""
    return Actor(_act, _final, step_key)


@pytest.fixture(scope="session")
def constant():
    """Behaviour policy whose action is its parameter."""
    return Actor(
        lambda action, observation, key: ActorStep(action[None], ()),
        lambda action, observation: observation[0],
        step_key,
    )
