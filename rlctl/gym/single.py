"""One environment of the catalog as a gymnasium.Env."""

from typing import Any, ClassVar

import gymnasium
import numpy as np

from rlctl import catalog
from rlctl.gym.adapter import LARGEST_SEED, RENDER_MODES, Adapter


class SingleEnv(gymnasium.Env):
    """One environment; see `Adapter` for the arguments.

    Native physics, unless told otherwise: one environment is no work for an accelerator. Of an
    environment with randomised model fields every episode is on another draw.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": list(RENDER_MODES)}

    def __init__(
        self, name: str, render_mode: str | None = None, physics: str = "auto", **options: Any
    ) -> None:
        if physics == "auto" and "native" in catalog.env(name).physics:
            physics = "native"
        self._arena = Adapter(name, 1, render_mode, physics=physics, **options)
        self.render_mode = render_mode
        self.metadata = {**self.metadata, "render_fps": self._arena.fps}
        self.observation_space = self._arena.observation_space
        self.action_space = self._arena.action_space

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start an episode: observation (O,) and no info."""
        super().reset(seed=seed)
        return self._arena.reset(int(self.np_random.integers(LARGEST_SEED)))[0], {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """One control step with an action (A,); the info has its metrics."""
        step = self._arena.step(np.asarray(action)[None])
        return (
            step.final_observation[0],
            float(step.reward[0]),
            bool(step.terminated[0]),
            bool(step.truncated[0]),
            {name: float(term[0]) for name, term in step.metrics.items()},
        )

    def render(self) -> np.ndarray | None:
        """A picture (height, width, 3) uint8; None without a render mode."""
        return self._arena.pictures()[0] if self.render_mode else None

    def close(self) -> None:
        """Free the environment and the renderer."""
        self._arena.close()
