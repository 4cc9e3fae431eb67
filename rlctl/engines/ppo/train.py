"""Proximal policy optimisation (PPO): the trainer.

Schulman et al. 2017, algorithm 1, in the form of brax.training.agents.ppo.
"""

import operator
from functools import partial, reduce
from typing import Any

import jax
import numpy as np

from rlctl.checkpoints.reading import Checkpoint
from rlctl.core.config import Resolved
from rlctl.core.progress import Progress
from rlctl.core.runs import Run
from rlctl.engines.api import Hooks, Result, RunFiles
from rlctl.engines.config import TrainConfig
from rlctl.engines.duration import NullRun, estimate_duration
from rlctl.engines.ppo import networks
from rlctl.engines.ppo.config import PPOConfig
from rlctl.engines.ppo.plan import Plan, make_plan, plan
from rlctl.engines.ppo.state import TrainState, load_policy, load_train_state
from rlctl.engines.ppo.update import LearnerState, make_optimizer, make_update
from rlctl.engines.runner import run_training
from rlctl.engines.schedules import scheduled, warn_if_rising
from rlctl.engines.trainer import Trainer
from rlctl.policies.normalizer import nonfinite
from rlctl.rollouts.base import Episodes, Unroll
from rlctl.rollouts.unrolls import concat_unrolls, unroll_shapes

__all__ = ["plan", "probe", "train"]

DIVERGED_HINT = "lower ppo.learning_rate or set ppo.max_grad_norm"


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
        run: The run that is written to.
        hooks: Progress and the stop flag.
        start: A checkpoint to begin from; with all groups loaded if `resume`.
        resume: Continue exactly where `start` stopped, rather than taking only its networks.

    Raises:
        Diverged: Non-finite values; the last checkpoint is intact.
        Stopped: A signal came; everything up to the last update is saved.
        StoppedUnsaved: A signal came before the first update.
    """
    make = partial(PPOTrainer, settings, env_name, run, hooks, start, resume)
    return run_training(make, hooks, start, resume)


def probe(settings: Resolved, env_name: str, progress: Progress) -> dict[str, Any]:
    """Estimate the duration of a training; see `rlctl.engines.duration`."""
    hooks = Hooks(progress)
    make = partial(PPOTrainer, settings, env_name, NullRun(), hooks, start=None, resume=False)
    return estimate_duration(make, progress)


class PPOTrainer(Trainer[Plan, TrainState]):
    """Trainer for PPO."""

    engine = "ppo"

    def __init__(
        self,
        settings: Resolved,
        env_name: str,
        run: RunFiles,
        hooks: Hooks,
        start: Checkpoint | None,
        resume: bool,
    ) -> None:
        self.ppo = settings[PPOConfig]
        plan = make_plan(settings[TrainConfig], self.ppo)
        super().__init__(settings, env_name, run, hooks, plan, plan.turns)
        self._spec = networks.policy_spec(self._driver.spec, self.ppo)
        symmetry = self._driver.spec.symmetry if self.ppo.symmetry else None
        self._networks = plain = networks.Networks(self._spec)
        if symmetry is not None:
            self._networks = networks.EquivariantNetworks(self._spec, symmetry)
        # Acting uses the plain networks, which checkpoints hold as well.
        self._actor = plain.actor(self.ppo.noise_correlation_steps)
        epochs = plan.updates * self.ppo.num_updates_per_batch
        self._optimizer = make_optimizer(self.ppo, epochs * plan.minibatches)
        self.state = self._initial_state()
        # Compiled ahead of time, while the environments are reset.
        self._compiled_update = self._executor.submit(self._compile_update)
        self._losses: dict[str, float] = {}
        self._start(start, resume)

    def collect(self) -> tuple[Unroll, Episodes]:
        """Return the experience for one update: the unrolls, concatenated along environments."""
        policy, length = self.state.learner.policy, self.ppo.unroll_length
        unrolls, ended = zip(
            *(self._driver.collect(self._actor, policy, length) for _ in range(self.plan.unrolls)),
            strict=True,
        )
        return concat_unrolls(unrolls), reduce(operator.add, ended)

    def update(self, unroll: Unroll) -> LearnerState:
        """Return the learner after one update of the networks.

        Raises:
            Diverged: A loss or gradient is not finite.
        """
        learner, losses = self._compiled_update.result()(self.state.learner, unroll)
        self._losses = {name: float(value) for name, value in losses.items()}
        bad = [name for name, value in self._losses.items() if not np.isfinite(value)]
        bad = nonfinite(learner.policy.normalizer) + bad
        self._check_finite(bad, DIVERGED_HINT, unroll)
        return learner

    # --- called by the training loop ---

    def _load_state(self, checkpoint: Checkpoint) -> TrainState:
        state = load_train_state(self.state.learner, checkpoint)
        schedule = self.ppo.learning_rate, self.ppo.learning_rate_schedule
        warn_if_rising("learning rate", *schedule, checkpoint, self.train.steps, self._warn)
        return state

    def _load_init(self, checkpoint: Checkpoint) -> None:
        policy = load_policy(self.state.learner.policy, checkpoint)
        learned = self._networks.from_trained(policy.params)
        self.state.learner = self.state.learner._replace(policy=policy, learned=learned)

    def _metrics(self) -> dict[str, Any]:
        # The last update is committed already, so it began at updates - 1.
        begun = (self.state.counters.updates - 1) / self.plan.updates
        rate = scheduled(self.ppo.learning_rate, self.ppo.learning_rate_schedule, begun)
        return {"losses": self._losses, "learning_rate": rate}

    # --- construction ---

    def _initial_state(self) -> TrainState:
        """Return the initial training state."""
        network_key, update_key = jax.random.split(jax.random.PRNGKey(self.train.seed))
        policy = networks.init(
            network_key, self._networks.spec, self._driver.spec.observation_weight
        )
        learned = self._networks.from_initial(policy.params)
        policy = policy._replace(params=self._networks.to_plain(learned))
        moments = self._optimizer.init(learned)
        return TrainState(LearnerState(policy, learned, moments, update_key))

    def _compile_update(self) -> Any:
        num_envs = self.plan.unrolls * self.train.num_envs // self.plan.turns
        policy, length = self.state.learner.policy, self.ppo.unroll_length
        unroll = unroll_shapes(self._actor, policy, length, num_envs, self._driver.spec)
        update = make_update(self._networks, self.ppo, self._optimizer, self.plan.minibatches)
        return update.lower(self.state.learner, unroll).compile()
