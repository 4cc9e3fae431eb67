"""Commands given on the command line: read, held against what was trained on, followed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rlctl.rollouts.base import Driver


@dataclass(frozen=True)
class CommandOverride:
    """What somebody commands.

    Attributes:
        command: What `--command` takes, None if that was not given.
        schedule: What `--command-schedule` takes, likewise.
        clip: Keep to what was trained on, rather than warn.
    """

    command: str | None = None
    schedule: str | None = None
    clip: bool = False

    def drive(
        self, driver: "Driver", name: str, config: Any, tell: Callable[[str], None]
    ) -> "Driver":
        """The driver, its environments told what to do.

        Args:
            driver: The environments.
            name: Theirs in the catalog.
            config: Their settings, which say what is commanded in training.
            tell: Told of commands beyond that.

        Raises:
            UsageError: What is commanded cannot be read, or nothing can be commanded here.
            NotFound: No such schedule.
        """
        from rlctl.rollouts import commands
        from rlctl.rollouts.factory import make_environment

        names = driver.spec.commands
        schedule = commands.parse_commands(self.command, self.schedule, names)
        if schedule is None:
            return driver
        environment = make_environment(name, config)
        bounds = environment.command_low, environment.command_high
        if self.clip:
            schedule = schedule.clip(*bounds)
        elif beyond := commands.out_of_range(schedule, *bounds, names):
            tell(f"commanded beyond the training: {beyond}; --clip-command keeps within")
        return commands.CommandedDriver(driver, schedule)


NOTHING = CommandOverride()
