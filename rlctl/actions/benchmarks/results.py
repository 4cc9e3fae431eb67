"""Result of a benchmark's run, read from its folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlctl.actions.benchmarks.scores import Sample, curve, last_episodes
from rlctl.core import checkpoint_names
from rlctl.core.metrics import Metrics
from rlctl.core.runs import read_config


@dataclass(frozen=True)
class RunResult:
    """Result of one training.

    Attributes:
        env: Environment.
        seed: Seed.
        run: Its folder.
        status: `finished`, `stopped` or `failed`.
        error: Error message, empty without one.
        steps: Environment steps taken.
        seconds: Wall time of the training.
        steps_per_second: Its speed without compilation.
        episodes: Number of finished episodes.
        final: Return of the last 100 training episodes.
        evaluation: Mean return of the last evaluation, None without one.
        curve: See `scores.curve`.
        evaluations: Steps and mean return of every evaluation.
        target: The target return, None without one.
        learned: Whether an evaluation reached the target return.
        git: The git commit that trained it, None if unknown.
    """

    env: str
    seed: int
    run: Path
    status: str
    error: str
    steps: int
    seconds: float
    steps_per_second: float
    episodes: int
    final: Sample
    evaluation: float | None
    curve: list[float | None]
    evaluations: list[tuple[int, float]]
    target: float | None
    learned: bool
    git: dict[str, Any] | None


def is_finished(run: Path, steps: int) -> bool:
    """Tell whether a run has a checkpoint after all its steps."""
    return max(checkpoint_names.steps(run / checkpoint_names.FOLDER), default=-1) >= steps


def read_result(env: str, seed: int, run: Path, steps: int, error: str = "") -> RunResult:
    """Read the result of a run.

    Args:
        env: Environment.
        seed: Seed.
        run: Its folder.
        steps: Steps of the whole training.
        error: Error message of the process, empty without one.

    Raises:
        Damaged: The run's config.json cannot be read.
    """
    rows = list(Metrics(run / "metrics.jsonl").rows())
    training = [row for row in rows if row.get("kind") == "train"]
    evaluations = [
        (row["steps"], row["return"]["mean"]) for row in rows if row.get("kind") == "eval"
    ]
    last = training[-1] if training else {}
    config = read_config(run)
    target = config["settings"]["train"]["target_return"]
    finished = is_finished(run, steps)
    return RunResult(
        env=env,
        seed=seed,
        run=run,
        status="finished" if finished else "failed" if error else "stopped",
        error="" if finished else error,
        steps=last.get("steps", 0),
        seconds=last.get("seconds", 0.0),
        steps_per_second=last.get("steps_per_second", 0.0),
        episodes=last.get("episodes", 0),
        final=last_episodes(training),
        evaluation=evaluations[-1][1] if evaluations else None,
        curve=curve(training, steps),
        evaluations=evaluations,
        target=target,
        learned=target is not None and any(score >= target for _, score in evaluations),
        git=config["provenance"]["git"],
    )
