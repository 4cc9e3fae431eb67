"""Drivers of the test environment."""

import functools

from rollouts.slider import Slider


@functools.cache
def make(
    kind, num_envs=6, env=Slider, episode_length=20, randomize=True, on_nonfinite="stop", copy=0
):
    """A driver on native physics (`host`) or MJX (`fused`), kept compiled for the next test.

    `copy` numbers further ones that are otherwise the same.
    """
    env = env()
    if kind == "host":
        from rlctl.rollouts.host import HostDriver

        return HostDriver(env, num_envs, episode_length, randomize, on_nonfinite)
    from rlctl.physics.mjx import MjxSimulation
    from rlctl.rollouts.fused import FusedDriver

    simulation = MjxSimulation(env, "jax")
    return FusedDriver(simulation, "jax", num_envs, episode_length, randomize, on_nonfinite)
