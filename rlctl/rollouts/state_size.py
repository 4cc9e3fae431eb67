"""How large the states of environments are, found out without stepping any."""

import math
from typing import Any

import jax
import numpy as np

from rlctl import catalog
from rlctl.catalog import FamilyRow
from rlctl.core.specs import EnvSpec
from rlctl.rollouts.factory import make_environment, resolve_physics


def of_environments(
    name: str, config: Any, physics: str, num_envs: int, randomize: bool
) -> tuple[EnvSpec, int] | None:
    """The spec of environments, and the bytes of what `Driver.state` gives of them.

    Args:
        name: Their catalog name.
        config: Their settings.
        physics: As of `rlctl.rollouts.factory.make_driver`.
        num_envs: How many.
        randomize: Whether each has a draw of randomised model fields.

    Returns:
        None where it cannot be known quickly. Of MJX a little less than there is: what only its
        solver needs is not counted.
    """
    row = catalog.env(name)
    if isinstance(row, FamilyRow) and "gymnasium" not in row.physics:
        return None  # tracing those of Brax takes as long as compiling them
    environment = make_environment(name, config)
    physics = resolve_physics(name, physics)
    if physics == "gymnasium":
        return environment.spec, 0  # such cannot be saved
    from rlctl.physics.native import NativeBatch
    from rlctl.rollouts.native_program import NativeProgram

    keys = jax.ShapeDtypeStruct((1, 2), np.uint32)
    program, fields = NativeProgram(environment, 1), ("qpos", "qvel", *environment.fields)
    batch = NativeBatch(environment.model(), 1, tuple(dict.fromkeys(fields)), 1, 1)
    shown = batch.fields()
    parts = [shown, jax.eval_shape(program.start, keys, shown, np.uint32(0))]
    parts += [jax.eval_shape(program.draw, keys)] if randomize else []
    parts += [batch.state] if physics == "native" else []
    return environment.spec, num_envs * _bytes(parts)


def _bytes(tree: Any) -> int:
    leaves = jax.tree.leaves(tree)
    return sum(math.prod(leaf.shape) * np.dtype(leaf.dtype).itemsize for leaf in leaves)
