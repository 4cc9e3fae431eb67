"""Render request and loaded policies: the inputs of a video."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rlctl.actions.command_override import NO_OVERRIDE, CommandOverride
from rlctl.checkpoints.reading import Checkpoint
from rlctl.core.checkpoint_names import FOLDER
from rlctl.core.config import Overrides
from rlctl.core.errors import UsageError
from rlctl.core.progress import Progress
from rlctl.core.specs import EnvSpec

if TYPE_CHECKING:
    from rlctl.policies.base import Policy

_SECONDS = 10.0  # default length, in simulated time
_MAX_STEPS = 1_000_000
_MAX_ENVS = 16
_MAX_CHECKPOINTS = 4
_MAX_NAME = 40  # characters of a run's name in a caption


@dataclass(frozen=True)
class RenderRequest:
    """Request for a video.

    Attributes:
        steps: Control steps; None for 10 s of simulation, or an episode if that is shorter.
        seed: Seed of the initial states and all randomness of the environment.
        physics: `auto`, `native`, `jax` or `warp`.
        backend: Framework that runs the policy: `numpy`, `jax` or `torch`.
        command_override: Commands that replace those the environment samples.
        num_envs: Number of environments, one per tile.
        other_ckpts: Further checkpoints, as `--ckpt` takes them; rendered side by side with the
            first, from the same initial state.
        overrides: `env.key=value` settings that differ from the first checkpoint's, or values by
            full name.
    """

    steps: int | None = None
    seed: int = 0
    physics: str = "auto"
    backend: str = "numpy"
    command_override: CommandOverride = NO_OVERRIDE
    num_envs: int = 1
    other_ckpts: tuple[str, ...] = ()
    overrides: Overrides = ()

    @property
    def num_tiles(self) -> int:
        """Number of robots in a frame, one per tile."""
        return max(self.num_envs, 1 + len(self.other_ckpts))

    def validate(self) -> None:
        """Check the numbers of the request.

        Raises:
            UsageError: A number is out of range, or there are several environments and checkpoints.
        """
        if self.steps is not None and not 1 <= self.steps <= _MAX_STEPS:
            raise UsageError(f"{self.steps} steps cannot be rendered; allowed: 1 to {_MAX_STEPS}")
        if not 0 <= self.seed < 2**31:
            raise UsageError(f"the seed {self.seed} is not allowed; allowed: 0 to {2**31 - 1}")
        if not 1 <= self.num_envs <= _MAX_ENVS:
            raise UsageError(
                f"{self.num_envs} environments cannot be rendered; allowed: 1 to {_MAX_ENVS}"
            )
        checkpoints = 1 + len(self.other_ckpts)
        if checkpoints > _MAX_CHECKPOINTS:
            raise UsageError(
                f"{checkpoints} checkpoints cannot be rendered side by side; "
                f"at most {_MAX_CHECKPOINTS} can"
            )
        if self.num_envs > 1 and self.other_ckpts:
            raise UsageError(
                f"--num-envs {self.num_envs} cannot be combined with {checkpoints} checkpoints",
                "render one --ckpt in several environments, or leave --num-envs out",
            )

    def num_steps(self, spec: EnvSpec) -> int:
        """Return the number of control steps to render."""
        return self.steps or min(spec.episode_length, round(_SECONDS / spec.control_dt))


@dataclass(frozen=True)
class LoadedPolicy:
    """A checkpoint and its policy."""

    checkpoint: Checkpoint
    policy: "Policy"

    @property
    def title(self) -> str:
        """Run and step: `pendulum-ppo step 2,000,000`."""
        return f"{self._run} step {self.checkpoint.step:,}"

    @property
    def heading(self) -> str:
        """Environment, run and trained steps, in two lines."""
        env, steps = self.checkpoint.manifest["env"]["id"], f"{self.checkpoint.step:,} steps"
        return f"{env}\n{steps}" if self._run == env else f"{env}\n{self._run}, {steps}"

    @property
    def _run(self) -> str:
        path = self.checkpoint.path.resolve()
        run = path.parents[1].name if path.parent.name == FOLDER else path.name
        return run if len(run) <= _MAX_NAME else "..." + run[-_MAX_NAME:]


def make_counter(progress: Progress, unit: str) -> Callable[[int, int], None]:
    """Return a function that reports (done, total), counted in `unit` (steps, frames)."""
    return lambda done, total: progress.event("progress", steps=done, total=total, unit=unit)
