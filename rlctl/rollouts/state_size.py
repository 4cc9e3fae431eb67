"""Size of the environments' state in a checkpoint, without stepping any."""

import math
from typing import Any

import jax
import numpy as np

from rlctl.core.capabilities import capabilities_of
from rlctl.core.specs import EnvSpec
from rlctl.rollouts.factory import make_environment, resolve_physics


def spec_and_state_bytes(
    name: str, config: Any, physics: str, num_envs: int, randomize: bool
) -> tuple[EnvSpec, int] | None:
    """Return the spec of an environment, and the bytes of `Driver.state` for N of them.

    Args:
        name: Catalog name.
        config: Settings of the environment.
        physics: See `rlctl.rollouts.factory.make_driver`.
        num_envs: N.
        randomize: Whether model fields are randomised.

    Returns:
        None if the size cannot be computed quickly. For MJX it is slightly too small: state of the
        solver is not counted.
    """
    environment = make_environment(name, config)
    can = capabilities_of(environment)
    if not can.resumable:
        return environment.spec, 0
    if can.kind != "environment":
        return None  # tracing a Brax environment takes as long as compiling it
    physics = resolve_physics(name, physics)
    from rlctl.physics.native import NativeBatch
    from rlctl.rollouts.native_program import NativeProgram

    keys = jax.ShapeDtypeStruct((1, 2), np.uint32)
    program, fields = NativeProgram(environment, 1), ("qpos", "qvel", *environment.fields)
    batch = NativeBatch(environment.model(), 1, tuple(dict.fromkeys(fields)), 1, 1)
    values = batch.fields()
    drawn = jax.eval_shape(program.initial, keys, np.uint32(0)).drawn
    parts = [values, jax.eval_shape(program.start, keys, values, drawn, np.uint32(0))]
    parts += [jax.eval_shape(program.randomize, keys)] if randomize else []
    parts += [batch.state] if physics == "native" else []
    return environment.spec, num_envs * _bytes(parts)


def _bytes(tree: Any) -> int:
    leaves = jax.tree.leaves(tree)
    return sum(math.prod(leaf.shape) * np.dtype(leaf.dtype).itemsize for leaf in leaves)
