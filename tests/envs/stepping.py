"""One environment on one MjData, stepped as the protocol in rlctl/envs/base.py says."""

import jax
import mujoco
import numpy as np

from rlctl.physics.base import Physics
from rlctl.physics.precision import rounded, source


class Single:
    """The smallest driver there can be."""

    def __init__(self, env, model=None):
        self.env = env
        self.model = model or env.model()
        self.data = mujoco.MjData(self.model)
        self._begin, self._before, self._after = map(jax.jit, (env.begin, env.before, env.after))

    def reset(self, key, state=None):
        """Start at env.initial(key), or at a given (qpos, qvel): the first observation."""
        mujoco.mj_resetData(self.model, self.data)
        self.data.qpos[:], self.data.qvel[:] = state or self.env.initial(key)
        mujoco.mj_forward(self.model, self.data)
        self.carry, observation = self._begin(self.physics(), key)
        return np.asarray(observation)

    def step(self, action, key=None):
        """One control step: observation, reward, terminated, metrics."""
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
        """The fields that the environment declares, as float32 copies."""
        return Physics({f: rounded(f, getattr(self.data, source(f))) for f in self.env.fields})
