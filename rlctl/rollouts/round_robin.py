"""More environments than an update needs: they take turns.

A learner that wants so many unrolls an update learns alike from any multiple of that number: some
environments play for as long as an episode may last, while the others wait as they are. Were turns
as short as an unroll, what is learned from would lag behind the policy by a whole round.
"""

import operator
from functools import reduce
from typing import Any, Self

import numpy as np

from rlctl.rollouts.base import Actor, Arrays, Driver, Episodes, Step, Unroll


class RoundRobinDriver:
    """Several drivers as one; see rollouts.base.Driver. `collect` is of the one whose turn it is.

    Args:
        drivers: Equal but for their environments' indices.
        turn_length: Control steps of a turn, rounded up to whole unrolls.
    """

    def __init__(self, drivers: list[Driver], turn_length: int) -> None:
        self.spec = drivers[0].spec
        self.physics = drivers[0].physics
        self.num_envs = sum(driver.num_envs for driver in drivers)
        self._drivers = drivers
        self._turn_length = turn_length
        self._turn = self._taken = 0

    def reset(self, seed: int) -> np.ndarray:
        """Start a fresh episode everywhere: observation (N, O)."""
        self._turn = self._taken = 0
        return np.concatenate([driver.reset(seed) for driver in self._drivers])

    def stagger(self) -> None:
        """Count the episodes just started as under way, evenly over the time limit."""
        for driver in self._drivers:
            driver.stagger()

    def step(self, action: np.ndarray) -> Step:
        """One control step of all environments with actions (N, A)."""
        parts = np.split(action, len(self._drivers))
        steps = [driver.step(part) for driver, part in zip(self._drivers, parts, strict=True)]
        metrics = {
            name: np.concatenate([s.metrics.get(name, np.zeros_like(s.reward)) for s in steps])
            for name in dict.fromkeys(name for step in steps for name in step.metrics)
        }
        columns = zip(*(step[:-1] for step in steps), strict=True)
        return Step(*map(np.concatenate, columns), metrics)

    def collect(self, actor: Actor, params: Any, length: int) -> tuple[Unroll, Episodes]:
        """Act with `params` for `length` steps in the environments whose turn it is."""
        if self._taken >= self._turn_length:
            self._turn, self._taken = (self._turn + 1) % len(self._drivers), 0
        self._taken += length
        return self._drivers[self._turn].collect(actor, params, length)

    @property
    def observation(self) -> np.ndarray:
        """What the environments show now, (N, O)."""
        return np.concatenate([driver.observation for driver in self._drivers])

    def take_episodes(self) -> Episodes:
        """Sums over the episodes that ended in `step` since the last call."""
        return reduce(operator.add, (driver.take_episodes() for driver in self._drivers))

    def state(self) -> Arrays:
        """Everything `restore` needs to go on bit for bit."""
        parts = {
            f"{i}/{name}": array
            for i, driver in enumerate(self._drivers)
            for name, array in driver.state().items()
        }
        return {"turn": np.asarray([self._turn, self._taken], np.int64), **parts}

    def restore(self, arrays: Arrays) -> None:
        """Go on from `state()`."""
        self._turn, self._taken = map(int, arrays["turn"])
        for i, driver in enumerate(self._drivers):
            mine = f"{i}/"
            driver.restore(
                {name.removeprefix(mine): a for name, a in arrays.items() if name.startswith(mine)}
            )

    def qpos(self) -> np.ndarray:
        """Positions (N, nq) float64, for drawing."""
        return np.concatenate([driver.qpos() for driver in self._drivers])

    def command(self) -> np.ndarray:
        """Commands in force (N, len(spec.commands)) float32."""
        return np.concatenate([driver.command() for driver in self._drivers])

    def tell(self, command: np.ndarray) -> None:
        """Give other commands (N, len(spec.commands)); shown from the next step on."""
        for driver, part in zip(self._drivers, np.split(command, len(self._drivers)), strict=True):
            driver.tell(part)

    def close(self) -> None:
        """Close them all."""
        for driver in self._drivers:
            driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
