"""What an environment and a policy say about themselves, in plain data.

Specs are written into every checkpoint, so that a policy can act without the environment's code
and a mismatch is told by name. Nothing here needs a framework.
"""

from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from types import UnionType
from typing import Any, Self, get_args, get_origin, get_type_hints


@dataclass(frozen=True)
class ObservationPart:
    """A named slice of the observation vector.

    Attributes:
        name: What is observed, e.g. `joint_position`.
        size: How many numbers.
        unit: Their unit, `1` where there is none.
        privileged: Only the value function sees it. Privileged parts come last.
        weight: The deviation it has for the networks, once normalised. What matters little is
            learned from with less noise if it comes in smaller. Acting does not depend on it.
    """

    name: str
    size: int
    unit: str = "1"
    privileged: bool = False
    weight: float = field(default=1.0, compare=False)


@dataclass(frozen=True)
class ActionPart:
    """One component of the action, in the environment's own units.

    Attributes:
        name: The actuator or joint it drives.
        low: Lower bound, None without one.
        high: Upper bound, None without one.
        unit: Unit of the bounds.
        meaning: What the number does, e.g. `torque`.
        discrete: The whole action is a choice: a whole number from low to high.
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
        observation_order: Whole numbers, as many as an observation has.
        observation_sign: 1 or -1 each.
        action_order: Whole numbers, as many as an action has.
        action_sign: 1 or -1 each; -1 only where the action's bounds are each other's negatives.
    """

    observation_order: tuple[int, ...]
    observation_sign: tuple[int, ...]
    action_order: tuple[int, ...]
    action_sign: tuple[int, ...]


@dataclass(frozen=True)
class RatioMetric:
    """What evaluations tell of how a task is done, and no reward counts: one sum over another.

    Both are over all steps of all episodes, of metrics that the environment gives.

    Attributes:
        name: What it is called.
        unit: Its unit, `1` where there is none.
        of: The metric that is summed.
        per: The metric by whose sum that is divided, "" for the number of steps.
    """

    name: str
    unit: str
    of: str
    per: str = ""


@dataclass(frozen=True)
class EnvSpec:
    """What an environment observes, what it accepts, and its timing.

    Attributes:
        id: The catalog name.
        observation: The layout of the observation vector, in order.
        action: The components of the action, in order.
        control_dt: Seconds between two actions.
        substeps: Physics steps in a control step.
        episode_length: Control steps after which an episode is truncated.
        terms: Names of the per-step metrics that are summed over an episode, reward terms first.
            An environment that names its terms as it goes may have more than it knows here.
        cameras: Named cameras, the default first; empty for MuJoCo's free camera.
        commands: Names of the command's components, empty without one.
        achieved: Which numbers of the observation tell how the command is met, one for each
            component, in its unit; empty where none do.
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

    def observed(self, index: int) -> str:
        """What number `index` of an observation is called, such as `joint_velocity[3]`."""
        for part in self.observation:
            if index < part.size:
                return f"{part.name}[{index}]" if part.size > 1 else part.name
            index -= part.size
        raise IndexError(f"{self.id} observes less")

    @property
    def observation_size(self) -> int:
        """Numbers in an observation, privileged ones included."""
        return sum(part.size for part in self.observation)

    @property
    def policy_size(self) -> int:
        """Numbers the policy sees: the observation without its privileged tail."""
        return sum(part.size for part in self.observation if not part.privileged)

    @property
    def observation_weight(self) -> tuple[float, ...]:
        """The weight of every number of an observation."""
        return tuple(part.weight for part in self.observation for _ in range(part.size))

    @property
    def action_size(self) -> int:
        """Numbers in an action."""
        return len(self.action)

    def to_json(self) -> dict[str, Any]:
        """Plain data for the manifest."""
        unsaved = ("symmetry", "figures")
        return {name: value for name, value in asdict(self).items() if name not in unsaved}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The spec that `to_json` wrote; what a later version says besides is left alone.

        Raises:
            ValueError: It is none; says what is wrong.
        """
        return _made(cls, data, "env.spec")


@dataclass(frozen=True)
class PolicySpec:
    """Everything needed to act from arrays alone, in any framework.

    The action of an observation x is, with the networks' kernels stored [in, out] and A numbers in
    an action:

        n = clip((x - mean) / std, -clip, clip)                    the normaliser
        h = MLP(n)                                                 the policy network

    and then, where `noise` is standard normal (A,), or 0 for the deterministic action:

        tanh_normal    h = [mu, s]                                 2A numbers
                       u = mu + (softplus(s) + min_std) * var_scale * noise
                       action = low + (tanh(u) + 1) / 2 * (high - low)
        normal         h = mu                                      A numbers, beside log_std (A,)
                       u = mu + exp(log_std) * noise
                       action = low + (clip(u, -1, 1) + 1) / 2 * (high - low), or u without bounds
        categorical    h = logits                                  one for each of low, ..., high
                       action = low + argmax(h + noise)            noise Gumbel, not normal

    Attributes:
        observation_size: Numbers in an observation, privileged ones included.
        policy_size: Numbers the policy network sees (the first of the observation).
        action_low: Lower bounds of the action; None where it has none, which `normal` alone allows.
        action_high: Upper bounds of the action, likewise.
        policy_hidden_layer_sizes: Widths of the policy's hidden layers.
        value_hidden_layer_sizes: Widths of the value function's hidden layers.
        activation: Hidden activation: `swish`, `tanh`, `relu` or `elu`.
        distribution: `tanh_normal`, `normal` or `categorical`.
        min_std: Smallest standard deviation of tanh_normal, added after the softplus.
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
        """Numbers in an action."""
        return len(self.action_low)

    @property
    def output_size(self) -> int:
        """Numbers that the policy network gives."""
        if self.distribution == "categorical":
            return round(self.action_high[0] - self.action_low[0]) + 1
        return self.action_size * (2 if self.distribution == "tanh_normal" else 1)

    @property
    def noise_size(self) -> int:
        """Numbers of noise behind an action."""
        return self.output_size if self.distribution == "categorical" else self.action_size

    def to_json(self) -> dict[str, Any]:
        """Plain data for the manifest."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """The spec that `to_json` wrote; a member not known here could change how it acts.

        Raises:
            ValueError: It is none; says what is wrong.
        """
        return _made(cls, data, "policy")


def _made(kind: Any, value: Any, name: str) -> Any:
    """JSON's value as a type has it: objects as dataclasses, lists as tuples.

    Raises:
        ValueError: It is not of the type; `name` is where it stands.
    """
    if is_dataclass(kind):
        return _made_dataclass(kind, value, name)
    origin, parts = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return None if value is None else _made(parts[0], value, name)
    if origin is tuple and isinstance(value, list):
        return tuple(_made(parts[0], item, f"{name}[{i}]") for i, item in enumerate(value))
    fits = origin is None and isinstance(value, (int, float) if kind is float else kind)
    if fits and (kind is bool) == isinstance(value, bool):
        return value
    raise ValueError(f"{name} is {repr(value)[:40]}")


def _made_dataclass(kind: Any, value: Any, name: str) -> Any:
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
    return kind(**{key: _made(types[key], item, f"{name}.{key}") for key, item in given.items()})
