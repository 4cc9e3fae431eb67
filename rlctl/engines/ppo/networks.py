"""From a PolicySpec to the learner's functions: distribution, value, behaviour policy.

Learner parameters are {"policy", "value"} networks beside a Normalizer; together they are the
`policy` group of a checkpoint.
"""

import math
import shlex
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from rlctl.core.errors import UsageError
from rlctl.core.specs import EnvSpec, PolicySpec, Symmetry
from rlctl.engines.ppo import symmetry
from rlctl.engines.ppo.config import PPOConfig
from rlctl.policies import normalizer
from rlctl.policies.mlp import jax_net, tanh_normal
from rlctl.policies.normalizer import Normalizer, normalize
from rlctl.rollouts import noise
from rlctl.rollouts.base import Actor, ActorStep

NetParams = dict[str, jax_net.Params]  # {"policy", "value"}


class PolicyState(NamedTuple):
    """What acting needs.

    Attributes:
        params: {"policy", "value"} network parameters.
        normalizer: Statistics of the observations.
    """

    params: NetParams
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
                f"train it with --algo trpo: rlctl train {shlex.quote(env.id)} --algo trpo",
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
    """The functions of one PolicySpec, of what is learned and of observations as they are seen.

    Here the plain networks of a checkpoint are learned, and normalised observations are seen.

    Args:
        spec: The policy.
    """

    def __init__(self, spec: PolicySpec) -> None:
        self._spec = spec

    def fresh(self, params: NetParams) -> NetParams:
        """What learning starts from, made of plain networks just drawn."""
        return params

    def adopt(self, params: NetParams) -> NetParams:
        """What learning goes on from, made of plain networks that have learned.

        Raises:
            UsageError: These networks cannot do what those do.
        """
        return params

    def join(self, params: NetParams) -> NetParams:
        """Plain networks, made of what is learned."""
        return params

    def observe(self, statistics: Normalizer, observation: jax.Array) -> Normalizer:
        """Take raw observations (..., O) into the statistics."""
        return normalizer.update(statistics, observation)

    def see(self, statistics: Normalizer, observation: jax.Array) -> jax.Array:
        """Raw observations (..., O) as the networks see them: normalised."""
        clip = self._spec.normalizer_clip
        return normalize(statistics.mean, statistics.std, observation, clip)

    def logits(self, params: jax_net.Params, seen: jax.Array) -> jax.Array:
        """The policy's output (..., 2A) for what it sees."""
        visible = seen[..., : self._spec.policy_size]
        return jax_net.mlp(params, visible, self._spec.activation)

    def distribution(self, params: jax_net.Params, seen: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Mean and scale (..., A) of the raw action."""
        logits = self.logits(params, seen)
        return tanh_normal.mean_and_scale(logits, self._spec.min_std, self._spec.var_scale)

    def value(self, params: jax_net.Params, seen: jax.Array) -> jax.Array:
        """Values (...)."""
        return jax_net.mlp(params, seen, self._spec.activation)[..., 0]

    def actor(self, noise_steps: int = 0) -> Actor:
        """The behaviour policy and value of one raw observation (O,), given a PolicyState.

        Args:
            noise_steps: Control steps over which exploration noise stays correlated.
        """

        def act(state: PolicyState, observation: jax.Array, drawn: jax.Array) -> ActorStep:
            seen = self.see(state.normalizer, observation)
            mean, scale = self.distribution(state.params["policy"], seen)
            raw = mean + scale * drawn
            low = jnp.asarray(self._spec.action_low, jnp.float32)
            high = jnp.asarray(self._spec.action_high, jnp.float32)
            action = tanh_normal.scale_action(raw, low, high)
            return ActorStep(action, raw, tanh_normal.log_prob(mean, scale, raw))

        def value(state: PolicyState, observation: jax.Array) -> jax.Array:
            return self.value(state.params["value"], self.see(state.normalizer, observation))

        size = self._spec.action_size
        return Actor(act, value, partial(noise.normal, size=size, correlated_steps=noise_steps))


class EquivariantNetworks(Networks):
    """Networks that treat both sides of a task alike; see `symmetry`.

    Their parameters are blocks, and what they see are the even numbers of an observation and then
    the odd ones.

    Args:
        spec: The policy.
        mirror: The task's.
    """

    def __init__(self, spec: PolicySpec, mirror: Symmetry) -> None:
        super().__init__(spec)
        order, sign = mirror.observation_order, mirror.observation_sign
        self._mirror = mirror
        self._all = symmetry.basis(order, sign)
        self._visible = symmetry.basis(order[: spec.policy_size], sign[: spec.policy_size])
        self._outputs = symmetry.outputs(mirror)

    def fresh(self, params: NetParams) -> NetParams:
        """Every number is of half as many numbers as in plain networks, so weights are larger."""
        return self._split(jax.tree.map(lambda x: x * math.sqrt(2.0), params))

    def adopt(self, params: NetParams) -> NetParams:
        learned = self._split(params)
        pairs = zip(jax.tree.leaves(self.join(learned)), jax.tree.leaves(params), strict=True)
        if not all(np.allclose(ours, theirs, atol=1e-4) for ours, theirs in pairs):
            raise UsageError(
                "the policy to start from treats left and right differently, "
                "which networks learned with ppo.symmetry cannot",
                "--set ppo.symmetry=false",
            )
        return learned

    def join(self, params: NetParams) -> NetParams:
        return {
            "policy": symmetry.join(params["policy"], self._visible, self._outputs),
            "value": symmetry.join(params["value"], self._all, symmetry.NUMBER),
        }

    def observe(self, statistics: Normalizer, observation: jax.Array) -> Normalizer:
        return symmetry.balanced(super().observe(statistics, observation), self._mirror)

    def see(self, statistics: Normalizer, observation: jax.Array) -> jax.Array:
        return super().see(statistics, observation) @ np.concatenate(self._all, axis=1)

    def logits(self, params: jax_net.Params, seen: jax.Array) -> jax.Array:
        parts = [
            part[..., : visible.shape[1]]
            for part, visible in zip(self._parts(seen), self._visible, strict=True)
        ]
        even, odd = symmetry.mlp(params, *parts, self._spec.activation)
        return even @ self._outputs.even.T + odd @ self._outputs.odd.T

    def value(self, params: jax_net.Params, seen: jax.Array) -> jax.Array:
        return symmetry.mlp(params, *self._parts(seen), self._spec.activation)[0][..., 0]

    def _split(self, params: NetParams) -> NetParams:
        return {
            "policy": symmetry.split(params["policy"], self._visible, self._outputs),
            "value": symmetry.split(params["value"], self._all, symmetry.NUMBER),
        }

    def _parts(self, seen: jax.Array) -> tuple[jax.Array, jax.Array]:
        evens = self._all.even.shape[1]
        return seen[..., :evens], seen[..., evens:]


def export(state: PolicyState) -> dict[str, Any]:
    """The `policy` group of a checkpoint as a nested dict, with a policy's names."""
    return {"normalizer": state.normalizer._asdict(), **state.params}
