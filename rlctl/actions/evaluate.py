"""Evaluate a policy: whole episodes, their statistics, and every step of them on request."""

import io
import math
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rlctl import catalog
from rlctl.actions.command_override import NOTHING, CommandOverride
from rlctl.checkpoints import compatibility, find
from rlctl.checkpoints.reading import Checkpoint
from rlctl.core import files
from rlctl.core.config import Overrides, setting
from rlctl.core.errors import CheckFailed, RlctlError, UsageError
from rlctl.core.progress import Progress
from rlctl.rollouts.base import Step

if TYPE_CHECKING:
    from rlctl.rollouts.evaluate import Evaluation

MOST_AT_ONCE = 256  # environments stepped together; more episodes are played in rounds


@dataclass(frozen=True)
class Numbers:
    """The numbers of a request, and what they may be."""

    episodes: int = setting(10, "episodes", low=1, high=100_000)
    seed: int = setting(0, "seed of the episodes", low=0, high=2**31 - 1)
    max_episode_steps: int | None = setting(None, "time limit", low=1, high=1_000_000_000)
    min_return: float | None = setting(None, "the mean return that is needed")


@dataclass(frozen=True)
class EvalRequest:
    """What to evaluate.

    Attributes:
        env: The environment the checkpoint must be of; None for whichever it is.
        ckpt: What `--ckpt` takes; None for the latest run's best.
        episodes: How many.
        seed: Of initial states and all noise.
        stochastic: Sample actions instead of taking their mean.
        physics: `auto`, `native`, `jax` or `warp`.
        backend: What runs the policy: `numpy`, `jax` or `torch`.
        max_episode_steps: Time limit instead of the environment's own, None for that.
        save_trajectories: Where to write every step (.npz), None for nowhere.
        min_return: The mean return below which the check fails, None for no check.
        told: The commands to give instead of those the environment draws.
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
    told: CommandOverride = NOTHING
    overrides: Overrides = ()


@dataclass(frozen=True, repr=False)
class EvalReport:
    """What the episodes came to, beside what was evaluated and on what.

    Attributes:
        request: What was asked for.
        checkpoint: What was evaluated.
        episodes: Returns, lengths and more, an array of each.
        physics: The back end that moved the environment.
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
        """The return of every episode, (E,)."""
        return self.episodes.returns

    @property
    def lengths(self) -> np.ndarray:
        """The length of every episode in control steps, (E,)."""
        return self.episodes.lengths

    @property
    def mean_return(self) -> float:
        """The mean of the returns."""
        return float(self.returns.mean())

    def __repr__(self) -> str:
        env, step = self.checkpoint.manifest["env"]["id"], self.checkpoint.step
        spread = f"{self.mean_return:.4g} +- {float(self.returns.std()):.4g}"
        count = len(self.returns)
        return f"EvalReport({env}, {step:,} steps trained: return {spread}, {count} episodes)"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
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
    tell: Callable[[str], None] = lambda line: None,
) -> EvalReport:
    """Play episodes with the policy of a checkpoint.

    Args:
        request: What.
        progress: Told of phases.
        tell: Told when a damaged checkpoint was skipped, or commands go beyond the training.

    Raises:
        CheckFailed: The mean return is under `min_return`; the figures are in its data.
        RlctlError: Anything wrong with the checkpoint, the environment or the output.
    """
    progress = progress or Progress()
    _check_output(request.save_trajectories)
    if request.env is not None:
        catalog.env(request.env)
    checkpoint = find.open_checkpoint(request.ckpt, request.env, warn=tell)
    compatibility.check_saved(checkpoint)
    with progress.phase("import"):
        import jax

        from rlctl.policies.base import policy_of
        from rlctl.rollouts import factory
        from rlctl.rollouts.evaluate import evaluate as play
    name, config = factory.environment_of(checkpoint, request.overrides, request.env)
    policy = policy_of(checkpoint, request.backend)
    with progress.phase("build"):
        driver = factory.make_driver(
            name,
            config,
            request.physics,
            min(request.episodes, MOST_AT_ONCE),
            episode_length=request.max_episode_steps or 0,
        )
    driver = request.told.drive(driver, name, config, tell)
    recorder = Recorder(driver.spec.eval_only_metrics) if request.save_trajectories else None
    rounds = math.ceil(request.episodes / driver.num_envs)
    limit = request.max_episode_steps or driver.spec.episode_length
    steps = Steps(rounds, limit, progress, recorder)
    with closing(driver):
        compatibility.check(checkpoint, driver.spec, tell)
        with progress.phase("eval"):
            result = play(policy, driver, request.episodes, request.seed, request.stochastic, steps)
    report = EvalReport(request, checkpoint, result, driver.physics, jax.default_backend())
    _finish(report, recorder)
    return report


def _check_output(path: Path | None) -> None:
    """Find a file that cannot be written wrong before the work, not after it.

    Raises:
        UsageError: It is a folder, or a device or a pipe, which a file would take the place of.
    """
    if path is None:
        return
    if path.is_dir():
        raise UsageError(f"{path} is a folder", "name a file")
    if path.exists() and not path.is_file():
        raise UsageError(f"{path} is no regular file", "name another file")


def _finish(report: EvalReport, recorder: "Recorder | None") -> None:
    """Write the trajectories, check the bar; the figures go with whatever is wrong."""
    request, figures = report.request, report.to_json()
    if recorder is not None and request.save_trajectories is not None:
        try:
            recorder.write(request.save_trajectories)
        except RlctlError as error:
            error.data = figures
            raise
    mean = report.mean_return
    if request.min_return is not None and not mean >= request.min_return:
        raise CheckFailed(
            f"the mean return {mean:.6g} is under --min-return {request.min_return:.6g}",
            "train longer, or evaluate another checkpoint with --ckpt",
            data=figures,
        )


class Steps:
    """Tells how far an evaluation is; see `on_step` of rollouts.evaluate.

    Args:
        rounds: Rounds of episodes to play.
        limit: Control steps of a round at most; one whose episodes end early is shorter.
        progress: Told.
        also: Called with every step too.
    """

    def __init__(
        self, rounds: int, limit: int, progress: Progress, also: "Recorder | None"
    ) -> None:
        self._total, self._limit = rounds * limit, limit
        self._progress, self._also = progress, also
        self._begun, self._done = 0, 0  # rounds before this one, steps of this one

    def __call__(
        self, observation: np.ndarray, action: np.ndarray, step: Step, running: np.ndarray
    ) -> None:
        """Count a step."""
        if self._also is not None:
            self._also(observation, action, step, running)
        self._done += 1
        if not (running & ~(step.terminated | step.truncated)).any():
            self._begun, self._done = self._begun + 1, 0
        steps = min(self._begun * self._limit + self._done, self._total)
        self._progress.event("progress", steps=steps, total=self._total, unit="steps")


class Recorder:
    """Keeps every step of every environment; see `on_step` of rollouts.evaluate.

    Args:
        unrewarded: The metrics that figures are made of; the others are terms of the reward.
    """

    def __init__(self, unrewarded: tuple[str, ...]) -> None:
        self._unrewarded = unrewarded
        self._rows: list[dict[str, np.ndarray]] = []

    def __call__(
        self, observation: np.ndarray, action: np.ndarray, step: Step, running: np.ndarray
    ) -> None:
        """Keep one step: observation (N, O), action (N, A), what came of it, who was playing."""
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
        """Write arrays (T, N, ...) by name as .npz; `running` tells which steps count.

        Raises:
            OutOfSpace: It cannot be written.
        """
        content = io.BytesIO()
        names, none = {**self._rows[0], **self._rows[-1]}, np.zeros_like(self._rows[0]["reward"])
        arrays = {name: np.stack([row.get(name, none) for row in self._rows]) for name in names}
        np.savez_compressed(content, **arrays)
        files.write_atomic(path, content.getvalue())
