"""Trust region policy optimisation (TRPO): the trainer.

Schulman et al. 2015, algorithm 1 in the form of appendix C, with the advantages of Schulman et al.
2016.
"""

import time
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from rlctl.core.specs import EnvSpec
from rlctl.engines.api import Hooks, TrainingJob
from rlctl.engines.runner import TrainerEngine
from rlctl.engines.schedules import scheduled
from rlctl.engines.trainer import Trainer
from rlctl.engines.trpo import networks, state, step, value
from rlctl.engines.trpo.collect import Batch, collect
from rlctl.engines.trpo.config import TRPOConfig
from rlctl.engines.trpo.device import choose_device
from rlctl.engines.trpo.gae import gae
from rlctl.engines.trpo.plan import TRPOPlan, plan, sizes
from rlctl.engines.trpo.state import Learner
from rlctl.policies import normalizer
from rlctl.policies.mlp.spec import MLPSpec
from rlctl.rollouts.base import Episodes

NOISE, UPDATE = range(2)  # purposes of random generators
DIVERGED_HINT = "lower trpo.value_learning_rate or trpo.reward_scaling"


class TRPOTrainer(Trainer[TRPOPlan, Learner]):
    """Trainer for TRPO."""

    engine = "trpo"
    naming = state

    def __init__(self, job: TrainingJob[TRPOPlan], hooks: Hooks) -> None:
        self.trpo = job.settings[TRPOConfig]
        self._losses: dict[str, Any] = {}
        self._split: dict[str, float] = {}
        self._threads = torch.get_num_threads()
        super().__init__(job, hooks)

    def build(self, env: EnvSpec) -> tuple[MLPSpec, Learner]:
        """Build the networks."""
        spec = networks.policy_spec(env, self.trpo)
        self._device = choose_device(self.driver.physics)
        torch.set_num_threads(1)  # more threads slow down networks this small
        self._networks = networks.Networks(spec, self._device)
        weight = env.observation_weight
        policy = networks.init(self.train.seed, spec, self.trpo, self._device, weight)
        return spec, Learner(policy, value.init_adam(policy.value))

    def collect(self) -> tuple[Batch, Episodes]:
        """Return the experience for one update, and the episodes that ended in it."""
        began = time.perf_counter()
        batch = collect(self.policy(), self.driver, self.plan.unroll_length, self._random(NOISE))
        self._split = {"collect": time.perf_counter() - began}
        return batch, self.driver.take_episodes()

    def update(self, batch: Batch) -> Learner:
        """Return the learner after one update of normaliser, policy and value function.

        Raises:
            Diverged: Rewards, values or the fit's loss are not finite.
        """
        began, rng, learner = time.perf_counter(), self._random(UPDATE), self.state.learner
        policy = learner.policy
        if self._networks.spec.normalize:
            with np.errstate(over="ignore", invalid="ignore"):  # _check_finite reports it
                statistics = normalizer.update(policy.normalizer, batch.observation)
            self._check_finite(normalizer.nonfinite(statistics), DIVERGED_HINT, batch)
            policy = policy._replace(normalizer=statistics)
        data, target, explained = self._compute_advantages(policy, batch)
        rows = self._permutation(rng, len(target))[: self.plan.fisher_rows]
        fitting = self._executor.submit(  # in parallel: neither step needs the other's result
            value.fit,
            self._networks.value_gradient,
            policy.value,
            learner.adam,
            data.observation,
            target,
            [self._permutation(rng, len(target)) for _ in range(self.trpo.value_epochs)],
            self.trpo.value_minibatch,
            self.trpo.value_learning_rate,
        )
        net = self._networks.distribution
        config = self._scheduled_config()
        params, metrics = step.update_policy(net, policy.policy, data, rows, config)
        halfway = time.perf_counter()
        fitted, adam, loss = fitting.result()
        bad = [] if np.isfinite(loss) else ["v_loss"]
        self._check_finite(bad, DIVERGED_HINT, batch)
        self._losses = {**metrics, "max_kl": config.max_kl, "v_loss": loss}
        self._losses["explained_variance"] = explained
        self._split |= {"policy": halfway - began, "value": time.perf_counter() - halfway}
        return Learner(policy._replace(policy=params, value=fitted), adam)

    def _scheduled_config(self) -> TRPOConfig:
        """Return the settings with the trust region that the schedule gives this update."""
        progress = self.state.counters.updates / self.plan.updates
        now = scheduled(self.trpo.max_kl, self.trpo.max_kl_schedule, progress)
        return replace(self.trpo, max_kl=now)

    def close(self) -> None:
        """Free the environments and restore torch's number of threads."""
        torch.set_num_threads(self._threads)
        super().close()

    def _compute_advantages(
        self, policy: networks.PolicyState, batch: Batch
    ) -> tuple[step.Experience, torch.Tensor, float]:
        """Return experience for the policy, value targets (B,) and their explained variance."""
        trpo, shape = self.trpo, batch.reward.shape
        flat = (-1, batch.observation.shape[-1])
        preprocess = self._networks.preprocess
        observation = preprocess(policy.normalizer, batch.observation.reshape(flat))
        next_observation = preprocess(policy.normalizer, batch.next_observation.reshape(flat))
        values, next_values = (
            self._networks.value(policy.value, x).cpu().numpy().reshape(shape)
            for x in (observation, next_observation)
        )
        reward = batch.reward * np.float32(trpo.reward_scaling)
        advantage, target = gae(
            reward,
            batch.terminated,
            batch.truncated,
            values,
            next_values,
            trpo.discounting,
            trpo.gae_lambda,
        )
        bad = [] if np.isfinite(target).all() else ["the advantage"]
        self._check_finite(bad, DIVERGED_HINT, batch)
        # float64: sums of many float32 numbers lose digits.
        variance = target.var(dtype=np.float64)
        explained = 1.0 - (target - values).var(dtype=np.float64) / (variance + 1e-8)
        if trpo.normalize_advantage:
            mean, std = advantage.mean(dtype=np.float64), advantage.std(dtype=np.float64)
            advantage = (advantage - mean) / (std + 1e-8)
        raw_action = batch.raw_action.reshape(-1, batch.raw_action.shape[-1])
        rest = (raw_action, batch.log_prob.reshape(-1), advantage.astype(np.float32).reshape(-1))
        data = step.Experience(observation, *map(self._tensor, rest))
        return data, self._tensor(target.reshape(-1)), float(explained)

    def _permutation(self, rng: np.random.Generator, count: int) -> torch.Tensor:
        """Return the indices of `count` rows in random order."""
        return self._tensor(rng.permutation(count))

    def _tensor(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(array).to(self._device)

    def _random(self, purpose: int) -> np.random.Generator:
        """Return the random generator of the current update for one purpose."""
        return np.random.default_rng([self.train.seed, self.state.counters.updates, purpose])

    # --- called by the training loop ---

    def decaying(self) -> tuple[str, float, str]:
        """Return name, initial value and schedule of the trust region."""
        return "trust region", self.trpo.max_kl, self.trpo.max_kl_schedule

    def metrics(self) -> dict[str, Any]:
        """Return losses, seconds and learning rate of the last update."""
        rate = self.trpo.value_learning_rate  # the policy's natural gradient step has none
        return {"losses": self._losses, "split": self._split, "learning_rate": rate}


ENGINE = TrainerEngine(TRPOTrainer, plan, sizes, DIVERGED_HINT)
