"""Soft actor-critic (SAC): the trainer.

Haarnoja et al. 2018 (arXiv 1812.05905), algorithm 1. An update collects an unroll into the replay
buffer and then takes gradient steps on minibatches from it.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from rlctl.core.specs import EnvSpec
from rlctl.engines.api import Hooks, TrainingJob
from rlctl.engines.ppo.networks import Networks, PolicyState, policy_spec
from rlctl.engines.runner import TrainerEngine
from rlctl.engines.sac.config import SACConfig
from rlctl.engines.sac.plan import SACPlan, plan, sizes
from rlctl.engines.sac.replay import ReplayBuffer
from rlctl.engines.sac.update import LearnerState, Update
from rlctl.engines.state import Part
from rlctl.engines.trainer import Trainer
from rlctl.policies import normalizer
from rlctl.policies.mlp import tanh_normal
from rlctl.policies.mlp.spec import MLPSpec
from rlctl.rollouts import arrays, noise
from rlctl.rollouts.base import Actor, ActorStep, Episodes, Unroll

MAX_LOOP = 256  # gradient steps of a compiled loop, whose minibatches are in memory together
DIVERGED_HINT = "lower sac.learning_rate or sac.reward_scaling"


class SACTrainer(Trainer[SACPlan, LearnerState]):
    """Trainer for SAC."""

    engine = "sac"
    naming = arrays

    def __init__(self, job: TrainingJob[SACPlan], hooks: Hooks) -> None:
        self.sac = job.settings[SACConfig]
        self._losses: dict[str, float] = {}
        super().__init__(job, hooks)

    def build(self, env: EnvSpec) -> tuple[MLPSpec, LearnerState]:
        """Build networks and replay buffer."""
        spec = policy_spec(env, self.sac, self.engine)
        networks = Networks(spec)
        self._actor = make_actor(networks)
        self._replay = ReplayBuffer(self.plan.capacity, env.observation_size, env.action_size)
        self._update = Update(networks, self.sac)
        self._update_normalizer = jax.jit(normalizer.update)
        key = jax.random.PRNGKey(self.train.seed)
        return spec, self._update.initial_state(key, env.observation_weight)

    def parts(self) -> dict[str, Part]:
        """Return the replay buffer if it is saved. Otherwise a resumed training refills it."""
        return {"replay": self._replay} if self.sac.save_replay_buffer else {}

    def collect(self) -> tuple[Unroll, Episodes]:
        """Return the experience for one update, and the episodes that ended in it."""
        policy = self.state.learner.policy
        return self.driver.collect(self._actor, policy, self.sac.unroll_length)

    def update(self, unroll: Unroll) -> LearnerState:
        """Return the learner after the gradient steps of one update.

        The replay buffer is written in place. If the update is abandoned, a resumed training
        collects the same unroll and writes it to the same rows.

        Raises:
            Diverged: A loss is not finite.
        """
        emptied = 0 if self.sac.save_replay_buffer else self._resumed_at
        self._replay.add(unroll, self.state.counters.steps - emptied)
        learner = self.state.learner
        if self.sac.normalize_observations:
            statistics = self._update_normalizer(learner.policy.normalizer, unroll.observation)
            self._check_finite(normalizer.nonfinite(statistics), DIVERGED_HINT, unroll)
            learner = learner._replace(policy=learner.policy._replace(normalizer=statistics))
        if self._replay.size < min(self.sac.learning_starts, self.plan.capacity):
            return learner
        rng = np.random.default_rng([self.train.seed, self.state.counters.updates])
        whole, rest = divmod(self.plan.gradient_steps, MAX_LOOP)
        loops, losses = [MAX_LOOP] * whole + [rest] * (rest > 0), []
        for steps in loops:
            rows = self._replay.sample(rng, steps, self.sac.batch_size)
            learner, means = self._update.run(learner, rows)
            losses.append(means)
        self._losses = {
            name: float(np.average([means[name] for means in losses], weights=loops))
            for name in losses[0]
        }
        bad = [name for name, value in self._losses.items() if not np.isfinite(value)]
        self._check_finite(bad, DIVERGED_HINT, unroll)
        return learner

    def metrics(self) -> dict[str, Any]:
        """Return losses and learning rate of the last update; no losses before gradient steps."""
        return {"losses": self._losses, "learning_rate": self.sac.learning_rate}


def make_actor(networks: Networks) -> Actor:
    """Return the behaviour policy. Its parameters are a PolicyState.

    It records squashed actions (A,), and the final observations (O,) of truncated episodes.
    """
    spec = networks.spec

    def act(state: PolicyState, observation: jax.Array, sample: jax.Array) -> ActorStep:
        x = networks.preprocess(state.normalizer, observation)
        mean, scale = networks.distribution(state.policy, x)
        raw = mean + scale * sample
        low, high = (jnp.asarray(b, jnp.float32) for b in (spec.action_low, spec.action_high))
        return ActorStep(tanh_normal.scale_action(raw, low, high), jnp.tanh(raw))

    def final(state: PolicyState, observation: jax.Array) -> jax.Array:
        return observation

    return Actor(act, final, partial(noise.normal, size=spec.action_size))


ENGINE = TrainerEngine(SACTrainer, plan, sizes, DIVERGED_HINT)
