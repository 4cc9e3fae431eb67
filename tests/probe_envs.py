"""Probe environments with known optimal values, each testing one part of a learner.

The physics is a bead on a wire that does not move: its position is sampled at the start, -1 or 1.
(The set of environments is Andy Jones's.)
"""

from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import mujoco
import pytest

from rlctl import catalog
from rlctl.catalog import EnvRow
from rlctl.core.specs import ActionPart, EnvSpec, ObservationPart
from rlctl.envs.base import BaseEnvironment, Start

MJCF = """
<mujoco>
  <option timestep="0.01" gravity="0 0 0"/>
  <worldbody>
    <body><joint name="wire" type="slide"/><geom size="0.1" mass="1"/></body>
  </worldbody>
</mujoco>
"""


@dataclass(frozen=True)
class ProbeConfig:
    """Empty settings."""


class Probe(BaseEnvironment):
    """Bead at -1 or 1; one step per episode, reward 1."""

    fields = ("qpos", "qvel")
    steps = 1  # before an episode terminates

    def __init__(self, config=None):
        self.spec = EnvSpec(
            id="probe",
            observation=(ObservationPart("side", 1), ObservationPart("step", 1)),
            action=(ActionPart("answer", -2.0, 2.0),),
            control_dt=0.01,
            substeps=1,
            episode_length=1000,
            terms=("score",),
        )

    def model(self):
        return mujoco.MjModel.from_xml_string(MJCF)

    scene = model

    def initial(self, key):
        side = jnp.where(jax.random.bernoulli(key), 1.0, -1.0).astype(jnp.float32)
        return Start(side[None], jnp.zeros(1, jnp.float32))

    def begin(self, physics, drawn, key):
        zero = jnp.zeros((), jnp.float32)
        return zero, jnp.stack([physics.qpos[0], zero])

    def before(self, carry, physics, action, key):
        return {}, jnp.zeros(0, jnp.float32)

    def after(self, carry, physics, action, key):
        step = carry + 1.0
        reward = self.reward(physics.qpos[0], step, action[0])
        terminated = (step >= self.steps).astype(jnp.float32)
        return step, jnp.stack([physics.qpos[0], step]), reward, terminated, {"score": reward}

    def reward(self, side, step, action):
        return jnp.ones((), jnp.float32)


class Constant(Probe):
    """V = 1."""


class Observed(Probe):
    """V(side) = side."""

    def reward(self, side, step, action):
        return side


class Delayed(Probe):
    """Reward in the second step: V(first) = gamma, V(second) = 1."""

    steps = 2

    def reward(self, side, step, action):
        return jnp.where(step >= 2, 1.0, 0.0)


class Acted(Probe):
    """The best action is 0.5 for any position."""

    def reward(self, side, step, action):
        return -((action - 0.5) ** 2)


class Both(Probe):
    """The best action equals the position."""

    def reward(self, side, step, action):
        return -((action - side) ** 2)


class Endless(Probe):
    """Never terminates, reward 1, truncated by the time limit: V = 1 / (1 - gamma)."""

    steps = 10**9

    def after(self, carry, physics, action, key):
        _, observation, *rest = super().after(carry, physics, action, key)
        return carry, observation.at[1].set(0.0), *rest


class Uneven(Both):
    """Terminates after three steps on the right, and on the left by the time limit only."""

    steps = 3

    def __init__(self, config=None):
        super().__init__(config)
        self.spec = replace(self.spec, id="uneven", episode_length=20)

    def after(self, carry, physics, action, key):
        step, observation, reward, over, metrics = super().after(carry, physics, action, key)
        return step, observation, reward, jnp.where(physics.qpos[0] > 0, over, 0.0), metrics


@pytest.fixture
def probe(monkeypatch):
    """Add a probe to the catalog: probe(Constant) -> its name."""

    def add(kind):
        name = kind.__name__.lower()
        row = EnvRow(
            name,
            "a probe",
            f"probe_envs:{kind.__name__}",
            "probe_envs:ProbeConfig",
            2,
            1,
            100.0,
            physics=("native",),
        )
        monkeypatch.setattr(catalog, "ENVS", (*catalog.ENVS, row))
        return name

    return add
