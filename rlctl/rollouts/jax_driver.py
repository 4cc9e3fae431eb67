"""Driver for MJX and Brax: environment, physics and policy in one jitted program."""

from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np

from rlctl.rollouts import episode_stats
from rlctl.rollouts.arrays import named, unflatten
from rlctl.rollouts.base import Actor, Arrays, Episodes, Step, Unroll
from rlctl.rollouts.devices import COPIES, ENVS
from rlctl.rollouts.jax_program import JaxProgram, JaxState
from rlctl.rollouts.keys import environment_keys, randomization_keys


class JaxDriver:
    """N environments of a simulation; see rollouts.base.Driver.

    An unroll stays on the device. The host waits for it once per `collect`.

    Args:
        program: Jitted functions of the simulation; several drivers may share one.
        physics: Name of its back end, `jax` or `warp`.
        num_envs: N.
        randomize: Whether to randomise model fields (domain randomisation).
        on_nonfinite: "stop" or "reset".
        first: Index of the first environment, for its random keys.
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
        self._ended = self._none = jax.device_get(episode_stats.zero_sums(self.spec.terms))
        self._nonfinite = 0

    def reset(self, seed: int) -> np.ndarray:
        """Start a new episode in every environment; return observation (N, O)."""
        indices = np.arange(self._first, self._first + self.num_envs, dtype=np.uint32)
        self._time = 0
        keys, model_keys = self._put(
            (environment_keys(seed, indices), randomization_keys(seed, indices))
        )
        model_fields = self._program.randomize(model_keys) if self._randomize else {}
        self._state = self._program.start(keys, model_fields)
        self._ended, self._nonfinite = self._none, 0
        return self.observation

    @property
    def observation(self) -> np.ndarray:
        """Current observation (N, O)."""
        return _numpy(self._state.observation)

    def stagger(self) -> None:
        """Stagger the clocks of the episodes just started evenly over the time limit."""
        stats = episode_stats.stagger(
            self._state.book,
            np.arange(self.num_envs),
            self.num_envs,
            self._program.episode_length,
        )
        self._state = self._state._replace(book=self._put(stats))

    def step(self, action: np.ndarray, edits: Arrays | None = None) -> Step:
        """Take one control step with actions (N, A), and edits of the state (N, ...)."""
        self._state, outcome, final_observation, ended = self._program.step(
            self._state, np.asarray(action, np.float32), edits or {}, np.uint32(self._time)
        )
        outcome, final_observation, observation, ended = _numpy(
            (outcome, final_observation, self._state.observation, ended)
        )
        self._ended = episode_stats.add_sums(self._ended, ended)
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

    def edit_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return MjData fields that `step` can edit and their shapes."""
        return self._program.simulation.edit_shapes()

    def collect(self, actor: Actor, params: Any, length: int) -> tuple[Unroll, Episodes]:
        """Collect an unroll of `length` steps with `params`, continuing from the last call."""
        params = self._program.devices.put(params, COPIES)
        self._state, unroll, ended, bad = self._program.collect(
            actor, length, params, self._state, np.uint32(self._time)
        )
        ended = jax.device_get(ended)
        nonfinite = self._count(bad) if ended.count else 0  # non-finite environments are truncated
        self._time += length
        return unroll, episode_stats.to_episodes(ended, nonfinite, warnings=0)

    def take_episodes(self) -> Episodes:
        """Return sums over the episodes that ended in `step` since the last call."""
        taken = episode_stats.to_episodes(self._ended, self._nonfinite, warnings=0)
        self._ended, self._nonfinite = self._none, 0
        return taken

    def state(self) -> Arrays:
        """Return the arrays that `restore` needs to continue bit for bit, left on the device."""
        return {
            "time": np.asarray(self._time, np.int64),
            **{f"draws/{name}": array for name, array in named(self._state.model_fields).items()},
            **{
                f"jax/{name}": a for name, a in named(self._state._replace(model_fields={})).items()
            },
        }

    def restore(self, arrays: Arrays) -> None:
        """Restore what `state()` returned."""
        groups: dict[str, Arrays] = {"draws": {}, "jax": {}}
        for path, array in arrays.items():
            group, _, name = path.partition("/")
            if name:
                groups[group][name] = array
        self._time = int(arrays["time"])
        model_fields = self._put(
            {name: jnp.asarray(array) for name, array in groups["draws"].items()}
        )
        keys = jax.ShapeDtypeStruct((self.num_envs, 2), jnp.uint32)
        like = jax.eval_shape(self._program.start, keys, model_fields)._replace(model_fields={})
        state = self._put(unflatten(like, groups["jax"]))
        self._state = state._replace(model_fields=model_fields)

    def qpos(self) -> np.ndarray:
        """Return positions (N, nq) float64, for rendering."""
        return np.asarray(self._program.simulation.fields(self._state.sim)["qpos"], np.float64)

    def command(self) -> np.ndarray:
        """Return the current commands (N, len(spec.commands)) float32."""
        return _numpy(self._program.command(self._state.sim))

    def set_command(self, command: np.ndarray) -> None:
        """Set commands (N, len(spec.commands)); observations contain them from the next step on."""
        sim = self._program.set_command(self._state.sim, np.asarray(command, np.float32))
        self._state = self._state._replace(sim=sim)

    def close(self) -> None:
        """Do nothing; the arrays are freed with the driver."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _put(self, tree: Any) -> Any:
        """Place arrays that lead with N on the devices, in equal parts."""
        return self._program.devices.put(tree, ENVS)

    def _count(self, bad: Any) -> int:
        """Count non-finite environments in `bad` (T, N), whose first step is the current one.

        Raises:
            Diverged: There are some, and on_nonfinite is "stop".
        """
        bad = np.asarray(bad)
        if self._stop and bad.any():
            step = int(np.flatnonzero(bad.any(axis=1))[0])
            raise episode_stats.diverged_error(bad[step], self._first, self._time + step)
        return int((bad > 0).sum())


def _numpy(tree: Any) -> Any:
    """Copy a pytree of JAX arrays to numpy arrays."""
    # np.array copies: what device_get returns on CPU is a read-only view of JAX's buffer.
    return jax.tree.map(np.array, jax.device_get(tree))
