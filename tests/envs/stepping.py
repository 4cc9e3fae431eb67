"""One environment on one MjData, stepped by the protocol in rlctl/envs/base.py."""

import jax
import mujoco
import numpy as np

from rlctl.envs.base import Start
from rlctl.physics.base import Physics
from rlctl.physics.precision import source_field, to_float32


class Single:
    """Minimal driver of one environment."""

    def __init__(self, env, model=None):
        self.env = env
        self.model = model or env.model()
        self.data = mujoco.MjData(self.model)
        self._begin, self._before, self._after = map(jax.jit, (env.begin, env.before, env.after))

    def reset(self, key, state=None):
        """Start at env.initial(key), or at (qpos, qvel); return the observation."""
        mujoco.mj_resetData(self.model, self.data)
        start = Start(*state) if state else self.env.initial(key)
        self.data.qpos[:], self.data.qvel[:] = start.qpos, start.qvel
        mujoco.mj_forward(self.model, self.data)
        self.carry, observation = self._begin(self.physics(), start.drawn, key)
        return np.asarray(observation)

    def step(self, action, key=None):
        """Take one control step; return observation, reward, terminated, metrics."""
        key = jax.random.key(0) if key is None else key
        action = np.asarray(action, np.float32)
        before, after = jax.random.split(key)
        edits, ctrl = self._before(self.carry, self.physics(), action, before)
        for name, edit in edits.items():
            getattr(self.data, name)[:] += edit
        self.data.ctrl[:] = ctrl
        mujoco.mj_step(self.model, self.data, nstep=self.env.spec.substeps)
        self.carry, *result = self._after(self.carry, self.physics(), action, after)
        observation, reward, terminated, metrics = jax.device_get(result)
        return observation, float(reward), bool(terminated), metrics

    def physics(self):
        """Return float32 copies of the environment's fields."""
        return Physics(
            {f: to_float32(f, getattr(self.data, source_field(f))) for f in self.env.fields}
        )
