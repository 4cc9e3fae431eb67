"""Proximal policy optimisation: the loop, and what a training is made of.

Schulman et al. 2017, algorithm 1, in the form of brax.training.agents.ppo.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import jax
import numpy as np

from rlctl.checkpoints import manifest, store
from rlctl.checkpoints.reading import Checkpoint
from rlctl.core.config import Resolved
from rlctl.core.errors import Diverged, Stopped
from rlctl.core.runs import Run, provenance
from rlctl.engines.base import Hooks, Result
from rlctl.engines.ppo import networks
from rlctl.engines.ppo.plan import make_plan, plan
from rlctl.engines.ppo.state import TrainState, load_policy, load_train_state
from rlctl.engines.ppo.update import LearnerState, make_optimizer, make_update
from rlctl.policies.base import make_policy
from rlctl.rollouts.arrays import flatten
from rlctl.rollouts.base import Episodes, Unroll, unroll_shapes
from rlctl.rollouts.evaluate import evaluate
from rlctl.rollouts.make import make_driver

__all__ = ["plan", "train"]

EVAL_SEED = 10_000  # evaluations play other episodes than training, the same ones every time


def train(
    settings: Resolved,
    env_name: str,
    run: Run,
    hooks: Hooks,
    start: Checkpoint | None = None,
    resume: bool = False,
) -> Result:
    """Train a policy.

    Args:
        settings: Sections `train`, `ppo` and `env`.
        env_name: The environment's catalog name.
        run: Where everything is written.
        hooks: Progress and the stop flag.
        start: A checkpoint to begin from, all groups loaded if `resume`.
        resume: Go on exactly where `start` stopped, rather than taking only its networks.

    Returns:
        What came of it.

    Raises:
        Diverged: Non-finite values; the last checkpoint is intact.
        Stopped: A signal came; everything up to the last update is saved.
        StoppedUnsaved: A signal came before the first update.
    """
    with hooks.progress.phase("build"):
        training = Training(settings, env_name, run, hooks, start, resume)
    try:
        while not training.done:
            with training.phase("rollout"):
                unroll = training.collect()
            with training.phase("update"):
                training.improve(unroll)
            training.report()
            if training.due(training.plan.eval_every):
                training.evaluate()
            if training.due(training.plan.save_every):
                training.save()
            training.heed_signals()
        return training.result()
    finally:
        training.close()


class Training:
    """One training: its state and the steps of the loop."""

    def __init__(
        self,
        settings: Resolved,
        env_name: str,
        run: Run,
        hooks: Hooks,
        start: Checkpoint | None,
        resume: bool,
    ) -> None:
        self.train, self.ppo = settings["train"], settings["ppo"]
        self.plan = make_plan(self.train, self.ppo)
        self._settings, self._env_name, self._run, self._hooks = settings, env_name, run, hooks
        self._began = time.perf_counter()
        self._provenance = provenance()

        self._driver = self._make_driver(self.train.num_envs, self.train.episode_length)
        self._eval_driver = (
            self._make_driver(min(self.train.eval_episodes, 128)) if self.train.num_evals else None
        )
        self._spec = networks.policy_spec(self._driver.spec, self.ppo)
        self._networks = networks.Networks(self._spec)
        self._actor = self._networks.actor()
        self.state = self._fresh()
        # The update compiles beside the first unroll, on another core.
        self._workshop = ThreadPoolExecutor(1)
        self._update = self._workshop.submit(self._compile_update)
        self._rehearsal = self._workshop.submit(self._rehearse)
        self._initial = manifest.digests(self.state.groups()["policy"])
        self._driver.reset(self.train.seed)
        self._driver.stagger()
        if start is not None and resume:
            self.state = load_train_state(self.state.learner, start)
            self._initial = start.manifest["initial"]
            self._driver.restore(self.state.envs)
        elif start is not None:
            policy = load_policy(self.state.learner.policy, start)
            self.state.learner = self.state.learner._replace(policy=policy)
        self._resumed_at = self.state.counters.steps
        self._before = self.state.counters.steps
        self._seconds_before = self.state.counters.seconds
        self._warm: tuple[int, float] | None = None  # steps and time when compiling was over
        self._last_saved = self.state.counters.steps if resume else -1
        self._losses: dict[str, float] = {}
        self._episodes = Episodes(0, 0.0, 0.0, {})

    # --- the steps of the loop ---

    @property
    def done(self) -> bool:
        """Whether all steps are taken, or the target return is reached."""
        target, evaluation = self.train.target_return, self.state.evaluation
        if target is not None and evaluation and evaluation["return"]["mean"] >= target:
            return True
        return self.state.counters.steps >= self.plan.steps

    def phase(self, name: str) -> Any:
        """The phase of the loop's body; all of the first update is compiling, mostly."""
        return self._hooks.progress.phase(name if self._warm else "compile")

    def collect(self) -> Unroll:
        """Experience for one update: columns are the environments of each unroll in turn."""
        unrolls = []
        for _ in range(self.plan.unrolls):
            unroll, self._episodes = self._driver.collect(
                self._actor, self.state.learner.policy, self.ppo.unroll_length
            )
            self.state.counters.episodes += self._episodes.count
            unrolls.append(unroll)
        if len(unrolls) == 1:
            return unrolls[0]
        last = np.concatenate([u.last_observation for u in unrolls])
        return jax.tree.map(
            lambda *x: np.concatenate(x, axis=1),
            *(u._replace(last_observation=None) for u in unrolls),
        )._replace(last_observation=last)

    def improve(self, unroll: Unroll) -> None:
        """One update of the networks.

        Raises:
            Diverged: A loss or gradient is not finite.
        """
        learner, losses = self._update.result()(self.state.learner, unroll)
        self._losses = {name: float(value) for name, value in losses.items()}
        bad = [name for name, value in self._losses.items() if not np.isfinite(value)]
        counters = self.state.counters
        if bad:
            raise Diverged(
                f"{', '.join(bad)} not finite in the update after step {counters.steps}",
                "the last checkpoint is intact; lower ppo.learning_rate or set ppo.max_grad_norm",
                data={"quantity": bad[0], "step": counters.steps},
            )
        self.state.learner = learner
        self._before = counters.steps
        counters.steps += self.plan.steps_per_update
        counters.updates += 1
        counters.seconds = self._seconds_before + time.perf_counter() - self._began
        self._warm = self._warm or (counters.steps, time.perf_counter())

    def due(self, every: int) -> bool:
        """Whether the last update crossed a multiple of `every` steps, or was the last one."""
        now = self.state.counters.steps
        return every > 0 and (now // every > self._before // every or now >= self.plan.steps)

    def report(self) -> None:
        """Tell and log how it goes."""
        counters, ended = self.state.counters, self._episodes
        row = {
            "steps": counters.steps,
            "total": self.plan.steps,
            "seconds": counters.seconds,
            "steps_per_second": self._rate(),
            "episodes": counters.episodes,
            "return": ended.returns / ended.count if ended.count else None,
            "length": ended.lengths / ended.count if ended.count else None,
            "nonfinite": ended.nonfinite,
            "warnings": ended.warnings,
            "terms": {k: v / ended.count for k, v in ended.terms.items()} if ended.count else {},
            "losses": self._losses,
        }
        self._run.metrics.write({"kind": "train", **row})
        self._hooks.progress.event("progress", **row)
        if ended.nonfinite or ended.warnings:
            self._hooks.progress.event(
                "warning",
                message=f"by step {counters.steps:,}: {ended.nonfinite} environments reset because "
                f"they were not finite, {ended.warnings} instability warnings from MuJoCo",
            )

    def evaluate(self) -> None:
        """Play whole episodes on other environments; remember the best."""
        if self._eval_driver is None:
            return
        with self._hooks.progress.phase("eval"):
            self._rehearsal.result()
            arrays = flatten(networks.export(self.state.learner.policy))
            result = evaluate(
                make_policy(self._spec, arrays, "numpy"),
                self._eval_driver,
                self.train.eval_episodes,
                self.train.seed + EVAL_SEED,
                stochastic=not self.train.deterministic_eval,
            )
        self.state.evaluation = result.summary()
        counters = self.state.counters
        row = {**self.state.evaluation, "steps": counters.steps, "seconds": counters.seconds}
        self._run.metrics.write({"kind": "eval", **row})
        self._hooks.progress.event("eval", **row)
        if self.state.evaluation["return"]["mean"] > counters.best_return:
            counters.best_return = self.state.evaluation["return"]["mean"]
            counters.best_step = counters.steps
            self.save()

    def save(self) -> None:
        """Write a checkpoint of this very step, unless it is there."""
        counters, train = self.state.counters, self.train
        if counters.steps == self._last_saved:
            return
        with self._hooks.progress.phase("save"):
            self.state.envs = self._driver.state()
            folder = self._run.checkpoints
            path = store.save(folder, counters.steps, self._facts(), self.state.groups())
            if counters.best_step == counters.steps:
                store.mark_best(folder, counters.steps)
            store.prune(folder, train.keep_last, train.keep_every)
        self._last_saved = counters.steps
        self._hooks.progress.event(
            "checkpoint",
            steps=counters.steps,
            path=str(path),
            best=counters.best_step == counters.steps,
        )

    def heed_signals(self) -> None:
        """Save and stop if a signal asked to.

        Raises:
            Stopped: After the save.
        """
        signum = self._hooks.stop()
        if signum is None or self.done:
            return
        self.save()
        raise Stopped(
            f"stopped at step {self.state.counters.steps} of {self.plan.steps}; all of it is saved",
            f"go on with: rlctl train --resume {self._run.folder}",
            data={"run": str(self._run.folder), "steps": self.state.counters.steps},
            signum=signum,
        )

    def result(self) -> Result:
        """What came of it; the last state is saved whatever the schedule."""
        self.save()
        folder = self._run.checkpoints
        return Result(
            steps=self.state.counters.steps,
            seconds=time.perf_counter() - self._began,
            steps_per_second=self._rate(),
            checkpoint=store.step_folder(folder, self._last_saved),
            best_checkpoint=store.best(folder),
            evaluation=self.state.evaluation,
        )

    def close(self) -> None:
        """Free the environments."""
        self._workshop.shutdown(cancel_futures=True)
        self._driver.close()
        if self._eval_driver is not None:
            self._eval_driver.close()

    # --- how it is made ---

    def _make_driver(self, num_envs: int, episode_length: int = 0) -> Any:
        return make_driver(
            self._env_name,
            self._settings["env"],
            self.train.physics,
            num_envs,
            episode_length=episode_length,
            randomize=self.train.randomize,
            on_nonfinite=self.train.on_nonfinite,
        )

    def _fresh(self) -> TrainState:
        """A state that has seen nothing."""
        network_key, update_key = jax.random.split(jax.random.PRNGKey(self.train.seed))
        policy = networks.init(network_key, self._spec)
        optimizer = make_optimizer(self.ppo).init(policy.params)
        return TrainState(LearnerState(policy, optimizer, update_key))

    def _compile_update(self) -> Any:
        columns = self.plan.unrolls * self.train.num_envs
        shapes = unroll_shapes(self.ppo.unroll_length, columns, self._driver.spec)
        unroll = Unroll(*(jax.ShapeDtypeStruct(shape, np.float32) for shape in shapes))
        update = make_update(self._networks, self.ppo, self.plan.minibatches)
        return update.lower(self.state.learner, unroll).compile()

    def _rehearse(self) -> None:
        """Take one step of an evaluation, which compiles it."""
        if self._eval_driver is not None:
            self._eval_driver.reset(0)
            size = (self._eval_driver.num_envs, self._spec.action_size)
            self._eval_driver.step(np.zeros(size, np.float32))

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
            "engine": "ppo",
            "env": {
                "id": self._env_name,
                "config": self._settings.to_json()["env"],
                "spec": self._driver.spec.to_json(),
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
            "best": (
                None
                if counters.best_step < 0
                else {"step": counters.best_step, "return": counters.best_return}
            ),
            "initial": self._initial,
            "provenance": self._provenance,
        }
