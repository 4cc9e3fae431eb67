"""SAC's update: gradient steps on policy, critics and temperature in one compiled loop.

Shapes: U gradient steps, B transitions, O observation, A action.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from rlctl.engines.ppo.networks import Networks, PolicyState
from rlctl.engines.sac import losses
from rlctl.engines.sac.config import SACConfig
from rlctl.engines.sac.replay import Transition, unpack
from rlctl.policies import normalizer
from rlctl.policies.mlp import jax_net, tanh_normal
from rlctl.policies.mlp.spec import MLPSpec

Critics = tuple[jax_net.Params, jax_net.Params]  # two Q functions of observation and action
Losses = dict[str, jax.Array]


class LearnerState(NamedTuple):
    """The state that an update changes.

    Attributes:
        policy: Policy network and normaliser.
        critics: The critics.
        targets: Target critics, which follow the critics slowly.
        log_alpha: (), log of the temperature.
        optimizers: Adam's state of "policy", "critics" and "log_alpha", which have a loss each.
        key: (2,) uint32.
    """

    policy: PolicyState
    critics: Critics
    targets: Critics
    log_alpha: jax.Array
    optimizers: dict[str, Any]
    key: jax.Array


class Update:
    """SAC's update for one policy.

    Args:
        networks: Functions of the policy network.
        config: The settings.
    """

    def __init__(self, networks: Networks, config: SACConfig) -> None:
        self._networks, self._config, self._spec = networks, config, networks.spec
        self._adam = optax.adam(config.learning_rate)
        self.run = jax.jit(self._run)

    def initial_state(self, key: jax.Array, weight: tuple[float, ...]) -> LearnerState:
        """Return initial networks, a normaliser without data, and Adam's states.

        Args:
            key: Random key.
            weight: Weight of every component of an observation; see `rlctl.policies.normalizer`.
        """
        spec: MLPSpec = self._spec
        key, policy_key, *critic_keys = jax.random.split(key, 4)
        policy = jax_net.init(policy_key, spec.layer_sizes)
        sizes = (spec.observation_size + spec.action_size, *spec.value_hidden_layer_sizes, 1)
        first, second = (jax_net.init(critic_key, sizes) for critic_key in critic_keys)
        critics, log_alpha = (first, second), jnp.log(jnp.float32(self._config.init_temperature))
        learned = {"policy": policy, "critics": critics, "log_alpha": log_alpha}
        moments = {name: self._adam.init(params) for name, params in learned.items()}
        statistics = jax.tree.map(jnp.asarray, normalizer.init(np.asarray(weight, np.float32)))
        state = PolicyState(statistics, policy, value={})
        return LearnerState(state, critics, critics, log_alpha, moments, key)

    def _run(self, state: LearnerState, rows: jax.Array) -> tuple[LearnerState, Losses]:
        """Take a gradient step on each minibatch of rows (U, B, row); return mean losses too."""
        data, statistics = unpack(rows, self._spec), state.policy.normalizer
        data = data._replace(
            observation=self._networks.preprocess(statistics, data.observation),
            next_observation=self._networks.preprocess(statistics, data.next_observation),
        )
        state, found = jax.lax.scan(self._step, state, data)
        return state, jax.tree.map(jnp.mean, found)

    def _step(self, state: LearnerState, data: Transition) -> tuple[LearnerState, Losses]:
        """Take one gradient step: critics, policy, temperature, then the target critics."""
        config, policy, moments = self._config, state.policy.policy, {}
        key, target_key, policy_key = jax.random.split(state.key, 3)
        alpha = jnp.exp(state.log_alpha)
        next_action, next_log_prob = self._sample(policy, data.next_observation, target_key)
        next_q = self._q(state.targets, data.next_observation, next_action)
        reward = data.reward * config.reward_scaling
        target = losses.td_target(
            reward, data.terminated, next_q, next_log_prob, alpha, config.discounting
        )

        def descend(name: str, params: Any, gradient: Any) -> Any:
            change, moments[name] = self._adam.update(gradient, state.optimizers[name])
            return optax.apply_updates(params, change)

        critic_loss, gradient = jax.value_and_grad(
            lambda critics: losses.critic_loss(
                self._q(critics, data.observation, data.action), target
            )
        )(state.critics)
        critics = descend("critics", state.critics, gradient)

        def policy_loss(policy: jax_net.Params) -> tuple[jax.Array, jax.Array]:
            action, log_prob = self._sample(policy, data.observation, policy_key)
            q = self._q(critics, data.observation, action)
            return losses.policy_loss(q, log_prob, alpha), log_prob

        (loss, log_prob), gradient = jax.value_and_grad(policy_loss, has_aux=True)(policy)
        policy = descend("policy", policy, gradient)
        entropy = config.target_entropy * self._spec.action_size
        gradient = jax.grad(losses.temperature_loss)(state.log_alpha, log_prob, entropy)
        log_alpha = descend("log_alpha", state.log_alpha, gradient)
        targets = losses.follow(state.targets, critics, config.tau)
        state = LearnerState(
            state.policy._replace(policy=policy), critics, targets, log_alpha, moments, key
        )
        return state, {
            "critic_loss": critic_loss,
            "policy_loss": loss,
            "temperature": alpha,
            "entropy": -log_prob.mean(),
            "q_mean": target.mean(),
        }

    def _sample(
        self, policy: jax_net.Params, x: jax.Array, key: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """Return actions (B, A) and their log-densities (B,) for observations (B, O)."""
        mean, scale = self._networks.distribution(policy, x)
        raw = mean + scale * jax.random.normal(key, mean.shape)
        return jnp.tanh(raw), tanh_normal.log_prob(mean, scale, raw)

    def _q(self, critics: Critics, x: jax.Array, action: jax.Array) -> jax.Array:
        """Return both critics' values (2, B)."""
        inputs = jnp.concatenate([x, action], axis=-1)
        return jnp.stack([jax_net.mlp(c, inputs, self._spec.activation)[..., 0] for c in critics])
