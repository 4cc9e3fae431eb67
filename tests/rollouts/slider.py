"""Test environment: a block on a rail, with every feature of an environment.

Random kicks, a random command and a clock in the carry, randomised damping, termination past 1 m,
and non-finite values: an action of PHYSICS, OBSERVATION or REWARD makes that quantity non-finite.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import mujoco

from rlctl.core.specs import ActionPart, EnvSpec, ObservationPart
from rlctl.envs.base import BaseEnvironment, Start
from rlctl.physics.base import Physics

PHYSICS, OBSERVATION, REWARD = 10.0, 20.0, 30.0
BOUND = 1.0  # m, the episode terminates beyond it
MJCF = """
<mujoco>
  <option timestep="0.01"/>
  <worldbody>
    <body name="block">
      <joint name="rail" type="slide" axis="1 0 0" damping="1"/>
      <geom size="0.1" mass="1"/>
    </body>
  </worldbody>
  <actuator><motor joint="rail" gear="20"/></actuator>
  <sensor><framepos objtype="body" objname="world"/><jointvel joint="rail"/></sensor>
</mujoco>
"""


class Memory(NamedTuple):
    clock: jax.Array
    command: jax.Array


class Slider(BaseEnvironment):
    fields = ("qpos", "qvel", "xpos")
    spec = EnvSpec(
        id="slider",
        observation=(
            ObservationPart("position", 1, "m"),
            ObservationPart("velocity", 1, "m/s"),
            ObservationPart("clock", 1),
            ObservationPart("command", 1),
        ),
        action=(ActionPart("rail", -1.0, 1.0, "20 N"),),
        control_dt=0.02,
        substeps=2,
        episode_length=50,
        terms=("progress", "alive"),
        commands=("goal",),
    )

    def model(self):
        return mujoco.MjModel.from_xml_string(MJCF)

    scene = model

    def initial(self, key):
        state = jax.random.uniform(key, (2,), minval=-0.5, maxval=0.5)
        return Start(state[:1], state[1:])

    def begin(self, physics, drawn, key):
        memory = Memory(jnp.zeros(()), jax.random.uniform(key, (1,)))
        return memory, self._observe(memory, physics)

    def before(self, carry, physics: Physics, action, key):
        kick = jnp.where(action == PHYSICS, jnp.nan, 0.1 * jax.random.normal(key, (1,)))
        return {"qvel": kick}, jnp.clip(action, -1.0, 1.0)

    def after(self, carry, physics: Physics, action, key):
        memory = carry._replace(clock=carry.clock + 1.0)
        noise = 0.01 * jax.random.normal(key)
        observation = self._observe(memory, physics)
        observation = jnp.where(action == OBSERVATION, jnp.inf, observation)
        progress = physics.qvel[0] + noise
        reward = jnp.where(action[0] == REWARD, jnp.nan, progress)
        terminated = (jnp.abs(physics.qpos[0]) > BOUND).astype(jnp.float32)
        return (
            memory,
            observation,
            reward,
            terminated,
            {"progress": progress, "alive": 1.0 - terminated},
        )

    def randomize(self, key, model):
        return {"dof_damping": jax.random.uniform(key, (1,), minval=0.5, maxval=5.0)}

    def command(self, carry):
        return carry.command

    def set_command(self, carry, command):
        return carry._replace(command=command)

    def _observe(self, memory, physics):
        return jnp.concatenate([physics.qpos, physics.qvel, memory.clock[None], memory.command])
