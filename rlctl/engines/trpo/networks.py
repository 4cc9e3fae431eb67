"""TRPO's actor and critic in PyTorch: distribution and value of a policy spec."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from rlctl.core.specs import EnvSpec
from rlctl.engines.trpo.config import TRPOConfig
from rlctl.engines.trpo.distributions import Categorical, Distribution, Normal
from rlctl.engines.trpo.vectors import Params
from rlctl.policies import normalizer
from rlctl.policies.mlp import torch_net
from rlctl.policies.mlp.spec import MLPSpec
from rlctl.policies.normalizer import Normalizer, normalize


class PolicyState(NamedTuple):
    """Actor, critic and observation normaliser.

    Attributes:
        policy: Parameters of the policy network, with log_std (A,) for a normal distribution.
        value: Parameters of the value network.
        normalizer: Running statistics of the observations, in numpy.
    """

    policy: Params
    value: Params
    normalizer: Normalizer


def policy_spec(env: EnvSpec, config: TRPOConfig) -> MLPSpec:
    """Return the spec of the policy that TRPO trains for an environment."""
    return MLPSpec(
        observation_size=env.observation_size,
        policy_size=env.policy_size,
        action_low=tuple(part.low for part in env.action),
        action_high=tuple(part.high for part in env.action),
        policy_hidden_layer_sizes=config.policy_hidden_layer_sizes,
        value_hidden_layer_sizes=config.value_hidden_layer_sizes,
        activation=config.activation,
        distribution="categorical" if env.action[0].discrete else "normal",
        normalize=config.normalize_observations,
        normalizer_clip=config.normalizer_clip,
    )


def init(
    seed: int,
    spec: MLPSpec,
    config: TRPOConfig,
    device: torch.device,
    weight: tuple[float, ...],
) -> PolicyState:
    """Return initial networks, the same on every device, and a normaliser without data.

    Args:
        seed: Random seed of the parameters.
        spec: The policy.
        config: Initial scale of its actions.
        device: Device of the parameters.
        weight: Weight of every component of an observation; see rlctl.policies.normalizer.
    """
    generator = torch.Generator().manual_seed(seed)
    policy = torch_net.init(spec.layer_sizes, generator, config.output_scale)
    if spec.distribution == "normal":
        policy["log_std"] = torch.full(
            (spec.action_size,), config.init_log_std, dtype=torch.float32
        )
    value = torch_net.init(spec.value_layer_sizes, generator)
    statistics = normalizer.init(np.asarray(weight, np.float32))
    return PolicyState(_to(policy, device), _to(value, device), statistics)


class Networks:
    """The learner's functions for one policy spec.

    Args:
        spec: The policy.
        device: Device of the parameters.
    """

    def __init__(self, spec: MLPSpec, device: torch.device) -> None:
        self.spec = spec
        self._device = device

    def preprocess(self, statistics: Normalizer, observation: np.ndarray) -> Tensor:
        """Return the networks' inputs (B, O) for raw observations (B, O): normalised, on device."""
        if self.spec.normalize:
            clip = self.spec.normalizer_clip
            observation = normalize(statistics.mean, statistics.std, observation, clip)
        return torch.from_numpy(observation).to(self._device)

    def distribution(self, params: Params, observation: Tensor) -> Distribution:
        """Return the action distributions for normalised observations (B, O)."""
        output = torch_net.mlp(params, observation[:, : self.spec.policy_size], self._activation)
        if self.spec.distribution == "categorical":
            return Categorical(output)
        return Normal(output, params["log_std"])

    def value(self, params: Params, observation: Tensor) -> Tensor:
        """Return values (B,) of normalised observations (B, O)."""
        return torch_net.mlp(params, observation, self._activation)[:, 0]

    def value_gradient(
        self, params: Params, observation: Tensor, target: Tensor, out: Params
    ) -> Tensor:
        """Write the gradient of the values' mean squared error to `out`; return errors (B, 1)."""
        return torch_net.squared_error_gradient(params, observation, target, self._activation, out)

    @property
    def _activation(self) -> str:
        return self.spec.activation


def _to(params: Params, device: torch.device) -> Params:
    return {name: x.to(device) for name, x in params.items()}
