"""Shared base of the Gymnasium locomotion tasks: carry, reward and termination."""

import jax
import jax.numpy as jnp

from rlctl.core.specs import ObservationPart
from rlctl.envs.base import Drawn
from rlctl.envs.gymnasium_tasks.task import GymnasiumTask, add_up, control_cost
from rlctl.physics.base import Physics


class LocomotionTask(GymnasiumTask):
    """Task to move forward: forward reward, healthy reward if it can fall, minus control cost.

    The carry is `_position`. A task whose position is not `qpos[0]` overrides it and `fields`.
    """

    fields = ("qpos", "qpos_residual", "qvel")

    def begin(self, physics: Physics, drawn: Drawn, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        return self._position(physics), self._observe(physics)

    def after(
        self, carry: jax.Array, physics: Physics, action: jax.Array, key: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array, jax.Array, dict[str, jax.Array]]:
        config, position = self._config, self._position(physics)
        speed = self._displacement(carry, position) / self.spec.control_dt
        metrics = {"forward": config.forward_reward_weight * speed}
        terminated = jnp.zeros(())
        if (healthy := self._healthy(physics)) is not None:
            healthy = healthy.astype(jnp.float32)
            metrics["survive"] = config.healthy_reward * healthy
            terminated = (1.0 - healthy) * float(config.terminate_when_unhealthy)
        metrics["ctrl"] = -control_cost(action, config.ctrl_cost_weight)
        return position, self._observe(physics), add_up(metrics), terminated, metrics

    def _position(self, physics: Physics) -> jax.Array:
        """Return the forward position with its residual: (2, ...)."""
        return with_residual(physics.qpos[0], physics.qpos_residual[0])

    def _displacement(self, before: jax.Array, after: jax.Array) -> jax.Array:
        """Return the distance moved forward, () m."""
        return displacement(before, after)

    def _healthy(self, physics: Physics) -> jax.Array | None:
        """Return whether the robot is healthy, a bool; None if episodes never terminate."""
        return None


def planar_state(joints: int) -> tuple[ObservationPart, ...]:
    """Return the layout of qpos without x, and qvel, of a planar robot: 5 + 2 * joints."""
    return (
        ObservationPart("height", 1, "m"),
        ObservationPart("pitch", 1, "rad"),
        ObservationPart("joint_angle", joints, "rad"),
        ObservationPart("velocity_xz", 2, "m/s"),
        ObservationPart("pitch_rate", 1, "rad/s"),
        ObservationPart("joint_velocity", joints, "rad/s"),
    )


def with_residual(position: jax.Array, residual: jax.Array) -> jax.Array:
    """Stack a position (...) and its rounding error: (2, ...)."""
    return jnp.stack([position, residual])


def displacement(before: jax.Array, after: jax.Array) -> jax.Array:
    """Return the distance (...) between positions from `with_residual`, precise far from 0 as well.

    At 1 km from the origin neighbouring float32 positions are 6e-5 m apart, an error of several
    mm/s in the speed. The difference of two near positions is exact, as is that of the residuals.
    """
    (position, residual), (next_position, next_residual) = before, after
    return (next_position - position) + (next_residual - residual)
