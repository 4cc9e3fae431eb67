"""The loop of every engine: collect, improve; and between them count, report, evaluate, save.

Nothing here needs a framework; environments come by their catalog string.
"""

import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from rlctl import catalog
from rlctl.checkpoints import compatibility, manifest, store
from rlctl.checkpoints.reading import Checkpoint
from rlctl.core.config import Resolved
from rlctl.core.runs import Run, provenance
from rlctl.core.specs import PolicySpec
from rlctl.engines import evaluations, finite
from rlctl.engines.api import Hooks, Result, Schedule
from rlctl.engines.async_checkpointer import AsyncCheckpointer
from rlctl.engines.metrics_logger import MetricsLogger
from rlctl.engines.state import EngineState, arrays_like
from rlctl.policies.base import make_policy
from rlctl.rollouts.base import Arrays, Driver, Episodes
from rlctl.rollouts.evaluate import evaluate

CURRICULUM_STAGES = 8  # from an environment's easiest settings to its own
EVAL_SEED = 10_000  # evaluations play other episodes than training, the same ones every time


class Trainer(ABC):
    """One training: its state, its environments and the steps of the loop that engines share.

    An engine's own class makes `_spec` and `state`, and then calls `_begin`. What takes long is
    done by a worker, and nothing of it reaches `state` before it is done: at any moment `state` is
    that of the last update's end, which is what a stop saves.

    Args:
        settings: Sections `train`, the engine's and `env`.
        env_name: The environment's catalog name.
        run: Where everything is written.
        hooks: Progress and the stop flag.
        plan: The shape of the training.
        turns: See `rlctl.rollouts.factory.make_driver`.
    """

    engine: str  # its catalog name
    state: EngineState
    _spec: PolicySpec

    def __init__(
        self,
        settings: Resolved,
        env_name: str,
        run: Run,
        hooks: Hooks,
        plan: Schedule,
        turns: int = 1,
    ) -> None:
        self.train = settings["train"]
        self._settings, self._env_name, self._run, self._hooks = settings, env_name, run, hooks
        self._began = time.perf_counter()
        self._provenance = provenance()
        self._turns = turns
        self._stage = 0 if self.train.curriculum_steps else CURRICULUM_STAGES
        self._driver = self._make_training_driver()
        self.plan = evaluations.fit(plan, self.train, self._driver.spec.episode_length)
        self.eval_driver = (
            self._make_driver(settings["env"], min(self.plan.eval_episodes, 128))
            if self.train.num_evals
            else None
        )
        self._workshop = ThreadPoolExecutor(2)  # for what another core can do meanwhile
        self._saver = AsyncCheckpointer(
            run.checkpoints, self.train.keep_last, self.train.keep_every, hooks.progress
        )
        self._do: Callable[..., Any]
        self._rows = MetricsLogger(run.metrics, hooks.progress)
        self._warm: tuple[int, float] | None = None  # steps and time when compiling was over

    def _begin(self, start: Checkpoint | None, resume: bool) -> None:
        """Start from the fresh `state`, from a checkpoint's policy, or where a checkpoint was."""
        self._eval_warm_up = self._workshop.submit(self._warm_up_eval)
        self._initial = manifest.digests(self.state.groups()["policy"])
        self._driver.reset(self.train.seed)
        self._driver.stagger()
        if start is not None:
            compatibility.check(start, self._driver.spec, self._warn, exact=resume)
            compatibility.check_policy(start, self._spec, self._warn, exact=resume)
        if start is not None and resume:
            self.state = self._resumed(start)
            self._advance_curriculum(self.steps)
            self._initial = start.manifest["initial"]
            self._driver.restore(arrays_like(self._driver.state(), start, "envs"))
            self._saver.saved = self.steps, self.state.counters.evaluated
            self._saver.best = start.manifest["best"]
        elif start is not None:
            self._adopt(start)
        self._resumed_at = self.steps
        self._before = max(0, self.steps - self.plan.steps_per_update)
        self._seconds_before = self.state.counters.seconds

    # --- what an engine adds ---

    @abstractmethod
    def _resumed(self, checkpoint: Checkpoint) -> EngineState:
        """Everything in a checkpoint."""

    @abstractmethod
    def _adopt(self, checkpoint: Checkpoint) -> None:
        """Take the networks and the normaliser of a checkpoint, and nothing else."""

    @abstractmethod
    def _figures(self) -> dict[str, Any]:
        """The engine's own members of a metrics row, about the last update."""

    @abstractmethod
    def collect(self) -> tuple[Any, Episodes]:
        """Experience for one update, and the episodes that ended in it."""

    @abstractmethod
    def improve(self, experience: Any) -> Any:
        """The learner after one update of all that is learned.

        Raises:
            Diverged: Something in it is not finite.
        """

    # --- the loop and its steps ---

    def learn(self, do: Callable[..., Any]) -> Result:
        """Collect and improve, until all steps are taken.

        Args:
            do: Does what takes long; see `InterruptibleThread.do`.

        Raises:
            Diverged: Non-finite values; the last checkpoint is intact.
            OutOfSpace: The last state could not be saved.
        """
        self._do = do
        ahead = evaluations.told(self.plan, self.train, self._driver.spec.episode_length)
        self._hooks.progress.event("plan", **ahead)
        try:
            self.evaluate_and_save_if_due()  # what a stop cut off
            while not self.done:
                with self.phase("rollout"):
                    experience, episodes = do(self.collect)
                with self.phase("update"):
                    learner = do(self.improve, experience)
                    envs = do(self._settle, self.steps + self.plan.steps_per_update)
                self._count(learner, envs, episodes)
                self.report(episodes)
                self.evaluate_and_save_if_due()
            return self.result()
        finally:
            self._poll_checkpointer(wait=True)

    @property
    def steps(self) -> int:
        """Environment steps so far."""
        return self.state.counters.steps

    @property
    def done(self) -> bool:
        """Whether all steps are taken, the target stops it, or a hook says enough."""
        target, evaluation = self.train.target_return, self.state.evaluation
        reached = target is not None and evaluation and evaluation["return"]["mean"] >= target
        if reached and self.train.stop_at_target:
            return True
        return self.steps >= self.plan.steps or self._hooks.enough()

    def phase(self, name: str) -> Any:
        """The phase of the loop's body; all of the first update is compiling, mostly."""
        return self._hooks.progress.phase(name if self._warm else "compile")

    def due(self, every: int) -> bool:
        """Whether the last update crossed a multiple of `every` steps, or was the last one."""
        now = self.steps
        return every > 0 and (now // every > self._before // every or now >= self.plan.steps)

    def evaluate_and_save_if_due(self) -> None:
        """Evaluate and save if an update is due for it and has not been."""
        if self.due(self.plan.eval_every) and self.state.counters.evaluated < self.steps:
            self.evaluate()
        if self.due(self.plan.save_every):
            self.save()
        self._poll_checkpointer()

    def report(self, ended: Episodes) -> None:
        """Tell and log how it goes."""
        counters = self.state.counters
        row = {
            "steps": counters.steps,
            "total": self.plan.steps,
            "seconds": counters.seconds,
            "steps_per_second": self._rate(),
            "episodes": counters.episodes,
            "return": ended.returns / ended.count if ended.count else None,
            "return_std": math.sqrt(ended.spread / ended.count) if ended.count else None,
            "length": ended.lengths / ended.count if ended.count else None,
            "nonfinite": ended.nonfinite,
            "warnings": ended.warnings,
            "terms": {k: v / ended.count for k, v in ended.terms.items()} if ended.count else {},
            **self._figures(),
        }
        self._rows.write({"kind": "train", **row})
        self._hooks.progress.event("progress", **row)
        if ended.nonfinite or ended.warnings:
            what = f"{ended.nonfinite} environments reset because they were not finite"
            warnings = f"{ended.warnings} instability warnings from MuJoCo"
            self._warn(f"by step {counters.steps:,}: {what}, {warnings}")

    def evaluate(self) -> None:
        """Play whole episodes on other environments; remember the best."""
        if self.eval_driver is None:
            return
        with self._hooks.progress.phase("eval"):
            self.state.evaluation = self._do(self.play)
        counters = self.state.counters
        counters.evaluated = counters.steps
        row = {**self.state.evaluation, "steps": counters.steps, "seconds": counters.seconds}
        self._rows.write({"kind": "eval", **row})
        self._hooks.progress.event("eval", **row)
        if self.state.evaluation["return"]["mean"] > counters.best_return:
            counters.take_best({"step": counters.steps, "return": row["return"]["mean"]})
            self.save()

    def save(self) -> None:
        """Begin to write a checkpoint of this very step, unless it is there."""
        counters = self.state.counters
        if self._saver.has(counters.steps, counters.evaluated):
            return
        with self._hooks.progress.phase("save"):
            self._rows.keep()
            self._poll_checkpointer(wait=True)
            self._saver.begin(self._facts(), self.state.groups())

    def save_at_last(self) -> None:
        """Write a checkpoint of this very step, unless it is there or there is nothing to save.

        Raises:
            OutOfSpace: It could not be written, or rows of metrics could not.
        """
        if not self.steps:
            return
        self.save()
        with self._hooks.progress.phase("save"):
            self._saver.finish()
            self._run.metrics.flush(durable=True)

    def result(self) -> Result:
        """What came of it; the last state is saved whatever the schedule."""
        self.save_at_last()
        folder = self._run.checkpoints
        return Result(
            steps=self.steps,
            seconds=time.perf_counter() - self._began,
            steps_per_second=self._rate(),
            checkpoint=store.step_folder(folder, self.steps),
            best_checkpoint=store.best(folder),
            evaluation=self.state.evaluation,
            before=self._resumed_at,
            best=self.state.counters.best,
        )

    def close(self) -> None:
        """Free the environments."""
        self._saver.close()
        self._workshop.shutdown(cancel_futures=True)
        self._driver.close()
        if self.eval_driver is not None:
            self.eval_driver.close()

    # --- for the engines ---

    def _check_finite(self, bad: list[str], remedy: str, learned: finite.Learned) -> None:
        """Stop where quantities named `bad` of the update under way are not finite.

        Raises:
            Diverged: There are any; see `rlctl.engines.finite.check`.
        """
        finite.check(bad, remedy, learned, self._driver.spec, self.steps)

    def _settle(self, steps: int) -> Arrays:
        """Make the environments those of the step count reached: their state."""
        self._advance_curriculum(steps)
        return self._driver.state()

    def _advance_curriculum(self, steps: int) -> None:
        """Go on with fresh environments on harder settings, once it is time."""
        curriculum_steps = self.train.curriculum_steps
        stage = (
            CURRICULUM_STAGES
            if steps >= curriculum_steps
            else CURRICULUM_STAGES * steps // curriculum_steps
        )
        if stage == self._stage:
            return
        self._stage = stage
        self._driver.close()
        self._driver = self._make_training_driver()
        self._driver.reset(self.train.seed + stage)
        self._driver.stagger()

    def _count(self, learner: Any, envs: Arrays, episodes: Episodes) -> None:
        """Take an update that was made into the state."""
        state, counters = self.state, self.state.counters
        state.learner, state.envs = learner, envs
        self._before = counters.steps
        counters.steps += self.plan.steps_per_update
        counters.updates += 1
        counters.episodes += episodes.count
        counters.seconds = self._seconds_before + time.perf_counter() - self._began
        self._warm = self._warm or (counters.steps, time.perf_counter())

    def _poll_checkpointer(self, wait: bool = False) -> None:
        """Hear what became of the checkpoint under way: the best is the best of those saved."""
        if self._saver.look(wait) == self.state.counters.best_step:
            self.state.counters.take_best(self._saver.best)

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

    def play(self, on_step: Callable[..., None] | None = None) -> dict[str, Any]:
        """Whole episodes of the policy as it is: an evaluation's summary."""
        self._eval_warm_up.result()
        policy = make_policy(self._spec, self.state.groups()["policy"], "numpy")
        seed, sampled = self.train.seed + EVAL_SEED, not self.train.deterministic_eval
        episodes = self.plan.eval_episodes
        return evaluate(policy, self.eval_driver, episodes, seed, sampled, on_step).summary()

    def _warm_up_eval(self) -> None:
        """Take one step of an evaluation, which compiles it."""
        if self.eval_driver is not None:
            self.eval_driver.reset(0)
            size = (self.eval_driver.num_envs, self._spec.action_size)
            self.eval_driver.step(np.zeros(size, np.float32))

    def _rate(self) -> float:
        """Steps per second since compiling was over."""
        if self._warm is None:
            return 0.0
        steps, since = self._warm
        done, spent = self.state.counters.steps - steps, time.perf_counter() - since
        if not done:  # one update only: all there is, compiling included
            done = self.state.counters.steps - self._resumed_at
            spent = time.perf_counter() - self._began
        return done / max(spent, 1e-9)

    def _facts(self) -> dict[str, Any]:
        """The manifest's content."""
        counters = self.state.counters
        return {
            "engine": self.engine,
            "env": {
                "id": self._env_name,
                "config": self._settings.to_json()["env"],
                "spec": self._driver.spec.to_json(),
                "model_sha256": compatibility.model_digest(self._env_name),
            },
            "policy": self._spec.to_json(),
            "config": self._settings.to_json(),
            "physics": self._driver.physics,
            "step": counters.steps,
            "updates": counters.updates,
            "episodes": counters.episodes,
            "seconds": counters.seconds,
            "seed": self.train.seed,
            "metrics": self.state.evaluation,
            "evaluated": counters.evaluated,
            "best": counters.best,
            "initial": self._initial,
            "provenance": self._provenance,
        }
