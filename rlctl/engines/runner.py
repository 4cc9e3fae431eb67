"""Engines made of a `Trainer`, and the run of a training that signals may interrupt."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic

from rlctl.core.config import Resolved
from rlctl.core.errors import Stopped, StoppedUnsaved
from rlctl.core.progress import Progress
from rlctl.core.signals import signal_name
from rlctl.engines import evaluations
from rlctl.engines.api import AnyPlan, Hooks, Result, TrainingJob
from rlctl.engines.config import TrainConfig
from rlctl.engines.duration import NullRun, estimate_duration
from rlctl.engines.interruptible import Interrupted, InterruptibleThread
from rlctl.engines.trainer import Trainer


@dataclass(frozen=True)
class TrainerEngine(Generic[AnyPlan]):
    """An engine whose trainings a `Trainer` runs; see `rlctl.engines.api.MeasurableEngine`.

    Attributes:
        trainer: Class of the trainer.
        count: (settings, environment's name) -> plan without evaluations, validated.
        sizes: (settings, environment's name, plan) -> memory and disk in MiB, where known.
        diverged_hint: Settings to change after a training that was not finite.
    """

    trainer: Callable[[TrainingJob[AnyPlan], Hooks], Trainer[AnyPlan, Any]]
    count: Callable[[Resolved, str], AnyPlan]
    sizes: Callable[[Resolved, str, AnyPlan], dict[str, Any]]
    diverged_hint: str = "lower the learning rate"

    def plan(self, settings: Resolved, env_name: str) -> AnyPlan:
        """Validate the settings; return the plan."""
        length = evaluations.eval_episode_length(env_name, settings)
        plan = self.count(settings, env_name)
        return evaluations.schedule_evals(plan, settings[TrainConfig], length)

    def details(self, settings: Resolved, env_name: str, plan: AnyPlan) -> dict[str, Any]:
        """Return what `--dry-run` shows besides the plan."""
        return {
            "evals": evaluations.count_evals(plan),
            "num_envs": settings[TrainConfig].num_envs,
            **self.sizes(settings, env_name, plan),
        }

    def train(self, job: TrainingJob[AnyPlan], hooks: Hooks) -> Result:
        """Run a training; see `run_training` for what it raises."""
        return run_training(partial(self.trainer, job, hooks), job, hooks)

    def probe(
        self, settings: Resolved, env_name: str, plan: AnyPlan, progress: Progress
    ) -> dict[str, Any]:
        """Estimate the duration of a training; see `rlctl.engines.duration`."""
        job = TrainingJob(env=env_name, settings=settings, plan=plan, run=NullRun())
        return estimate_duration(partial(self.trainer, job, Hooks(progress)), progress)


def run_training(
    make_trainer: Callable[[], Trainer[Any, Any]], job: TrainingJob[Any], hooks: Hooks
) -> Result:
    """Build a trainer and run it to the end; save and raise when a signal requests a stop.

    Args:
        make_trainer: Builds the trainer.
        job: The training.
        hooks: Progress and the stop flag.

    Raises:
        Stopped: A signal came; everything up to the last update is saved.
        StoppedUnsaved: A signal came before the first update of a new training.
        OutOfSpace: The last state could not be saved.
        RlctlError: Any other error of the engine.
    """
    worker, trainer = InterruptibleThread(hooks.stop), None
    try:
        with hooks.progress.phase("build"):
            trainer = worker.run(make_trainer)
        return trainer.learn(worker.run)
    except Interrupted as interrupted:
        # The abandoned task may still run. It never writes to the trainer's state, so that of the
        # last finished update can be saved here.
        if trainer is not None:
            trainer.save_final()
        resumed = job.start.step if job.start and job.resume else 0
        steps = trainer.steps if trainer else resumed
        if not steps:
            raise StoppedUnsaved("stopped before the first update was done") from None
        raise Stopped(
            f"stopped by {signal_name(interrupted.signum)} at step {steps:,}; everything is saved",
            data={"steps": steps},
            signum=interrupted.signum,
        ) from None
    finally:
        worker.close(trainer.close if trainer else lambda: None)
