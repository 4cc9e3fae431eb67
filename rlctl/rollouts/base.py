"""Batched environments: one protocol, whichever physics drives them.

Shapes: N environments, T time steps, O observation, A action. Environments reset in the same step:
`step` returns the first observation of the next episode where one ended, and the last one of the
ended episode in `final_observation`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from rlctl.core.specs import EnvSpec

Arrays = dict[str, np.ndarray]  # "a/b/c" -> array, as checkpoints store them


class Step(NamedTuple):
    """What `step` returns, all numpy.

    Attributes:
        observation: (N, O) float32, already of the next episode where one ended.
        reward: (N,) float32.
        terminated: (N,) bool, the environment ended the episode.
        truncated: (N,) bool, the time limit did, and nothing else.
        final_observation: (N, O) float32, before any reset.
        metrics: Name -> (N,) float32, the environment's per-step metrics: those of its spec, and
            terms that have appeared since.
    """

    observation: np.ndarray
    reward: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray
    final_observation: np.ndarray
    metrics: Arrays


class ActorStep(NamedTuple):
    """What the behaviour policy does on one observation (one instance, JAX).

    Attributes:
        action: (A,) in the environment's units.
        raw_action: (A,) before squashing and scaling, what log_prob is of.
        log_prob: () log-density of the action.
    """

    action: Any
    raw_action: Any
    log_prob: Any


@dataclass(frozen=True)
class Actor:
    """The learner's pure functions that collecting needs, for one instance; drivers vmap.

    Attributes:
        act: (params, observation (O,), noise) -> ActorStep.
        value: (params, observation (O,)) -> (), the value of an observation.
        noise: (keys (N, 2), step ()) -> what `act` takes for each of N environments, drawn from
            their root keys; see `rlctl.rollouts.noise`. Not vmapped.
    """

    act: Callable[[Any, Any, Any], ActorStep]
    value: Callable[[Any, Any], Any]
    noise: Callable[[Any, Any], Any]


class Unroll(NamedTuple):
    """T steps of N environments, float32; a pytree of jax or numpy arrays.

    Attributes:
        observation: (T, N, O).
        raw_action: (T, N, A).
        log_prob: (T, N).
        reward: (T, N).
        terminated: (T, N), 0 or 1.
        truncated: (T, N), 0 or 1, never with terminated.
        final_value: (T, N), the value of the final observation where truncated, 0 elsewhere.
        last_observation: (N, O), after the last step (and its reset).
    """

    observation: Any
    raw_action: Any
    log_prob: Any
    reward: Any
    terminated: Any
    truncated: Any
    final_value: Any
    last_observation: Any


def unroll_shapes(length: int, num_envs: int, spec: EnvSpec) -> Unroll:
    """The shape of every array of an unroll."""
    column = (length, num_envs)
    observation, action = (spec.observation_size,), (spec.action_size,)
    return Unroll(
        observation=column + observation,
        raw_action=column + action,
        log_prob=column,
        reward=column,
        terminated=column,
        truncated=column,
        final_value=column,
        last_observation=(num_envs, *observation),
    )


@dataclass
class Episodes:
    """Sums over the episodes that ended during an unroll, or since they were last taken.

    Attributes:
        count: How many ended.
        returns: Sum of their returns.
        lengths: Sum of their lengths, control steps.
        terms: Name -> sum over their steps of the environment's term.
        spread: Sum of the squared distances of their returns from the mean.
        nonfinite: Environments reset because their state or reward was not finite.
        warnings: MuJoCo's instability warnings.
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
    """The spread of two groups of episodes together (Chan, Golub and LeVeque 1983).

    S = S_a + S_b + (mean_a - mean_b)^2 n_a n_b / (n_a + n_b)

    Args:
        a: Anything with `count`, `returns` and `spread`: of numbers or of arrays.
        b: Likewise.
        maximum: The larger of two such.
    """
    distance = a.returns / maximum(a.count, 1) - b.returns / maximum(b.count, 1)
    between = distance**2 * a.count * b.count / maximum(a.count + b.count, 1)
    return a.spread + b.spread + between


class Driver(Protocol):
    """N environments stepped together.

    Keys of every random draw are folded from (seed, environment index, step), so that results do
    not depend on how the batch is split.

    Attributes:
        spec: The environment's.
        num_envs: N.
        physics: The back end: `native`, `jax`, `warp` or `gymnasium`.
        observation: What the environments show now, (N, O) float32.
    """

    spec: EnvSpec
    num_envs: int
    physics: str
    observation: np.ndarray

    def reset(self, seed: int) -> np.ndarray:
        """Start a fresh episode everywhere: observation (N, O)."""

    def stagger(self) -> None:
        """Count the episodes just started as under way, evenly over the time limit.

        Else all would end in the same step, and only one unroll in many would see first states.
        """

    def step(self, action: np.ndarray) -> Step:
        """One control step with actions (N, A)."""

    def take_episodes(self) -> Episodes:
        """Sums over the episodes that ended in `step` since the last call."""

    def collect(self, actor: Actor, params: Any, length: int) -> tuple[Unroll, Episodes]:
        """Act with `params` for `length` steps, going on from where the last call ended.

        Raises:
            Diverged: A state, observation or reward is not finite; names quantity, environment
                and step (unless built to reset such environments).
        """

    def state(self) -> Arrays:
        """Everything `restore` needs to go on bit for bit."""

    def restore(self, arrays: Arrays) -> None:
        """Go on from `state()`."""

    def qpos(self) -> np.ndarray:
        """Positions (N, nq) float64, for drawing."""

    def command(self) -> np.ndarray:
        """Commands in force (N, len(spec.commands)) float32."""

    def tell(self, command: np.ndarray) -> None:
        """Give other commands (N, len(spec.commands)); shown from the next step on.

        Only of environments that take commands.
        """

    def close(self) -> None:
        """Stop threads and free memory."""
