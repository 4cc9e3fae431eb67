"""What is filmed, and who plays."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlctl.actions.command_override import NOTHING, CommandOverride
from rlctl.checkpoints import find
from rlctl.checkpoints.reading import Checkpoint
from rlctl.core.config import Overrides
from rlctl.core.errors import UsageError
from rlctl.core.progress import Progress
from rlctl.core.specs import EnvSpec

if TYPE_CHECKING:
    from rlctl.policies.base import Policy

_SECONDS = 10.0  # of simulation, unless told otherwise
_MOST_STEPS = 1_000_000
_MOST_ENVS = 16
_MOST_CHECKPOINTS = 4
_LONGEST = 40  # letters of a run's name in a caption


@dataclass(frozen=True)
class RenderRequest:
    """What is filmed.

    Attributes:
        steps: Control steps; None for 10 s of simulation, or an episode if that is shorter.
        seed: Of the first state and of everything random in the environment.
        physics: `auto`, `native`, `jax` or `warp`.
        backend: What runs the policy: `numpy`, `jax` or `torch`.
        told: The commands to give instead of those the environment draws.
        num_envs: Environments, each in a tile of its own.
        beside: What `--ckpt` takes: policies to film beside the first, from the same first state.
        overrides: `env.key=value` settings that differ from the first checkpoint's, or values by
            full name.
    """

    steps: int | None = None
    seed: int = 0
    physics: str = "auto"
    backend: str = "numpy"
    told: CommandOverride = NOTHING
    num_envs: int = 1
    beside: tuple[str, ...] = ()
    overrides: Overrides = ()

    @property
    def tiles(self) -> int:
        """How many robots a picture shows, each in a tile of its own."""
        return max(self.num_envs, 1 + len(self.beside))

    def check(self) -> None:
        """Raise unless it can be filmed.

        Raises:
            UsageError: A number out of range, or several environments of several checkpoints.
        """
        if self.steps is not None and not 1 <= self.steps <= _MOST_STEPS:
            raise UsageError(f"{self.steps} steps cannot be filmed; 1 to {_MOST_STEPS} can")
        if not 0 <= self.seed < 2**31:
            raise UsageError(f"a seed of {self.seed} is not one of 0 to {2**31 - 1}")
        if not 1 <= self.num_envs <= _MOST_ENVS:
            raise UsageError(
                f"{self.num_envs} environments cannot be filmed; 1 to {_MOST_ENVS} can"
            )
        checkpoints = 1 + len(self.beside)
        if checkpoints > _MOST_CHECKPOINTS:
            raise UsageError(
                f"{checkpoints} checkpoints cannot be filmed side by side; "
                f"up to {_MOST_CHECKPOINTS} can"
            )
        if self.num_envs > 1 and self.beside:
            raise UsageError(
                f"--num-envs {self.num_envs} and {checkpoints} checkpoints contradict each other",
                "film one --ckpt in several environments, or several in one: leave --num-envs out",
            )

    def length(self, spec: EnvSpec) -> int:
        """How many control steps to film."""
        return self.steps or min(spec.episode_length, round(_SECONDS / spec.control_dt))


@dataclass(frozen=True)
class LoadedPolicy:
    """A checkpoint and its policy."""

    checkpoint: Checkpoint
    policy: "Policy"

    @property
    def title(self) -> str:
        """The run and the step: `pendulum-ppo step 2,000,000`."""
        return f"{self._run} step {self.checkpoint.step:,}"

    @property
    def heading(self) -> str:
        """The environment, the run and how long it was trained, in two lines."""
        env, steps = self.checkpoint.manifest["env"]["id"], f"{self.checkpoint.step:,} steps"
        return f"{env}\n{steps}" if self._run == env else f"{env}\n{self._run}, {steps}"

    @property
    def _run(self) -> str:
        path = self.checkpoint.path.resolve()
        run = path.parents[1].name if path.parent.name == find.FOLDER else path.name
        return run if len(run) <= _LONGEST else "..." + run[-_LONGEST:]


def counter(progress: Progress, unit: str) -> Callable[[int, int], None]:
    """What tells how many `unit` (steps, frames) of how many are done."""
    return lambda done, total: progress.event("progress", steps=done, total=total, unit=unit)
