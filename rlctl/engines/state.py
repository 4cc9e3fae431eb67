"""Training state that all engines share, and its conversion from and to a checkpoint."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np

from rlctl.checkpoints.reading import Checkpoint
from rlctl.core.errors import Incompatible
from rlctl.rollouts.base import Arrays


@dataclass
class Counters:
    """Progress counters of a training.

    Attributes:
        steps: Environment steps.
        updates: Updates.
        episodes: Finished episodes.
        seconds: Wall time of training, summed over all resumed parts.
        best_step: Step of the best evaluation, -1 before any.
        best_return: Mean return of the best evaluation.
        evaluated: Step of the last evaluation, -1 before any.
    """

    steps: int = 0
    updates: int = 0
    episodes: int = 0
    seconds: float = 0.0
    best_step: int = -1
    best_return: float = -np.inf
    evaluated: int = -1

    @classmethod
    def from_manifest(cls, facts: Mapping[str, Any]) -> Self:
        """Return the counters of a checkpoint."""
        names = ("steps", "updates", "episodes", "seconds", "evaluated")
        counters = cls(**{name: facts["step" if name == "steps" else name] for name in names})
        counters.set_best(facts["best"])
        return counters

    @property
    def best(self) -> dict[str, Any] | None:
        """Return step and return of the best evaluation, None before any."""
        if self.best_step < 0:
            return None
        return {"step": self.best_step, "return": self.best_return}

    def set_best(self, entry: Mapping[str, Any] | None) -> None:
        """Set the best evaluation from a manifest's entry, None before any evaluation."""
        self.best_step, self.best_return = (-1, -np.inf)
        if entry is not None:
            self.best_step, self.best_return = entry["step"], entry["return"]


class Learner(Protocol):
    """NamedTuple of nested arrays that an engine's updates change, one member a part.

    `policy` is the checkpoint's group `policy`, all other members are its group `train`.
    """

    @property
    def policy(self) -> Any:
        """Networks and normaliser."""
        ...

    def _asdict(self) -> dict[str, Any]: ...

    def _replace(self, **members: Any) -> Self: ...


class Naming(Protocol):
    """Module that names the leaves of nested arrays: for JAX `rlctl.rollouts.arrays`."""

    def flatten(self, tree: Any) -> Arrays:
        """Name every leaf by its path and convert it to numpy."""
        ...

    def unflatten(self, like: Any, arrays: Arrays) -> Any:
        """Rebuild nested arrays with the structure of `like`."""
        ...


class Part(Protocol):
    """Part of the training state that is no nested array, a replay buffer for example."""

    def arrays(self) -> Arrays:
        """Return what `restore` needs. Later updates must not write into these arrays."""
        ...

    def restore(self, arrays: Arrays) -> None:
        """Restore what `arrays()` returned."""
        ...


AnyLearner = TypeVar("AnyLearner", bound=Learner)


@dataclass
class TrainState(Generic[AnyLearner]):
    """Full training state; save and load round-trip exactly.

    Attributes:
        learner: The part that the engine's updates change.
        naming: How the learner's leaves are named and converted.
        parts: Further parts of the group `train`, by the prefix of their arrays' names.
        counters: Progress counters.
        envs: The driver's state, as of the last update's end.
        evaluation: Summary of the last evaluation, {} before any.
    """

    learner: AnyLearner
    naming: Naming
    parts: dict[str, Part] = field(default_factory=dict)
    counters: Counters = field(default_factory=Counters)
    envs: Arrays = field(default_factory=dict)
    evaluation: dict[str, Any] = field(default_factory=dict)

    def policy_arrays(self) -> Arrays:
        """Return the checkpoint's group `policy`."""
        return self.naming.flatten(self.learner.policy)

    def groups(self) -> dict[str, Arrays]:
        """Return the checkpoint's array groups: `policy`, `train` and `envs`."""
        train = self.naming.flatten(self._rest())
        for prefix, part in self.parts.items():
            train |= {f"{prefix}/{name}": array for name, array in part.arrays().items()}
        return {"policy": self.policy_arrays(), "train": train, "envs": self.envs}

    def load_policy(self, checkpoint: Checkpoint) -> Any:
        """Return the policy of a checkpoint.

        Raises:
            Incompatible: Names, shapes or dtypes of its arrays differ from this policy's.
        """
        arrays = matching_arrays(self.policy_arrays(), checkpoint, "policy")
        return self.naming.unflatten(self.learner.policy, arrays)

    def restore(self, checkpoint: Checkpoint) -> None:
        """Restore everything from a checkpoint.

        Raises:
            Incompatible: Names, shapes or dtypes of its arrays differ from this state's.
        """
        rest = self._rest()
        for prefix, part in self.parts.items():
            part.restore(_take(checkpoint.groups["train"], prefix))
        arrays = matching_arrays(self.naming.flatten(rest), checkpoint, "train", [*self.parts])
        rest = self.naming.unflatten(rest, arrays)
        self.learner = self.learner._replace(policy=self.load_policy(checkpoint), **rest)
        self.counters = Counters.from_manifest(checkpoint.manifest)
        self.envs = dict(checkpoint.groups["envs"])
        self.evaluation = checkpoint.manifest["metrics"]

    def _rest(self) -> dict[str, Any]:
        """Return the learner's members besides the policy."""
        members = self.learner._asdict()
        del members["policy"]
        return members


def _take(arrays: Arrays, prefix: str) -> Arrays:
    """Return the arrays whose names begin with "prefix/", without it."""
    start = f"{prefix}/"
    return {n.removeprefix(start): a for n, a in arrays.items() if n.startswith(start)}


def matching_arrays(
    like: Mapping[str, Any], checkpoint: Checkpoint, group: str, besides: list[str] | None = None
) -> Arrays:
    """Return a checkpoint's group of arrays after comparing names, shapes and dtypes with `like`.

    Args:
        like: Arrays with the names, shapes and dtypes to expect.
        checkpoint: The checkpoint.
        group: Name of the group.
        besides: Prefixes of the names of arrays to leave out.

    Raises:
        Incompatible: One differs.
    """
    arrays = {
        name: array
        for name, array in checkpoint.groups[group].items()
        if name.partition("/")[0] not in (besides or ())
    }
    wanted = {name: f"{array.dtype}{list(array.shape)}" for name, array in like.items()}
    given = {name: f"{array.dtype}{list(array.shape)}" for name, array in arrays.items()}
    if wanted != given:
        name = min(set(wanted.items()) ^ set(given.items()))[0]
        raise Incompatible(
            f"{checkpoint.path} has {given.get(name, 'no array')} for {name}; "
            f"these settings need {wanted.get(name, 'no such array')}",
            "use the network sizes and environment it was trained with "
            "(`rlctl inspect-ckpt` shows them)",
        )
    return arrays
