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
    resample=False,
):
    """Make a driver on native physics (`native`) or MJX (`jax`), cached to avoid recompilation.

    `copy` distinguishes drivers that are otherwise the same.
    """
    if kind == "native":
        from rlctl.rollouts.native_driver import NativeDriver

        program = native_program(env, episode_length, resample)
        return NativeDriver(program, num_envs, randomize, on_nonfinite)
    from rlctl.rollouts.jax_driver import JaxDriver

    program = mjx_program(env, episode_length, resample)
    return JaxDriver(program, "jax", num_envs, randomize, on_nonfinite)


@functools.cache
def native_program(env, episode_length, resample):
    from rlctl.rollouts.native_program import NativeProgram

    return NativeProgram(env(), episode_length, resample)


@functools.cache
def mjx_program(env, episode_length, resample):
    from rlctl.rollouts.jax_program import JaxProgram
    from rlctl.rollouts.mjx_simulation import MjxSimulation

    return JaxProgram(MjxSimulation(env(), "jax"), episode_length, resample)
