"""The training loop of every engine: collect, update, report, evaluate, save.

It needs neither JAX nor PyTorch.
"""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar, Generic

from rlctl.checkpoints import compatibility, manifest, store
from rlctl.checkpoints.reading import Checkpoint
from rlctl.core.runs import provenance
from rlctl.core.specs import EnvSpec, PolicySpec
from rlctl.engines import evaluations, finite
from rlctl.engines.api import AnyPlan, Hooks, Result, TrainingJob
from rlctl.engines.async_checkpointer import AsyncCheckpointer
from rlctl.engines.config import TrainConfig
from rlctl.engines.environments import Evaluator, TrainingEnvironments
from rlctl.engines.metrics_logger import MetricsLogger
from rlctl.engines.schedules import warn_if_rising
from rlctl.engines.state import AnyLearner, Naming, Part, TrainState, matching_arrays
from rlctl.policies.base import Policy, make_policy
from rlctl.rollouts.base import WHOLE, Arrays, Driver, Episodes


class Trainer(ABC, Generic[AnyPlan, AnyLearner]):
    """Training state and the steps of the loop that all engines share.

    A worker thread does the long tasks. It does not write to `state`: at any moment `state` is that
    of the last update's end, which a stop can save.

    Args:
        job: The training.
        hooks: Progress and the stop flag.

    Attributes:
        state: The training state.
        evaluator: The evaluations, None without any.
    """

    engine: ClassVar[str]  # catalog name
    naming: Naming  # of the learner's arrays
    state: TrainState[AnyLearner]
    spec: PolicySpec
    partition = WHOLE  # of the environments that it collects in

    def __init__(self, job: TrainingJob[AnyPlan], hooks: Hooks) -> None:
        self.plan, self.train = job.plan, job.settings[TrainConfig]
        self._job, self._hooks = job, hooks
        self._start_time = time.perf_counter()
        self._provenance = provenance()
        self._executor = ThreadPoolExecutor(2)  # for compilations and the value fit
        self._environments = TrainingEnvironments(job, self.partition)
        self.evaluator = Evaluator(job, self._executor) if self.train.num_evals else None
        self._checkpointer = AsyncCheckpointer(
            job.run.checkpoints, self.train.keep_last, self.train.keep_every, hooks.progress
        )
        self._run_task: Callable[..., Any]
        self._logger = MetricsLogger(job.run.metrics, hooks.progress)
        self._compiled_at: tuple[int, float] | None = None  # steps and time at the end of compiling
        self.spec, learner = self.build(self.driver.spec)
        self.state = TrainState(learner, self.naming)
        self.state.parts.update(self.parts())
        self._initial_digests = manifest.digests(self.state.policy_arrays())
        self._environments.reset(self.train.seed)
        if job.start is not None:
            self._load(job.start)
        self._resumed_at = self.steps
        self._previous_steps = max(0, self.steps - self.plan.steps_per_update)
        self._seconds_before = self.state.counters.seconds

    def _load(self, start: Checkpoint) -> None:
        """Load the policy of `start`, or everything if the training is resumed."""
        resume = self._job.resume
        compatibility.check(start, self.driver.spec, self._warn, exact=resume)
        compatibility.check_policy(start, self.spec, self._warn, exact=resume)
        if not resume:
            self.state.learner = self.start_from(self.state.load_policy(start))
            return
        self.state.restore(start)
        self._environments.advance(self.steps)  # before the environments are restored
        self._initial_digests = start.manifest["initial"]
        self.driver.restore(matching_arrays(self.driver.state(), start, "envs"))
        self._checkpointer.saved = self.steps, self.state.counters.evaluated
        self._checkpointer.best = start.manifest["best"]
        if (decaying := self.decaying()) is not None:
            warn_if_rising(*decaying, start, self.train.steps, self._warn)

    # --- implemented by each engine ---

    @abstractmethod
    def build(self, env: EnvSpec) -> tuple[PolicySpec, AnyLearner]:
        """Build what the algorithm needs; return the policy's spec and the initial learner."""

    def parts(self) -> dict[str, Part]:
        """Return parts of the state that are not in the learner, by name; see `TrainState`."""
        return {}

    def start_from(self, policy: Any) -> AnyLearner:
        """Return the initial learner with another training's policy, for `--init-from`."""
        return self.state.learner._replace(policy=policy)

    def decaying(self) -> tuple[str, float, str] | None:
        """Return name, initial value and schedule of a scheduled setting; see `warn_if_rising`."""
        return None

    @abstractmethod
    def metrics(self) -> dict[str, Any]:
        """Return the engine's own metrics of the last update."""

    @abstractmethod
    def collect(self) -> tuple[Any, Episodes]:
        """Return the experience for one update, and the episodes that ended in it."""

    @abstractmethod
    def update(self, experience: Any, /) -> AnyLearner:
        """Return the learner after one update; the state keeps the old one.

        Raises:
            Diverged: A result is not finite.
        """

    # --- the training loop ---

    def learn(self, run_task: Callable[..., Any]) -> Result:
        """Collect and update until all steps are taken.

        Args:
            run_task: Runs a long task; see `InterruptibleThread.run`.

        Raises:
            Diverged: Non-finite values; the last checkpoint is intact.
            OutOfSpace: The last state could not be saved.
        """
        self._run_task = run_task
        plan = evaluations.plan_event(self.plan, self.train, self.driver.spec.episode_length)
        self._hooks.progress.event("plan", **plan)
        try:
            self.evaluate_and_save_if_due()  # a stop may have prevented it
            while not self.done:
                with self.phase("rollout"):
                    experience, episodes = run_task(self.collect)
                with self.phase("update"):
                    learner = run_task(self.update, experience)
                    envs = run_task(
                        self._environments.advance, self.steps + self.plan.steps_per_update
                    )
                # Only now, in the main thread: a stop during a task leaves the last state whole.
                self._commit(learner, envs, episodes)
                self.report(episodes)
                self.evaluate_and_save_if_due()
            return self.result()
        finally:
            self._poll_checkpointer(wait=True)

    @property
    def driver(self) -> Driver:
        """Return the environments that the training collects in."""
        return self._environments.driver

    @property
    def steps(self) -> int:
        """Return the environment steps so far."""
        return self.state.counters.steps

    @property
    def done(self) -> bool:
        """Return whether all steps are taken, the target is reached, or a hook ends it early."""
        target, evaluation = self.train.target_return, self.state.evaluation
        reached = target is not None and evaluation and evaluation["return"]["mean"] >= target
        if reached and self.train.stop_at_target:
            return True
        return self.steps >= self.plan.steps or self._hooks.end_early()

    def phase(self, name: str) -> Any:
        """Return a progress phase; the first update is reported as `compile`."""
        return self._hooks.progress.phase(name if self._compiled_at else "compile")

    def due(self, every: int) -> bool:
        """Return whether the last update crossed a multiple of `every` steps or was the last."""
        before, now = self._previous_steps, self.steps
        return every > 0 and (now // every > before // every or now >= self.plan.steps)

    def evaluate_and_save_if_due(self) -> None:
        """Evaluate and save if either is due and not done yet."""
        if self.due(self.plan.eval_every) and self.state.counters.evaluated < self.steps:
            self.evaluate()
        if self.due(self.plan.save_every):
            self.save()
        self._poll_checkpointer()

    def report(self, ended: Episodes) -> None:
        """Log metrics of the last update and send them as a progress event."""
        counters = self.state.counters
        row = {
            "steps": counters.steps,
            "total": self.plan.steps,
            "seconds": counters.seconds,
            "steps_per_second": self._steps_per_second(),
            "episodes": counters.episodes,
            "return": ended.returns / ended.count if ended.count else None,
            "return_std": math.sqrt(ended.spread / ended.count) if ended.count else None,
            "length": ended.lengths / ended.count if ended.count else None,
            "nonfinite": ended.nonfinite,
            "warnings": ended.warnings,
            "terms": {k: v / ended.count for k, v in ended.terms.items()} if ended.count else {},
            **self.metrics(),
        }
        self._logger.write({"kind": "train", **row})
        self._hooks.progress.event("progress", **row)
        if ended.nonfinite or ended.warnings:
            self._warn(
                f"by step {counters.steps:,}: {ended.nonfinite} environments reset because they "
                f"were not finite, {ended.warnings} instability warnings from MuJoCo"
            )

    def evaluate(self) -> None:
        """Run an evaluation; save a checkpoint if it is the best so far."""
        if self.evaluator is None:
            return
        with self._hooks.progress.phase("eval"):
            self.state.evaluation = self._run_task(self.evaluator.run, self.policy())
        counters = self.state.counters
        counters.evaluated = counters.steps
        row = {**self.state.evaluation, "steps": counters.steps, "seconds": counters.seconds}
        self._logger.write({"kind": "eval", **row})
        self._hooks.progress.event("eval", **row)
        if self.state.evaluation["return"]["mean"] > counters.best_return:
            counters.set_best({"step": counters.steps, "return": row["return"]["mean"]})
            self.save()

    def policy(self) -> Policy:
        """Return the current policy, for evaluations."""
        return make_policy(self.spec, self.state.policy_arrays(), "numpy")

    def save(self) -> None:
        """Start to write a checkpoint of the current state, unless it is saved already."""
        counters = self.state.counters
        if self._checkpointer.has(counters.steps, counters.evaluated):
            return
        with self._hooks.progress.phase("save"):
            self._logger.flush()
            self._poll_checkpointer(wait=True)
            self._checkpointer.save(self._manifest(), self.state.groups())

    def save_final(self) -> None:
        """Write a checkpoint of the current state, if there was an update, and wait for it.

        Raises:
            OutOfSpace: The checkpoint or metrics could not be written.
        """
        if not self.steps:
            return
        self.save()
        with self._hooks.progress.phase("save"):
            self._checkpointer.wait()
            self._job.run.metrics.flush(durable=True)

    def result(self) -> Result:
        """Save the last state, whatever the schedule, and return the outcome."""
        self.save_final()
        folder = self._job.run.checkpoints
        best = store.best(folder)
        return Result(
            steps=self.steps,
            seconds=time.perf_counter() - self._start_time,
            steps_per_second=self._steps_per_second(),
            checkpoint=store.step_folder(folder, self.steps),
            best_checkpoint=best and best.path,
            evaluation=self.state.evaluation,
            steps_before=self._resumed_at,
            best=self.state.counters.best,
        )

    def close(self) -> None:
        """Free the environments and threads."""
        self._checkpointer.close()
        self._executor.shutdown(cancel_futures=True)
        self.driver.close()
        if self.evaluator is not None:
            self.evaluator.close()

    # --- used by engines ---

    def _check_finite(self, bad: list[str], hint: str, data: finite.UpdateData) -> None:
        """Raise if `bad`, the names of an update's quantities that are not finite, is not empty.

        Raises:
            Diverged: See `rlctl.engines.finite.check_finite`.
        """
        finite.check_finite(bad, hint, data, self.driver.spec, self.steps)

    def _commit(self, learner: Any, envs: Arrays, episodes: Episodes) -> None:
        """Commit a finished update to the training state."""
        state, counters = self.state, self.state.counters
        state.learner, state.envs = learner, envs
        self._previous_steps = counters.steps
        counters.steps += self.plan.steps_per_update
        counters.updates += 1
        counters.episodes += episodes.count
        counters.seconds = self._seconds_before + time.perf_counter() - self._start_time
        self._compiled_at = self._compiled_at or (counters.steps, time.perf_counter())

    def _poll_checkpointer(self, wait: bool = False) -> None:
        """Poll the checkpointer; roll `best` back if its checkpoint was not written."""
        if self._checkpointer.poll(wait) == self.state.counters.best_step:
            self.state.counters.set_best(self._checkpointer.best)

    def _warn(self, message: str) -> None:
        self._hooks.progress.event("warning", message=message)

    def _steps_per_second(self) -> float:
        """Return the steps per second since compiling ended."""
        if self._compiled_at is None:
            return 0.0
        steps, since = self._compiled_at
        done, spent = self.state.counters.steps - steps, time.perf_counter() - since
        if not done:  # only one update: compiling has to be included
            done = self.state.counters.steps - self._resumed_at
            spent = time.perf_counter() - self._start_time
        return done / max(spent, 1e-9)

    def _manifest(self) -> dict[str, Any]:
        """Return the content of the checkpoint's manifest."""
        counters, config = self.state.counters, self._job.settings.to_json()
        return {
            "engine": self.engine,
            "env": {
                "id": self._job.env,
                "config": config["env"],
                "spec": self.driver.spec.to_json(),
                "model_sha256": compatibility.model_digest(self._job.env, config["env"]),
            },
            "policy": self.spec.to_json(),
            "config": config,
            "physics": self.driver.physics,
            "step": counters.steps,
            "updates": counters.updates,
            "episodes": counters.episodes,
            "seconds": counters.seconds,
            "seed": self.train.seed,
            "metrics": self.state.evaluation,
            "evaluated": counters.evaluated,
            "best": counters.best,
            "initial": self._initial_digests,
            "provenance": self._provenance,
        }
