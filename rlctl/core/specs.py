"""Environment and policy specs as plain data.

Specs are saved in every checkpoint, so that a policy can act without the environment's code and a
mismatch is reported by name. Needs no framework.
"""

from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from types import UnionType
from typing import Any, Self, get_args, get_origin, get_type_hints


@dataclass(frozen=True)
class ObservationPart:
    """A named slice of the observation vector.

    Attributes:
        name: The observed quantity, e.g. `joint_position`.
        size: Number of components.
        unit: Unit, `1` if dimensionless.
        privileged: Observed by the critic only (asymmetric critic). Privileged parts come last.
        weight: Standard deviation after normalisation, as input of the networks. A smaller weight
            for a less important part reduces gradient noise. Acting does not depend on it.
    """

    name: str
    size: int
    unit: str = "1"
    privileged: bool = False
    weight: float = field(default=1.0, compare=False)


@dataclass(frozen=True)
class ActionPart:
    """One component of the action, in the environment's units.

    Attributes:
        name: The actuator or joint it drives.
        low: Lower bound, None if unbounded.
        high: Upper bound, None if unbounded.
        unit: Unit of the bounds.
        meaning: The physical quantity, e.g. `torque`.
        discrete: The action is an integer from low to high.
    """

    name: str
    low: float | None
    high: float | None
    unit: str = "1"
    meaning: str = ""
    discrete: bool = False


@dataclass(frozen=True)
class Symmetry:
    """The left-right symmetry of a task without a preferred side.

    Number i of a reflected vector is sign[i] times number order[i] of the vector.

    Attributes:
        observation_order: Index permutation, as long as the observation.
        observation_sign: 1 or -1 each.
        action_order: Index permutation, as long as the action.
        action_sign: 1 or -1 each; -1 only if low = -high for that action.
    """

    observation_order: tuple[int, ...]
    observation_sign: tuple[int, ...]
    action_order: tuple[int, ...]
    action_sign: tuple[int, ...]


@dataclass(frozen=True)
class RatioMetric:
    """Evaluation metric that is a ratio of two sums of per-step metrics.

    Both sums are over all steps of all episodes. The reward does not use it.

    Attributes:
        name: The metric's name.
        unit: Unit, `1` if dimensionless.
        of: Per-step metric of the numerator.
        per: Per-step metric of the denominator, "" for the number of steps.
    """

    name: str
    unit: str
    of: str
    per: str = ""


@dataclass(frozen=True)
class EnvSpec:
    """Observation layout, action layout and timing of an environment.

    Attributes:
        id: The catalog name.
        observation: The layout of the observation vector, in order.
        action: The components of the action, in order.
        control_dt: Control period, seconds.
        substeps: Physics steps per control step.
        episode_length: Control steps after which an episode is truncated.
        terms: Names of the per-step metrics that are summed over an episode, reward terms first.
            An environment may return more terms at run time.
        cameras: Named cameras, the default first; empty for MuJoCo's free camera.
        commands: Names of the command's components, empty without a command.
        achieved: Observation indices of the measured value of each command component, in its
            unit; empty if not observed.
        symmetry: Left-right symmetry of the task, None without one. Only training uses it; it is
            not saved in checkpoints.
        figures: What evaluations tell besides. No checkpoint holds it.
    """

    id: str
    observation: tuple[ObservationPart, ...]
    action: tuple[ActionPart, ...]
    control_dt: float
    substeps: int
    episode_length: int
    terms: tuple[str, ...] = ()
    cameras: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    achieved: tuple[int, ...] = ()
    symmetry: Symmetry | None = field(default=None, compare=False)
    figures: tuple[RatioMetric, ...] = field(default=(), compare=False)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of all per-step metrics: the terms, and then what the figures are made of."""
        made_of = (name for figure in self.figures for name in (figure.of, figure.per) if name)
        return tuple(dict.fromkeys((*self.terms, *made_of)))

    @property
    def unrewarded(self) -> tuple[str, ...]:
        """Names of the metrics that figures alone are made of."""
        return tuple(name for name in self.metrics if name not in self.terms)

    def observation_name(self, index: int) -> str:
        """Return the name of observation component `index`, e.g. `joint_velocity[3]`."""
        for part in self.observation:
            if index < part.size:
                return f"{part.name}[{index}]" if part.size > 1 else part.name
            index -= part.size
        raise IndexError(f"{self.id} has a smaller observation")

    @property
    def observation_size(self) -> int:
        """Size of the observation, including privileged parts."""
        return sum(part.size for part in self.observation)

    @property
    def policy_size(self) -> int:
        """Size of the policy's input: the observation without its privileged tail."""
        return sum(part.size for part in self.observation if not part.privileged)

    @property
    def observation_weight(self) -> tuple[float, ...]:
        """Weight of every component of the observation."""
        return tuple(part.weight for part in self.observation for _ in range(part.size))

    @property
    def action_size(self) -> int:
        """Size of the action."""
        return len(self.action)

    def to_json(self) -> dict[str, Any]:
        """Return plain data for the manifest."""
        unsaved = ("symmetry", "figures")
        return {name: value for name, value in asdict(self).items() if name not in unsaved}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Restore the spec that `to_json` wrote; unknown members of later versions are ignored.

        Raises:
            ValueError: The data is invalid; the message names the member.
        """
        return _from_json(cls, data, "env.spec")


@dataclass(frozen=True)
class PolicySpec:
    """Everything needed to compute actions from saved arrays, in any framework.

    The action for an observation x is, with kernels stored [in, out] and action size A:

        n = clip((x - mean) / std, -clip, clip)                    observation normaliser
        h = MLP(n)                                                 the policy network

    and then, with `noise` standard normal (A,), or 0 for the deterministic action:

        tanh_normal    h = [mu, s]                                 2A numbers
                       u = mu + (softplus(s) + min_std) * var_scale * noise
                       action = low + (tanh(u) + 1) / 2 * (high - low)
        normal         h = mu                                      A numbers, beside log_std (A,)
                       u = mu + exp(log_std) * noise
                       action = low + (clip(u, -1, 1) + 1) / 2 * (high - low), or u without bounds
        categorical    h = logits                                  one for each of low, ..., high
                       action = low + argmax(h + noise)            noise Gumbel, not normal

    Attributes:
        observation_size: Size of the observation, including privileged parts.
        policy_size: Size of the policy network's input (the start of the observation).
        action_low: Lower bounds of the action; None if unbounded, for `normal` only.
        action_high: Upper bounds of the action, likewise.
        policy_hidden_layer_sizes: Widths of the policy's hidden layers.
        value_hidden_layer_sizes: Widths of the value function's hidden layers.
        activation: Hidden activation: `swish`, `tanh`, `relu` or `elu`.
        distribution: `tanh_normal`, `normal` or `categorical`.
        min_std: Minimum standard deviation of tanh_normal, added after the softplus.
        var_scale: Factor on the standard deviation of tanh_normal.
        normalize: Whether observations are normalised.
        normalizer_clip: Bound on the normalised observation, None for none.
    """

    observation_size: int
    policy_size: int
    action_low: tuple[float | None, ...]
    action_high: tuple[float | None, ...]
    policy_hidden_layer_sizes: tuple[int, ...]
    value_hidden_layer_sizes: tuple[int, ...]
    activation: str = "swish"
    distribution: str = "tanh_normal"
    min_std: float = 0.001
    var_scale: float = 1.0
    normalize: bool = True
    normalizer_clip: float | None = None

    @property
    def action_size(self) -> int:
        """Size of the action."""
        return len(self.action_low)

    @property
    def output_size(self) -> int:
        """Output size of the policy network."""
        if self.distribution == "categorical":
            return round(self.action_high[0] - self.action_low[0]) + 1
        return self.action_size * (2 if self.distribution == "tanh_normal" else 1)

    @property
    def noise_size(self) -> int:
        """Size of the noise vector that samples an action."""
        return self.output_size if self.distribution == "categorical" else self.action_size

    def to_json(self) -> dict[str, Any]:
        """Return plain data for the manifest."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Restore the spec that `to_json` wrote; unknown members are an error.

        An unknown member could change how the policy acts.

        Raises:
            ValueError: The data is invalid; the message names the member.
        """
        return _from_json(cls, data, "policy")


def _from_json(kind: Any, value: Any, name: str) -> Any:
    """Convert a JSON value to a type: objects to dataclasses, lists to tuples.

    Raises:
        ValueError: The value is not of the type; the message gives its path `name`.
    """
    if is_dataclass(kind):
        return _dataclass_from_json(kind, value, name)
    origin, parts = get_origin(kind), get_args(kind)
    if origin is UnionType:  # only `X | None` occurs in the specs
        return None if value is None else _from_json(parts[0], value, name)
    if origin is tuple and isinstance(value, list):
        return tuple(_from_json(parts[0], item, f"{name}[{i}]") for i, item in enumerate(value))
    fits = origin is None and isinstance(value, (int, float) if kind is float else kind)
    # bool is a subclass of int, but `true` is not a number in JSON.
    if fits and (kind is bool) == isinstance(value, bool):
        return value
    raise ValueError(f"{name} is {repr(value)[:40]}")


def _dataclass_from_json(kind: Any, value: Any, name: str) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{name} is {repr(value)[:40]}")
    known = {item.name: item for item in fields(kind)}
    if kind is PolicySpec and (unknown := sorted(value.keys() - known.keys())):
        raise ValueError(f"{name} has {unknown[0][:40]!r}, which this version does not know")
    for key, item in known.items():
        if key not in value and item.default is MISSING and item.default_factory is MISSING:
            raise ValueError(f"{name} has no {key}")
    types = get_type_hints(kind)
    given = {key: value[key] for key in known if key in value}
    return kind(
        **{key: _from_json(types[key], item, f"{name}.{key}") for key, item in given.items()}
    )
