"""From a PolicySpec to the learner's functions: distribution, value, behaviour policy.

Learner parameters are {"policy", "value"} networks beside a Normalizer; together they are the
`policy` group of a checkpoint.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rlctl.core.errors import UsageError
from rlctl.core.specs import EnvSpec, PolicySpec
from rlctl.engines.ppo.config import PPOConfig
from rlctl.policies import normalizer
from rlctl.policies.mlp import jax_net, tanh_normal
from rlctl.policies.normalizer import Normalizer, normalize
from rlctl.rollouts.base import Actor, ActorStep


class PolicyState(NamedTuple):
    """What acting needs.

    Attributes:
        params: {"policy", "value"} network parameters.
        normalizer: Statistics of the observations.
    """

    params: dict[str, jax_net.Params]
    normalizer: Normalizer


def policy_spec(env: EnvSpec, config: PPOConfig) -> PolicySpec:
    """The policy that PPO trains for an environment.

    Raises:
        UsageError: Its actions are a choice, or have no bounds.
    """
    for part in env.action:
        if part.discrete or part.low is None or part.high is None:
            kind = "discrete actions" if part.discrete else "actions without bounds"
            raise UsageError(
                f"{env.id} has {kind}; ppo needs bounded ones",
                f"train it with --algo trpo: rlctl train {env.id} --algo trpo",
            )
    return PolicySpec(
        observation_size=env.observation_size,
        policy_size=env.policy_size,
        action_low=tuple(part.low for part in env.action),
        action_high=tuple(part.high for part in env.action),
        policy_hidden_layer_sizes=config.policy_hidden_layer_sizes,
        value_hidden_layer_sizes=config.value_hidden_layer_sizes,
        activation=config.activation,
        normalize=config.normalize_observations,
    )


def init(key: jax.Array, spec: PolicySpec, weight: tuple[float, ...] = ()) -> PolicyState:
    """Fresh networks, and statistics of nothing for observations of `weight` (O,), else of 1."""
    policy_key, value_key = jax.random.split(key)
    policy_sizes = (spec.policy_size, *spec.policy_hidden_layer_sizes, 2 * spec.action_size)
    value_sizes = (spec.observation_size, *spec.value_hidden_layer_sizes, 1)
    weights = np.asarray(weight or [1.0] * spec.observation_size, np.float32)
    return PolicyState(
        params={
            "policy": jax_net.init(policy_key, policy_sizes),
            "value": jax_net.init(value_key, value_sizes),
        },
        normalizer=jax.tree.map(jnp.asarray, normalizer.fresh(weights)),
    )


class Networks:
    """The functions of one PolicySpec; observations come in raw, and are normalised inside.

    Args:
        spec: The policy.
    """

    def __init__(self, spec: PolicySpec) -> None:
        self._spec = spec

    def normalize(self, normalizer: Normalizer, observation: jax.Array) -> jax.Array:
        """Observations (..., O) as the networks see them."""
        clip = self._spec.normalizer_clip
        return normalize(normalizer.mean, normalizer.std, observation, clip)

    def distribution(
        self, params: jax_net.Params, observation: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """Mean and scale (..., A) of the raw action, from normalised observations (..., O)."""
        visible = observation[..., : self._spec.policy_size]
        logits = jax_net.mlp(params, visible, self._spec.activation)
        return tanh_normal.mean_and_scale(logits, self._spec.min_std, self._spec.var_scale)

    def value(self, params: jax_net.Params, observation: jax.Array) -> jax.Array:
        """Values (...), from normalised observations (..., O)."""
        return jax_net.mlp(params, observation, self._spec.activation)[..., 0]

    def actor(self) -> Actor:
        """The behaviour policy and value of one raw observation (O,), given a PolicyState."""

        def act(state: PolicyState, observation: jax.Array, key: jax.Array) -> ActorStep:
            normal = self.normalize(state.normalizer, observation)
            mean, scale = self.distribution(state.params["policy"], normal)
            raw = mean + scale * jax.random.normal(key, mean.shape)
            low = jnp.asarray(self._spec.action_low, jnp.float32)
            high = jnp.asarray(self._spec.action_high, jnp.float32)
            action = tanh_normal.scale_action(raw, low, high)
            return ActorStep(action, raw, tanh_normal.log_prob(mean, scale, raw))

        def value(state: PolicyState, observation: jax.Array) -> jax.Array:
            return self.value(state.params["value"], self.normalize(state.normalizer, observation))

        return Actor(act, value)


def export(state: PolicyState) -> dict[str, Any]:
    """The `policy` group of a checkpoint as a nested dict, with a policy's names."""
    return {"normalizer": state.normalizer._asdict(), **state.params}
