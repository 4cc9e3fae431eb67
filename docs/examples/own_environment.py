"""Train on a custom Gymnasium environment.

The class and its registration are in this file, outside `main`, so that processes that step
environments find them too. In a module on the path it is `gym:MODULE:Thermostat-v0`.

    python own_environment.py [STEPS]
"""

import sys
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

import rlctl


class Thermostat(gymnasium.Env):
    """Keep a room at 20 degrees by heating and cooling, while it is cold outside."""

    observation_space = spaces.Box(-50.0, 50.0, (1,), np.float32)
    action_space = spaces.Box(-1.0, 1.0, (1,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start at a random temperature."""
        super().reset(seed=seed)
        self._too_warm = self.np_random.uniform(-10.0, 10.0)
        return self._observation(), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """Heat or cool for one step, and lose heat to the outside."""
        self._too_warm += 2.0 * float(action[0]) - 0.05 * (self._too_warm + 20.0)
        return self._observation(), -abs(self._too_warm), False, False, {}

    def _observation(self) -> np.ndarray:
        return np.array([self._too_warm], np.float32)


gymnasium.register("Thermostat-v0", Thermostat, max_episode_steps=50)


def main(steps: int = 100_000) -> None:
    """Train with TRPO, and run one episode with the policy outside rlctl."""
    report = rlctl.train("gym:Thermostat-v0", algo="trpo", steps=steps, num_envs=16)
    print(rlctl.evaluate(report, episodes=5))

    policy = rlctl.load_policy(report)
    env = gymnasium.make("Thermostat-v0")
    observation, _ = env.reset(seed=3)
    ended = False
    while not ended:
        observation, _, terminated, truncated, _ = env.step(policy.act(observation))
        ended = terminated or truncated
    print("too warm by", observation[0], "degrees in the end")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
