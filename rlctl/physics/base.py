"""View of the physics that environments get: MjData fields by name, on every back end.

As after `mj_step`, the state fields (qpos, qvel, act) are current and every derived field (xpos,
sensordata, qfrc_actuator, ...) was computed at the start of the last substep (with the Runge-Kutta
integrator, at the last of its four stages).

Fields may be residuals; see `physics.precision`.
"""

from collections.abc import Mapping

import jax
import numpy as np
from jax.tree_util import register_pytree_node_class

ArrayLike = np.ndarray | jax.Array  # of a function that takes either


@register_pytree_node_class
class Physics:
    """The bound MjData fields of one instance, or of a batch outside vmap.

    Fields are attributes: `physics.qpos` is (nq,), `physics.xpos` (nbody, 3), float32.
    """

    def __init__(self, fields: Mapping[str, jax.Array]) -> None:
        self._fields = dict(fields)

    def __getattr__(self, name: str) -> jax.Array:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self._fields[name]
        except KeyError:
            raise AttributeError(
                f"physics has no field {name!r}; this environment declares {sorted(self._fields)}"
            ) from None

    def tree_flatten(self) -> tuple[tuple[jax.Array, ...], tuple[str, ...]]:
        """Return the arrays in the order of their names, and the names as static data."""
        names = tuple(sorted(self._fields))
        return tuple(self._fields[name] for name in names), names

    @classmethod
    def tree_unflatten(cls, names: tuple[str, ...], leaves: tuple[jax.Array, ...]) -> "Physics":
        """Rebuild the view from names and leaves."""
        return cls(dict(zip(names, leaves, strict=True)))
