"""The probe problems of `probe_envs` as a numpy driver, for engines without JAX.

A bead is at -1 or 1, drawn at the start of an episode; the observation is its side and the step.
"""

from dataclasses import dataclass

import numpy as np

from rlctl import catalog
from rlctl.core.specs import ActionPart, EnvSpec, ObservationPart
from rlctl.rollouts.base import Episodes, Step

BOX = ActionPart("answer", -2.0, 2.0)
FREE = ActionPart("answer", None, None)
CHOICE = ActionPart("answer", 3.0, 5.0, discrete=True)


@dataclass(frozen=True)
class Problem:
    """reward(side, step, action) of (N,) each; an episode terminates after `steps`."""

    reward: object
    steps: int = 1
    action: ActionPart = BOX


CONSTANT = Problem(lambda side, step, action: np.ones_like(side))
OBSERVED = Problem(lambda side, step, action: side)
DELAYED = Problem(lambda side, step, action: (step >= 2).astype(float), steps=2)
ACTED = Problem(lambda side, step, action: -((action - 0.5) ** 2))
BOTH = Problem(lambda side, step, action: -((action - side) ** 2))
ENDLESS = Problem(lambda side, step, action: np.ones_like(side), steps=10**9)
CHOSEN = Problem(lambda side, step, action: -abs(action - 4.0 - side), action=CHOICE)
UNBOUNDED = Problem(lambda side, step, action: -((action - 3.0 * side) ** 2), action=FREE)


class NumpyDriver:
    """See rollouts.base.Driver."""

    physics = "native"

    def __init__(self, problem, num_envs, limit):
        self.spec = EnvSpec(
            id="problem",
            observation=(ObservationPart("side", 1), ObservationPart("step", 1)),
            action=(problem.action,),
            control_dt=0.01,
            substeps=1,
            episode_length=limit,
            terms=("score",),
        )
        self.num_envs, self._problem, self._limit = num_envs, problem, limit
        self.reset(0)

    def reset(self, seed):
        self._seed, self._time = seed, 0
        self._clock = np.zeros(self.num_envs)
        self._return, self._length = np.zeros(self.num_envs), np.zeros(self.num_envs)
        self._step, self._side = np.zeros(self.num_envs), self._sides()
        self.take_episodes()
        return self.observation

    def stagger(self):
        self._clock = np.arange(self.num_envs) * self._limit // self.num_envs + 0.0

    @property
    def observation(self):
        seen = np.minimum(self._step, 1.0) if self._problem.steps < 10**9 else 0.0 * self._step
        return np.stack([self._side, seen], -1).astype(np.float32)

    def step(self, action, edits=None):
        self._time, self._step = self._time + 1, self._step + 1
        reward = self._problem.reward(self._side, self._step, action[:, 0].astype(float))
        self._clock, self._length = self._clock + 1, self._length + 1
        self._return = self._return + reward
        terminated = self._step >= self._problem.steps
        truncated = ~terminated & (self._clock >= self._limit)
        over, final = terminated | truncated, self.observation
        self._ended.count += int(over.sum())
        self._ended.returns += float(self._return[over].sum())
        self._ended.lengths += float(self._length[over].sum())
        self._ended.terms["score"] += float(self._return[over].sum())
        self._side = np.where(over, self._sides(), self._side)
        for name in ("_step", "_clock", "_return", "_length"):
            setattr(self, name, np.where(over, 0.0, getattr(self, name)))
        reward = reward.astype(np.float32)
        return Step(self.observation, reward, terminated, truncated, final, {"score": reward})

    def take_episodes(self):
        ended = getattr(self, "_ended", None)
        self._ended = Episodes(0, 0.0, 0.0, {"score": 0.0})
        return ended

    def state(self):
        names = ("seed", "time", "clock", "return", "length", "step", "side")
        return {name: np.asarray(getattr(self, f"_{name}")) for name in names}

    def restore(self, arrays):
        for name, array in arrays.items():
            setattr(self, f"_{name}", array if array.ndim else int(array))

    def close(self):
        pass

    def _sides(self):
        rng = np.random.default_rng([self._seed, self._time])
        return np.where(rng.random(self.num_envs) < 0.5, 1.0, -1.0)


@dataclass(frozen=True)
class NoConfig:
    """Nothing to set."""

    episode_length = 1000  # as `install` has it; no field, so no setting


def install(monkeypatch, problem):
    """Put `problem` into the catalog, and have every driver be of this one."""
    row = catalog.EnvRow("problem", "a problem", "x:x", "numpy_problems:NoConfig", 1, 1, 1.0)
    monkeypatch.setattr(catalog, "ENVS", (*catalog.ENVS, row))
    original = catalog.load

    def make(name, config, physics, num_envs, *, episode_length=0, **rest):
        return NumpyDriver(problem, num_envs, episode_length or 1000)

    def load(target):
        return make if target == "rlctl.rollouts.factory:make_driver" else original(target)

    monkeypatch.setattr(catalog, "load", load)
