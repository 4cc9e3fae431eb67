"""Evaluate a policy over whole episodes; write the trajectories on request."""

import io
import math
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rlctl import catalog
from rlctl.actions.command_override import NO_OVERRIDE, CommandOverride
from rlctl.checkpoints import compatibility, find
from rlctl.checkpoints.reading import Checkpoint
from rlctl.core import files
from rlctl.core.config import Overrides, setting
from rlctl.core.errors import CheckFailed, RlctlError, UsageError
from rlctl.core.progress import Progress
from rlctl.rollouts.base import Step

if TYPE_CHECKING:
    from rlctl.rollouts.evaluate import Evaluation

MAX_ENVS = 256  # environments stepped together; more episodes run in several rounds


@dataclass(frozen=True)
class NumericOptions:
    """Numeric options of a request, with their bounds."""

    episodes: int = setting(10, "episodes", low=1, high=100_000)
    seed: int = setting(0, "seed of the episodes", low=0, high=2**31 - 1)
    max_episode_steps: int | None = setting(None, "time limit", low=1, high=1_000_000_000)
    min_return: float | None = setting(None, "smallest mean return that passes")


@dataclass(frozen=True)
class EvalRequest:
    """Request for an evaluation.

    Attributes:
        env: The environment the checkpoint must be of; None for any.
        ckpt: Checkpoint as `--ckpt` takes it; None for the latest run's best.
        episodes: Number of episodes.
        seed: Seed of initial states and all noise.
        stochastic: Sample actions instead of taking their mean.
        physics: `auto`, `native`, `jax` or `warp`.
        backend: Framework that runs the policy: `numpy`, `jax` or `torch`.
        max_episode_steps: Time limit, None for the environment's.
        save_trajectories: File for every step (.npz), None for no file.
        min_return: Smallest mean return that passes, None for no check.
        command_override: Commands that replace those the environment samples.
        overrides: `env.key=value` settings that differ from the checkpoint's, or values by full
            name.
    """

    env: str | None = None
    ckpt: str | None = None
    episodes: int = 10
    seed: int = 0
    stochastic: bool = False
    physics: str = "auto"
    backend: str = "numpy"
    max_episode_steps: int | None = None
    save_trajectories: Path | None = None
    min_return: float | None = None
    command_override: CommandOverride = NO_OVERRIDE
    overrides: Overrides = ()


@dataclass(frozen=True, repr=False)
class EvalReport:
    """Result of an evaluation.

    Attributes:
        request: The request.
        checkpoint: The evaluated checkpoint.
        episodes: Arrays over episodes: returns, lengths and more.
        physics: The physics back end.
        device: `cpu` or `gpu`.
    """

    request: EvalRequest
    checkpoint: Checkpoint
    episodes: "Evaluation"
    physics: str
    device: str

    @property
    def summary(self) -> dict[str, Any]:
        """Statistics of the episodes, as `rlctl eval --json` has them."""
        return self.episodes.summary()

    @property
    def returns(self) -> np.ndarray:
        """Returns of the episodes, (E,)."""
        return self.episodes.returns

    @property
    def lengths(self) -> np.ndarray:
        """Lengths of the episodes in control steps, (E,)."""
        return self.episodes.lengths

    @property
    def mean_return(self) -> float:
        """Mean return."""
        return float(self.returns.mean())

    def __repr__(self) -> str:
        env, step = self.checkpoint.manifest["env"]["id"], self.checkpoint.step
        spread = f"{self.mean_return:.4g} +- {float(self.returns.std()):.4g}"
        count = len(self.returns)
        return f"EvalReport({env}, {step:,} steps trained: return {spread}, {count} episodes)"

    def to_json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "env": self.checkpoint.manifest["env"]["id"],
            "checkpoint": str(self.checkpoint.path),
            "step": self.checkpoint.step,
            "deterministic": not self.request.stochastic,
            "seed": self.request.seed,
            "physics": self.physics,
            "backend": self.request.backend,
            "device": self.device,
            **self.summary,
        }


def evaluate(
    request: EvalRequest,
    progress: Progress | None = None,
    warn: Callable[[str], None] = lambda line: None,
) -> EvalReport:
    """Evaluate the policy of a checkpoint.

    Args:
        request: The request.
        progress: Receives phases and steps.
        warn: Called if a damaged checkpoint is skipped, or commands leave the training range.

    Raises:
        CheckFailed: The mean return is below `min_return`; its data is the report.
        RlctlError: The checkpoint, the environment or the output cannot be used.
    """
    progress = progress or Progress()
    _validate_output(request.save_trajectories)
    if request.env is not None:
        catalog.env(request.env)
    checkpoint = find.open_checkpoint(request.ckpt, request.env, None, warn)
    compatibility.check_saved(checkpoint)
    with progress.phase("import"):
        import jax

        from rlctl.policies.base import policy_of
        from rlctl.rollouts import factory
        from rlctl.rollouts.evaluate import evaluate as run_episodes
    name, config = factory.environment_of(checkpoint, request.overrides, request.env)
    policy = policy_of(checkpoint, request.backend)
    with progress.phase("build"):
        driver = factory.make_driver(
            name,
            config,
            request.physics,
            min(request.episodes, MAX_ENVS),
            episode_length=request.max_episode_steps or 0,
        )
    schedule = request.command_override.schedule_of(driver.spec, name, config, warn)
    extra = driver.spec.eval_only_metrics
    recorder = TrajectoryRecorder(extra) if request.save_trajectories else None
    rounds = math.ceil(request.episodes / driver.num_envs)
    limit = request.max_episode_steps or driver.spec.episode_length
    on_step = StepCounter(rounds, limit, progress, recorder)
    with closing(driver):
        compatibility.check(checkpoint, driver.spec, warn)
        with progress.phase("eval"):
            result = run_episodes(
                policy,
                driver,
                request.episodes,
                request.seed,
                request.stochastic,
                on_step,
                schedule,
            )
    report = EvalReport(request, checkpoint, result, driver.physics, jax.default_backend())
    _write_and_check(report, recorder)
    return report


def _validate_output(path: Path | None) -> None:
    """Check the output path before the evaluation, not after it.

    Raises:
        UsageError: It is a folder, a device or a pipe; an atomic write would replace the latter.
    """
    if path is None:
        return
    if path.is_dir():
        raise UsageError(f"{path} is a folder", "name a file")
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is not a regular file", "name another file")


def _write_and_check(report: EvalReport, recorder: "TrajectoryRecorder | None") -> None:
    """Write the trajectories and check `min_return`; errors carry the report as data."""
    request, data = report.request, report.to_json()
    if recorder is not None and request.save_trajectories is not None:
        try:
            recorder.write(request.save_trajectories)
        except RlctlError as error:
            error.data = data
            raise
    mean = report.mean_return
    if request.min_return is not None and not mean >= request.min_return:
        raise CheckFailed(
            f"the mean return {mean:.6g} is below --min-return {request.min_return:.6g}",
            "train longer, or evaluate another checkpoint with --ckpt",
            data=data,
        )


class StepCounter:
    """Reports the progress of an evaluation; an `on_step` of rollouts.evaluate.

    Args:
        rounds: Rounds of episodes.
        limit: Largest number of control steps in a round; early terminations shorten it.
        progress: Receives the counts.
        recorder: Called with every step as well.
    """

    def __init__(
        self, rounds: int, limit: int, progress: Progress, recorder: "TrajectoryRecorder | None"
    ) -> None:
        self._total, self._limit = rounds * limit, limit
        self._progress, self._recorder = progress, recorder
        self._round, self._steps = 0, 0  # finished rounds, steps of the current one

    def __call__(
        self, observation: np.ndarray, action: np.ndarray, step: Step, running: np.ndarray
    ) -> None:
        """Count a step."""
        if self._recorder is not None:
            self._recorder(observation, action, step, running)
        self._steps += 1
        if not (running & ~(step.terminated | step.truncated)).any():
            self._round, self._steps = self._round + 1, 0
        steps = min(self._round * self._limit + self._steps, self._total)
        self._progress.event("progress", steps=steps, total=self._total, unit="steps")


class TrajectoryRecorder:
    """Records every step of every environment; an `on_step` of rollouts.evaluate.

    Args:
        unrewarded: Names of the metrics that are not reward terms.
    """

    def __init__(self, unrewarded: tuple[str, ...]) -> None:
        self._unrewarded = unrewarded
        self._rows: list[dict[str, np.ndarray]] = []

    def __call__(
        self, observation: np.ndarray, action: np.ndarray, step: Step, running: np.ndarray
    ) -> None:
        """Record a step: observation (N, O), action (N, A), its result, and running (N,) bool."""
        self._rows.append(
            {
                "observation": observation,
                "action": action,
                "reward": step.reward,
                "terminated": step.terminated,
                "truncated": step.truncated,
                "running": running,
                **{
                    f"{'figures' if name in self._unrewarded else 'terms'}/{name}": metric
                    for name, metric in step.metrics.items()
                },
            }
        )

    def write(self, path: Path) -> None:
        """Write arrays (T, N, ...) by name as .npz; `running` marks the steps that count.

        Raises:
            OutOfSpace: The file cannot be written.
        """
        content = io.BytesIO()
        # Gymnasium environments may report a reward term only from a later step on.
        names, zeros = {**self._rows[0], **self._rows[-1]}, np.zeros_like(self._rows[0]["reward"])
        arrays: dict[str, Any] = {
            name: np.stack([row.get(name, zeros) for row in self._rows]) for name in names
        }
        np.savez_compressed(content, **arrays)
        files.write_atomic(path, content.getvalue())
