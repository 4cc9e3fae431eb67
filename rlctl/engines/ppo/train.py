"""Proximal policy optimisation: what an update collects, and what it learns.

Schulman et al. 2017, algorithm 1, in the form of brax.training.agents.ppo.
"""

import operator
from collections.abc import Sequence
from functools import partial, reduce
from typing import Any

import jax
import numpy as np

from rlctl.checkpoints.reading import Checkpoint
from rlctl.core.config import Resolved
from rlctl.core.progress import Progress
from rlctl.core.runs import Run
from rlctl.engines.api import Hooks, Result
from rlctl.engines.duration import Nowhere
from rlctl.engines.duration import probe as measure
from rlctl.engines.ppo import networks
from rlctl.engines.ppo.plan import make_plan, plan
from rlctl.engines.ppo.state import TrainState, load_policy, load_train_state
from rlctl.engines.ppo.update import LearnerState, make_optimizer, make_update
from rlctl.engines.runner import run_training
from rlctl.engines.schedules import scheduled, warn_of_rise
from rlctl.engines.trainer import Trainer
from rlctl.policies.normalizer import nonfinite
from rlctl.rollouts.base import Episodes, Unroll, unroll_shapes

__all__ = ["plan", "probe", "train"]

REMEDY = "lower ppo.learning_rate or set ppo.max_grad_norm"


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
    make = partial(Training, settings, env_name, run, hooks, start, resume)
    return run_training(make, hooks, start, resume)


def probe(settings: Resolved, env_name: str, progress: Progress) -> dict[str, Any]:
    """Predict how long a training will take; see `rlctl.engines.duration`."""
    hooks = Hooks(progress)
    make = partial(Training, settings, env_name, Nowhere(), hooks, start=None, resume=False)
    return measure(make, progress)


class Training(Trainer):
    """One training by PPO: its state and the steps of the loop."""

    engine = "ppo"
    state: TrainState

    def __init__(
        self,
        settings: Resolved,
        env_name: str,
        run: Run,
        hooks: Hooks,
        start: Checkpoint | None,
        resume: bool,
    ) -> None:
        self.ppo = settings["ppo"]
        made = make_plan(settings["train"], self.ppo)
        super().__init__(settings, env_name, run, hooks, made, made.turns)
        self._spec = networks.policy_spec(self._driver.spec, self.ppo)
        symmetry = self._driver.spec.symmetry if self.ppo.symmetry else None
        self._networks = plain = networks.Networks(self._spec)
        if symmetry is not None:
            self._networks = networks.EquivariantNetworks(self._spec, symmetry)
        self._actor = plain.actor(self.ppo.noise_correlation_steps)
        passes = made.updates * self.ppo.num_updates_per_batch
        self._optimizer = make_optimizer(self.ppo, passes * made.minibatches)
        self.state = self._fresh()
        self._update = self._workshop.submit(self._compile_update)
        self._losses: dict[str, float] = {}
        self._begin(start, resume)

    def collect(self) -> tuple[Unroll, Episodes]:
        """Experience for one update: columns are the environments of each unroll in turn."""
        policy, length = self.state.learner.policy, self.ppo.unroll_length
        unrolls, ended = zip(
            *(self._driver.collect(self._actor, policy, length) for _ in range(self.plan.unrolls)),
            strict=True,
        )
        return joined(unrolls), reduce(operator.add, ended)

    def improve(self, unroll: Unroll) -> LearnerState:
        """One update of the networks.

        Raises:
            Diverged: A loss or gradient is not finite.
        """
        learner, losses = self._update.result()(self.state.learner, unroll)
        self._losses = {name: float(value) for name, value in losses.items()}
        bad = [name for name, value in self._losses.items() if not np.isfinite(value)]
        bad = nonfinite(learner.policy.normalizer) + bad
        self._check_finite(bad, REMEDY, unroll)
        return learner

    # --- what the loop of every engine asks ---

    def _resumed(self, checkpoint: Checkpoint) -> TrainState:
        state = load_train_state(self.state.learner, checkpoint)
        schedule = self.ppo.learning_rate, self.ppo.learning_rate_schedule
        warn_of_rise("learning rate", *schedule, checkpoint, self.train.steps, self._warn)
        return state

    def _adopt(self, checkpoint: Checkpoint) -> None:
        policy = load_policy(self.state.learner.policy, checkpoint)
        learned = self._networks.adopt(policy.params)
        self.state.learner = self.state.learner._replace(policy=policy, learned=learned)

    def _figures(self) -> dict[str, Any]:
        begun = (self.state.counters.updates - 1) / self.plan.updates
        rate = scheduled(self.ppo.learning_rate, self.ppo.learning_rate_schedule, begun)
        return {"losses": self._losses, "learning_rate": rate}

    # --- how it is made ---

    def _fresh(self) -> TrainState:
        """A state that has seen nothing."""
        network_key, update_key = jax.random.split(jax.random.PRNGKey(self.train.seed))
        policy = networks.init(network_key, self._spec, self._driver.spec.observation_weight)
        learned = self._networks.fresh(policy.params)
        policy = policy._replace(params=self._networks.join(learned))
        moments = self._optimizer.init(learned)
        return TrainState(LearnerState(policy, learned, moments, update_key))

    def _compile_update(self) -> Any:
        columns = self.plan.unrolls * self.train.num_envs // self.plan.turns
        shapes = unroll_shapes(self.ppo.unroll_length, columns, self._driver.spec)
        unroll = Unroll(*(jax.ShapeDtypeStruct(shape, np.float32) for shape in shapes))
        update = make_update(self._networks, self.ppo, self._optimizer, self.plan.minibatches)
        return update.lower(self.state.learner, unroll).compile()


def joined(unrolls: Sequence[Unroll]) -> Unroll:
    """Unrolls side by side."""
    if len(unrolls) == 1:
        return unrolls[0]
    last = np.concatenate([u.last_observation for u in unrolls])
    return jax.tree.map(
        lambda *x: np.concatenate(x, axis=1),
        *(u._replace(last_observation=None) for u in unrolls),
    )._replace(last_observation=last)
