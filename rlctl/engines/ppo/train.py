"""Proximal policy optimisation (PPO): the trainer.

Schulman et al. 2017, algorithm 1, in the form of brax.training.agents.ppo.
"""

import operator
from functools import partial, reduce
from typing import Any

import jax
import numpy as np
import optax

from rlctl.core.specs import EnvSpec
from rlctl.engines.api import Hooks, TrainingJob
from rlctl.engines.ppo import networks
from rlctl.engines.ppo.config import PPOConfig
from rlctl.engines.ppo.plan import PPOPlan, plan, sizes, warn_if_divided_anew
from rlctl.engines.ppo.shards import spread
from rlctl.engines.ppo.update import LearnerState, make_optimizer, make_update
from rlctl.engines.runner import TrainerEngine
from rlctl.engines.schedules import scheduled
from rlctl.engines.trainer import Trainer
from rlctl.policies.mlp.spec import MLPSpec
from rlctl.policies.normalizer import nonfinite
from rlctl.rollouts import arrays
from rlctl.rollouts.base import Episodes, Partition, Unroll
from rlctl.rollouts.devices import COPIES, UNROLL, Devices
from rlctl.rollouts.unrolls import concat_unrolls, unroll_shapes

DIVERGED_HINT = "lower ppo.learning_rate or set ppo.max_grad_norm"


class PPOTrainer(Trainer[PPOPlan, LearnerState]):
    """Trainer for PPO."""

    engine = "ppo"
    naming = arrays

    def __init__(self, job: TrainingJob[PPOPlan], hooks: Hooks) -> None:
        self.ppo = job.settings[PPOConfig]
        self._devices = Devices.first(job.plan.devices)
        self.partition = Partition(job.plan.turns, self._devices)
        self._losses: dict[str, float] = {}
        super().__init__(job, hooks)
        if job.start is not None and job.resume:
            warn_if_divided_anew(job.plan, job.start, self._warn)

    def build(self, env: EnvSpec) -> tuple[MLPSpec, LearnerState]:
        """Build the networks, and compile the update while the environments are reset."""
        spec = networks.policy_spec(env, self.ppo)
        self._networks = plain = networks.Networks(spec)
        if self.ppo.symmetry and env.symmetry is not None:
            self._networks = networks.EquivariantNetworks(spec, env.symmetry)
        # Acting uses the plain networks, which checkpoints hold as well.
        self._actor = plain.actor(self.ppo.noise_correlation_steps)
        epochs = self.plan.updates * self.ppo.num_updates_per_batch
        optimizer = make_optimizer(self.ppo, epochs * self.plan.minibatches)

        network_key, update_key = jax.random.split(jax.random.PRNGKey(self.train.seed))
        policy = networks.init(network_key, spec, env.observation_weight)
        learned = self._networks.from_initial(policy.params)
        policy = policy._replace(**self._networks.to_plain(learned))
        learner = LearnerState(policy, learned, optimizer.init(learned), update_key)

        compiled = self._executor.submit(self._compile_update, learner, optimizer, env)
        self._compiled_update = compiled
        return spec, learner

    def collect(self) -> tuple[Unroll, Episodes]:
        """Return the experience for one update: the unrolls, concatenated along environments."""
        policy = self._devices.on_first(self.state.learner.policy)
        length = self.ppo.unroll_length
        unrolls, ended = zip(
            *(self.driver.collect(self._actor, policy, length) for _ in range(self.plan.unrolls)),
            strict=True,
        )
        return concat_unrolls(unrolls), reduce(operator.add, ended)

    def update(self, unroll: Unroll) -> LearnerState:
        """Return the learner after one update of the networks.

        Raises:
            Diverged: A loss or gradient is not finite.
        """
        learner, unroll = self._devices.put((self.state.learner, unroll), (COPIES, UNROLL))
        result = self._compiled_update.result()(learner, unroll)
        learner, losses = self._devices.on_first(result)
        self._losses = {name: float(value) for name, value in losses.items()}
        bad = [name for name, value in self._losses.items() if not np.isfinite(value)]
        bad = nonfinite(learner.policy.normalizer) + bad
        self._check_finite(bad, DIVERGED_HINT, unroll)
        return learner

    # --- called by the training loop ---

    def start_from(self, policy: networks.PolicyState) -> LearnerState:
        """Return the initial learner with another training's policy, for `--init-from`."""
        learned = self._networks.from_trained(policy.params)
        return self.state.learner._replace(policy=policy, learned=learned)

    def decaying(self) -> tuple[str, float, str]:
        """Return name, initial value and schedule of the learning rate."""
        return "learning rate", self.ppo.learning_rate, self.ppo.learning_rate_schedule

    def metrics(self) -> dict[str, Any]:
        """Return losses and learning rate of the last update."""
        # The last update is committed already, so it began at updates - 1.
        begun = (self.state.counters.updates - 1) / self.plan.updates
        rate = scheduled(self.ppo.learning_rate, self.ppo.learning_rate_schedule, begun)
        return {"losses": self._losses, "learning_rate": rate}

    def _compile_update(
        self, learner: LearnerState, optimizer: optax.GradientTransformation, env: EnvSpec
    ) -> Any:
        length, columns = self.ppo.unroll_length, self.plan.columns
        unroll = unroll_shapes(self._actor, learner.policy, length, columns, env)
        make = partial(make_update, self._networks, self.ppo, optimizer, self.plan.minibatches)
        update = spread(make, self.plan.shards, self._devices)
        return update.lower(learner, unroll).compile()


ENGINE = TrainerEngine(PPOTrainer, plan, sizes, DIVERGED_HINT)
