"""PPO's actor and critic: distribution, value and behaviour policy of a policy spec.

The {"policy", "value"} networks and the observation normaliser form the `policy` group of a
checkpoint.
"""

import math
import shlex
from functools import partial
from typing import NamedTuple, Protocol

import jax
import jax.numpy as jnp
import numpy as np

from rlctl.core.errors import UsageError
from rlctl.core.specs import EnvSpec, Symmetry
from rlctl.engines.ppo import symmetry
from rlctl.engines.ppo.shards import ONE_SHARD, Reduction
from rlctl.policies import normalizer
from rlctl.policies.mlp import jax_net, tanh_normal
from rlctl.policies.mlp.spec import MLPSpec
from rlctl.policies.normalizer import Normalizer, normalize
from rlctl.rollouts import noise
from rlctl.rollouts.base import Actor, ActorStep

NetParams = dict[str, jax_net.Params]  # {"policy", "value"}


class ActionSample(NamedTuple):
    """Sampled action, as the loss needs it.

    Attributes:
        raw_action: (A,) before squashing and scaling.
        log_prob: () log-density of raw_action.
    """

    raw_action: jax.Array
    log_prob: jax.Array


class PolicyState(NamedTuple):
    """Actor, critic and observation normaliser.

    Attributes:
        normalizer: Running statistics of the observations.
        policy: Parameters of the policy network.
        value: Parameters of the value network.
    """

    normalizer: Normalizer
    policy: jax_net.Params
    value: jax_net.Params

    @property
    def params(self) -> NetParams:
        """Both networks."""
        return {"policy": self.policy, "value": self.value}


class PolicySettings(Protocol):
    """Settings of the networks, as in the section of PPO or another engine."""

    @property
    def policy_hidden_layer_sizes(self) -> tuple[int, ...]: ...

    @property
    def value_hidden_layer_sizes(self) -> tuple[int, ...]: ...

    @property
    def activation(self) -> str: ...

    @property
    def normalize_observations(self) -> bool: ...


def policy_spec(env: EnvSpec, config: PolicySettings, algo: str = "ppo") -> MLPSpec:
    """Return the spec of the policy that an algorithm trains for an environment.

    Raises:
        UsageError: Its actions are discrete or unbounded.
    """
    for part in env.action:
        if part.discrete or part.low is None or part.high is None:
            kind = "discrete actions" if part.discrete else "actions without bounds"
            raise UsageError(
                f"{env.id} has {kind}; {algo} needs bounded continuous actions",
                f"use --algo trpo: rlctl train {shlex.quote(env.id)} --algo trpo",
            )
    return MLPSpec(
        observation_size=env.observation_size,
        policy_size=env.policy_size,
        action_low=tuple(part.low for part in env.action),
        action_high=tuple(part.high for part in env.action),
        policy_hidden_layer_sizes=config.policy_hidden_layer_sizes,
        value_hidden_layer_sizes=config.value_hidden_layer_sizes,
        activation=config.activation,
        normalize=config.normalize_observations,
    )


def init(key: jax.Array, spec: MLPSpec, weight: tuple[float, ...] = ()) -> PolicyState:
    """Return initial networks and a normaliser without data.

    Args:
        key: Random key of the parameters.
        spec: The policy.
        weight: Weight of every component of an observation (O,), () for 1; see
            `rlctl.policies.normalizer`.
    """
    policy_key, value_key = jax.random.split(key)
    weights = np.asarray(weight or [1.0] * spec.observation_size, np.float32)
    return PolicyState(
        normalizer=jax.tree.map(jnp.asarray, normalizer.init(weights)),
        policy=jax_net.init(policy_key, spec.layer_sizes),
        value=jax_net.init(value_key, spec.value_layer_sizes),
    )


class Networks:
    """The learner's functions for one policy spec.

    A subclass may learn other parameters than the plain networks of a checkpoint, on preprocessed
    observations of another form. This class learns the plain networks on normalised observations.

    Args:
        spec: The policy.
    """

    def __init__(self, spec: MLPSpec) -> None:
        self.spec = spec

    def from_initial(self, params: NetParams) -> NetParams:
        """Convert plain initial networks to the learner's parametrisation."""
        return params

    def from_trained(self, params: NetParams) -> NetParams:
        """Convert plain trained networks to the learner's parametrisation.

        Raises:
            UsageError: It cannot represent them.
        """
        return params

    def to_plain(self, params: NetParams) -> NetParams:
        """Convert the learner's parameters to plain networks."""
        return params

    def update_normalizer(
        self, statistics: Normalizer, observation: jax.Array, reduction: Reduction = ONE_SHARD
    ) -> Normalizer:
        """Return the statistics updated with the raw observations (..., O) of all shards."""
        return normalizer.update(statistics, observation, reduction.sum)

    def preprocess(self, statistics: Normalizer, observation: jax.Array) -> jax.Array:
        """Return the networks' inputs (..., O) for raw observations (..., O): normalised."""
        clip = self.spec.normalizer_clip
        return normalize(statistics.mean, statistics.std, observation, clip)

    def logits(self, params: jax_net.Params, x: jax.Array) -> jax.Array:
        """Return the policy's output (..., 2A) for preprocessed observations (..., O)."""
        visible = x[..., : self.spec.policy_size]
        return jax_net.mlp(params, visible, self.spec.activation)

    def distribution(self, params: jax_net.Params, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return mean and scale (..., A) of the raw action."""
        logits = self.logits(params, x)
        return tanh_normal.mean_and_scale(logits, self.spec.min_std, self.spec.var_scale)

    def value(self, params: jax_net.Params, x: jax.Array) -> jax.Array:
        """Return values (...)."""
        return jax_net.mlp(params, x, self.spec.activation)[..., 0]

    def actor(self, noise_steps: int = 0) -> Actor:
        """Return the behaviour policy. Its parameters are a PolicyState.

        It records an ActionSample of each step, and the value () of truncated episodes.

        Args:
            noise_steps: Correlation time of exploration noise in control steps.
        """

        def act(state: PolicyState, observation: jax.Array, sample: jax.Array) -> ActorStep:
            x = self.preprocess(state.normalizer, observation)
            mean, scale = self.distribution(state.policy, x)
            raw = mean + scale * sample
            low = jnp.asarray(self.spec.action_low, jnp.float32)
            high = jnp.asarray(self.spec.action_high, jnp.float32)
            action = tanh_normal.scale_action(raw, low, high)
            log_prob = tanh_normal.log_prob(mean, scale, raw)
            return ActorStep(action, ActionSample(raw, log_prob))

        def value(state: PolicyState, observation: jax.Array) -> jax.Array:
            x = self.preprocess(state.normalizer, observation)
            return self.value(state.value, x)

        size = self.spec.action_size
        return Actor(act, value, partial(noise.normal, size=size, correlated_steps=noise_steps))


class EquivariantNetworks(Networks):
    """Networks that are equivariant to a left-right symmetry; see `symmetry`.

    The learned parameters are blocks. Preprocessed observations have first the even components of
    the normalised observation, then the odd ones.

    Args:
        spec: The policy.
        reflection: The symmetry of the environment.
    """

    def __init__(self, spec: MLPSpec, reflection: Symmetry) -> None:
        super().__init__(spec)
        order, sign = reflection.observation_order, reflection.observation_sign
        self._reflection = reflection
        self._all = symmetry.basis(order, sign)
        self._visible = symmetry.basis(order[: spec.policy_size], sign[: spec.policy_size])
        self._outputs = symmetry.output_basis(reflection)

    def from_initial(self, params: NetParams) -> NetParams:
        # A unit has half as many inputs as in plain networks, so weights are larger by sqrt(2).
        return self._to_blocks(jax.tree.map(lambda x: x * math.sqrt(2.0), params))

    def from_trained(self, params: NetParams) -> NetParams:
        learned = self._to_blocks(params)
        pairs = zip(jax.tree.leaves(self.to_plain(learned)), jax.tree.leaves(params), strict=True)
        if not all(np.allclose(ours, theirs, atol=1e-4) for ours, theirs in pairs):
            raise UsageError(
                "the policy to start from treats left and right differently; "
                "ppo.symmetry needs a policy that treats them alike",
                "--set ppo.symmetry=false",
            )
        return learned

    def to_plain(self, params: NetParams) -> NetParams:
        return {
            "policy": symmetry.from_blocks(params["policy"], self._visible, self._outputs),
            "value": symmetry.from_blocks(params["value"], self._all, symmetry.SCALAR),
        }

    def update_normalizer(
        self, statistics: Normalizer, observation: jax.Array, reduction: Reduction = ONE_SHARD
    ) -> Normalizer:
        statistics = super().update_normalizer(statistics, observation, reduction)
        return symmetry.symmetrize(statistics, self._reflection)

    def preprocess(self, statistics: Normalizer, observation: jax.Array) -> jax.Array:
        return super().preprocess(statistics, observation) @ np.concatenate(self._all, axis=1)

    def logits(self, params: jax_net.Params, x: jax.Array) -> jax.Array:
        even, odd = self._parts(x)
        even, odd = even[..., : self._visible.even.shape[1]], odd[..., : self._visible.odd.shape[1]]
        even, odd = symmetry.mlp(params, even, odd, self.spec.activation)
        return even @ self._outputs.even.T + odd @ self._outputs.odd.T

    def value(self, params: jax_net.Params, x: jax.Array) -> jax.Array:
        return symmetry.mlp(params, *self._parts(x), self.spec.activation)[0][..., 0]

    def _to_blocks(self, params: NetParams) -> NetParams:
        return {
            "policy": symmetry.to_blocks(params["policy"], self._visible, self._outputs),
            "value": symmetry.to_blocks(params["value"], self._all, symmetry.SCALAR),
        }

    def _parts(self, x: jax.Array) -> tuple[jax.Array, jax.Array]:
        evens = self._all.even.shape[1]
        return x[..., :evens], x[..., evens:]
