"""Commands given by the user (--command, --command-schedule) instead of the environment's own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rlctl.core.specs import EnvSpec

if TYPE_CHECKING:
    from rlctl.envs.base import CommandedEnvironment
    from rlctl.rollouts.commands import CommandSchedule


@dataclass(frozen=True)
class CommandOverride:
    """Override of the commands that environments sample.

    Attributes:
        command: Value of `--command`, None without it.
        schedule: Value of `--command-schedule`, None without it.
        clip: Whether to clip commands to the training range; otherwise they give a warning.
    """

    command: str | None = None
    schedule: str | None = None
    clip: bool = False

    def schedule_of(
        self, spec: EnvSpec, name: str, config: Any, warn: Callable[[str], None]
    ) -> "CommandSchedule | None":
        """Return the commands for a session to follow; None without an override.

        Args:
            spec: Spec of the environment.
            name: Its catalog name.
            config: Its settings, which hold the training range of the commands.
            warn: Called if commands leave that range.

        Raises:
            UsageError: The override cannot be parsed, or the environment takes no commands.
            NotFound: The schedule file does not exist.
        """
        from rlctl.rollouts import commands
        from rlctl.rollouts.factory import make_environment

        schedule = commands.parse_commands(self.command, self.schedule, spec.commands)
        if schedule is None:
            return None
        environment: CommandedEnvironment = make_environment(name, config)
        bounds = environment.command_low, environment.command_high
        if self.clip:
            schedule = schedule.clip(*bounds)
        elif beyond := commands.out_of_range(schedule, *bounds, spec.commands):
            warn(f"commands outside the training range: {beyond}; --clip-command clips them")
        return schedule


NO_OVERRIDE = CommandOverride()
