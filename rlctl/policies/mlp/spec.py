"""The spec of policies of kind `mlp`."""

from dataclasses import dataclass
from typing import ClassVar

from rlctl.core.specs import PolicySpec, count_choices


@dataclass(frozen=True)
class MLPSpec(PolicySpec):
    """Everything needed to compute actions from saved arrays, in any framework.

    The action for an observation x follows from the networks, whose kernels are stored [in, out].
    A is the size of an action:

        n = clip((x - mean) / std, -clip, clip)                    observation normaliser
        h = MLP(n)                                                 the policy network

    and then, with `noise` standard normal (A,), or 0 for the deterministic action:

        tanh_normal    h = [mu, s]                                 2A numbers
                       u = mu + (softplus(s) + min_std) * var_scale * noise
                       action = low + (tanh(u) + 1) / 2 * (high - low)
        normal         h = mu                                      A numbers, and log_std (A,)
                       u = mu + exp(log_std) * noise
                       action = low + (clip(u, -1, 1) + 1) / 2 * (high - low), or u without bounds
        categorical    h = logits                                  one for each of low, ..., high
                       action = low + argmax(h + noise)            noise Gumbel, not normal

    Attributes:
        observation_size: Size of an observation, privileged parts included.
        policy_size: Size of the policy network's input (the start of the observation).
        action_low: Lower bounds of the action; None for unbounded, which only `normal` allows.
        action_high: Upper bounds of the action, likewise.
        inputs: (): an observation is one vector.
        policy_hidden_layer_sizes: Widths of the policy's hidden layers.
        value_hidden_layer_sizes: Widths of the value function's hidden layers.
        activation: Hidden activation: `swish`, `tanh`, `relu` or `elu`.
        distribution: `tanh_normal`, `normal` or `categorical`.
        min_std: Minimum standard deviation of tanh_normal, added after the softplus.
        var_scale: Factor on the standard deviation of tanh_normal.
        normalize: Whether observations are normalised.
        normalizer_clip: Bound on the normalised observation, None for none.
    """

    kind: ClassVar[str] = "mlp"

    policy_hidden_layer_sizes: tuple[int, ...]
    value_hidden_layer_sizes: tuple[int, ...]
    activation: str = "swish"
    distribution: str = "tanh_normal"
    min_std: float = 0.001
    var_scale: float = 1.0
    normalize: bool = True
    normalizer_clip: float | None = None

    @property
    def output_size(self) -> int:
        """Size of the policy network's output."""
        if self.distribution == "categorical":
            return count_choices(self.action_low[0], self.action_high[0])
        return self.action_size * (2 if self.distribution == "tanh_normal" else 1)

    @property
    def noise_size(self) -> int:
        return self.output_size if self.distribution == "categorical" else self.action_size

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        """Widths of the policy's MLP: input, hidden layers, output."""
        return (self.policy_size, *self.policy_hidden_layer_sizes, self.output_size)

    @property
    def value_layer_sizes(self) -> tuple[int, ...]:
        """Widths of the value function's MLP: input, hidden layers, output."""
        return (self.observation_size, *self.value_hidden_layer_sizes, 1)

    @property
    def summary(self) -> str:
        layers = " -> ".join(map(str, self.layer_sizes))
        return f"{layers}, {self.activation}, {self.distribution}"
