"""Commands given by the user (--command, --command-schedule) instead of the environment's own."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rlctl.envs.base import CommandedEnvironment
    from rlctl.rollouts.base import Driver


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

    def apply(
        self, driver: "Driver", name: str, config: Any, warn: Callable[[str], None]
    ) -> "Driver":
        """Return a driver that follows the override; the same driver without an override.

        Args:
            driver: The environments.
            name: Their catalog name.
            config: Their settings, which hold the training range of the commands.
            warn: Called if commands leave that range.

        Raises:
            UsageError: The override cannot be parsed, or the environment takes no commands.
            NotFound: The schedule file does not exist.
        """
        from rlctl.rollouts import commands
        from rlctl.rollouts.factory import make_environment

        names = driver.spec.commands
        schedule = commands.parse_commands(self.command, self.schedule, names)
        if schedule is None:
            return driver
        environment: CommandedEnvironment = make_environment(name, config)
        bounds = environment.command_low, environment.command_high
        if self.clip:
            schedule = schedule.clip(*bounds)
        elif beyond := commands.out_of_range(schedule, *bounds, names):
            warn(f"commands outside the training range: {beyond}; --clip-command clips them")
        return commands.CommandedDriver(driver, schedule)


NO_OVERRIDE = CommandOverride()
