"""Specs of environments and policies, as plain data.

Every checkpoint holds them, so that a policy can act without the environment's code and a mismatch
can be reported by name. Nothing here needs a framework.
"""

from dataclasses import MISSING, asdict, dataclass, field, fields, is_dataclass
from types import UnionType
from typing import Any, ClassVar, Self, get_args, get_origin, get_type_hints


@dataclass(frozen=True)
class ObservationPart:
    """A named slice of the observation vector.

    Attributes:
        name: What is observed, e.g. `joint_position`.
        size: How many numbers.
        unit: Their unit, `1` where there is none.
        privileged: Only the critic gets it (asymmetric actor-critic). Privileged parts come last.
        weight: Standard deviation of the part after normalisation. A small weight reduces the
            noise that less important parts add to learning. Acting does not depend on it.
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
        name: The actuator or joint that it drives.
        low: Lower bound, None without one.
        high: Upper bound, None without one.
        unit: Unit of the bounds.
        meaning: Physical meaning, e.g. `torque`.
        discrete: The action is a choice: a whole number from low to high.
    """

    name: str
    low: float | None
    high: float | None
    unit: str = "1"
    meaning: str = ""
    discrete: bool = False


@dataclass(frozen=True)
class Symmetry:
    """Left-right symmetry of a task: how to reflect observations and actions.

    Component i of a reflected vector is sign[i] times component order[i] of the vector.

    Attributes:
        observation_order: (O,) indices.
        observation_sign: (O,) 1 or -1.
        action_order: (A,) indices.
        action_sign: (A,) 1 or -1; -1 only where the bounds are symmetric about 0.
    """

    observation_order: tuple[int, ...]
    observation_sign: tuple[int, ...]
    action_order: tuple[int, ...]
    action_sign: tuple[int, ...]


@dataclass(frozen=True)
class RatioMetric:
    """Evaluation metric that is a ratio of sums, separate from the reward.

    Both sums are over all steps of all episodes.

    Attributes:
        name: Name in reports.
        unit: Unit, `1` where there is none.
        numerator: Per-step metric whose sum is divided.
        denominator: Per-step metric whose sum is the divisor; "" for the number of steps.
    """

    name: str
    unit: str
    numerator: str
    denominator: str = ""


@dataclass(frozen=True)
class EnvSpec:
    """Observation and action spaces of an environment, and its timing.

    Attributes:
        id: Catalog name.
        observation: Layout of the observation vector, in order.
        action: Components of the action, in order.
        control_dt: Seconds between two actions.
        substeps: Physics steps in a control step.
        episode_length: Control steps after which an episode is truncated.
        terms: Names of the per-step metrics that are summed over an episode, reward terms first.
            An environment whose terms appear in its infos may report more later.
        cameras: Named cameras, the default first; empty for MuJoCo's free camera.
        commands: Names of the command's components; empty without commands.
        achieved: Indices of the observation that measure how each component of the command is
            tracked, in its unit; empty if none do.
        symmetry: Left-right symmetry, None without one. Used in training only; not saved.
        eval_metrics: Evaluation metrics besides return and reward terms. Not saved.
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
    eval_metrics: tuple[RatioMetric, ...] = field(default=(), compare=False)

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of all per-step metrics: the terms, then those that eval_metrics need."""
        sources = (name for m in self.eval_metrics for name in (m.numerator, m.denominator) if name)
        return tuple(dict.fromkeys((*self.terms, *sources)))

    @property
    def eval_only_metrics(self) -> tuple[str, ...]:
        """Names of the per-step metrics that only eval_metrics use: they are no reward terms."""
        return tuple(name for name in self.metrics if name not in self.terms)

    def observation_name(self, index: int) -> str:
        """Return the name of component `index` of an observation, e.g. `joint_velocity[3]`."""
        for part in self.observation:
            if index < part.size:
                return f"{part.name}[{index}]" if part.size > 1 else part.name
            index -= part.size
        raise IndexError(f"{self.id} has only {self.observation_size} observation components")

    @property
    def observation_size(self) -> int:
        """Size of an observation, privileged parts included."""
        return sum(part.size for part in self.observation)

    @property
    def policy_size(self) -> int:
        """Size of the policy's input: the observation without its privileged tail."""
        return sum(part.size for part in self.observation if not part.privileged)

    @property
    def observation_weight(self) -> tuple[float, ...]:
        """Weight of every component of an observation, (O,)."""
        return tuple(part.weight for part in self.observation for _ in range(part.size))

    @property
    def action_size(self) -> int:
        """Size of an action."""
        return len(self.action)

    def to_json(self) -> dict[str, Any]:
        """Return plain data for the manifest."""
        unsaved = ("symmetry", "eval_metrics")
        return {name: value for name, value in asdict(self).items() if name not in unsaved}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Read a spec that `to_json` wrote; unknown members of later versions are ignored.

        Raises:
            ValueError: The data is no valid spec.
        """
        return _parse(cls, data, "env.spec")


@dataclass(frozen=True)
class ArraySpec:
    """One array of an observation or of a policy's memory.

    Attributes:
        name: What it is, e.g. `image` or `h`.
        shape: Its shape, without a batch axis.
        dtype: Its numpy dtype.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"


@dataclass(frozen=True)
class PolicySpec:
    """Interface of a policy; each kind of policy extends it by what its formula needs.

    Attributes:
        observation_size: Size of the observation vector, privileged parts included.
        policy_size: Size of the part that the policy gets (the start of the observation).
        action_low: Lower bounds of the action; None for unbounded.
        action_high: Upper bounds of the action, likewise.
        inputs: Named arrays of an observation that is a mapping; () if it is one vector.
    """

    kind: ClassVar[str] = ""  # name in `catalog.POLICIES`

    observation_size: int
    policy_size: int
    action_low: tuple[float | None, ...]
    action_high: tuple[float | None, ...]
    inputs: tuple[ArraySpec, ...] = field(default=(), kw_only=True)

    @property
    def action_size(self) -> int:
        """Size of an action."""
        return len(self.action_low)

    @property
    def noise_size(self) -> int:
        """Size of the noise for one action."""
        return self.action_size

    @property
    def memory(self) -> tuple[ArraySpec, ...]:
        """Arrays that the policy keeps from step to step, zeros at the start of an episode."""
        return ()

    @property
    def summary(self) -> str:
        """Description of what computes the action, in a few words."""
        return self.kind

    def to_json(self) -> dict[str, Any]:
        """Return plain data for the manifest."""
        return {"kind": self.kind, **asdict(self)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Read a spec of this kind that `to_json` wrote; `catalog.policy_spec` reads any kind.

        Unknown members are refused, since they could change how the policy acts.

        Raises:
            ValueError: The data is no valid spec.
        """
        members = {name: value for name, value in data.items() if name != "kind"}
        if unknown := sorted(members.keys() - {item.name for item in fields(cls)}):
            raise ValueError(f"policy has {unknown[0][:40]!r}, which this version does not know")
        return _parse(cls, members, "policy")


def count_choices(low: float | None, high: float | None) -> int:
    """Return how many whole numbers there are from low to high.

    Raises:
        ValueError: A bound is missing, which no valid spec of a discrete action lacks.
    """
    if low is None or high is None:
        raise ValueError(f"a discrete action has the bounds {low} and {high}")
    return round(high - low) + 1


def _parse(kind: Any, value: Any, name: str) -> Any:
    """Convert a JSON value to a type: objects to dataclasses, lists to tuples.

    Raises:
        ValueError: The value is not of the type; the message says where (`name`).
    """
    if is_dataclass(kind):
        return _parse_dataclass(kind, value, name)
    origin, parts = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return None if value is None else _parse(parts[0], value, name)
    if origin is tuple and isinstance(value, list):
        return tuple(_parse(parts[0], item, f"{name}[{i}]") for i, item in enumerate(value))
    # In Python a bool is an int: without the second test, true would pass as 1.
    fits = origin is None and isinstance(value, (int, float) if kind is float else kind)
    # bool is a subclass of int, but `true` is not a number in JSON.
    if fits and (kind is bool) == isinstance(value, bool):
        return value
    raise ValueError(f"{name} is {repr(value)[:40]}")


def _parse_dataclass(kind: Any, value: Any, name: str) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{name} is {repr(value)[:40]}")
    known = {item.name: item for item in fields(kind)}
    for key, item in known.items():
        if key not in value and item.default is MISSING and item.default_factory is MISSING:
            raise ValueError(f"{name} has no {key}")
    types = get_type_hints(kind)
    given = {key: value[key] for key in known if key in value}
    return kind(**{key: _parse(types[key], item, f"{name}.{key}") for key, item in given.items()})
