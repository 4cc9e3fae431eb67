"""What Gymnasium's tasks of getting forward have in common: what is remembered, and the reward."""

import jax
import jax.numpy as jnp

from rlctl.core.specs import ObservationPart
from rlctl.envs.gymnasium_task import GymnasiumTask, control_cost
from rlctl.physics.base import Physics


class Runner(GymnasiumTask):
    """A reward for speed forward and, if it can fall, for being healthy, less the cost of control.

    What it remembers is its `_place`. Where that is not `qpos[0]`, a task names its own fields.
    """

    fields = ("qpos", "qpos_residual", "qvel")

    def begin(self, physics: Physics, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        return self._place(physics), self._observe(physics)

    def after(
        self, carry: jax.Array, physics: Physics, action: jax.Array, key: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array, dict[str, jax.Array]]:
        config, place = self._config, self._place(physics)
        speed = self._travel(carry, place) / self.spec.control_dt
        metrics = {"forward": config.forward_reward_weight * speed}
        terminated = jnp.zeros(())
        if (healthy := self._healthy(physics)) is not None:
            healthy = healthy.astype(jnp.float32)
            metrics["survive"] = config.healthy_reward * healthy
            terminated = (1.0 - healthy) * float(config.terminate_when_unhealthy)
        metrics["ctrl"] = -control_cost(action, config.ctrl_cost_weight)
        return place, self._observe(physics), sum(metrics.values()), terminated, metrics

    def _place(self, physics: Physics) -> jax.Array:
        """Where it is on the way forward, as `where` has it: (2, ...)."""
        return where(physics.qpos[0], physics.qpos_residual[0])

    def _travel(self, before: jax.Array, after: jax.Array) -> jax.Array:
        """How far it is from one place to the next, () m."""
        return travel(before, after)

    def _healthy(self, physics: Physics) -> jax.Array | None:
        """Whether it may go on, a bool; None: nothing ends an episode but time."""
        return None


def planar_state(joints: int) -> tuple[ObservationPart, ...]:
    """The layout of a robot in the x-z plane, of qpos without x and of qvel: 5 + 2 * joints."""
    return (
        ObservationPart("height", 1, "m"),
        ObservationPart("pitch", 1, "rad"),
        ObservationPart("joint_angle", joints, "rad"),
        ObservationPart("velocity_xz", 2, "m/s"),
        ObservationPart("pitch_rate", 1, "rad/s"),
        ObservationPart("joint_velocity", joints, "rad/s"),
    )


def where(position: jax.Array, residual: jax.Array) -> jax.Array:
    """A position (...) and what rounding left out of it, to be remembered together: (2, ...)."""
    return jnp.stack([position, residual])


def travel(before: jax.Array, after: jax.Array) -> jax.Array:
    """How far it is from one `where` to another, (...): to float32's precision, however far out.

    Positions of a robot that has run a kilometre are 6e-5 m apart in float32, which would be an
    error of several mm/s in its speed. Their difference is exact, and so is that of the residuals.
    """
    (position, residual), (next_position, next_residual) = before, after
    return (next_position - position) + (next_residual - residual)
