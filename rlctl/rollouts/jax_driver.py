"""The fused driver: environment, physics and policy in one jitted program."""

from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np

from rlctl.rollouts import episode_stats
from rlctl.rollouts.arrays import named, unflatten
from rlctl.rollouts.base import Actor, Arrays, Episodes, Step, Unroll
from rlctl.rollouts.divergence import diverged
from rlctl.rollouts.jax_program import JaxProgram, JaxState
from rlctl.rollouts.keys import draw_keys, environment_keys


class JaxDriver:
    """N environments of a simulation; see rollouts.base.Driver.

    An unroll stays on the device; its results are waited for once a `collect`.

    Args:
        program: The simulation's jitted functions; several drivers may share one.
        physics: The name of its back end, `jax` or `warp`.
        num_envs: N.
        randomize: Whether to draw the environment's randomised model fields.
        on_nonfinite: "stop" or "reset".
        first: Index of the first environment, which its random draws depend on.
    """

    def __init__(
        self,
        program: JaxProgram,
        physics: str,
        num_envs: int,
        randomize: bool,
        on_nonfinite: str,
        first: int = 0,
    ) -> None:
        self.spec = program.simulation.spec
        self.num_envs = num_envs
        self.physics = physics
        self._program = program
        self._randomize = randomize
        self._stop = on_nonfinite == "stop"
        self._first = first
        self._time = 0
        self._state: JaxState
        self._ended = self._none = jax.device_get(episode_stats.no_episodes(self.spec.terms))
        self._nonfinite = 0

    def reset(self, seed: int) -> np.ndarray:
        """Start a fresh episode everywhere: observation (N, O)."""
        indices = np.arange(self._first, self._first + self.num_envs, dtype=np.uint32)
        self._time = 0
        draws = self._program.draw(draw_keys(seed, indices)) if self._randomize else {}
        self._state = self._program.start(environment_keys(seed, indices), draws)
        self._ended, self._nonfinite = self._none, 0
        return self.observation

    @property
    def observation(self) -> np.ndarray:
        """What the environments show now, (N, O)."""
        return _numpy(self._state.observation)

    def stagger(self) -> None:
        """Count the episodes just started as under way, evenly over the time limit."""
        book = episode_stats.staggered(
            self._state.book,
            np.arange(self.num_envs),
            self.num_envs,
            self._program.episode_length,
        )
        self._state = self._state._replace(book=book)

    def step(self, action: np.ndarray) -> Step:
        """One control step with actions (N, A)."""
        self._state, outcome, final_observation, ended = self._program.step(
            self._state, np.asarray(action, np.float32), np.uint32(self._time)
        )
        outcome, final_observation, observation, ended = _numpy(
            (outcome, final_observation, self._state.observation, ended)
        )
        self._ended = episode_stats.add(self._ended, ended)
        self._nonfinite += self._count(outcome.bad[None])
        self._time += 1
        return Step(
            observation=observation,
            reward=outcome.reward,
            terminated=outcome.terminated > 0,
            truncated=outcome.truncated > 0,
            final_observation=final_observation,
            metrics=outcome.metrics,
        )

    def collect(self, actor: Actor, params: Any, length: int) -> tuple[Unroll, Episodes]:
        """Act with `params` for `length` steps, going on from where the last call ended."""
        self._state, unroll, ended, bad = self._program.collect(
            actor, length, params, self._state, np.uint32(self._time)
        )
        ended = jax.device_get(ended)
        nonfinite = self._count(bad) if ended.count else 0  # a bad environment counts as ended
        self._time += length
        return unroll, episode_stats.report(ended, nonfinite, warnings=0)

    def take_episodes(self) -> Episodes:
        """Sums over the episodes that ended in `step` since the last call."""
        taken = episode_stats.report(self._ended, self._nonfinite, warnings=0)
        self._ended, self._nonfinite = self._none, 0
        return taken

    def state(self) -> Arrays:
        """Everything `restore` needs to go on bit for bit, still on the device."""
        return {
            "time": np.asarray(self._time, np.int64),
            **{f"draws/{name}": array for name, array in named(self._state.draws).items()},
            **{f"jax/{name}": a for name, a in named(self._state._replace(draws={})).items()},
        }

    def restore(self, arrays: Arrays) -> None:
        """Go on from `state()`."""
        groups: dict[str, Arrays] = {"draws": {}, "jax": {}}
        for path, array in arrays.items():
            group, _, name = path.partition("/")
            if name:
                groups[group][name] = array
        self._time = int(arrays["time"])
        draws = {name: jnp.asarray(array) for name, array in groups["draws"].items()}
        keys = jax.ShapeDtypeStruct((self.num_envs, 2), jnp.uint32)
        like = jax.eval_shape(self._program.start, keys, draws)._replace(draws={})
        self._state = unflatten(like, groups["jax"])._replace(draws=draws)

    def qpos(self) -> np.ndarray:
        """Positions (N, nq) float64, for drawing."""
        return np.asarray(self._program.simulation.fields(self._state.sim)["qpos"], np.float64)

    def command(self) -> np.ndarray:
        """Commands in force (N, len(spec.commands)) float32."""
        return _numpy(self._program.command(self._state.sim))

    def tell(self, command: np.ndarray) -> None:
        """Give other commands (N, len(spec.commands)); shown from the next step on."""
        sim = self._program.told(self._state.sim, np.asarray(command, np.float32))
        self._state = self._state._replace(sim=sim)

    def close(self) -> None:
        """Nothing to stop; the arrays are freed with the driver."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _count(self, bad: Any) -> int:
        """How many environments were not finite in steps (T, N) from now on.

        Raises:
            Diverged: Some were, and the driver is to stop then.
        """
        bad = np.asarray(bad)
        if self._stop and bad.any():
            step = int(np.flatnonzero(bad.any(axis=1))[0])
            raise diverged(bad[step], self._first, self._time + step)
        return int((bad > 0).sum())


def _numpy(tree: Any) -> Any:
    """A pytree of jax arrays as numpy arrays of the caller's own."""
    return jax.tree.map(np.array, jax.device_get(tree))
