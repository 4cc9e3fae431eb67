"""Environments of Gymnasium for tests; importing this registers them."""

import os
from typing import ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces


class Toy(gymnasium.Env):
    """Counts its steps. The reward is the sum of the action.

    The observation is {"a": {"x": [start, step], "y": [[0, 1], [2, 3]]}, "b": [episode]}, whose
    arrays are used again and again.
    """

    metadata: ClassVar = {"render_modes": ["rgb_array"], "render_fps": 20}

    def __init__(self, render_mode=None, length=5, fail="no", at=3, colour=10):
        self.observation_space = spaces.Dict(
            {
                "b": spaces.Box(-np.inf, np.inf, (1,), np.float64),
                "a": spaces.Dict(
                    {
                        "y": spaces.Box(0, 255, (2, 2), np.uint8),
                        "x": spaces.Box(-np.inf, np.inf, (2,)),
                    }
                ),
            }
        )
        self.action_space = spaces.Box(np.float32([-1, 0]), np.float32([1, 4]))
        self.render_mode = render_mode
        self._length, self._fail, self._at, self._colour = length, fail, at, colour
        self._x, self._episode = np.zeros(2, np.float32), np.zeros(1)
        self._taken = 0

    def _observation(self):
        y = np.arange(4, dtype=np.uint8).reshape(2, 2)
        return {"a": {"x": self._x, "y": y}, "b": self._episode}

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._x[:] = self.np_random.random(), 0
        self._episode += 1
        return self._observation(), {}

    def step(self, action):
        assert self.action_space.contains(action)
        self._x[1] += 1
        self._taken += 1
        reward = float(action.sum())
        if self._taken == self._at:
            reward = self._failing(reward)
        info = {"reward_push": 2 * reward, "where": "here", "speed": 3.0}
        return self._observation(), reward, bool(self._x[1] >= self._length), False, info

    def _failing(self, reward):
        if self._fail == "raise":
            raise ValueError("the toy broke")
        if self._fail == "exit":
            os._exit(7)
        if self._fail == "observation":
            self._x[0] = np.nan
        return np.inf if self._fail == "reward" else reward

    def render(self):
        return np.full((90, 121, 3), self._colour + self._x[1], np.uint8)


class Odd(gymnasium.Env):
    """Spaces as asked for; does nothing."""

    def __init__(self, observes="box", takes="box", start=2):
        kinds = {
            "box": spaces.Box(-1.0, 1.0, (1,)),
            "half": spaces.Box(np.float32([-1, 0]), np.float32([1, np.inf])),
            "whole": spaces.Box(0, 5, (2,), np.int64),
            "choice": spaces.Discrete(3, start=start),
            "choices": spaces.MultiDiscrete([2, 2]),
            "text": spaces.Text(4),
        }
        self.observation_space, self.action_space = kinds[observes], kinds[takes]

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return np.zeros(1, np.float32), {}

    def step(self, action):
        assert self.action_space.contains(action), action
        seen = np.sum(action) - getattr(self.action_space, "start", 0)
        return np.asarray([seen], np.float32), 0.0, False, False, {}


def _missing():
    raise gymnasium.error.DependencyNotInstalled(
        'Toys are not installed, run `pip install swig` followed by `pip install "toys[box]"`'
    )


gymnasium.register("Toy-v0", "toy_gym:Toy", max_episode_steps=8)
gymnasium.register("Endless-v0", "toy_gym:Toy", kwargs={"length": 10**9})
gymnasium.register("Odd-v0", "toy_gym:Odd")
gymnasium.register("Missing-v0", _missing)
