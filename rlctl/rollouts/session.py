"""Session: environments that are stepped with a policy on request. numpy over the Driver protocol.

Evaluations, videos, collection in numpy and Gymnasium's classes step their environments through it:
it is the one place that acts on the last observation, keeps the policy's memory, follows a command
schedule and pushes. Shapes: N environments, O observation, A action, C numbers of a command.
"""

from collections.abc import Callable, Mapping

import numpy as np

from rlctl.core.errors import UsageError
from rlctl.policies.base import Memory, Policy, reset_memory, sample_noise
from rlctl.rollouts.base import ActorStep, Arrays, Driver, Step
from rlctl.rollouts.commands import CommandSchedule

# (observation (N, O), memory; None at the start of all episodes) -> leaves (N, ...)
Act = Callable[[np.ndarray, Memory | None], ActorStep]


def act_of(policy: Policy, rng: np.random.Generator | None = None) -> Act:
    """Return a function that acts as a policy does: its mean, or samples from `rng`."""

    def act(observation: np.ndarray, memory: Memory | None) -> ActorStep:
        noise = None if rng is None else sample_noise(policy.spec, rng, len(observation))
        action, memory = policy.apply(observation, memory, noise=noise)
        return ActorStep(action, (), memory)

    return act


class Session:
    """Environments of a driver, stepped one control step at a time.

    A running driver continues where it is: a session may begin without `reset`.

    Args:
        driver: The environments.
        act: Function that chooses actions; None if they come from elsewhere, through `take`.
        schedule: Commands that every episode follows from its start, instead of the environment's
            own; None for the latter.
        memory: Memory of the policy, if the episodes began before; None for a new one.

    Attributes:
        driver: The environments: spec, positions and current commands.
        memory: Memory of the policy after the last step, reset where an episode ended.
    """

    def __init__(
        self,
        driver: Driver,
        act: Act | None = None,
        schedule: CommandSchedule | None = None,
        memory: Memory | None = None,
    ) -> None:
        self.driver = driver
        self.memory = memory
        self._act = act
        self._schedule = schedule
        self._clock = np.zeros(driver.num_envs, np.int64)  # control steps since each episode began
        self._observation: np.ndarray | None = None
        self._push: Arrays = {}
        self._push_steps = 0  # for which the push still lasts

    @property
    def observation(self) -> np.ndarray:
        """Current observation (N, O)."""
        # A driver copies it on every read, so the one that a step returned is kept.
        if self._observation is None:
            self._observation = self.driver.observation
        return self._observation

    def reset(self, seed: int) -> np.ndarray:
        """Start a new episode in every environment, without a push; return observation (N, O)."""
        self._observation = self.driver.reset(seed)
        self.memory = None
        self._clock[:] = 0
        self._push_steps = 0
        self._set_scheduled_command()
        return self._observation

    def step(self) -> tuple[ActorStep, Step]:
        """Let the policy act and take one control step.

        Returns:
            The policy's output for `observation` as it was before, and the result.
        """
        assert self._act is not None, "a session without a policy is stepped by `take`"
        chosen = self._act(self.observation, self.memory)
        self.memory = chosen.memory
        return chosen, self.take(np.asarray(chosen.action))

    def take(self, action: np.ndarray) -> Step:
        """Take one control step with actions (N, A)."""
        step = self.driver.step(action, self._push if self._push_steps else None)
        self._push_steps = max(0, self._push_steps - 1)
        # Auto-reset has already begun the next episode where one ended.
        ended = step.terminated | step.truncated
        self._clock = np.where(ended, 0, self._clock + 1)
        if self.memory and ended.any():
            self.memory = reset_memory(self.memory, ended)
        self._set_scheduled_command()
        self._observation = step.observation
        return step

    def set_command(self, command: np.ndarray | None) -> None:
        """Set the command (C,) of all environments, and keep it through later episodes.

        Observations contain it from the next step on. None leaves commands to the environment
        again, which changes the current one when it would have anyway.

        Raises:
            UsageError: The environment takes no commands, or they have another size.
        """
        if command is None:
            self._schedule = None
            return
        names, values = self.driver.spec.commands, np.asarray(command, np.float32)
        if not names:
            raise UsageError(f"{self.driver.spec.id} takes no command")
        if values.shape != (len(names),):
            raise UsageError(
                f"a command has {len(names)} numbers, not shape {values.shape}",
                f"give {', '.join(names)}",
            )
        self._schedule = CommandSchedule(np.zeros(1), values[None])
        self._set_scheduled_command()

    def push(self, edits: Mapping[str, np.ndarray], steps: int = 1) -> None:
        """Push in the next steps: add to the edits of the environment (`Environment.before`).

        It replaces a push that still lasts; an empty one ends it. `physics.edits.body_force` makes
        the edits of a force on a body.

        Args:
            edits: MjData field -> its increment before each step, of one environment for all, or
                (N, ...). Forces act for the whole control step.
            steps: Control steps for which to push.

        Raises:
            UsageError: The physics cannot be edited, or an edit does not fit it.
        """
        self._push = {name: self._fit(name, edit) for name, edit in edits.items()}
        self._push_steps = steps if edits else 0

    def _fit(self, name: str, edit: np.ndarray) -> np.ndarray:
        """Return an edit for all environments, (N, ...) float32."""
        spec, shapes = self.driver.spec, self.driver.edit_shapes()
        if not shapes:
            raise UsageError(f"{spec.id} cannot be pushed on {self.driver.physics} physics")
        if name not in shapes:
            raise UsageError(f"{name} of {spec.id} cannot be edited", f"edit {', '.join(shapes)}")
        shape, values = shapes[name], np.asarray(edit, np.float32)
        batch = (self.driver.num_envs, *shape)
        if values.shape not in (shape, batch):
            raise UsageError(f"{name} of {spec.id} has shape {shape}, not {values.shape}")
        return np.broadcast_to(values, batch)

    def _set_scheduled_command(self) -> None:
        if self._schedule is not None:
            seconds = self._clock * self.driver.spec.control_dt
            self.driver.set_command(self._schedule.at(seconds))
