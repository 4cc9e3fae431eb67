"""Driver for more environments than an update needs: groups of them collect in turn.

A turn lasts as long as an episode may, while the other groups pause. With turns as short as an
unroll, all running episodes would have been started by a policy that is a whole round old.
"""

import operator
from functools import reduce
from typing import Any, Self

import numpy as np

from rlctl.rollouts.base import Actor, Arrays, Driver, Episodes, Step, Unroll


class RoundRobinDriver:
    """Several drivers as one; see rollouts.base.Driver. `collect` uses one of them at a time.

    Args:
        drivers: Drivers that differ only in the indices of their environments.
        turn_length: Control steps per turn, rounded up to whole unrolls.
    """

    def __init__(self, drivers: list[Driver], turn_length: int) -> None:
        self.spec = drivers[0].spec
        self.physics = drivers[0].physics
        self.num_envs = sum(driver.num_envs for driver in drivers)
        self._drivers = drivers
        self._turn_length = turn_length
        self._turn = self._taken = 0

    def reset(self, seed: int) -> np.ndarray:
        """Start a new episode in every environment; return observation (N, O)."""
        self._turn = self._taken = 0
        return np.concatenate([driver.reset(seed) for driver in self._drivers])

    def stagger(self) -> None:
        """Stagger the clocks of the episodes just started evenly over the time limit."""
        for driver in self._drivers:
            driver.stagger()

    def step(self, action: np.ndarray, edits: Arrays | None = None) -> Step:
        """Take one control step in all environments with actions (N, A), and edits (N, ...)."""
        starts = np.cumsum([0, *(driver.num_envs for driver in self._drivers)])
        steps = [
            driver.step(action[rows], edits and {n: edit[rows] for n, edit in edits.items()})
            for driver, rows in zip(self._drivers, map(slice, starts, starts[1:]), strict=False)
        ]
        # A Gymnasium group may not have reported all reward terms yet: they count 0.
        metrics = {
            name: np.concatenate([s.metrics.get(name, np.zeros_like(s.reward)) for s in steps])
            for name in dict.fromkeys(name for step in steps for name in step.metrics)
        }
        observation, reward, terminated, truncated, final_observation = map(
            np.concatenate, zip(*(step[:5] for step in steps), strict=True)
        )
        return Step(observation, reward, terminated, truncated, final_observation, metrics)

    def edit_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return MjData fields that `step` can edit and their shapes."""
        return self._drivers[0].edit_shapes()

    def collect(self, actor: Actor, params: Any, length: int) -> tuple[Unroll, Episodes]:
        """Collect an unroll of `length` steps with `params` in the current group."""
        if self._taken >= self._turn_length:
            self._turn, self._taken = (self._turn + 1) % len(self._drivers), 0
        self._taken += length
        return self._drivers[self._turn].collect(actor, params, length)

    @property
    def observation(self) -> np.ndarray:
        """Current observation (N, O)."""
        return np.concatenate([driver.observation for driver in self._drivers])

    def take_episodes(self) -> Episodes:
        """Return sums over the episodes that ended in `step` since the last call."""
        return reduce(operator.add, (driver.take_episodes() for driver in self._drivers))

    def state(self) -> Arrays:
        """Return the arrays that `restore` needs to continue bit for bit."""
        parts = {
            f"{i}/{name}": array
            for i, driver in enumerate(self._drivers)
            for name, array in driver.state().items()
        }
        return {"turn": np.asarray([self._turn, self._taken], np.int64), **parts}

    def restore(self, arrays: Arrays) -> None:
        """Restore what `state()` returned."""
        self._turn, self._taken = map(int, arrays["turn"])
        for i, driver in enumerate(self._drivers):
            prefix = f"{i}/"
            driver.restore(
                {n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)}
            )

    def qpos(self) -> np.ndarray:
        """Return positions (N, nq) float64, for rendering."""
        return np.concatenate([driver.qpos() for driver in self._drivers])

    def command(self) -> np.ndarray:
        """Return the current commands (N, len(spec.commands)) float32."""
        return np.concatenate([driver.command() for driver in self._drivers])

    def set_command(self, command: np.ndarray) -> None:
        """Set commands (N, len(spec.commands)); observations contain them from the next step on."""
        for driver, part in zip(self._drivers, np.split(command, len(self._drivers)), strict=True):
            driver.set_command(part)

    def close(self) -> None:
        """Close all drivers."""
        for driver in self._drivers:
            driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
