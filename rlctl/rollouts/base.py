"""Driver protocol: batched environments on any physics, with auto-reset.

Shapes: N environments, T time steps, O observation, A action. Environments reset in the step that
ends an episode: `step` returns the first observation of the next episode, and the last one of the
ended episode in `final_observation`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from rlctl.core.specs import EnvSpec

if TYPE_CHECKING:
    from rlctl.rollouts.devices import Devices

Arrays = dict[str, np.ndarray]  # "a/b/c" -> array, as checkpoints store them


class Step(NamedTuple):
    """Result of one step, in numpy.

    Attributes:
        observation: (N, O) float32, of the next episode where one ended.
        reward: (N,) float32.
        terminated: (N,) bool, the environment ended the episode.
        truncated: (N,) bool, only the time limit ended it.
        final_observation: (N, O) float32, before the reset.
        metrics: Name -> (N,) float32, per-step metrics: those of the spec, and reward terms that
            appeared later.
    """

    observation: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    final_observation: np.ndarray
    metrics: Arrays


class ActorStep(NamedTuple):
    """Output of the behaviour policy for one observation (one instance, JAX).

    Attributes:
        action: (A,) in the environment's units.
        extras: Pytree of arrays that the algorithm records with the step.
        memory: The policy's memory after the step, a pytree of arrays; () without memory.
    """

    action: Any
    extras: Any
    memory: Any = ()


@dataclass(frozen=True)
class Actor:
    """Behaviour policy of an algorithm: pure functions of one instance; drivers vmap them.

    Attributes:
        act: (params, observation (O,), noise) -> ActorStep.
        final: (params, final observation (O,)) -> pytree of arrays that the algorithm needs to
            bootstrap from where an episode was truncated. Called only if one was.
        noise: (keys (N, 2), step ()) -> noise of N environments for `act`, sampled from their root
            keys; see `rlctl.rollouts.noise`. Not vmapped.
    """

    act: Callable[[Any, Any, Any], ActorStep]
    final: Callable[[Any, Any], Any]
    noise: Callable[[Any, Any], Any]


class Unroll(NamedTuple):
    """Block of T steps of N environments, float32; a pytree of jax or numpy arrays.

    Attributes:
        observation: (T, N, O).
        extras: What the actor recorded, leaves (T, N, ...).
        reward: (T, N).
        terminated: (T, N), 0 or 1.
        truncated: (T, N), 0 or 1, never with terminated.
        final: What `Actor.final` returned where truncated, leaves (T, N, ...); 0 elsewhere.
        last_observation: (N, O), after the last step and its reset.
    """

    observation: Any
    extras: Any
    reward: Any
    terminated: Any
    truncated: Any
    final: Any
    last_observation: Any


@dataclass
class Episodes:
    """Sums over the episodes that ended during an unroll, or since the last `take_episodes`.

    Attributes:
        count: Number of episodes.
        returns: Sum of returns.
        lengths: Sum of lengths, control steps.
        terms: Name -> sum of a reward term over all steps.
        spread: Sum of squared deviations of the returns from their mean.
        nonfinite: Number of environments reset because of a non-finite value.
        warnings: Number of MuJoCo's instability warnings.
    """

    count: int
    returns: float
    lengths: float
    terms: dict[str, float]
    spread: float = 0.0
    nonfinite: int = 0
    warnings: int = 0

    def __add__(self, other: "Episodes") -> "Episodes":
        return Episodes(
            count=self.count + other.count,
            returns=self.returns + other.returns,
            lengths=self.lengths + other.lengths,
            terms={
                name: self.terms.get(name, 0.0) + other.terms.get(name, 0.0)
                for name in {**self.terms, **other.terms}
            },
            spread=joint_spread(self, other),
            nonfinite=self.nonfinite + other.nonfinite,
            warnings=self.warnings + other.warnings,
        )


def joint_spread(a: Any, b: Any, maximum: Callable[[Any, Any], Any] = max) -> Any:
    """Combine the spreads of two groups of episodes (Chan, Golub and LeVeque 1983).

    S = S_a + S_b + (mean_a - mean_b)^2 n_a n_b / (n_a + n_b)

    Args:
        a: Anything with `count`, `returns` and `spread`, numbers or arrays.
        b: Likewise.
        maximum: Function that returns the larger of two of these.
    """
    distance = a.returns / maximum(a.count, 1) - b.returns / maximum(b.count, 1)
    between = distance**2 * a.count * b.count / maximum(a.count + b.count, 1)
    return a.spread + b.spread + between


class VectorEnvironment(Protocol):
    """Environments of another package that are stepped by a driver of their own."""

    @property
    def spec(self) -> EnvSpec:
        """Observation and action spaces, and timing."""
        ...

    def time_limit(self, asked: int) -> int:
        """Return the time limit in control steps; `asked` 0 means the environment's own.

        Raises:
            UsageError: It cannot have this limit.
        """
        ...

    def make_driver(
        self,
        limit: int,
        num_envs: int,
        on_nonfinite: str = "stop",
        first: int = 0,
        render_mode: str | None = None,
    ) -> "RenderingDriver":
        """Make the driver of N environments.

        Args:
            limit: Time limit in control steps.
            num_envs: N.
            on_nonfinite: `stop` or `reset`, see `rollouts.factory.make_driver`.
            first: Index of the first environment, for its seed.
            render_mode: None, or `rgb_array` for `render` to work.

        Raises:
            RendererMissing: It does not support the render mode.
        """
        ...


@dataclass(frozen=True)
class Partition:
    """Division of the environments of a training.

    Attributes:
        turns: Number of groups that `collect` in turn, a time limit each.
        devices: Devices that share the environments of a back end of JAX; None for the first.
    """

    turns: int = 1
    devices: "Devices | None" = None


WHOLE = Partition()


class Driver(Protocol):
    """N environments stepped together.

    Random keys are folded from (seed, environment index, step), so results do not depend on how
    the batch is split.
    """

    @property
    def spec(self) -> EnvSpec:
        """Spec of the environment."""
        ...

    @property
    def num_envs(self) -> int:
        """N."""
        ...

    @property
    def physics(self) -> str:
        """Back end: `native`, `jax`, `warp` or `gymnasium`."""
        ...

    @property
    def observation(self) -> np.ndarray:
        """Current observation (N, O) float32."""
        ...

    def reset(self, seed: int) -> np.ndarray:
        """Start a new episode in every environment; return observation (N, O)."""
        ...

    def stagger(self) -> None:
        """Stagger the clocks of the episodes just started evenly over the time limit.

        Otherwise all episodes would time out in the same step, and few unrolls would contain
        initial states.
        """
        ...

    def step(self, action: np.ndarray, edits: Arrays | None = None) -> Step:
        """Take one control step with actions (N, A).

        Args:
            action: (N, A).
            edits: Field of `edit_shapes` -> (N, ...) float32, added to the environment's own edits
                of the state in this step: a push.
        """
        ...

    def edit_shapes(self) -> dict[str, tuple[int, ...]]:
        """Return MjData fields that `step` can edit and their shapes; {} if it can edit none."""
        ...

    def take_episodes(self) -> Episodes:
        """Return sums over the episodes that ended in `step` since the last call."""
        ...

    def collect(self, actor: Actor, params: Any, length: int) -> tuple[Unroll, Episodes]:
        """Collect an unroll of `length` steps with `params`, continuing from the last call.

        Raises:
            Diverged: A state, observation or reward is not finite, and the driver does not reset
                such environments. The error names quantity, environment and step.
        """
        ...

    def state(self) -> Arrays:
        """Return the arrays that `restore` needs to continue bit for bit."""
        ...

    def restore(self, arrays: Arrays) -> None:
        """Restore what `state()` returned."""
        ...

    def qpos(self) -> np.ndarray:
        """Return positions (N, nq) float64, for rendering."""
        ...

    def command(self) -> np.ndarray:
        """Return the current commands (N, len(spec.commands)) float32."""
        ...

    def set_command(self, command: np.ndarray) -> None:
        """Set commands (N, len(spec.commands)); observations contain them from the next step on."""
        ...

    def close(self) -> None:
        """Stop threads and free memory."""
        ...


class RenderingDriver(Driver, Protocol):
    """Driver of environments that render themselves."""

    def render(self) -> np.ndarray:
        """Render the first environment: (height, width, 3) uint8.

        Raises:
            RendererMissing: The environment cannot be rendered.
        """
        ...
