"""Edits: increments of MjData's state before a control step, as `Environment.before` returns them.

An edit of a force field is the force itself, held for one control step.
"""

from collections.abc import Mapping

import mujoco
import numpy as np

from rlctl.core.errors import UsageError
from rlctl.physics.base import ArrayLike
from rlctl.physics.native import FORCES

EDITABLE = ("qpos", "qvel", "act", *FORCES)


def edit_shapes(model: mujoco.MjModel) -> dict[str, tuple[int, ...]]:
    """Return the shape, in one simulation, of every field that can be edited."""
    data = mujoco.MjData(model)
    shapes = {name: np.shape(getattr(data, name)) for name in EDITABLE}
    return {name: shape for name, shape in shapes.items() if np.prod(shape)}


def add_edits(
    edits: Mapping[str, ArrayLike], more: Mapping[str, ArrayLike]
) -> dict[str, ArrayLike]:
    """Return the sum of two sets of edits of the same simulations."""
    total = dict(edits)
    for name, edit in more.items():
        total[name] = total[name] + edit if name in total else edit
    return total


def body_force(
    model: mujoco.MjModel,
    body: str,
    force: tuple[float, float, float],
    torque: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> dict[str, np.ndarray]:
    """Return the edit that pushes a body at its centre of mass.

    Args:
        model: Physics model.
        body: Name of the body.
        force: In the world's axes, N.
        torque: Likewise, N m.

    Raises:
        UsageError: There is no such body.
    """
    number = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_BODY, body)
    if number < 0:
        names = [model.body(i).name for i in range(1, model.nbody)]
        raise UsageError(f"there is no body {body!r}", f"the bodies are {', '.join(names)}")
    wrench = np.zeros((model.nbody, 6), np.float32)
    wrench[number] = (*force, *torque)
    return {"xfrc_applied": wrench}
