"""Drivers of the test environment."""

import functools

from rollouts.slider import Slider


@functools.cache
def make(
    kind,
    num_envs=6,
    env=Slider,
    episode_length=20,
    randomize=True,
    on_nonfinite="stop",
    copy=0,
    redraw=False,
):
    """A driver on native physics (`host`) or MJX (`fused`), kept compiled for the next test.

    `copy` numbers further ones that are otherwise the same.
    """
    if kind == "host":
        from rlctl.rollouts.native_driver import NativeDriver

        program = host_program(env, episode_length, redraw)
        return NativeDriver(program, num_envs, randomize, on_nonfinite)
    from rlctl.rollouts.jax_driver import JaxDriver

    program = fused_program(env, episode_length, redraw)
    return JaxDriver(program, "jax", num_envs, randomize, on_nonfinite)


@functools.cache
def host_program(env, episode_length, redraw):
    from rlctl.rollouts.native_program import NativeProgram

    return NativeProgram(env(), episode_length, redraw)


@functools.cache
def fused_program(env, episode_length, redraw):
    from rlctl.physics.mjx import MjxSimulation
    from rlctl.rollouts.jax_program import JaxProgram

    return JaxProgram(MjxSimulation(env(), "jax"), episode_length, redraw)
