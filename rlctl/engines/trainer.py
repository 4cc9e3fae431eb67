"""The training loop of every engine: collect, update, report, evaluate, save.

It needs neither JAX nor PyTorch. Environments are made from their catalog name.
"""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Generic

import numpy as np

from rlctl import catalog
from rlctl.checkpoints import compatibility, manifest, store
from rlctl.checkpoints.reading import Checkpoint
from rlctl.core.config import Resolved
from rlctl.core.runs import provenance
from rlctl.core.specs import PolicySpec
from rlctl.engines import evaluations, finite
from rlctl.engines.api import Hooks, Result, RunFiles
from rlctl.engines.async_checkpointer import AsyncCheckpointer
from rlctl.engines.config import TrainConfig
from rlctl.engines.metrics_logger import MetricsLogger
from rlctl.engines.state import AnyState, matching_arrays
from rlctl.policies.base import make_policy
from rlctl.rollouts.base import Arrays, Driver, Episodes
from rlctl.rollouts.evaluate import evaluate

CURRICULUM_STAGES = 8  # few, because each one needs new environments and a compilation
EVAL_SEED = 10_000  # added to the seed: every evaluation has the same episodes, none of training's
MAX_EVAL_ENVS = 128


class Trainer(ABC, Generic[evaluations.AnyPlan, AnyState]):
    """Training state, environments and the steps of the loop that all engines share.

    A subclass sets `_spec` and `state`, and then calls `_start`. A worker thread does the long
    tasks. It does not write to `state`: at any moment `state` is that of the last update's end,
    which a stop can save.

    Args:
        settings: Sections `train`, the engine's and `env`.
        env_name: The environment's catalog name.
        run: The run that is written to.
        hooks: Progress and the stop flag.
        plan: Sizes and counts of the training.
        turns: See `rlctl.rollouts.factory.make_driver`.
    """

    engine: str  # catalog name
    state: AnyState
    _spec: PolicySpec

    def __init__(
        self,
        settings: Resolved,
        env_name: str,
        run: RunFiles,
        hooks: Hooks,
        plan: evaluations.AnyPlan,
        turns: int = 1,
    ) -> None:
        self.train = settings[TrainConfig]
        self._settings, self._env_name, self._run, self._hooks = settings, env_name, run, hooks
        self._start_time = time.perf_counter()
        self._provenance = provenance()
        self._turns = turns
        self._stage = 0 if self.train.curriculum_steps else CURRICULUM_STAGES
        self._driver = self._make_training_driver()
        self.plan = evaluations.schedule_evals(plan, self.train, self._driver.spec.episode_length)
        self.eval_driver = (
            self._make_driver(settings["env"], min(self.plan.eval_episodes, MAX_EVAL_ENVS))
            if self.train.num_evals
            else None
        )
        self._executor = ThreadPoolExecutor(2)  # for compilations and the value fit
        self._checkpointer = AsyncCheckpointer(
            run.checkpoints, self.train.keep_last, self.train.keep_every, hooks.progress
        )
        self._run_task: Callable[..., Any]
        self._logger = MetricsLogger(run.metrics, hooks.progress)
        self._compiled_at: tuple[int, float] | None = None  # steps and time at the end of compiling

    def _start(self, start: Checkpoint | None, resume: bool) -> None:
        """Reset the environments; load the policy of `start`, or everything if `resume`."""
        self._eval_warm_up = self._executor.submit(self._warm_up_eval)
        self._initial_digests = manifest.digests(self.state.groups()["policy"])
        self._driver.reset(self.train.seed)
        self._driver.stagger()
        if start is not None:
            compatibility.check(start, self._driver.spec, self._warn, exact=resume)
            compatibility.check_policy(start, self._spec, self._warn, exact=resume)
        if start is not None and resume:
            self.state = self._load_state(start)
            self._advance_curriculum(self.steps)  # before the environments are restored
            self._initial_digests = start.manifest["initial"]
            self._driver.restore(matching_arrays(self._driver.state(), start, "envs"))
            self._checkpointer.saved = self.steps, self.state.counters.evaluated
            self._checkpointer.best = start.manifest["best"]
        elif start is not None:
            self._load_init(start)
        self._resumed_at = self.steps
        self._previous_steps = max(0, self.steps - self.plan.steps_per_update)
        self._seconds_before = self.state.counters.seconds

    # --- implemented by each engine ---

    @abstractmethod
    def _load_state(self, checkpoint: Checkpoint) -> AnyState:
        """Return the full training state of a checkpoint."""

    @abstractmethod
    def _load_init(self, checkpoint: Checkpoint) -> None:
        """Load only the networks and the normaliser of a checkpoint, for `--init-from`."""

    @abstractmethod
    def _metrics(self) -> dict[str, Any]:
        """Return the engine's own metrics of the last update."""

    @abstractmethod
    def collect(self) -> tuple[Any, Episodes]:
        """Return the experience for one update, and the episodes that ended in it."""

    @abstractmethod
    def update(self, experience: Any, /) -> Any:
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
        plan = evaluations.plan_event(self.plan, self.train, self._driver.spec.episode_length)
        self._hooks.progress.event("plan", **plan)
        try:
            self.evaluate_and_save_if_due()  # a stop may have prevented it
            while not self.done:
                with self.phase("rollout"):
                    experience, episodes = run_task(self.collect)
                with self.phase("update"):
                    learner = run_task(self.update, experience)
                    envs = run_task(self._sync_envs, self.steps + self.plan.steps_per_update)
                # Only now, in the main thread: a stop during a task leaves the last state whole.
                self._commit(learner, envs, episodes)
                self.report(episodes)
                self.evaluate_and_save_if_due()
            return self.result()
        finally:
            self._poll_checkpointer(wait=True)

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
            **self._metrics(),
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
        if self.eval_driver is None:
            return
        with self._hooks.progress.phase("eval"):
            self.state.evaluation = self._run_task(self.run_eval_episodes, self.eval_driver)
        counters = self.state.counters
        counters.evaluated = counters.steps
        row = {**self.state.evaluation, "steps": counters.steps, "seconds": counters.seconds}
        self._logger.write({"kind": "eval", **row})
        self._hooks.progress.event("eval", **row)
        if self.state.evaluation["return"]["mean"] > counters.best_return:
            counters.set_best({"step": counters.steps, "return": row["return"]["mean"]})
            self.save()

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
            self._run.metrics.flush(durable=True)

    def result(self) -> Result:
        """Save the last state, whatever the schedule, and return the outcome."""
        self.save_final()
        best = store.best(self._run.checkpoints)
        return Result(
            steps=self.steps,
            seconds=time.perf_counter() - self._start_time,
            steps_per_second=self._steps_per_second(),
            checkpoint=store.step_folder(self._run.checkpoints, self.steps),
            best_checkpoint=best and best.path,
            evaluation=self.state.evaluation,
            steps_before=self._resumed_at,
            best=self.state.counters.best,
        )

    def close(self) -> None:
        """Free the environments and threads."""
        self._checkpointer.close()
        self._executor.shutdown(cancel_futures=True)
        self._driver.close()
        if self.eval_driver is not None:
            self.eval_driver.close()

    def _check_finite(self, bad: list[str], hint: str, data: finite.UpdateData) -> None:
        """Raise if `bad`, the names of an update's quantities that are not finite, is not empty.

        Raises:
            Diverged: See `rlctl.engines.finite.check_finite`.
        """
        finite.check_finite(bad, hint, data, self._driver.spec, self.steps)

    def _sync_envs(self, steps: int) -> Arrays:
        """Advance the curriculum to a step count; return the environments' state."""
        self._advance_curriculum(steps)
        return self._driver.state()

    def _advance_curriculum(self, steps: int) -> None:
        """Rebuild the environments if `steps` reach the next curriculum stage."""
        curriculum_steps = self.train.curriculum_steps
        stage = CURRICULUM_STAGES
        if steps < curriculum_steps:
            stage = CURRICULUM_STAGES * steps // curriculum_steps
        if stage == self._stage:
            return
        self._stage = stage
        self._driver.close()
        self._driver = self._make_training_driver()
        self._driver.reset(self.train.seed + stage)  # not the episodes of the stage before
        self._driver.stagger()

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

    def _make_training_driver(self) -> Driver:
        config, train = self._settings["env"], self.train
        if self._stage < CURRICULUM_STAGES:
            config = config.curriculum(self._stage / CURRICULUM_STAGES)
        return self._make_driver(config, train.num_envs, train.episode_length, self._turns)

    def _make_driver(
        self, config: Any, num_envs: int, episode_length: int = 0, turns: int = 1
    ) -> Driver:
        return catalog.load("rlctl.rollouts.factory:make_driver")(
            self._env_name,
            config,
            self.train.physics,
            num_envs,
            episode_length=episode_length,
            randomize=self.train.randomize_each if self.train.randomize else None,
            on_nonfinite=self.train.on_nonfinite,
            turns=turns,
        )

    def run_eval_episodes(
        self, driver: Driver, on_step: Callable[..., None] | None = None
    ) -> dict[str, Any]:
        """Evaluate the current policy on whole episodes; return the summary."""
        self._eval_warm_up.result()
        policy = make_policy(self._spec, self.state.groups()["policy"], "numpy")
        seed, sampled = self.train.seed + EVAL_SEED, not self.train.deterministic_eval
        return evaluate(policy, driver, self.plan.eval_episodes, seed, sampled, on_step).summary()

    def _warm_up_eval(self) -> None:
        """Compile the evaluation by stepping its environments once."""
        if self.eval_driver is not None:
            self.eval_driver.reset(0)
            size = (self.eval_driver.num_envs, self._spec.action_size)
            self.eval_driver.step(np.zeros(size, np.float32))

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
        counters, config = self.state.counters, self._settings.to_json()
        return {
            "engine": self.engine,
            "env": {
                "id": self._env_name,
                "config": config["env"],
                "spec": self._driver.spec.to_json(),
                "model_sha256": compatibility.model_digest(self._env_name, config["env"]),
            },
            "policy": self._spec.to_json(),
            "config": config,
            "physics": self._driver.physics,
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
